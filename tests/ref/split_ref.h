// The split pattern of tokenisers, matched by PCRE2.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vega::test {

class PatternRef {
 public:
  explicit PatternRef(const std::string& pattern);
  ~PatternRef();
  PatternRef(const PatternRef&) = delete;
  PatternRef& operator=(const PatternRef&) = delete;

  // The matches one after the other, and what lies between them.
  std::vector<std::string_view> split(std::string_view text) const;
  bool matches(std::string_view text) const;

 private:
  void* code_;
  void* data_;
};

// The pattern with \s as Unicode's White_Space: PCRE2's own \s is another set.
std::string with_white_space(std::string pattern);

}  // namespace vega::test
