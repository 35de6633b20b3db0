#include "score/vsi_questions.h"

#include <fmt/core.h>

#include "base/error.h"
#include "score/lines.h"
#include "text/python_json.h"

namespace vega::score {
namespace {

constexpr const char* kWhat = "a question of VSI-Bench";

// "x.parquet" within a Python text of double quotes within a shell word of single quotes.
std::string in_quotes(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (c == '\'')
      out += "'\\''";
    else if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

}  // namespace

void refuse_parquet(std::string_view text, const std::string& file) {
  if (!text.starts_with("PAR1")) return;
  std::string to = file;
  if (to.ends_with(".parquet")) to.resize(to.size() - 8);
  throw FormatError(
      explain(file, "a Parquet file", "JSON Lines",
              fmt::format("convert it: python3 -c 'import pandas; pandas.read_parquet(\"{}\")"
                          ".to_json(\"{}.jsonl\", orient=\"records\", lines=True)'",
                          in_quotes(file), in_quotes(to))));
}

void each_vsi_record(std::string_view text, const std::string& file,
                     const std::function<void(const std::string& place, const Json& record)>& use) {
  refuse_parquet(text, file);
  if (text.starts_with('[')) {
    std::size_t repaired = 0;
    const Json list =
        parse_json(with_whole_surrogates(std::string(text), repaired), {file, kWhat}, large_json());
    for (std::size_t i = 0; i < list.size(); ++i) use(fmt::format("{}: [{}]", file, i), list[i]);
    return;
  }
  each_record(text, file, kWhat,
              [&](std::size_t line, const Json& record) { use(line_place(file, line), record); });
}

std::string vsi_member(const Json& record, const std::string& place, std::string_view name) {
  const Json& value = record[name];
  if (const std::string* text = value.text()) return *text;
  if (value.number()) return value.dump();
  throw FormatError(
      explain(fmt::format("{}: {}", place, name), shown(value), "a text or a number"));
}

}  // namespace vega::score
