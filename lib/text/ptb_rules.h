// The rules of the Penn Treebank tokeniser.
#pragma once

#include <string>

#include "text/ptb_text.h"

namespace vega::text {

// What becomes of the characters that a rule takes.
enum class PtbForm {
  kAsIs,
  kNoSoftHyphens,
  kHardBlanks,          // blanks become U+00A0
  kHardBlanksBrackets,  // and brackets -LRB- and -RRB-
  kAmpersand,           // "&amp;" becomes "&"
  kQuote,
  kOpeningQuote,
  kDash,      // "--"
  kEllipsis,  // "..."
  kFraction,
  kCurrency,
  kBracket,
  kLess,
  kGreater,
  kNothing,  // no token
  kLineEnd
};

// The rule that wins at a place: the longest with its right context, the first of equally long
// ones.
struct PtbMatch {
  std::size_t taken = 0;  // characters behind the place where the next token begins
  std::size_t token =
      0;  // characters of the token; longer than `taken` where its full stop is read again
  PtbForm form = PtbForm::kNothing;
};

// i < text.text.size().
PtbMatch ptb_match(const PtbText& text, std::size_t i);

}  // namespace vega::text
