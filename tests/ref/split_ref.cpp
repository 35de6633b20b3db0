#include "ref/split_ref.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdexcept>

namespace vega::test {
namespace {

auto* units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
}

}  // namespace

PatternRef::PatternRef(const std::string& pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto* code = pcre2_compile(units(pattern), pattern.size(), PCRE2_UTF | PCRE2_UCP, &error, &offset,
                             nullptr);
  if (code == nullptr) throw std::runtime_error("PCRE2 refuses the pattern " + pattern);
  code_ = code;
  data_ = pcre2_match_data_create_from_pattern(code, nullptr);
}

PatternRef::~PatternRef() {
  pcre2_match_data_free(static_cast<pcre2_match_data*>(data_));
  pcre2_code_free(static_cast<pcre2_code*>(code_));
}

std::vector<std::string_view> PatternRef::split(std::string_view text) const {
  std::vector<std::string_view> out;
  auto* data = static_cast<pcre2_match_data*>(data_);
  std::size_t at = 0;
  while (at < text.size() && pcre2_match(static_cast<pcre2_code*>(code_), units(text), text.size(),
                                         at, 0, data, nullptr) > 0) {
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data);
    if (ends[0] > at) out.push_back(text.substr(at, ends[0] - at));
    out.push_back(text.substr(ends[0], ends[1] - ends[0]));
    at = ends[1];
  }
  if (at < text.size()) out.push_back(text.substr(at));
  return out;
}

bool PatternRef::matches(std::string_view text) const {
  return pcre2_match(static_cast<pcre2_code*>(code_), units(text), text.size(), 0, 0,
                     static_cast<pcre2_match_data*>(data_), nullptr) > 0;
}

std::string with_white_space(std::string pattern) {
  replace_all(pattern, R"([^\s)", R"([^\t-\r\x{85}\p{Z})");
  replace_all(pattern, R"(\s)", R"([\t-\r\x{85}\p{Z}])");
  replace_all(pattern, R"(\S)", R"([^\t-\r\x{85}\p{Z}])");
  return pattern;
}

}  // namespace vega::test
