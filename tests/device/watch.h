// Compares the list of operations that a device is asked for with one in tests/device/trace.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "core/device.h"
#include "support/support.h"

namespace vega::test {

using Lines = std::vector<std::string>;

inline Lines lines_of(const std::string& text) {
  std::istringstream in(text);
  Lines lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// "- " and "+ " lines between the two, by their longest common subsequence.
inline std::string difference(const Lines& want, const Lines& got) {
  const std::size_t n = want.size(), m = got.size();
  std::vector<std::vector<int>> common(n + 1, std::vector<int>(m + 1, 0));
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = m; j-- > 0;) {
      common[i][j] = want[i] == got[j] ? common[i + 1][j + 1] + 1
                                       : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::ostringstream text;
  for (std::size_t i = 0, j = 0; i < n || j < m;) {
    if (i < n && j < m && want[i] == got[j]) {
      ++i, ++j;
    } else if (j == m || (i < n && common[i + 1][j] >= common[i][j + 1])) {
      text << "  line " << i + 1 << " - " << want[i] << "\n";
      ++i;
    } else {
      text << "  line " << i + 1 << " + " << got[j] << "\n";
      ++j;
    }
  }
  return text.str();
}

// The second pass is the one that is recorded: what happens once only is not of interest.
inline void check_trace(const std::string& name, const std::function<void()>& pass,
                        const std::function<std::string(const std::string&)>& shorten = {}) {
  pass();
  reinterpret_cast<void (*)()>(cuda_symbol("vega_host_trace_begin"))();
  pass();
  std::string got = reinterpret_cast<const char* (*)()>(cuda_symbol("vega_host_trace_end"))();
  if (shorten) got = shorten(got);
  const std::filesystem::path path = std::filesystem::path(VEGA_TRACE_FOLDER) / (name + ".txt");
  REQUIRE_FALSE(got.empty());
  if (std::getenv("VEGA_WRITE_TRACE") != nullptr) return test::write_text(path, got);
  INFO(path.string() << ", - expected, + asked of the device now:\n"
                     << difference(lines_of(test::read_text(path)), lines_of(got))
                     << "if that is meant: VEGA_WRITE_TRACE=1 ctest -R device_trace");
  CHECK(got == test::read_text(path));
}

}  // namespace vega::test
