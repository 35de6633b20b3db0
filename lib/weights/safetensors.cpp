#include "weights/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "weights/detail.h"
#include "weights/safetensors_names.h"

namespace vega {
namespace fs = std::filesystem;
namespace detail = weights_detail;
namespace {

constexpr std::uint64_t kMostHeaderBytes = 100'000'000;  // the limit of the reference reader
constexpr std::size_t kMostExtents = 64, kMostToken = std::size_t{1} << 20;
constexpr int kMostJsonDepth = 32;

constexpr auto kRemedy =
    "the file is damaged or was written by a faulty program; fetch or convert it again";

// A list of whole numbers of at least 0; nothing where `json` is another thing.
std::optional<std::vector<std::int64_t>> counts_of(const Json& json) {
  if (!json.is_list() || json.size() > kMostExtents) return std::nullopt;
  std::vector<std::int64_t> out;
  for (const Json& element : json.elements()) {
    const auto value = element.whole();
    if (!value || *value < 0) return std::nullopt;
    out.push_back(*value);
  }
  return out;
}

// One tensor of the header. Fields beside these three are skipped, as the reference reader does.
struct HeaderEntry {
  HeaderEntry(std::string tensor, const Json& json, const fs::path& file)
      : name(std::move(tensor)) {
    const auto extents = counts_of(json["shape"]), offsets = counts_of(json["data_offsets"]);
    if (json["dtype"].text() == nullptr || !extents || !offsets || offsets->size() != 2) {
      detail::fail(detail::where(file, name), shown(json),
                   R"({"dtype": text, "shape": [counts], "data_offsets": [begin, end]})", kRemedy);
    }
    type = *json["dtype"].text();
    shape = *extents;
    begin = static_cast<std::uint64_t>(offsets->at(0));
    end = static_cast<std::uint64_t>(offsets->at(1));
  }

  std::string name, type;
  Shape shape;
  std::uint64_t begin, end;
};

// The header text; checks every length against the file.
std::string_view header_of(const MappedFile& file) {
  const auto bytes = file.bytes();
  const auto path = file.path().string();
  if (bytes.size() < 8) detail::fail_kind(path, bytes, "a safetensors file");
  const auto size = detail::load<std::uint64_t>(bytes, 0);
  if (size > bytes.size() - 8 || size > kMostHeaderBytes) {
    if (bytes.size() < 9 || bytes[8] != std::byte{'{'})
      detail::fail_kind(path, bytes, "a safetensors file");
    detail::fail(path, "a header size of " + std::to_string(size) + " bytes",
                 "at most " +
                     std::to_string(std::min<std::uint64_t>(bytes.size() - 8, kMostHeaderBytes)) +
                     " (file of " + std::to_string(bytes.size()) + " bytes)",
                 "check that the download is complete");
  }
  return {reinterpret_cast<const char*>(bytes.data()) + 8, static_cast<std::size_t>(size)};
}

void check_range(const HeaderEntry& entry, std::uint64_t data_bytes, const fs::path& path) {
  if (entry.begin <= entry.end && entry.end <= data_bytes) return;
  detail::fail(detail::where(path, entry.name),
               "bytes " + std::to_string(entry.begin) + " to " + std::to_string(entry.end),
               "a range within the " + std::to_string(data_bytes) + " bytes of data",
               detail::kFetchAgain);
}

// Shape and type agree with the byte range.
TensorView view_of(const HeaderEntry& entry, DType type, std::span<const std::byte> data,
                   const fs::path& path) {
  const auto where = detail::where(path, entry.name);
  TensorView view{type, entry.shape, data.data() + entry.begin};
  std::uint64_t wanted = 0;
  try {
    wanted = view.bytes();
  } catch (const InputError&) {
    detail::fail(where, "shape " + to_string(view.shape), "a shape whose product does not overflow",
                 kRemedy);
  }
  const auto size = entry.end - entry.begin;
  if (wanted != size) {
    detail::fail(where, std::to_string(size) + " bytes",
                 std::to_string(wanted) + " bytes for shape " + to_string(view.shape) + " of " +
                     std::string(name_of(view.dtype)),
                 kRemedy);
  }
  return view;
}

// Ranges, taken in order, touch each other and fill the data: no overlap, no hole, no tail.
void check_tiling(const std::vector<HeaderEntry>& entries, std::uint64_t data_bytes,
                  const fs::path& path) {
  std::vector<const HeaderEntry*> order;
  order.reserve(entries.size());
  for (const auto& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const HeaderEntry* a, const HeaderEntry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t reached = 0;
  for (const auto* entry : order) {
    const auto begin = entry->begin;
    if (begin != reached) {
      detail::fail(detail::where(path, entry->name),
                   std::string(begin < reached ? "an overlap" : "a hole") + ": begin " +
                       std::to_string(begin),
                   "begin " + std::to_string(reached) + ", where the tensor before ends", kRemedy);
    }
    reached = entry->end;
  }
  if (reached != data_bytes) {
    detail::fail(path.string(), std::to_string(data_bytes - reached) + " trailing bytes",
                 std::to_string(reached) + " bytes of data", detail::kFetchAgain);
  }
}

}  // namespace

TensorSet read_safetensors(const fs::path& path) {
  const auto file = MappedFile::open(path);
  const auto header = header_of(*file);
  if (header.empty() || header.front() != '{') {
    detail::fail(path.string(), "a header that does not begin with '{'", "JSON of tensor entries",
                 "check that this is a safetensors file");
  }
  const auto data = file->bytes().subspan(8 + header.size());
  TensorSet set;
  set.add_file(path);
  std::vector<HeaderEntry> entries;
  const auto take = [&](const std::string& name, const Json& json) {
    if (name != "__metadata__") {
      entries.emplace_back(name, json, path);
      return;
    }
    if (!json.is_null() && !json.is_object())
      detail::fail(path.string() + ": __metadata__", shown(json), "an object of texts", kRemedy);
    for (const auto& [key, value] : json.members()) {
      if (value.text() == nullptr)
        detail::fail(path.string() + ": __metadata__ '" + printable(key) + "'", shown(value),
                     "a text", kRemedy);
      set.add_metadata(key, *value.text());
    }
  };
  parse_json_members(header, {path.string() + ": header", "JSON of tensor entries", kRemedy},
                     {header.size(), kMostJsonDepth, kMostToken}, take);
  for (const auto& entry : entries) {
    check_range(entry, data.size(), path);
    if (const auto type = safetensors_dtype(entry.type))
      set.add(entry.name, view_of(entry, *type, data, path), file, path);
    else
      set.add_unreadable(entry.name, entry.type, path);
  }
  check_tiling(entries, data.size(), path);
  return set;
}

}  // namespace vega
