#include "scan/scan_text.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include "base/text.h"
#include "scan/detail.h"

namespace vega::scan {
namespace {

constexpr std::size_t kMostTextBytes = std::size_t{1} << 20;
constexpr double kRigid = 1e-3;
constexpr std::string_view kKey = "axisAlignment";

// The 16 numbers behind "axisAlignment =".
Matrix4 numbers_of(std::string_view line, const std::string& where) {
  line.remove_prefix(line.find(kKey) + kKey.size());
  const auto skip = [&](std::string_view set) {
    line.remove_prefix(std::min(line.find_first_not_of(set), line.size()));
  };
  skip(" \t=");
  Matrix4 m{};
  std::size_t count = 0;
  while (!line.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc())
      detail::fail(where, "'" + detail::printable(line) + "'", "16 numbers, row by row");
    if (count < 16) m[count] = value;
    ++count;
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
    skip(" \t\r");
  }
  if (count != 16)
    detail::fail(where, std::to_string(count) + " numbers", "16 numbers, row by row");
  return m;
}

}  // namespace

void check_rigid(const Matrix4& m, const std::string& where) {
  const auto refuse = [&](const std::string& got) {
    detail::fail(where, got, "a rotation and a shift, last row 0 0 0 1");
  };
  for (const double value : m) {
    if (!std::isfinite(value)) refuse("a value that is not finite");
  }
  for (int i = 0; i < 4; ++i) {
    if (m[12 + i] != (i == 3 ? 1 : 0)) refuse("another last row");
  }
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j <= i; ++j) {
      double dot = 0;
      for (int k = 0; k < 3; ++k) dot += m[4 * i + k] * m[4 * j + k];
      if (!(std::abs(dot - (i == j ? 1 : 0)) <= kRigid)) refuse("rows that are not orthonormal");
    }
  }
  const double det = m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
                     m[2] * (m[4] * m[9] - m[5] * m[8]);
  if (!(det > 0)) refuse("a mirror");
}

ScanText read_scan_text(const std::filesystem::path& path) {
  const std::string place = path.string();
  const std::string all = read_text(path, "the text file of a scan", kMostTextBytes);
  if (trim(all).empty())
    detail::fail(place, "an empty file", "lines like axisAlignment = and 16 numbers");
  std::string_view rest = all;
  ScanText text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto equals = std::min(line.find('='), line.size());
    if (trim(line.substr(0, equals)) == "numColorFrames" && equals < line.size() &&
        !text.color_frames) {
      if (const auto frames = parse_double(trim(line.substr(equals + 1)));
          frames && std::abs(*frames) < 1e15)
        text.color_frames = static_cast<std::int64_t>(*frames);
    }
    if (text.has_axis_align || line.find(kKey) == line.npos) continue;
    const std::string where = place + ", line " + std::to_string(number) + ", axisAlignment";
    text.axis_align = numbers_of(line, where);
    check_rigid(text.axis_align, where);
    text.has_axis_align = true;
  }
  return text;
}

}  // namespace vega::scan
