#include "extract/chosen.h"

#include <algorithm>
#include <limits>
#include <map>

#include "base/error.h"
#include "store/cache_key.h"
#include "store/scene_file.h"

namespace vega::extract {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// The bytes of a matrix.
std::string as_text(const Intrinsics& matrix) {
  return {reinterpret_cast<const char*>(matrix.data()), sizeof matrix};
}

// Rows that use frames of the source, in order.
Chosen chosen_of(const std::vector<std::size_t>& indices) {
  Chosen chosen;
  std::map<std::size_t, std::size_t> place;
  for (std::size_t row = 0; row < indices.size(); ++row) {
    const auto [at, fresh] = place.emplace(indices[row], chosen.frames.size());
    if (fresh) {
      chosen.frames.push_back(indices[row]);
      chosen.rows.emplace_back();
    }
    chosen.rows[at->second].push_back(row);
    chosen.frame_of_row.push_back(at->second);
  }
  return chosen;
}

}  // namespace

void Chosen::drop(const std::vector<std::size_t>& lost) {
  std::vector<std::size_t> left;
  for (const std::size_t place : frame_of_row) {
    if (!std::binary_search(lost.begin(), lost.end(), place)) left.push_back(frames[place]);
  }
  *this = chosen_of(left);
}

Chosen choose(const SceneSource& source, const Item& item, const Recipe& recipe) {
  std::vector<std::size_t> indices;
  if (recipe.selection.kind == SelectKind::kFrames) {
    const auto path = recipe.selection.path / (item.key + ".h5");
    if (!std::filesystem::exists(path)) {
      throw InputError(explain("--select " + recipe.selection.text, "no " + path.string(),
                               "a vega file of this scene's key"));
    }
    indices = select_ids(source, read_frame_ids(path), path.string());
  } else {
    indices = select_frames(source, recipe.candidates(source), recipe.selection);
  }
  return chosen_of(indices);
}

std::string input_fingerprint(const SceneSource& source, const Chosen& chosen,
                              const FrameCache& cache) {
  InputFingerprint print;
  if (source.K_color) print.add_text("K_color", as_text(*source.K_color));
  for (const std::size_t place : chosen.frame_of_row) {
    const FrameRef& frame = source.frames[chosen.frames[place]];
    print.add_frame(frame.id, cache.encoded(place),
                    frame.world_from_cam ? &*frame.world_from_cam : nullptr);
  }
  return print.hex();
}

FrameTable frame_table(const SceneSource& source, const Chosen& chosen, const FrameCache& cache,
                       bool thumbs) {
  FrameTable table;
  Pose no_pose{};
  Intrinsics no_camera{};
  no_pose.fill(kUnknown);
  no_camera.fill(kUnknown);
  for (const std::size_t place : chosen.frame_of_row) {
    const FrameRef& frame = source.frames[chosen.frames[place]];
    table.id.push_back(frame.id);
    table.time_s.push_back(frame.time_s);
    table.world_from_cam.push_back(frame.world_from_cam.value_or(no_pose));
    table.K_color.push_back(source.K_color.value_or(no_camera));
    table.size_color.push_back({cache.size(place).height, cache.size(place).width});
    if (thumbs) table.thumb_jpeg.push_back(cache.thumb(place));
  }
  return table;
}

}  // namespace vega::extract
