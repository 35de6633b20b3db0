#include "tasks/python_literal.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "base/text.h"

namespace vega::tasks {
namespace {

constexpr int kMostDepth = 16;
constexpr std::string_view kBlanks = " \t\r\n\f\v";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}

  std::optional<Json> whole() {
    auto out = value(0);
    return out && next() == '\0' && at_ == text_.size() ? std::move(out) : std::nullopt;
  }

 private:
  // The next character that is no blank; '\0': the end.
  char next() {
    at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
    if (at_ < text_.size() && text_[at_] == '#') at_ = text_.size();  // a comment
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (next() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  std::optional<Json> value(int depth) {
    const char c = next();
    if (depth > kMostDepth) return std::nullopt;
    if (c == '{') return dict(depth);
    if (c == '[') return list(depth);
    if (c == '"' || c == '\'') return quoted();
    if (is_digit(c) || c == '-' || c == '+' || c == '.') return number();
    return word();
  }

  std::optional<Json> dict(int depth) {
    Json out = Json::object();
    ++at_;
    while (!take('}')) {
      const auto key = value(depth + 1);
      if (!key || key->text() == nullptr || !take(':')) return std::nullopt;
      auto member = value(depth + 1);
      if (!member) return std::nullopt;
      out.set(*key->text(), *std::move(member));
      if (!take(',') && next() != '}') return std::nullopt;
    }
    return out;
  }

  std::optional<Json> list(int depth) {
    Json out = Json::list();
    ++at_;
    while (!take(']')) {
      auto element = value(depth + 1);
      if (!element) return std::nullopt;
      out.push(*std::move(element));
      if (!take(',') && next() != ']') return std::nullopt;
    }
    return out;
  }

  std::optional<Json> quoted() {
    const char quote = text_[at_++];
    std::string out;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        return Json(out);
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        const char escaped = text_[++at_];
        if (escaped == 'n' || escaped == 't') {
          out += escaped == 'n' ? '\n' : '\t';
          continue;
        }
        if (escaped != quote && escaped != '\\') out += '\\';
      }
      out += text_[at_];
    }
    return std::nullopt;
  }

  std::optional<Json> number() {
    const std::size_t end =
        std::min(text_.find_first_not_of("0123456789+-.eE_", at_), text_.size());
    std::string word(text_.substr(at_, end - at_));
    at_ = end;
    for (std::size_t i = 0; i < word.size(); ++i)  // 1_000, but neither _1 nor 1_
      if (word[i] == '_' &&
          (i == 0 || i + 1 == word.size() || !is_digit(word[i - 1]) || !is_digit(word[i + 1])))
        return std::nullopt;
    std::erase(word, '_');
    const std::size_t first = word.find_first_not_of("+-");
    if (first == word.npos) return std::nullopt;
    const std::string_view digits = std::string_view(word).substr(first);
    if (std::ranges::all_of(digits, is_digit)) {
      if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != digits.npos)
        return std::nullopt;  // 07 is no number of Python
      if (const auto whole = parse_whole(word[0] == '+' ? digits : std::string_view(word)))
        return Json(*whole);
    }
    const auto number = parse_double(word);
    return number ? std::optional<Json>(*number) : std::nullopt;
  }

  std::optional<Json> word() {
    const std::pair<std::string_view, Json> words[] = {{"True", true},   {"true", true},
                                                       {"False", false}, {"false", false},
                                                       {"None", {}},     {"null", {}}};
    for (const auto& [name, value] : words) {
      if (!text_.substr(at_).starts_with(name)) continue;
      at_ += name.size();
      return value;
    }
    return std::nullopt;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<Json> python_literal(std::string_view text) { return LiteralReader(text).whole(); }

}  // namespace vega::tasks
