// The split pattern of Qwen2's tokeniser and of its kin, by hand: linear in the text, on no stack.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vega::text {

// The pattern below with D digits as files of tokenisers write it: \p{N} for D = 1.
std::string split_pattern(std::size_t digits);

// Cuts UTF-8 text into the matches of
//   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,D}| ?[^\s\p{L}\p{N}]+[\r\n]*|
//   \s*[\r\n]+|\s+(?!\S)|\s+
// which cover all of it. \s is Unicode's White_Space; with case ignored, s is the long s U+017F
// too.
class WordSplitter {
 public:
  // `digits`: D, the most digits in one word (Qwen2: 1).
  WordSplitter(std::string_view text, std::size_t digits) : text_(text), digits_(digits) {}

  // The next word; empty at the end.
  std::string_view next();

 private:
  std::size_t end_of_contraction() const;
  std::size_t end_of_run(std::size_t at, unsigned classes) const;
  std::size_t end_of_punctuation(std::size_t at) const;
  std::size_t end_of_space() const;
  std::size_t end_of_word() const;

  std::string_view text_;
  std::size_t digits_;
  std::size_t at_ = 0;
};

}  // namespace vega::text
