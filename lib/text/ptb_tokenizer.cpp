#include "text/ptb_tokenizer.h"

#include <algorithm>
#include <array>

#include "text/ptb_rules.h"
#include "text/ptb_text.h"
#include "text/unicode.h"

namespace vega::text {
namespace {

using Text = std::u32string;

void replace_all(Text& text, std::u32string_view what, std::u32string_view instead) {
  for (std::size_t p = 0; (p = text.find(what, p)) != text.npos; p += instead.size())
    text.replace(p, what.size(), instead);
}

Text bracket(char32_t c) {
  switch (c) {
    case '(': return U"-LRB-";
    case ')': return U"-RRB-";
    case '{': return U"-LCB-";
    case '}': return U"-RCB-";
    case '[': return U"-LSB-";
    default: return U"-RSB-";
  }
}

Text quoted(Text text, bool opening) {
  replace_all(text, U"&apos;", U"'");
  replace_all(text, U"&quot;", U"\"");
  Text out;
  for (const char32_t c : text) {
    switch (c) {
      case '\'': out += opening ? U"`" : U"'"; break;
      case '"': out += opening ? U"``" : U"''"; break;
      case 0x91:
      case 0x2018:
      case 0x201B:
      case 0x2039: out += U"`"; break;
      case 0x92:
      case 0x2019:
      case 0x203A: out += U"'"; break;
      case 0x93:
      case 0x201C:
      case 0xAB: out += U"``"; break;
      case 0x94:
      case 0x201D:
      case 0xBB: out += U"''"; break;
      default: out += c;
    }
  }
  return out;
}

Text written(std::u32string_view token, PtbForm form) {
  Text out(token);
  switch (form) {
    case PtbForm::kNoSoftHyphens: std::erase(out, kSoftHyphen); return out.empty() ? U"-" : out;
    case PtbForm::kHardBlanks: std::replace(out.begin(), out.end(), U' ', U'\u00A0'); return out;
    case PtbForm::kHardBlanksBrackets: {
      Text spelled;
      for (const char32_t c : out) {
        if (c == '(' || c == ')') {
          spelled += bracket(c);
        } else {
          spelled += c == ' ' ? char32_t{0xA0} : c;
        }
      }
      return spelled;
    }
    case PtbForm::kAmpersand: replace_all(out, U"&amp;", U"&"); return out;
    case PtbForm::kQuote: return quoted(std::move(out), false);
    case PtbForm::kOpeningQuote: return quoted(std::move(out), true);
    case PtbForm::kDash: return U"--";
    case PtbForm::kEllipsis: return U"...";
    case PtbForm::kFraction:
      switch (out[0]) {
        case 0xBC: return U"1/4";
        case 0xBD: return U"1/2";
        case 0xBE: return U"3/4";
        case 0x2153: return U"1/3";
        case 0x2154: return U"2/3";
        default: return out;
      }
    case PtbForm::kCurrency:
      switch (out[0]) {
        case 0xA2: return U"cents";
        case 0xA3: return U"#";
        case 0x80:
        case 0xA4:
        case 0x20A0:
        case 0x20AC: return U"$";
        default: return out;
      }
    case PtbForm::kBracket: return bracket(out[0]);
    case PtbForm::kLess: return U"<";
    case PtbForm::kGreater: return U">";
    default: return out;
  }
}

// Most tokens are lower-case words between blanks, about which only few rules have a say. 0: the
// rules decide.
std::size_t plain_word(const PtbText& text, std::size_t i) {
  std::size_t n = 0;
  while (text.at(i + n) >= 'a' && text.at(i + n) <= 'z') ++n;
  if (n < 2 || text.at(i + n) != ' ') return 0;
  if (n == 5 || n == 6) {
    for (const std::string_view split : {"cannot", "gonna", "gotta", "lemme", "gimme", "wanna"}) {
      if (split.size() == n && text.exact(i, split)) return 0;
    }
  }
  return n;
}

template <typename Token, typename LineEnd>
void tokenize(std::string_view utf8, Token token, LineEnd line_end) {
  const Text whole = decode_utf8(utf8);
  const PtbText text{whole};
  for (std::size_t i = 0; i < whole.size();) {
    if (whole[i] == ' ') {
      ++i;
      continue;
    }
    if (const std::size_t n = plain_word(text, i)) {
      token(std::string(whole.begin() + static_cast<std::ptrdiff_t>(i),
                        whole.begin() + static_cast<std::ptrdiff_t>(i + n)));
      i += n;
      continue;
    }
    const PtbMatch match = ptb_match(text, i);
    if (match.form == PtbForm::kLineEnd) {
      line_end();
    } else if (match.form != PtbForm::kNothing) {
      token(encode_utf8(lower(written(text.text.substr(i, match.token), match.form))));
    }
    i += match.taken;
  }
}

bool is_punctuation(const std::string& token) {
  static constexpr std::array<std::string_view, 11> kLeftOut = {"''", "'", "``", "`", ".", "?",
                                                                "!",  ",", ":",  "-", "--"};
  return token == "..." || token == ";" ||
         std::find(kLeftOut.begin(), kLeftOut.end(), token) != kLeftOut.end();
}

}  // namespace

std::vector<std::vector<std::string>> ptb_tokens(std::string_view text) {
  std::vector<std::vector<std::string>> out(1);
  tokenize(
      text, [&](std::string token) { out.back().push_back(std::move(token)); },
      [&] { out.emplace_back(); });
  return out;
}

std::vector<std::string> ptb_captions(std::span<const std::string> captions) {
  std::string joined;
  for (const std::string& caption : captions) {
    std::u32string line = decode_utf8(caption);
    for (char32_t& c : line) {
      if (PtbText{std::u32string_view(&c, 1)}.newline(0) > 0) c = ' ';
    }
    joined += encode_utf8(line);
    joined += '\n';
  }
  std::vector<std::string> out(1);
  out.reserve(captions.size() + 1);
  tokenize(
      joined,
      [&](const std::string& token) {
        if (is_punctuation(token)) return;
        if (!out.back().empty()) out.back() += ' ';
        out.back() += token;
      },
      [&] { out.emplace_back(); });
  out.resize(captions.size());
  return out;
}

}  // namespace vega::text
