#include "score/lines.h"

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/text.h"

namespace vega::score {
namespace {

// The unit of "\uXXXX" at `at`; -1: none stands there.
int escaped_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int unit = 0;
  for (std::size_t i = at + 2; i < at + 6; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

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

bool is_high(int unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(int unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

std::string line_place(const std::string& file, std::size_t line) {
  return file + ":" + std::to_string(line);
}

std::string file_text(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  refuse_foreign(text, path.string(), "text");
  return std::string(strip_bom(text));
}

JsonLimits large_json() {
  JsonLimits limits;
  limits.bytes = std::size_t{1} << 30;
  limits.values = 100'000'000;
  limits.depth = 64;
  return limits;
}

std::optional<std::string> id_text(const Json& value) {
  if (const std::string* text = value.text()) return *text;
  if (const auto whole = value.whole()) return std::to_string(*whole);
  return std::nullopt;
}

const Json& answer_id(const Json& line) {
  const Json& doc = line["doc"];
  if (!doc["id"].is_null()) return doc["id"];
  for (const Json* object : {&line, &doc})
    for (const char* name : {"sample_id", "id", "question_id", "doc_id"})
      if (!(*object)[name].is_null()) return (*object)[name];
  return doc["id"];
}

std::string members_text(const Json& line) {
  std::string out;
  for (const auto& [name, value] : line.members())
    out += (out.empty() ? "members " : ", ") + printable(name, 40);
  return out.empty() ? "no member" : out;
}

std::string with_whole_surrogates(std::string_view json, std::size_t& count) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size();) {
    if (json[i] != '\\' || i + 1 == json.size()) {
      out += json[i++];
      continue;
    }
    const int unit = escaped_unit(json, i);
    const std::size_t length = unit < 0 ? 2 : 6;
    if (is_high(unit) && is_low(escaped_unit(json, i + 6))) {
      out += json.substr(i, 12);
      i += 12;
      continue;
    }
    if (is_high(unit) || is_low(unit)) {
      out += "\\ufffd";
      ++count;
    } else {
      out += json.substr(i, length);
    }
    i += length;
  }
  return out;
}

std::string_view foreign_number(std::string_view json) {
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '\\' && quoted)
      ++i;
    else if (json[i] == '"')
      quoted = !quoted;
    else if (!quoted) {
      for (const std::string_view name : {"NaN", "-Infinity", "Infinity"})
        if (json.substr(i).starts_with(name)) return name;
    }
  }
  return {};
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
