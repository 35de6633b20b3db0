#include "score/lines.h"

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/text.h"

namespace vega::score {
namespace {

// Files that people take for text.
void refuse_foreign(std::string_view text, const std::string& file, const std::string& what) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    throw FormatError(explain(file, "UTF-16 text", what + " in UTF-8", "save it as UTF-8"));
  struct Packed {
    std::string_view magic, kind, remedy;
  };
  constexpr Packed kPacked[] = {{"\x1f\x8b", "gzip", "gunzip"},
                                {"PK\x03\x04", "zip", "unzip"},
                                {"\xfd\x37zXZ", "xz", "unxz"},
                                {"\x28\xb5\x2f\xfd", "zstd", "unzstd"}};
  for (const Packed& packed : kPacked)
    if (text.starts_with(packed.magic))
      throw FormatError(explain(file, "a file packed by " + std::string(packed.kind), what,
                                "unpack it with " + std::string(packed.remedy)));
}

}  // namespace

std::string line_place(const std::string& file, std::size_t line) {
  return file + ":" + std::to_string(line);
}

std::string file_text(const std::filesystem::path& path) {
  const MappedFile file(path);
  refuse_foreign(file.text(), path.string(), "text");
  return std::string(strip_bom(file.text()));
}

JsonLimits large_json() {
  JsonLimits limits;
  limits.bytes = std::size_t{1} << 30;
  limits.values = 100'000'000;
  limits.depth = 64;
  return limits;
}

const Json& answer_id(const Json& line) {
  const Json& doc = line["doc"];
  for (const char* name : {"id", "idx"})
    if (!doc[name].is_null()) return doc[name];
  for (const Json* object : {&line, &doc})
    for (const char* name : {"sample_id", "id", "idx", "question_id", "doc_id"})
      if (!(*object)[name].is_null()) return (*object)[name];
  return doc["id"];
}

std::string members_text(const Json& line) {
  std::string out;
  for (const auto& [name, value] : line.members())
    out += (out.empty() ? "members " : ", ") + printable(name, 40);
  return out.empty() ? "no member" : out;
}

std::size_t each_record(std::string_view text, const std::string& file, const std::string& what,
                        const std::function<void(std::size_t line, const Json& record)>& use) {
  std::size_t repaired = 0, records = 0, number = 0;
  refuse_foreign(text, file, what);
  text = strip_bom(text);
  JsonLimits limits;
  limits.bytes = kMostLineBytes;
  limits.token = kMostLineBytes;
  limits.values = 4'000'000;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const std::string place = line_place(file, number);
    if (line.size() > kMostLineBytes)
      throw FormatError(explain(place, "a line of " + std::to_string(line.size()) + " bytes",
                                "at most " + std::to_string(kMostLineBytes)));
    if (!is_utf8(line))
      throw FormatError(explain(place, "bytes that are not UTF-8", what, "save the file as UTF-8"));
    if (const auto name = foreign_number(line); !name.empty())
      throw FormatError(explain(place, std::string(name) + ", which JSON does not have",
                                "finite numbers", "correct what wrote the file"));
    if (line.starts_with('[') && number == 1)
      throw FormatError(explain(place, "a JSON list", what + ", one JSON object a line",
                                "convert it: jq -c '.[]' FILE"));
    const bool escapes = line.find("\\u") != line.npos;
    const std::string whole = escapes ? with_whole_surrogates(line, repaired) : std::string();
    const Json record =
        parse_json(escapes ? std::string_view(whole) : line, {place, what, ""}, limits);
    if (!record.is_object())
      throw FormatError(explain(place, shown(record), what + ": a JSON object a line"));
    ++records;
    use(number, record);
  }
  if (records == 0)
    throw FormatError(explain(file, "no record", what + ", one JSON object a line"));
  return repaired;
}

}  // namespace vega::score
