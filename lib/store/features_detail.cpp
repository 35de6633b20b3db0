#include "store/features_detail.h"

#include <cstdio>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/key.h"
#include "store/cache_key.h"

namespace vega::detail {
namespace {

// Rows of what is not known: NaN, or 0 of whole numbers.
template <typename Row>
std::vector<Row> unknown_rows(std::size_t count, DType dtype) {
  const double value = dtype == DType::kF64 ? std::numeric_limits<double>::quiet_NaN() : 0;
  Row row{};
  if constexpr (requires { row.fill({}); })
    row.fill(static_cast<typename Row::value_type>(value));
  else
    row = static_cast<Row>(value);
  return std::vector<Row>(count, row);
}

std::pair<std::int64_t, std::int64_t> read_size(const h5::File& file, const std::string& group) {
  const std::string text = file.read_text(group, "size");
  long long width = 0, height = 0;
  if (std::sscanf(text.c_str(), "%lldx%lld", &width, &height) != 2) {
    throw FormatError(explain(file.path().string() + ": " + group + " attribute size",
                              "'" + text + "'", "WIDTHxHEIGHT"));
  }
  return {width, height};
}

}  // namespace

std::string tap_group(const std::string& tap) { return "/taps/" + tap; }
std::string tokens_path(const std::string& tap) { return tap_group(tap) + "/tokens"; }

Shape tokens_shape(const TapInfo& tap, std::size_t frames) {
  return {extent(frames), tap.grid_h, tap.grid_w, tap.channels};
}

void check_frames(const FrameTable& frames) {
  const std::size_t count = frames.id.size();
  if (count == 0) throw InputError(explain("frame table", "no frames", "at least one"));
  check_columns("frame table", frames, count, true);
  if (!frames.thumb_jpeg.empty() && frames.thumb_jpeg.size() != count)
    throw InputError(explain("frame table: thumb_jpeg",
                             std::to_string(frames.thumb_jpeg.size()) + " pictures",
                             std::to_string(count) + ", one a frame"));
}

void check_taps(const std::vector<TapInfo>& taps, std::size_t frames) {
  std::set<std::string> names;
  for (const auto& tap : taps) {
    const std::string where = "tap '" + tap.name + "'";
    if (!is_key(tap.name)) throw InputError(explain(where, "its name", "[A-Za-z0-9._-]+"));
    if (!names.insert(tap.name).second) throw InputError(explain(where, "two of that name", "one"));
    if (tap.grid_h < 1 || tap.grid_w < 1 || tap.channels < 1) {
      throw InputError(
          explain(where, "grid and channels " + to_string(tap.frame_shape()), "positive numbers"));
    }
    if (tap.store_dtype != DType::kBF16 && tap.store_dtype != DType::kF16 &&
        tap.store_dtype != DType::kF32) {
      throw InputError(explain(where, "store type " + std::string(name_of(tap.store_dtype)),
                               "bf16, f16 or f32"));
    }
    if (tap.cell_to_px.size() != frames) {
      throw InputError(explain(where, std::to_string(tap.cell_to_px.size()) + " cell_to_px",
                               std::to_string(frames) + ", one a frame"));
    }
  }
}

void write_frames(PartStore& store, const FrameTable& frames) {
  FrameTable table = frames;
  FrameTable::columns(
      table, [&]<typename Row>(const char*, DType dtype, const Shape&, std::vector<Row>& rows) {
        if (rows.empty()) rows = unknown_rows<Row>(frames.id.size(), dtype);
      });
  write_columns(store.file(), "/frames", table, frames.id.size());
  if (!frames.thumb_jpeg.empty()) store.write_flat("/frames/thumb_jpeg", frames.thumb_jpeg);
}

void write_tap(PartStore& store, const TapInfo& tap, std::size_t frames) {
  h5::File& file = store.file();
  const std::string group = tap_group(tap.name);
  file.make_group(group);
  file.write_text(group, "cache_key", tap.cache_key);
  file.write_text(group, "size", std::to_string(tap.width) + "x" + std::to_string(tap.height));
  TapInfo::attributes(tap, [&](const char* name, auto& value) { file.write(group, name, value); });
  file.write_dataset(group + "/cell_to_px", DType::kF64, {extent(frames), 2, 3},
                     h5::raw_bytes(tap.cell_to_px));
  store.begin_rows(tokens_path(tap.name), tap.store_dtype, tokens_shape(tap, frames));
}

TapInfo read_tap(const h5::File& file, const std::string& name, std::size_t frames) {
  const std::string group = tap_group(name), tokens = tokens_path(name);
  TapInfo tap;
  tap.name = name;
  tap.cache_key = file.read_text(group, "cache_key");
  std::tie(tap.width, tap.height) = read_size(file, group);
  TapInfo::attributes(tap, [&](const char* key, auto& value) { file.read(group, key, value); });
  const auto what = file.info(tokens);
  const bool floating =
      what.dtype == DType::kBF16 || what.dtype == DType::kF16 || what.dtype == DType::kF32;
  if (!floating || what.shape.size() != 4 || what.shape[0] != extent(frames)) {
    throw FormatError(explain(file.path().string() + ": " + tokens,
                              std::string(name_of(what.dtype)) + " " + to_string(what.shape),
                              "bf16, f16 or f32 [" + std::to_string(frames) + ", gh, gw, C]"));
  }
  tap.store_dtype = what.dtype;
  tap.grid_h = what.shape[1];
  tap.grid_w = what.shape[2];
  tap.channels = what.shape[3];
  tap.cell_to_px = h5::values_of<Affine>(
      file.read_dataset(group + "/cell_to_px", DType::kF64, {extent(frames), 2, 3}));
  return tap;
}

std::vector<std::vector<std::byte>> read_thumbs(const h5::File& file, std::size_t frames) {
  if (!file.exists("/frames/thumb_jpeg")) return {};
  return read_flat(file, "/frames/thumb_jpeg", frames);
}

}  // namespace vega::detail
