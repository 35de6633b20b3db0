// METEOR's paraphrase table as an index: built once from the text of paraphrase-en.gz, then mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vega::metrics {

// Phrases are words of UTF-8 joined by single blanks. Immutable; any number of threads may read.
class Paraphrases {
 public:
  using Phrase = std::uint32_t;

  Paraphrases() = default;  // empty
  // `bytes` is what build_paraphrases made; it must outlive this. Throws FormatError (where:
  // `name`) when it is something else.
  Paraphrases(std::span<const std::byte> bytes, const std::string& name);

  // The number of a phrase that stands in the table on either side.
  std::optional<Phrase> find(std::string_view phrase) const;
  // What it may be replaced by, in the order of the table.
  std::span<const Phrase> partners(Phrase phrase) const;
  std::string_view text(Phrase phrase) const;
  std::size_t pairs() const { return partners_.size(); }
  std::size_t longest() const { return longest_; }  // words of a phrase

 private:
  std::span<const std::uint32_t> slots_, text_at_, first_, partners_;
  std::string_view texts_;
  std::size_t longest_ = 0;
};

// The index of a table of triples of lines: a number that is not used, a key phrase, its partner.
// `read` fills a buffer and returns the bytes it put there, 0 at the end. Needs about 700 MB of
// memory for the table of METEOR 1.5. Throws FormatError (where: `name`) on a table that is cut or
// larger than 32 bits can count.
std::string build_paraphrases(const std::function<std::size_t(std::span<char>)>& read,
                              const std::string& name);

}  // namespace vega::metrics
