// CSV as RFC 4180 has it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vega::text {

// `line` is where a record begins, from 1.
struct CsvRecord {
  std::size_t line = 0;
  std::vector<std::string> fields;
};

// Fields may be quoted and hold commas, quotes and line ends. A byte order mark, lines of comments
// ("# ...") in front, and lines without a character are passed over. Throws FormatError
// "FILE:LINE": a quote that is never closed.
std::vector<CsvRecord> read_csv(std::string_view text, const std::string& file);

}  // namespace vega::text
