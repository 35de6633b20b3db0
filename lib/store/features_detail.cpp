#include "store/features_detail.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/key.h"
#include "store/cache_key.h"

namespace vega::detail {
namespace {

constexpr std::int64_t kByteChunk = std::int64_t{1} << 20;  // of flat bytes, which have no frames
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::int64_t extent(std::size_t n) { return static_cast<std::int64_t>(n); }

template <typename T>
T filled(double value) {
  if constexpr (requires(T t) { t.fill({}); }) {
    T row;
    row.fill(static_cast<typename T::value_type>(value));
    return row;
  } else {
    return value;
  }
}

// A per-frame table; where it is empty, `unknown` for every frame.
template <typename T>
void write_table(h5::File& file, const char* name, DType dtype, Shape shape,
                 const std::vector<T>& values, double unknown) {
  const auto frames = static_cast<std::size_t>(shape[0]);
  const auto& rows = values.empty() ? std::vector<T>(frames, filled<T>(unknown)) : values;
  file.write_dataset(std::string("/frames/") + name, dtype, shape, h5::raw_bytes(rows));
}

void require_size(const char* what, std::size_t got, std::size_t frames) {
  if (got == 0 || got == frames) return;
  throw InputError(explain(std::string("frame table: ") + what, std::to_string(got) + " entries",
                           std::to_string(frames) + ", one a frame"));
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
  require_size("time_s", frames.time_s.size(), count);
  require_size("world_from_cam", frames.world_from_cam.size(), count);
  require_size("K_color", frames.K_color.size(), count);
  require_size("size_color", frames.size_color.size(), count);
  require_size("thumb_jpeg", frames.thumb_jpeg.size(), count);
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

void write_frames(h5::File& file, const FrameTable& frames) {
  const std::int64_t count = extent(frames.id.size());
  write_table(file, "id", DType::kI64, {count}, frames.id, 0);
  write_table(file, "time_s", DType::kF64, {count}, frames.time_s, kUnknown);
  write_table(file, "world_from_cam", DType::kF64, {count, 4, 4}, frames.world_from_cam, kUnknown);
  write_table(file, "K_color", DType::kF64, {count, 3, 3}, frames.K_color, kUnknown);
  write_table(file, "size_color", DType::kI32, {count, 2}, frames.size_color, 0);
  if (frames.thumb_jpeg.empty()) return;
  std::vector<std::byte> flat;
  std::vector<std::int64_t> offset{0};
  for (const auto& jpeg : frames.thumb_jpeg) {
    flat.insert(flat.end(), jpeg.begin(), jpeg.end());
    offset.push_back(extent(flat.size()));
  }
  file.write_dataset("/frames/thumb_jpeg", DType::kU8, {extent(flat.size())}, flat, kByteChunk);
  file.write_dataset("/frames/thumb_jpeg_offset", DType::kI64, {count + 1}, h5::raw_bytes(offset),
                     count + 1);
}

void write_tap(h5::File& file, const TapInfo& tap, std::size_t frames) {
  const std::string group = tap_group(tap.name);
  file.make_group(group);
  file.write_text(group, "cache_key", tap.cache_key);
  file.write_int(group, "block", tap.block);
  file.write_number(group, "timestep_asked", tap.timestep_asked);
  file.write_int(group, "timestep_used", tap.timestep_used);
  file.write_number(group, "sigma", tap.sigma);
  file.write_text(group, "noise_xxh3", tap.noise_xxh3);
  file.write_text(group, "view", tap.view);
  file.write_text(group, "size", std::to_string(tap.width) + "x" + std::to_string(tap.height));
  file.write_text(group, "pool", tap.pool);
  file.write_text(group, "compute_dtype", tap.compute_dtype);
  file.write_dataset(group + "/cell_to_px", DType::kF64, {extent(frames), 2, 3},
                     h5::raw_bytes(tap.cell_to_px));
  file.create_dataset(tokens_path(tap.name), tap.store_dtype, tokens_shape(tap, frames));
}

TapInfo read_tap(const h5::File& file, const std::string& name, std::size_t frames) {
  const std::string group = tap_group(name), tokens = tokens_path(name);
  TapInfo tap;
  tap.name = name;
  tap.cache_key = file.read_text(group, "cache_key");
  tap.block = file.read_int(group, "block");
  tap.timestep_asked = file.read_number(group, "timestep_asked");
  tap.timestep_used = file.read_int(group, "timestep_used");
  tap.sigma = file.read_number(group, "sigma");
  tap.noise_xxh3 = file.read_text(group, "noise_xxh3");
  tap.view = file.read_text(group, "view");
  std::tie(tap.width, tap.height) = read_size(file, group);
  tap.pool = file.read_text(group, "pool");
  tap.compute_dtype = file.read_text(group, "compute_dtype");
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
  tap.cell_to_px = h5::values_of<std::array<double, 6>>(
      file.read_dataset(group + "/cell_to_px", DType::kF64, {extent(frames), 2, 3}));
  return tap;
}

FrameTable read_frames(const h5::File& file, std::size_t frames) {
  const std::int64_t count = extent(frames);
  const auto read = [&](const char* name, DType dtype, const Shape& shape) {
    return file.read_dataset(std::string("/frames/") + name, dtype, shape);
  };
  FrameTable table;
  table.id = h5::values_of<std::int64_t>(read("id", DType::kI64, {count}));
  table.time_s = h5::values_of<double>(read("time_s", DType::kF64, {count}));
  table.world_from_cam =
      h5::values_of<std::array<double, 16>>(read("world_from_cam", DType::kF64, {count, 4, 4}));
  table.K_color = h5::values_of<std::array<double, 9>>(read("K_color", DType::kF64, {count, 3, 3}));
  table.size_color =
      h5::values_of<std::array<std::int32_t, 2>>(read("size_color", DType::kI32, {count, 2}));
  return table;
}

std::vector<std::vector<std::byte>> read_thumbs(const h5::File& file, std::size_t frames) {
  if (!file.exists("/frames/thumb_jpeg")) return {};
  const auto flat = file.read_dataset("/frames/thumb_jpeg", DType::kU8, {-1});
  const auto offset = h5::values_of<std::int64_t>(
      file.read_dataset("/frames/thumb_jpeg_offset", DType::kI64, {extent(frames) + 1}));
  if (offset.front() != 0 || offset.back() != static_cast<std::int64_t>(flat.size()) ||
      !std::is_sorted(offset.begin(), offset.end())) {
    throw FormatError(explain(file.path().string() + ": /frames/thumb_jpeg_offset",
                              "offsets that do not tile thumb_jpeg",
                              "0 up to " + std::to_string(flat.size())));
  }
  std::vector<std::vector<std::byte>> jpegs;
  for (std::size_t i = 0; i + 1 < offset.size(); ++i) {
    jpegs.emplace_back(flat.begin() + offset[i], flat.begin() + offset[i + 1]);
  }
  return jpegs;
}

}  // namespace vega::detail
