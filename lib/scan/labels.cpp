#include "scan/labels.h"

#include <charconv>
#include <optional>

#include "base/text.h"
#include "scan/detail.h"

namespace vega::scan {
namespace {

constexpr std::size_t kMostTableBytes = std::size_t{16} << 20;

// Field `wanted` of a line; nothing where the line is shorter.
std::optional<std::string_view> field(std::string_view line, std::size_t wanted) {
  for (; wanted > 0; --wanted) {
    const auto tab = line.find('\t');
    if (tab == line.npos) return std::nullopt;
    line.remove_prefix(tab + 1);
  }
  return line.substr(0, line.find('\t'));
}

std::size_t column(std::string_view header, std::string_view name, const std::string& where) {
  for (std::size_t i = 0;; ++i) {
    const auto found = field(header, i);
    if (!found)
      detail::fail(where + ", line 1", "a header without " + std::string(name),
                   "the columns raw_category and nyu40id, separated by tabs",
                   "give scannetv2-labels.combined.tsv of the ScanNet release");
    if (*found == name) return i;
  }
}

}  // namespace

LabelMap::LabelMap(const std::filesystem::path& path) {
  const std::string where = path.string();
  const std::string all = read_text(path, "a label table", kMostTableBytes);
  std::string_view rest = all;
  const auto next_line = [&] {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  };
  const std::string_view header = next_line();
  const std::size_t raw = column(header, "raw_category", where);
  const std::size_t nyu = column(header, "nyu40id", where);
  for (int number = 2; !rest.empty(); ++number) {
    const std::string_view line = next_line();
    if (line.empty()) continue;
    const auto name = field(line, raw), id = field(line, nyu);
    const std::string place = where + ", line " + std::to_string(number);
    if (!name || !id) detail::fail(place, "too few fields", "as many as the header has");
    int value = -1;
    const auto [end, error] = std::from_chars(id->data(), id->data() + id->size(), value);
    if (error != std::errc() || end != id->data() + id->size() || value < 0 || value > 255)
      detail::fail(place, "nyu40id '" + detail::printable(*id) + "'", "a number, 0 to 255");
    ids_.insert_or_assign(std::string(*name), value);
  }
}

bool LabelMap::contains(std::string_view label) const {
  return ids_.find(std::string(label)) != ids_.end();
}

int LabelMap::nyu40(std::string_view label) const {
  auto found = ids_.find(std::string(label));
  if (found == ids_.end()) found = ids_.find("case");
  return found == ids_.end() ? 0 : found->second;
}

}  // namespace vega::scan
