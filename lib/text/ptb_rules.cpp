// One function a family of rules, in the order of the original, which decides between equally long
// matches. All rules offer their matches to one Matcher, whose helpers they share: so one file of
// over 700 lines.
#include "text/ptb_rules.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "text/ptb_words.h"
#include "text/unicode.h"

namespace vega::text {
namespace {

using Size = std::size_t;

// Words of a list, for look-up by their lower-case spelling or, with a capital, as they are.
class WordSet {
 public:
  explicit WordSet(PtbWords list) {
    for (const std::string_view word : ptb_words(list)) words_.emplace(word.begin(), word.end());
  }
  bool contains(const std::u32string& word) const { return words_.contains(word); }

 private:
  std::unordered_set<std::u32string> words_;
};

struct Lists {
  WordSet ends{PtbWords::kEnds}, ends_capital{PtbWords::kEndsCapital}, keeps{PtbWords::kKeeps},
      keeps_capital{PtbWords::kKeepsCapital}, before_numbers{PtbWords::kBeforeNumbers},
      sentence_starts{PtbWords::kSentenceStarts}, extensions{PtbWords::kFileExtensions};
};

const Lists& lists() {
  static const Lists all;
  return all;
}

// Case counts in the first letter only.
std::u32string capitalised(std::u32string_view word) {
  std::u32string out = lower(word);
  if (!out.empty()) out[0] = word[0];
  return out;
}

constexpr std::u32string_view kUrlEnds = U" \t\n\f\r\"<>|(){}";       // no URL holds one
constexpr std::u32string_view kUrlLast = U" \t\n\f\r\"<>|.!?(){},-";  // nor ends with one of these
constexpr std::u32string_view kMailEnds = U" \t\n\f\r\"<>|(){}\u00A0";

class Matcher {
 public:
  Matcher(const PtbText& text, Size i) : t_(text), i_(i) {}

  PtbMatch best() {
    fixed_words();
    markup();
    words();
    apostrophe_words();
    addresses();
    detached_endings();
    numbers();
    special_and_slashes();
    money();
    abbreviations();
    files_and_word_dots();
    phone();
    double_quotes();
    smileys();
    brackets_and_runs();
    hyphened();
    single_quotes();
    symbols_and_white();
    return {taken_, token_, form_};
  }

 private:
  // A match of `total` characters with its right context. `token` of them are the token, the next
  // one begins behind `taken`.
  void offer(Size total, Size token, PtbForm form, Size taken) {
    if (total <= total_) return;
    total_ = total;
    token_ = token;
    taken_ = taken;
    form_ = form;
  }
  void offer(Size total, Size token, PtbForm form = PtbForm::kAsIs) {
    offer(total, token, form, token);
  }
  void whole(Size length, PtbForm form = PtbForm::kAsIs) {
    if (length > 0) offer(length, length, form);
  }
  char32_t at(Size offset) const { return t_.at(i_ + offset); }
  template <typename Class>
  Size run(Size from, Class in_class) const {
    Size p = from;
    while (at(p) != kEnd && in_class(at(p))) ++p;
    return p - from;
  }

  void fixed_words() {
    whole(t_.literal(i_, "c++"));
    whole(t_.literal(i_, "c#"));
    whole(t_.literal(i_, "f#"));
    if (t_.literal(i_, "cannot")) offer(6, 3);
    if (t_.literal(i_, "'twas")) offer(5, 2);
    if (t_.literal(i_, "'tis")) offer(4, 2);
    for (const std::string_view word : {"gonna", "gotta", "lemme", "gimme", "wanna"}) {
      if (t_.literal(i_, word)) offer(5, 3);
    }
  }

  void markup() {
    whole(t_.tag(i_), PtbForm::kHardBlanks);
    const char32_t c = at(0);
    if (c == 0x96 || c == 0x97 || (c >= 0x2013 && c <= 0x2015)) whole(1, PtbForm::kDash);
    if (c != '&') return;
    for (const std::string_view dash : {"&MD;", "&mdash;", "&ndash;"})
      whole(t_.literal(i_, dash), PtbForm::kDash);
    whole(t_.literal(i_, "&amp;"), PtbForm::kAmpersand);
    for (const std::string_view mark : {"HT", "TL", "UR", "LR", "QC", "QL", "QR", "odq", "cdq"}) {
      const Size n = t_.literal(i_ + 1, mark);
      if (n != 0 && at(1 + n) == ';') whole(n + 2);
    }
    if (at(1) == '#') {
      const Size digits = run(2, is_ascii_digit);
      if (digits > 0 && at(2 + digits) == ';') whole(3 + digits);
    }
  }

  void words() {
    const Size word = t_.word(i_);
    if (word > 0) {
      if (const Size ending = t_.auxiliary(i_ + word))
        offer(word + ending, word, PtbForm::kNoSoftHyphens);
    }
    // "don't": letters up to the n before the apostrophe.
    const Size letters = run(0, [](char32_t c) { return is_ascii_letter(c) || c == kSoftHyphen; });
    if (letters >= 2) {
      const Size ending = t_.not_short(i_ + letters - 1);
      Size last = letters - 1;  // behind the word
      while (last > 0 && at(last - 1) == kSoftHyphen) --last;
      if (ending != 0 && last > 0 && at(last - 1) != 'n' && at(last - 1) != 'N')
        offer(letters - 1 + ending, letters - 1, PtbForm::kNoSoftHyphens);
    }
    whole(word, PtbForm::kNoSoftHyphens);
  }

  void apostrophe_words() {
    Size longest = 0;
    const auto is = [&](Size length) { longest = std::max(longest, length); };
    const auto letters_from = [&](Size p) { return run(p, is_letter); };
    const Size q = t_.apostrophe(i_);
    if (q > 0) {
      if (t_.literal(i_ + q, "n")) is(q + 1 + t_.apostrophe(i_ + q + 1));
      if (t_.literal(i_ + q, "em")) is(q + 2);
      if (at(q) >= '2' && at(q) <= '9' && t_.literal(i_ + q + 1, "0s")) is(q + 3);
      if (t_.literal(i_ + q, "til")) is(q + 3 + t_.literal(i_ + q + 3, "l"));
      if (t_.literal(i_ + q, "cause")) is(q + 5);
    }
    is(t_.literal(i_, "'twas"));
    const auto before_apostrophe = [&](std::string_view word) {
      const Size n = t_.literal(i_, word);
      const Size mark = n == 0 ? 0 : t_.apostrophe(i_ + n);
      if (mark > 0) is(n + mark);
    };
    before_apostrophe("dunkin");
    before_apostrophe("somethin");
    before_apostrophe("ol");
    if (is_one_of(at(0), U"lLdDjJ")) {
      const Size mark = t_.apostrophe(i_ + 1);
      if (mark > 0) is(1 + mark);
    }
    const char32_t c = at(0);
    if ((c >= 'A' && c <= 'Z' && c != 'I' && c != 'Y') || c == 'n') {
      const Size mark = t_.quote(i_ + 1);
      const Size letters = mark == 0 ? 0 : letters_from(1 + mark);
      if (letters >= 2) is(1 + mark + letters);
    }
    if (t_.literal(i_, "o")) {
      const Size mark = t_.quote(i_ + 1);
      if (mark > 0 && t_.literal(i_ + 1 + mark, "o")) is(2 + mark);
    }
    const Size letters = letters_from(0);
    if (letters >= 2 && is_one_of(at(letters - 1), U"aeiouyAEIOUY")) {
      const Size mark = t_.quote(i_ + letters);
      const char32_t next = at(letters + mark);
      if (mark > 0 && (is_one_of(next, U"aeiou") || (next >= 'A' && next <= 'Z')))
        is(letters + mark + letters_from(letters + mark));
    }
    for (const std::string_view word : ptb_words(PtbWords::kKeptWhole)) is(t_.literal(i_, word));
    whole(longest);
    if (t_.literal(i_, "y")) {
      const Size mark = t_.apostrophe(i_ + 1);
      if (mark > 0 && is_letter(at(1 + mark))) offer(2 + mark, 1 + mark);
    }
  }

  void addresses() {
    Size head = t_.literal(i_, "https://");
    if (head == 0) head = t_.literal(i_, "http://");
    if (head != 0) {
      Size n = run(head, [](char32_t c) { return !is_one_of(c, kUrlEnds); });
      while (n > 0 && is_one_of(at(head + n - 1), kUrlLast)) --n;
      if (n >= 2) whole(head + n);
    }
    whole(likely_address());
    whole(mail_address());
    if (at(0) == '@' && (is_ascii_letter(at(1)) || at(1) == '_'))
      whole(1 + run(1, [](char32_t c) { return is_ascii_alnum(c) || c == '_'; }));
    if (at(0) == '#') {
      Size p = 1;
      while (const Size n = t_.letter(i_ + p)) p += n;
      if (p > 1) whole(p);
    }
  }

  // "www.a.org/x", "a.com".
  Size likely_address() const {
    Size best = 0;
    const auto with_path = [&](Size base) {
      Size n = 0;
      if (at(base) == '/') {
        n = run(base + 1, [](char32_t c) { return !is_one_of(c, U" \t\n\f\r\"<>|()"); });
        while (n > 0 && is_one_of(at(base + n), kUrlLast)) --n;
      }
      best = std::max(best, n >= 2 ? base + 1 + n : base);
    };
    if (t_.literal(i_, "www.")) {
      Size p = 4;
      while (const Size n =
                 run(p, [](char32_t c) { return !is_one_of(c, U" \t\n\f\r\"<>|.!?(){},"); })) {
        if (at(p + n) != '.') break;
        p += n + 1;
        for (Size k = 1; k <= 4 && is_ascii_letter(at(p + k - 1)); ++k) {
          if (k >= 2) with_path(p + k);
        }
      }
    }
    Size p = 0;
    const auto in_label = [](char32_t c) {
      return !is_one_of(c, U" \t\n\f\r\"`'<>|!?(){}_$") && !(c >= 0x2C && c <= 0x5F);
    };
    // '_' is in the range U+002C to U+005F, '{' and '}' are not.
    while (const Size n = run(p, in_label)) {
      if (at(p + n) != '.') break;
      p += n + 1;
      for (const std::string_view domain : {"com", "net", "org", "edu"}) {
        if (t_.literal(i_ + p, domain)) with_path(p + 3);
      }
    }
    return best;
  }

  Size mail_address() const {
    const Size open = at(0) == '<' ? 1 : t_.literal(i_, "&lt;");
    Size best = 0;
    for (const Size begin : {open, Size{0}}) {
      if (!is_ascii_alnum(at(begin))) continue;
      const Size name = run(begin, [](char32_t c) { return !is_one_of(c, kMailEnds); });
      for (Size p = begin + 1; p < begin + name; ++p) {
        if (at(p) != '@') continue;
        Size end = p + 1;
        for (;;) {  // labels
          const Size n = run(end, [](char32_t c) { return c != '.' && !is_one_of(c, kMailEnds); });
          if (n == 0) break;
          end += n;
          if (at(end) != '.') break;
          ++end;
        }
        if (end == p + 1) continue;
        if (at(end - 1) == '.') --end;
        if (at(end) == '>') ++end;
        best = std::max(best, end);
      }
    }
    return best;
  }

  void detached_endings() {
    const auto before_no_letter = [&](Size n) {
      if (n > 0 && at(n) != kEnd && !is_ascii_letter(at(n))) offer(n + 1, n, PtbForm::kQuote);
    };
    before_no_letter(t_.auxiliary(i_));
    before_no_letter(t_.not_short(i_));
  }

  void numbers() {
    const auto digits = [&](Size from, Size most) { return std::min(run(from, is_digit), most); };
    // Dates.
    for (Size day = digits(0, 2); day > 0; --day) {
      if (at(day) != '-' && at(day) != '/') continue;
      for (Size month = digits(day + 1, 2); month > 0; --month) {
        const Size p = day + 1 + month;
        const Size year = at(p) == '-' || at(p) == '/' ? digits(p + 1, 4) : 0;
        if (year >= 2) whole(p + 1 + year);
      }
    }
    // Numbers.
    Size p = at(0) == '-' || at(0) == '+' ? 1 : 0;
    Size end = 0;
    p += run(p, is_digit);
    if (p > 0 && is_digit(at(p - 1))) end = p;
    while (is_one_of(at(p), U".:,\u00AD\u066B\u066C") && is_digit(at(p + 1))) {
      p += 1 + run(p + 1, is_digit);
      end = p;
    }
    whole(end, PtbForm::kNoSoftHyphens);
    // Raised and lowered digits.
    const auto raised = [](char32_t c) {
      return c == 0x2070 || c == 0xB9 || c == 0xB2 || c == 0xB3 || (c >= 0x2074 && c <= 0x2079);
    };
    const auto lowered = [](char32_t c) { return c >= 0x2080 && c <= 0x2089; };
    const Size sign = is_one_of(at(0), U"\u207A\u207B\u208A\u208B") ? 1 : 0;
    const Size n = std::max(run(sign, raised), run(sign, lowered));
    if (n > 0) whole(sign + n);
    fractions();
    if ((at(0) >= 0xBC && at(0) <= 0xBE) || (at(0) >= 0x2153 && at(0) <= 0x215E))
      whole(1, PtbForm::kFraction);
  }

  void fractions() {
    const auto fraction = [&](Size from) -> Size {
      const Size top = std::min<Size>(run(from, is_digit), 4);
      for (Size n = top; n > 0; --n) {
        Size p = from + n;
        if (at(p) == '\\') ++p;
        if (at(p) != '/' && !(at(p) == 0x2044 && p == from + n)) continue;
        const Size bottom = std::min<Size>(run(p + 1, is_digit), 4);
        if (bottom > 0) return p + 1 + bottom;
      }
      return 0;
    };
    Size best = fraction(0);
    for (Size n = std::min<Size>(run(0, is_digit), 4); n > 0; --n) {
      if (at(n) == '-' || at(n) == ' ' || at(n) == 0xA0) best = std::max(best, fraction(n + 1));
    }
    whole(best, PtbForm::kHardBlanks);
  }

  void special_and_slashes() {
    if (at(0) == '-') {
      for (const std::string_view b : {"-RRB-", "-LRB-", "-RCB-", "-LCB-", "-RSB-", "-LSB-"})
        whole(t_.literal(i_, b));
    }
    whole(t_.literal(i_, "c.d.s"));
    whole(t_.literal(i_, "pro-"));
    whole(t_.literal(i_, "anti-"));
    if (t_.literal(i_, "s")) {
      const Size mark = t_.ampersand(i_ + 1);
      for (const std::string_view rest : {"p-500", "ls"}) {
        const Size n = mark == 0 ? 0 : t_.literal(i_ + 1 + mark, rest);
        if (n > 0) whole(1 + mark + n, PtbForm::kAmpersand);
      }
    }
    const auto joined = [&](std::string_view before, std::string_view after) {
      const Size n = t_.literal(i_, before);
      const Size mark = n == 0 ? 0 : t_.apostrophe(i_ + n);
      if (mark > 0 && t_.literal(i_ + n + mark, after)) whole(n + mark + after.size());
    };
    joined("cap", "n");
    joined("c", "est");
    // a/b and a/b/c, each part with up to two "-letters".
    const auto part = [&](Size from) {
      Size p = from + run(from, is_ascii_alnum);
      if (p == from) return from;
      for (int k = 0; k < 2 && at(p) == '-' && is_ascii_letter(at(p + 1)); ++k)
        p += 1 + run(p + 1, is_ascii_letter);
      return p;
    };
    Size p = part(0);
    if (p == 0) return;
    for (int k = 0; k < 2; ++k) {
      const Size slash = at(p) == '\\' ? p + 1 : p;
      if (at(slash) != '/') break;
      const Size next = part(slash + 1);
      if (next == slash + 1) break;
      p = next;
      whole(p);
    }
  }

  void money() {
    const Size capitals = run(0, [](char32_t c) { return c >= 'A' && c <= 'Z'; });
    if (at(capitals) == '$') whole(capitals + 1);
    if (at(0) == '#') whole(1);
    if (is_one_of(at(0),
                  U"\u00A2\u00A3\u00A4\u00A5\u0080\u20A0\u20AC\u060B\u0E3F\u20A4\uFFE0\uFFE1"
                  U"\uFFE5\uFFE6"))
      whole(1, PtbForm::kCurrency);
  }

  // The letters and inner dots up to a full stop, which is not counted: "ph.d" of "Ph.D.".
  Size before_dot() const {
    Size p = 0;
    while (is_ascii_letter(at(p)) || (at(p) == '.' && p > 0 && is_ascii_letter(at(p + 1)))) ++p;
    return p;
  }

  void abbreviations() {
    const Size acronym = t_.acronym(i_, false);
    const bool acronym_dot = acronym > 0 && at(acronym) == '.';
    if (acronym_dot) acronym_before_sentence(acronym + 1);
    const Size letters = run(0, is_ascii_letter);
    const Size dotted = before_dot();
    std::vector<Size> lengths;
    for (Size n = 1; n <= std::max(letters, dotted); ++n) {
      if (at(n) == '.' || n == letters || n == dotted) lengths.push_back(n);
    }
    const auto spelled = [&](Size n) { return t_.text.substr(i_, n); };
    for (const Size n : lengths) {
      if (at(n) != '.' || !lists().before_numbers.contains(lower(spelled(n)))) continue;
      const Size blank = t_.white(i_ + n + 1);
      if (is_digit(at(n + 1))) offer(n + 2, n + 1);
      if (blank > 0 && is_digit(at(n + 1 + blank))) offer(n + 2 + blank, n + 1);
    }
    for (const std::string_view firm : {"pte.", "pty.", "ptE.", "ptY.", "co."}) {
      const Size n = t_.literal(i_, firm);
      if (n > 0 && is_blank(at(n)) &&
          (t_.literal(i_ + n + 1, "ltd") || t_.literal(i_ + n + 1, "lim")))
        offer(n + 4, n);
    }
    for (const Size n : lengths) {
      if (at(n) != '.') continue;
      if (lists().ends.contains(lower(spelled(n))) ||
          lists().ends_capital.contains(capitalised(spelled(n))))
        may_end_sentence(n + 1);
    }
    Size keeps = acronym;
    for (const Size n : lengths) {
      if (lists().keeps.contains(lower(spelled(n))) ||
          lists().keeps_capital.contains(capitalised(spelled(n)))) {
        if (at(n) == '.') whole(n + 1);
        keeps = std::max(keeps, n);
        if (is_blank(at(n))) offer(n + 1, n);
      }
    }
    if (acronym_dot) whole(acronym + 1);
    if (acronym > 0) {
      if (is_blank(at(acronym))) offer(acronym + 1, acronym);
      if (t_.white(i_ + acronym) > 0) offer(acronym + t_.white(i_ + acronym), acronym);
    }
    const Size mark = t_.apostrophe(i_);
    if (mark > 0 && is_ascii_digit(at(mark)) && is_ascii_digit(at(mark + 1)) &&
        t_.white(i_ + mark + 2) > 0)
      offer(mark + 2 + t_.white(i_ + mark + 2), mark + 2);
  }

  // "U.S. The": the token keeps its dot, and the dot is a token too. "I. The": the letter loses it.
  void acronym_before_sentence(Size n) {
    Size p = n;
    while (const Size blank = t_.white(i_ + p)) p += blank;
    if (p == n) return;
    Size end = p;
    while (is_ascii_letter(at(end))) ++end;
    if (at(end) == '.') {  // "Mr." and "Ms." are in the list with their dot
      const std::u32string with_dot = capitalised(t_.text.substr(i_ + p, end + 1 - p));
      if (lists().sentence_starts.contains(with_dot) && t_.white(i_ + end + 1) > 0)
        offer(end + 1 + t_.white(i_ + end + 1), n == 2 ? 1 : n, PtbForm::kAsIs, n - 1);
    }
    if (t_.white(i_ + end) == 0) return;
    if (lists().sentence_starts.contains(capitalised(t_.text.substr(i_ + p, end - p))))
      offer(end + t_.white(i_ + end), n == 2 ? 1 : n, PtbForm::kAsIs, n - 1);
  }

  // n: with the dot.
  void may_end_sentence(Size n) {
    if (const Size blank = t_.white(i_ + n)) {
      Size context = t_.white(i_ + n + blank);
      if (context == 0 && is_upper(at(n + blank))) context = 1;
      context = std::max(context, t_.tag(i_ + n + blank));
      if (context > 0) offer(n + blank + context, n, PtbForm::kAsIs, n - 1);
    }
    if (at(n) != kEnd && at(n + 1) != kEnd) offer(n + 2, n);
    offer(n, n, PtbForm::kAsIs, n - 1);
  }

  void files_and_word_dots() {
    // name.ext before a blank or . ? ! ,
    const auto name = [&](Size from) {
      Size p = from;
      for (;;) {
        const Size n = t_.letter(i_ + p);
        if (n == 0 && !is_digit(at(p))) return p;
        p += std::max<Size>(n, 1);
      }
    };
    Size p = name(0);
    while (p > 0 && at(p) == '.') {
      const Size next = name(p + 1);
      if (next == p + 1) break;
      if (lists().extensions.contains(lower(t_.text.substr(i_ + p + 1, next - p - 1)))) {
        if (const Size blank = t_.white(i_ + next)) offer(next + blank, next);
        if (is_one_of(at(next), U".?!,")) offer(next + 1, next);
      }
      p = next;
    }
    const Size word = t_.word(i_);
    if (word > 0) before_inner_mark(word, PtbForm::kNoSoftHyphens);
  }

  // A word that keeps its dot before , ; :
  void before_inner_mark(Size word, PtbForm form) {
    if (at(word) == '.' && is_one_of(at(word + 1), U",;:\u3001")) offer(word + 2, word + 1, form);
  }

  void phone() {
    Size best = 0;
    const auto gap = [](char32_t c) { return c == '-' || c == ' ' || c == 0xA0; };
    // d{3,4} gap? d{3,5}
    const auto tail = [&](Size from) {
      for (Size n = std::min<Size>(run(from, is_ascii_digit), 4); n >= 3; --n) {
        const Size p = from + n;
        const Size g = gap(at(p)) ? 1 : 0;
        const Size last = std::min<Size>(run(p + g, is_ascii_digit), 5);
        if (last >= 3) best = std::max(best, p + g + last);
        if (g == 1) {
          const Size direct = std::min<Size>(run(p, is_ascii_digit), 5);
          if (direct >= 3) best = std::max(best, p + direct);
        }
      }
    };
    const auto group = [&](Size from, auto then) {  // d{2,4} gap
      const Size n = run(from, is_ascii_digit);
      if (n >= 2 && n <= 4 && gap(at(from + n))) then(from + n + 1);
    };
    if (at(0) == '(') {
      const Size n = run(1, is_ascii_digit);
      if ((n == 2 || n == 3) && at(1 + n) == ')') {
        tail(2 + n);
        if (at(2 + n) == ' ' || at(2 + n) == 0xA0) tail(3 + n);
      }
    }
    const Size plus = at(0) == '+' ? (at(1) == '+' ? 2 : 1) : 0;
    group(plus, [&](Size second) {
      tail(second);
      group(second, tail);
    });
    // Parts joined by dots.
    const auto dotted = [&](Size from) {
      Size p = from;
      for (const auto& [least, most] : {std::pair<Size, Size>{2, 4}, {3, 4}}) {
        const Size n = run(p, is_ascii_digit);
        if (n < least || n > most || at(p + n) != '.') return;
        p += n + 1;
      }
      const Size last = std::min<Size>(run(p, is_ascii_digit), 5);
      if (last >= 3) best = std::max(best, p + last);
    };
    if (plus == 0) dotted(0);
    const Size first = run(plus, is_ascii_digit);
    if (first >= 2 && first <= 4 && at(plus + first) == '.') dotted(plus + first + 1);
    whole(best, PtbForm::kHardBlanksBrackets);
  }

  void double_quotes() {
    const Size mark = at(0) == '"' ? 1 : t_.literal(i_, "&quot;");
    if (mark > 0) {
      if (is_ascii_alnum(at(mark)) || at(mark) == '$')
        offer(mark + 1, mark, PtbForm::kOpeningQuote);
      whole(mark, PtbForm::kQuote);
    }
    if (at(0) == 0x7F) whole(1, PtbForm::kNothing);
    whole(at(0) == '<' ? 1 : t_.literal(i_, "&lt;"), PtbForm::kLess);
    whole(at(0) == '>' ? 1 : t_.literal(i_, "&gt;"), PtbForm::kGreater);
  }

  void smileys() {
    const Size hat = at(0) == '<' || at(0) == '>' ? 1 : 0;
    if (is_one_of(at(hat), U":;=")) {
      for (const Size nose : {Size{1}, Size{0}}) {
        if (nose == 1 && !is_one_of(at(hat + 1), U"-o*'")) continue;
        const Size end = hat + 1 + nose + 1;
        if (is_one_of(at(end - 1), U"()DPdpO\\{@|[]") && at(end) != kEnd &&
            !is_ascii_alnum(at(end)))
          offer(end + 1, end, PtbForm::kHardBlanksBrackets);
      }
    }
    constexpr std::u32string_view kEyes = U"-^x=~<>'";
    if (is_one_of(at(0), kEyes) && at(1) == '_' && is_one_of(at(2), kEyes))
      whole(3, PtbForm::kHardBlanksBrackets);
    if (at(0) == '(' && is_one_of(at(1), kEyes)) {
      const Size mouth = at(2) == '_' || at(2) == '.' ? 1 : 0;
      if (is_one_of(at(2 + mouth), kEyes) && at(3 + mouth) == ')')
        whole(4 + mouth, PtbForm::kHardBlanksBrackets);
      if (at(1) != '-' && at(2) == '-' && is_one_of(at(3), U"^x=~<>'`") && at(4) == ')')
        whole(5, PtbForm::kHardBlanksBrackets);
    }
  }

  void brackets_and_runs() {
    const char32_t c = at(0);
    if (is_one_of(c, U"(){}[]")) whole(1, PtbForm::kBracket);
    const auto same = [&](char32_t mark) {
      return run(0, [mark](char32_t x) { return x == mark; });
    };
    if (c == '-') {
      const Size n = same('-');
      whole(n, n == 3 || n == 4 ? PtbForm::kDash : PtbForm::kAsIs);
    }
    if (c == '.') {
      const Size n = std::min<Size>(same('.'), 5);
      if (n >= 3) whole(n, PtbForm::kEllipsis);
      Size p = 1, dots = 1;
      while (dots < 5 && (at(p) == ' ' || at(p) == 0xA0) && at(p + 1) == '.') p += 2, ++dots;
      if (dots >= 3) whole(p, PtbForm::kEllipsis);
    }
    if (c == 0x85 || c == 0x2026) whole(1, PtbForm::kEllipsis);
    for (const char32_t mark : {U'@', U'#', U'_', U'*'}) whole(same(mark));
    Size stars = 0;
    while (stars < 6 && at(stars) == '\\' && at(stars + 1) == '*') stars += 2;
    whole(stars);
    if (is_one_of(c, U",;:\u3001")) whole(1);
    whole(run(0, [](char32_t x) { return x == '?' || x == '!'; }));
    if (is_one_of(c, U".\u00A1\u00BF\u037E\u0589\u061F\u06D4\u07FA\u3002=/") ||
        (c >= 0x700 && c <= 0x702))
      whole(1);
  }

  void hyphened() {
    if (const Size n = hyphened_word()) {
      before_inner_mark(n, PtbForm::kNoSoftHyphens);
      whole(n, PtbForm::kNoSoftHyphens);
    }
    if (const Size n = thing(0)) {
      before_inner_mark(n, PtbForm::kAsIs);
      whole(n);
    }
    // A&B, A+B.
    const auto capitals = [&](Size from) {
      return run(from, [](char32_t c) { return c >= 'A' && c <= 'Z'; });
    };
    Size p = capitals(0), end = 0;
    while (p > 0) {
      const Size mark = at(p) == '+' ? 1 : t_.ampersand(i_ + p);
      const Size next = mark == 0 ? 0 : capitals(p + mark);
      if (next == 0) break;
      p += mark + next;
      end = p;
    }
    if (end == 0) return;
    before_inner_mark(end, PtbForm::kAmpersand);
    whole(end, PtbForm::kAmpersand);
  }

  // "3.5-inch", "door,left-hand".
  Size hyphened_word() const {
    if (!is_ascii_alnum(at(0))) return 0;
    const auto alnum = [](char32_t c) { return is_ascii_alnum(c) || c == kSoftHyphen; };
    const Size first = 1 + run(1, [&](char32_t c) { return alnum(c) || c == '.' || c == ','; });
    Size best = 0;
    std::vector<Size> ends{first};
    while (!ends.empty()) {
      const Size p = ends.back();
      ends.pop_back();
      if (at(p) != '-') continue;
      const auto reach = [&](Size end) {
        best = std::max(best, end);
        ends.push_back(end);
      };
      if (const Size n = run(p + 1, alnum)) reach(p + 1 + n);
      const Size acronym = t_.acronym(i_ + p + 1, true);
      if (acronym > 0 && at(p + 1 + acronym) == '.') reach(p + 2 + acronym);
    }
    return best;
  }

  // Letters and digits joined by hyphens, a part may begin with d' o' l'.
  Size thing(Size from) const {
    const auto alnum = [](char32_t c) { return is_letter(c) || is_digit(c); };
    Size p = from, end = 0;
    for (;;) {
      Size next = p + run(p, alnum);
      if (is_one_of(at(p), U"dDoOlL")) {
        const Size mark = t_.quote(i_ + p + 1);
        if (mark > 0) {
          const Size n = run(p + 1 + mark, alnum);
          if (n >= 2) next = p + 1 + mark + n;
        }
      }
      if (next == p) return end;
      p = end = next;
      if (!is_one_of(at(p), U"-_\u058A\u2010\u2011")) return end;
      ++p;
    }
  }

  void single_quotes() {
    const char32_t c = at(0);
    if (c == '\'' && is_ascii_letter(at(1)) && at(2) != kEnd && !is_one_of(at(2), U" \t\n\r\u00A0"))
      offer(3, 1, PtbForm::kOpeningQuote);
    whole(t_.auxiliary(i_), PtbForm::kQuote);
    whole(t_.not_short(i_), PtbForm::kQuote);
    const auto mark = [](char32_t x) {
      return x == '`' || (x >= 0x2018 && x <= 0x201F && x != 0x201A && x != 0x201E) ||
             x == 0x201A || x == 0x201E || (x >= 0x91 && x <= 0x94) || x == 0x2039 || x == 0x203A ||
             x == 0xAB || x == 0xBB;
    };
    Size n = std::max(t_.apostrophe(i_), t_.exact(i_, "''"));
    n = std::max(n, std::min<Size>(run(0, mark), 2));
    whole(n, PtbForm::kQuote);
    whole(std::max(t_.exact(i_, "<<"), t_.exact(i_, ">>")));
  }

  void symbols_and_white() {
    const char32_t c = at(0);
    const bool symbol =
        is_one_of(c, U"+%&~^|\\") ||
        (c >= 0xA6 && c <= 0xBA && c != 0xAA && c != 0xAB && c != 0xAD) || c == 0xD7 || c == 0xF7 ||
        c == 0x387 ||
        (c >= 0x2016 && c <= 0x2023 && c != 0x2018 && c != 0x2019 && c != 0x201A && c != 0x201B &&
         c != 0x201C && c != 0x201D && c != 0x201E && c != 0x201F) ||
        (c >= 0x2030 && c <= 0x2038) || c == 0x203B || (c >= 0x203E && c <= 0x2042) ||
        c == 0x2044 || (c >= 0x207A && c <= 0x207F) || (c >= 0x208A && c <= 0x208E) ||
        (c >= 0x2100 && c <= 0x214F) || (c >= 0x2190 && c <= 0x2BFF) || c == 0x3012 ||
        c == 0x30FB || (c >= 0xFF01 && c <= 0xFF0F) || (c >= 0xFF1A && c <= 0xFF20) ||
        (c >= 0xFF3B && c <= 0xFF40) || (c >= 0xFF5B && c <= 0xFF65);
    if (symbol) whole(1);
    whole(run(0, is_blank), PtbForm::kNothing);
    if (c == 0x200B || c == 0x200E || c == 0x200F || c == 0xFEFF || c == 0)
      whole(1, PtbForm::kNothing);
    whole(t_.newline(i_), PtbForm::kLineEnd);
    whole(t_.literal(i_, "&nbsp;"), PtbForm::kNothing);
    whole(1, PtbForm::kNothing);  // a character that no rule knows
  }

  const PtbText& t_;
  const Size i_;
  Size total_ = 0, token_ = 0, taken_ = 0;
  PtbForm form_ = PtbForm::kNothing;
};

}  // namespace

PtbMatch ptb_match(const PtbText& text, std::size_t i) { return Matcher(text, i).best(); }

}  // namespace vega::text
