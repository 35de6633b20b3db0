// Word lists of the Penn Treebank tokeniser (data/text/ptb_words.txt). Source: Stanford CoreNLP
// 3.4.1, PTBTokenizer.
#pragma once

#include <string_view>
#include <vector>

namespace vega::text {

enum class PtbWords {
  kEnds,            // a sentence may end at their dot ("etc.")
  kEndsCapital,     // the same, only with this capital first letter ("Mass.")
  kKeeps,           // the dot belongs to the word ("Mr.")
  kKeepsCapital,    // the same, only with this capital first letter
  kBeforeNumbers,   // the dot belongs to the word before a number ("fig. 2")
  kSentenceStarts,  // words that begin a sentence, first letter capital
  kDottedExtra,     // dotted letters with a hyphen
  kKeptWhole,       // words with an apostrophe that stay whole
  kFileExtensions
};

const std::vector<std::string_view>& ptb_words(PtbWords list);

}  // namespace vega::text
