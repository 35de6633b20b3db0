#include "text/pretokenize.h"

#include "text/char_class.h"

namespace vega::text {
namespace {

bool is_newline(char c) { return c == '\r' || c == '\n'; }

// ASCII letters in lower case; what else comes out is no letter.
char lower_ascii(char c) { return static_cast<char>(c | 0x20); }

}  // namespace

std::string split_pattern(std::size_t digits) {
  return R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})" +
         (digits == 1 ? std::string() : "{1," + std::to_string(digits) + "}") +
         R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
}

// Behind 's, 't, 're, 've, 'm, 'll or 'd at the apostrophe at_; at_ itself: there is none.
std::size_t WordSplitter::end_of_contraction() const {
  if (at_ + 1 >= text_.size()) return at_;
  const char second = at_ + 2 < text_.size() ? lower_ascii(text_[at_ + 2]) : '\0';
  switch (text_[at_ + 1]) {
    case 's':
    case 'S':
    case 't':
    case 'T':
    case 'm':
    case 'M':
    case 'd':
    case 'D': return at_ + 2;
    case 'r':
    case 'R':
    case 'v':
    case 'V': return second == 'e' ? at_ + 3 : at_;
    case 'l':
    case 'L': return second == 'l' ? at_ + 3 : at_;
    default: return text_.substr(at_ + 1).starts_with("\xC5\xBF") ? at_ + 3 : at_;
  }
}

// Behind the characters from `at` on that are of one of these classes.
std::size_t WordSplitter::end_of_run(std::size_t at, unsigned classes) const {
  const CharClasses& all = CharClasses::get();
  for (std::size_t after = at; at < text_.size(); at = after)
    if ((all.of(next_char(text_, after)) & classes) == 0) break;
  return at;
}

// Behind the characters from `at` on that are neither letters nor numbers nor white space, and the
// newlines after them.
std::size_t WordSplitter::end_of_punctuation(std::size_t at) const {
  const CharClasses& all = CharClasses::get();
  for (std::size_t after = at; at < text_.size(); at = after)
    if ((all.of(next_char(text_, after)) & kNotPunctuation) != 0) break;
  while (at < text_.size() && is_newline(text_[at])) ++at;
  return at;
}

// White space at at_ that no letter and no punctuation takes: up to its last newline; or else all
// of it but the last character, which goes with what follows; or else that one.
std::size_t WordSplitter::end_of_space() const {
  const std::size_t end = end_of_run(at_, kSpace);
  for (std::size_t i = end; i > at_; --i)
    if (is_newline(text_[i - 1])) return i;
  if (end == text_.size()) return end;
  std::size_t last = end;
  previous_char(text_, last);
  return last == at_ ? end : last;
}

std::size_t WordSplitter::end_of_word() const {
  const CharClasses& classes = CharClasses::get();
  if (text_[at_] == '\'') {
    const std::size_t end = end_of_contraction();
    if (end != at_) return end;
  }
  std::size_t second = at_;
  const unsigned first = classes.of(next_char(text_, second));
  if ((first & kLetter) != 0) return end_of_run(second, kLetter);
  if ((first & kNumber) != 0) {
    for (std::size_t n = 1; n < digits_ && second < text_.size(); ++n) {
      std::size_t after = second;
      if ((classes.of(next_char(text_, after)) & kNumber) == 0) break;
      second = after;
    }
    return second;
  }
  unsigned follows = kSpace;  // the end of the text, where neither letter nor punctuation follows
  if (second < text_.size()) {
    std::size_t third = second;
    follows = classes.of(next_char(text_, third));
    if ((follows & kLetter) != 0 && !is_newline(text_[at_])) return end_of_run(third, kLetter);
  }
  const bool punctuation = (first & kNotPunctuation) == 0;
  if (!punctuation && (text_[at_] != ' ' || (follows & kNotPunctuation) != 0))
    return end_of_space();
  return end_of_punctuation(second);
}

std::string_view WordSplitter::next() {
  if (at_ >= text_.size()) return {};
  const std::size_t begin = at_;
  at_ = end_of_word();
  return text_.substr(begin, at_ - begin);
}

}  // namespace vega::text
