#include "weights/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "weights/detail.h"
#include "weights/safetensors_names.h"

namespace vega {
namespace fs = std::filesystem;
namespace detail = weights_detail;
namespace {

constexpr std::uint64_t kMostHeaderBytes = 100'000'000;  // the limit of the reference reader
constexpr std::size_t kMostExtents = 64;

// One entry of the header, as written there.
struct Entry {
  std::string name;
  std::optional<DType> dtype;
  std::optional<Shape> shape;
  std::optional<std::vector<std::uint64_t>> offsets;
};

// Reads the header event by event: a DOM would forget duplicate keys.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const fs::path& file) : file_(file) {}

  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;

  bool null() override { return odd("null"); }
  bool boolean(bool) override { return odd("a boolean"); }
  bool number_float(number_float_t, const string_t& text) override { return odd(text); }
  bool binary(binary_t&) override { return odd("binary data"); }
  bool number_integer(number_integer_t value) override { return odd(std::to_string(value)); }

  bool number_unsigned(number_unsigned_t value) override {
    if (!in_array_) return odd(std::to_string(value));
    auto& entry = entries.back();
    if (field_ == "shape") {
      if (value > INT64_MAX || entry.shape->size() >= kMostExtents)
        return odd(std::to_string(value) + " in a shape of more than any tensor");
      entry.shape->push_back(static_cast<std::int64_t>(value));
    } else {
      if (entry.offsets->size() >= 2) return odd("a third offset");
      entry.offsets->push_back(value);
    }
    return true;
  }

  bool string(string_t& value) override {
    if (depth_ != 2 || in_array_) return odd("a string");
    if (in_metadata_) {
      metadata.emplace(field_, value);
      return true;
    }
    if (field_ != "dtype") return odd("a string");
    entries.back().dtype = safetensors_dtype(value);
    if (!entries.back().dtype) {
      detail::fail(where(), "element type '" + detail::printable(value) + "'",
                   "one of " + safetensors_dtype_names(),
                   "convert the checkpoint to bf16, f16 or f32");
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (depth_ == 2 || in_array_) return odd("a nested object");
    if (depth_ == 1) {
      in_metadata_ = name_ == "__metadata__";
      if (!in_metadata_) entries.push_back({name_, {}, {}, {}});
      fields_.clear();
    }
    ++depth_;
    return true;
  }

  bool end_object() override {
    if (depth_ == 2 && !in_metadata_) {
      const auto& entry = entries.back();
      if (!entry.dtype || !entry.shape || !entry.offsets || entry.offsets->size() != 2)
        return odd("an entry without dtype, shape or two data_offsets");
    }
    --depth_;
    return true;
  }

  bool key(string_t& value) override {
    auto& taken = depth_ == 1 ? names_ : fields_;
    auto& current = depth_ == 1 ? name_ : field_;
    if (depth_ == 1) field_.clear();
    current = value;
    if (!taken.emplace(value, true).second) {
      detail::fail(where(), "the key '" + detail::printable(value) + "' twice in the header",
                   "unique keys", kRemedy);
    }
    if (depth_ == 2 && !in_metadata_ && value != "dtype" && value != "shape" &&
        value != "data_offsets")
      return odd("the field '" + detail::printable(value) + "'");
    return true;
  }

  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_array_ || in_metadata_ || field_ == "dtype") return odd("an array");
    if (field_ == "shape") entries.back().shape.emplace();
    if (field_ == "data_offsets") entries.back().offsets.emplace();
    in_array_ = true;
    return true;
  }

  bool end_array() override {
    in_array_ = false;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    detail::fail(file_.string(), "a header that breaks at byte " + std::to_string(position),
                 "JSON of tensor entries", kRemedy);
  }

  static constexpr const char* kRemedy =
      "the file is damaged or was written by a faulty program; fetch or convert it again";

 private:
  std::string where() const {
    return name_.empty() ? file_.string() + ": header" : detail::where(file_, name_);
  }

  bool odd(const std::string& what) {
    detail::fail(where(),
                 what + (field_.empty() ? "" : " (field '" + detail::printable(field_) + "')"),
                 "{\"dtype\": text, \"shape\": [counts], \"data_offsets\": [begin, end]}", kRemedy);
  }

  const fs::path& file_;
  int depth_ = 0;  // open objects
  bool in_array_ = false, in_metadata_ = false;
  std::string name_, field_;
  std::map<std::string, bool> names_, fields_;
};

// The header text; checks every length against the file.
std::string_view header_of(const MappedFile& file) {
  const auto bytes = file.bytes();
  const auto path = file.path().string();
  if (bytes.empty()) detail::fail(path, "an empty file", "safetensors", detail::kFetchAgain);
  if (bytes.size() < 8) {
    detail::fail(path, std::to_string(bytes.size()) + " bytes", "at least the 8 of the header size",
                 detail::kFetchAgain);
  }
  const auto size = detail::load<std::uint64_t>(bytes, 0);
  if (size > bytes.size() - 8 || size > kMostHeaderBytes) {
    detail::fail(path, "a header size of " + std::to_string(size) + " bytes",
                 "at most " +
                     std::to_string(std::min<std::uint64_t>(bytes.size() - 8, kMostHeaderBytes)) +
                     " (file of " + std::to_string(bytes.size()) + " bytes)",
                 "check that this is a complete safetensors file (LFS pointer? broken download?)");
  }
  return {reinterpret_cast<const char*>(bytes.data()) + 8, static_cast<std::size_t>(size)};
}

// Shape, type and byte range of one entry agree, and lie in the data.
TensorView view_of(const Entry& entry, std::span<const std::byte> data, const fs::path& path) {
  const auto where = detail::where(path, entry.name);
  const auto begin = (*entry.offsets)[0];
  const auto end = (*entry.offsets)[1];
  const std::string range = "bytes " + std::to_string(begin) + " to " + std::to_string(end);
  if (begin > end || end > data.size()) {
    detail::fail(where, range,
                 "a range within the " + std::to_string(data.size()) + " bytes of data",
                 detail::kFetchAgain);
  }
  TensorView view{*entry.dtype, *entry.shape, data.data() + begin};
  std::uint64_t wanted = 0;
  try {
    wanted = view.bytes();
  } catch (const InputError&) {
    detail::fail(where, "shape " + to_string(view.shape), "a shape whose product does not overflow",
                 HeaderReader::kRemedy);
  }
  if (wanted != end - begin) {
    detail::fail(where, range + " (" + std::to_string(end - begin) + ")",
                 std::to_string(wanted) + " bytes for shape " + to_string(view.shape) + " of " +
                     std::string(name_of(view.dtype)),
                 HeaderReader::kRemedy);
  }
  return view;
}

// Ranges, taken in order, touch each other and fill the data: no overlap, no hole, no tail.
void check_tiling(const std::vector<Entry>& entries, std::uint64_t data_bytes,
                  const fs::path& path) {
  std::vector<const Entry*> order;
  order.reserve(entries.size());
  for (const auto& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(),
            [](const Entry* a, const Entry* b) { return *a->offsets < *b->offsets; });
  std::uint64_t reached = 0;
  for (const auto* entry : order) {
    const auto begin = (*entry->offsets)[0];
    if (begin != reached) {
      detail::fail(detail::where(path, entry->name),
                   std::string(begin < reached ? "an overlap" : "a hole") + ": begin " +
                       std::to_string(begin),
                   "begin " + std::to_string(reached) + ", where the tensor before ends",
                   HeaderReader::kRemedy);
    }
    reached = (*entry->offsets)[1];
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
  HeaderReader reader(path);
  nlohmann::json::sax_parse(header.begin(), header.end(), &reader);
  const auto data = file->bytes().subspan(8 + header.size());
  TensorSet set;
  set.add_file(path);
  for (const auto& [key, value] : reader.metadata) set.add_metadata(key, value);
  for (const auto& entry : reader.entries)
    set.add(entry.name, view_of(entry, data, path), file, path);
  check_tiling(reader.entries, data.size(), path);
  return set;
}

}  // namespace vega
