#include "text/csv.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace vega::text {

std::vector<CsvRecord> read_csv(std::string_view text, const std::string& file) {
  std::vector<CsvRecord> out;
  std::string field;
  bool quoted = false, was_quoted = false;
  std::size_t line = 1, opened = 0;
  for (text = strip_bom(text); text.starts_with('#'); ++line)
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  CsvRecord record{line, {}};
  const auto end_field = [&] {
    record.fields.push_back(std::move(field));
    field.clear();
    was_quoted = false;
  };
  const auto end_record = [&] {
    if (!record.fields.empty() || was_quoted || !trim(field).empty()) {
      end_field();
      out.push_back(std::move(record));
    }
    field.clear();
    record = {line + 1, {}};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
        field += '"';
        ++i;
      } else if (c == '"') {
        quoted = false;
      } else {
        field += c;
        if (c == '\n') ++line;
      }
    } else if (c == '"' && field.empty()) {
      quoted = was_quoted = true;
      opened = line;
    } else if (c == ',') {
      end_field();
    } else if (c == '\n') {
      end_record();
      ++line;
      record.line = line;
    } else if (c != '\r' || (i + 1 < text.size() && text[i + 1] != '\n')) {
      field += c;
    }
  }
  if (quoted)
    throw FormatError(explain(file + ":" + std::to_string(opened), "a quote that is never closed",
                              "a CSV file", "fetch the file again"));
  end_record();
  return out;
}

}  // namespace vega::text
