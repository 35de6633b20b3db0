// Runs the verbs in a folder, and compares feature files.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "exchange/export.h"
#include "exchange/import.h"
#include "store/features.h"
#include "store/inspect.h"
#include "support/support.h"
#include "unit/store/store_samples.h"

namespace vega::test {

using Lines = std::vector<std::pair<std::string, std::string>>;

inline Context context_of(Lines& lines) {
  Context context;
  context.manifest = [&](const std::string& key, const std::string& path) {
    lines.emplace_back(key, path);
  };
  return context;
}

// A manifest, or what was thrown.
inline Lines run(const exchange::ExportOptions& options) {
  Lines lines;
  exchange::run_export(options, context_of(lines));
  return lines;
}

inline Lines run(const exchange::ImportOptions& options) {
  Lines lines;
  exchange::run_import(options, context_of(lines));
  return lines;
}

// The message of the error that ends a run; "" where it succeeds.
template <typename E, typename Options>
std::string error_of(const Options& options) {
  return message_of<E>([&] { run(options); });
}

inline std::filesystem::path sample_path(const TempFolder& folder) {
  return folder / "features" / "wan-832x480" / "scene0011_00.h5";
}

inline void require_equal_frames(const FeatureReader& a, const FeatureReader& b) {
  const FrameTable x = a.frames(), y = b.frames();
  CHECK(x.id == y.id);
  CHECK(x.time_s == y.time_s);
  CHECK(x.world_from_cam == y.world_from_cam);
  CHECK(x.K_color == y.K_color);
  CHECK(x.size_color == y.size_color);
  CHECK(a.thumbs() == b.thumbs());
}

// Everything of a tap but its key.
inline void require_equal_taps(const FeatureReader& a, const std::string& name_a,
                               const FeatureReader& b, const std::string& name_b) {
  const std::size_t i = a.tap_index(name_a), j = b.tap_index(name_b);
  const TapInfo &x = a.taps()[i], &y = b.taps()[j];
  CHECK(x.block == y.block);
  CHECK(x.timestep_asked == y.timestep_asked);
  CHECK(x.timestep_used == y.timestep_used);
  CHECK(x.sigma == y.sigma);
  CHECK(x.noise_xxh3 == y.noise_xxh3);
  CHECK(x.view == y.view);
  CHECK(x.width == y.width);
  CHECK(x.height == y.height);
  CHECK(x.pool == y.pool);
  CHECK(x.compute_dtype == y.compute_dtype);
  CHECK(x.store_dtype == y.store_dtype);
  CHECK(x.frame_shape() == y.frame_shape());
  CHECK(x.cell_to_px == y.cell_to_px);
  CHECK(a.read_tokens(i, 0, a.frame_count()) == b.read_tokens(j, 0, b.frame_count()));
}

}  // namespace vega::test
