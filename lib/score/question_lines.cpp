#include "score/question_lines.h"

#include <fmt/core.h>

#include <filesystem>

#include "base/error.h"
#include "score/lines.h"
#include "text/python_json.h"

namespace vega::score {
namespace {

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

std::string parquet_remedy(Task task, const std::string& file) {
  std::string to = file;
  if (to.ends_with(".parquet"))
    to.resize(to.size() - 8);
  else
    to += ".lines";
  if (task == Task::kVsi)
    return fmt::format(
        "convert it: python3 -c 'import pandas; pandas.read_parquet(\"{}\")"
        ".to_json(\"{}.jsonl\", orient=\"records\", lines=True)'",
        in_quotes(file), in_quotes(to));
  return fmt::format(
      "convert it, which writes its pictures to {0}/: python3 -c 'import pandas, pathlib; "
      "d = pandas.read_parquet(\"{1}\"); o = pathlib.Path(\"{2}\"); o.mkdir(exist_ok=True); "
      "[d.__setitem__(c, [v and (o / f\"{{i}}_{{c}}\").write_bytes(v[\"bytes\"]) and "
      "f\"{{o.name}}/{{i}}_{{c}}\" for i, v in zip(d[\"idx\"], d[c])]) for c in d if "
      "c.startswith(\"image\")]; d.to_json(\"{2}.jsonl\", orient=\"records\", lines=True)'",
      to, in_quotes(file), in_quotes(to));
}

}  // namespace

bool has_question_lines(Task task) {
  return task == Task::kVsi || task == Task::kCvBench || task == Task::kBlink;
}

void refuse_parquet(Task task, std::string_view text, const std::string& file) {
  if (!text.starts_with("PAR1")) return;
  throw FormatError(explain(file, "a Parquet file", "JSON Lines", parquet_remedy(task, file)));
}

void each_question(Task task, std::string_view text, const std::string& file,
                   const std::function<void(const std::string& place, const Json& record)>& use) {
  const std::string what = fmt::format("a question of {}", benchmark_of(task).title);
  refuse_parquet(task, text, file);
  if (text.starts_with('[')) {
    std::size_t repaired = 0;
    const Json list =
        parse_json(with_whole_surrogates(std::string(text), repaired), {file, what}, large_json());
    for (std::size_t i = 0; i < list.size(); ++i) use(fmt::format("{}: [{}]", file, i), list[i]);
    return;
  }
  each_record(text, file, what,
              [&](std::size_t line, const Json& record) { use(line_place(file, line), record); });
}

std::string text_or_number(const Json& record, const std::string& place, std::string_view name) {
  const Json& value = record[name];
  if (const std::string* text = value.text()) return *text;
  if (value.number()) return value.dump();
  throw FormatError(
      explain(fmt::format("{}: {}", place, name), shown(value), "a text or a number"));
}

std::vector<std::string> picture_names(Task task, const Json& record, const std::string& place) {
  std::vector<std::string> members = {"image_1", "image_2", "image_3", "image_4"};
  // CV-Bench's own lines have filename; image is a name where a Parquet file was converted.
  if (task == Task::kCvBench) members = {record["image"].text() != nullptr ? "image" : "filename"};
  std::vector<std::string> out;
  for (const std::string& member : members) {
    const Json& value = record[member];
    if (value.is_null() && task == Task::kBlink) continue;
    const std::string* name = value.text();
    if (name == nullptr)
      throw FormatError(explain(fmt::format("{}: {}", place, member), shown(value),
                                "the name of a picture, a text"));
    out.push_back(*name);
  }
  if (out.empty())
    throw FormatError(explain(place, "no picture", "image_1 to image_4: names of pictures"));
  return out;
}

}  // namespace vega::score
