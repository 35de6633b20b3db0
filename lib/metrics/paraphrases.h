// METEOR's paraphrase table as an index: built once from the text of paraphrase-en.gz, then mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "metrics/numbering.h"

namespace vega::metrics {

// A tree of words: each phrase of the table, and what a phrase begins with, has a number.
// Immutable; any number of threads may read. Nothing but the header is read at the start; each
// number out of the index is checked when it is used, and a wrong one throws FormatError.
class Paraphrases {
 public:
  using Phrase = std::uint32_t;
  static constexpr Phrase kNothing = kNoNumber;  // the empty phrase, with which all begin

  Paraphrases() = default;  // empty
  // `bytes` is what build_paraphrases made; it must outlive this. Throws FormatError (where:
  // `name`) when it is something else.
  Paraphrases(std::span<const std::byte> bytes, const std::string& name);

  // The number of a word of the table; kNoNumber: no phrase has it.
  std::uint32_t word(std::string_view word) const;
  // A phrase with one more word; kNoNumber: no phrase begins so.
  Phrase longer(Phrase phrase, std::uint32_t word) const;
  // Whether a phrase stands in the table itself, on either side.
  bool stands(Phrase phrase) const { return phrase < phrases_; }
  // What a phrase that stands in the table may be replaced by, in the order of the table.
  std::span<const Phrase> partners(Phrase phrase) const;
  std::size_t pairs() const { return partners_.size(); }

  // A place of the hash table: the phrase of `before` and `word`.
  struct Step {
    std::uint32_t before = 0, word = 0, phrase = kNoNumber;
  };

 private:
  [[noreturn]] void fail() const;

  std::string name_;
  std::uint32_t phrases_ = 0;
  std::span<const Step> steps_;
  std::span<const std::uint32_t> first_, partners_, word_at_;
  std::string_view words_;
};

// The index of a table of triples of lines: a number that is not used, a key phrase, its partner;
// phrases are words joined by single blanks. `read` fills a buffer and returns the bytes it put
// there, 0 at the end. Needs about 550 MB of memory for the table of METEOR 1.5. Throws FormatError
// (where: `name`) on a table that is cut or larger than 32 bits can count.
std::string build_paraphrases(const std::function<std::size_t(std::span<char>)>& read,
                              const std::string& name);

}  // namespace vega::metrics
