// METEOR's word lists from their text: those of the released jar, or WordNet's own files.
#pragma once

#include <string>
#include <string_view>

#include "metrics/meteor.h"

namespace vega::metrics {

// Text of four files of meteor-1.5.jar, which is a zip archive.
struct MeteorJarText {
  std::string_view function_words;  // function/english.words
  std::string_view prefixes;        // nonbreaking/english.prefixes
  std::string_view synsets;         // synonym/english.synsets
  std::string_view exceptions;      // synonym/english.exceptions
};

// Everything but the paraphrases. Throws FormatError where a number is none.
MeteorData meteor_data(const MeteorJarText& text);

// Text of WordNet 3.0's files. `index` letters: n v a r, as their names end.
struct WordNetText {
  struct Part {
    std::string_view data, exceptions;  // data.noun, noun.exc, ...
  };
  Part noun, verb, adjective, adverb;
};

// The synonyms of METEOR's jar out of WordNet as Debian's package wordnet-base 3.0-37 has it, whose
// offsets are not those of the jar's copy everywhere. Source: meteor-1.5.jar. Throws
// FormatError.
void add_wordnet(const WordNetText& text, MeteorData& data);

}  // namespace vega::metrics
