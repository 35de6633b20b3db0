#include "scan/ply_header.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/file_kind.h"
#include "scan/detail.h"

namespace vega::scan::detail {
namespace {

constexpr std::size_t kMostHeader = std::size_t{64} << 10;
constexpr std::size_t kMostElements = 64, kMostProperties = 256;
constexpr std::uint64_t kMostCount = std::uint64_t{1} << 31;
constexpr const char* kExpected = "a PLY header, format 1.0";

std::optional<DType> type_of(std::string_view name) {
  constexpr std::pair<std::string_view, DType> kNames[] = {
      {"char", DType::kI8},    {"int8", DType::kI8},     {"uchar", DType::kU8},
      {"uint8", DType::kU8},   {"short", DType::kI16},   {"int16", DType::kI16},
      {"ushort", DType::kU16}, {"uint16", DType::kU16},  {"int", DType::kI32},
      {"int32", DType::kI32},  {"uint", DType::kU32},    {"uint32", DType::kU32},
      {"float", DType::kF32},  {"float32", DType::kF32}, {"double", DType::kF64},
      {"float64", DType::kF64}};
  for (const auto& [known, type] : kNames) {
    if (name == known) return type;
  }
  return std::nullopt;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (line.empty() || words.size() == 8) return words;
    words.push_back(line.substr(0, line.find_first_of(" \t\r")));
    line.remove_prefix(words.back().size());
  }
}

class Parser {
 public:
  explicit Parser(const std::string& where) : where_(where) {}

  // True when the header ends with this line.
  bool line(std::string_view text) {
    ++header.lines;
    const auto words = words_of(text);
    if (header.lines == 1) {
      if (words.size() != 1 || words[0] != "ply") refuse("no 'ply'");
    } else if (words.empty() || words[0] == "comment" || words[0] == "obj_info") {
      return false;
    } else if (words[0] == "end_header") {
      if (!format_) refuse("no format before the end");
      return true;
    } else if (words[0] == "format") {
      format(words);
    } else if (words[0] == "element") {
      element(words);
    } else if (words[0] == "property") {
      property(words);
    } else {
      refuse("'" + printable(text) + "'");
    }
    return false;
  }

  [[noreturn]] void refuse(const std::string& got) const {
    fail(where_ + ", line " + std::to_string(header.lines), got, kExpected);
  }

  PlyHeader header;

 private:
  void format(const std::vector<std::string_view>& words) {
    if (words.size() != 3 || format_) refuse("a broken or second format");
    if (words[2] != "1.0") refuse("version '" + printable(words[2]) + "'");
    format_ = true;
    if (words[1] == "ascii") {
      header.format = PlyFormat::kAscii;
    } else if (words[1] == "binary_little_endian") {
      header.format = PlyFormat::kLittle;
    } else if (words[1] == "binary_big_endian") {
      header.format = PlyFormat::kBig;
    } else {
      refuse("format '" + printable(words[1]) + "'");
    }
  }

  void element(const std::vector<std::string_view>& words) {
    if (words.size() != 3) refuse("a broken element");
    if (header.elements.size() == kMostElements) refuse("too many elements");
    std::uint64_t count = 0;
    const auto [end, error] =
        std::from_chars(words[2].data(), words[2].data() + words[2].size(), count);
    if (error != std::errc() || end != words[2].data() + words[2].size() || count > kMostCount)
      refuse("count '" + printable(words[2]) + "'");
    for (const PlyElement& known : header.elements) {
      if (known.name == words[1]) refuse("element '" + printable(words[1]) + "' twice");
    }
    header.elements.push_back({.name = std::string(words[1]), .count = count});
  }

  void property(const std::vector<std::string_view>& words) {
    const bool list = words.size() == 5 && words[1] == "list";
    if (header.elements.empty() || !(list || words.size() == 3)) refuse("a broken property");
    PlyProperty property{.name = std::string(words.back())};
    const auto type = type_of(words[words.size() - 2]);
    if (list) property.count_type = type_of(words[2]);
    if (!type || (list && !property.count_type)) refuse("an unknown type");
    if (list && (*property.count_type == DType::kF32 || *property.count_type == DType::kF64))
      refuse("a list counted in fractions");
    property.type = *type;
    auto& properties = header.elements.back().properties;
    if (properties.size() == kMostProperties) refuse("too many properties");
    for (const PlyProperty& known : properties) {
      if (known.name == property.name) refuse("property '" + printable(known.name) + "' twice");
    }
    properties.push_back(std::move(property));
  }

  const std::string& where_;
  bool format_ = false;
};

}  // namespace

PlyHeader parse_ply_header(std::string_view file, const std::string& where) {
  const std::string_view front = file.substr(0, kMostHeader);
  if (!front.starts_with("ply")) {
    const FileKind kind = file_kind(front);
    fail(where, kind.name, "a PLY mesh", kind.remedy.empty() ? kFetchAgain : kind.remedy);
  }
  Parser parser(where);
  std::size_t at = 0;
  while (true) {
    const auto end = front.find('\n', at);
    if (end == front.npos) {
      fail(where, "no end of the header up to byte " + std::to_string(front.size()), kExpected);
    }
    const bool last = parser.line(front.substr(at, end - at));
    at = end + 1;
    if (last) break;
  }
  parser.header.size = at;
  return std::move(parser.header);
}

}  // namespace vega::scan::detail
