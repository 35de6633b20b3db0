// A whole made-up checkpoint (vega-synth model --preset vlm-tiny) and scenes for it.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "base/json.h"
#include "support/support.h"
#include "synth/model.h"
#include "vlm/vlm.h"

namespace vega::test {

inline std::filesystem::path tiny_checkpoint(const TempFolder& folder,
                                             const std::string& preset = "vlm-tiny") {
  synth::ModelOptions options;
  options.folder = folder / preset;
  options.preset = preset;
  options.progress = ProgressMode::kOff;
  return synth::write_model(options).front();
}

// config.json with some keys set; null takes a key out.
inline void change_config(const std::filesystem::path& checkpoint, const Json& changes) {
  Json config = *parse_json(read_text(checkpoint / "config.json"));
  for (const JsonMember& change : changes.members()) config.set(change.name, change.value);
  write_text(checkpoint / "config.json", config.dump(2));
}

// V frames of numbers, and three objects.
inline vlm::SceneInput tiny_scene(std::int64_t frames = 2) {
  at::manual_seed(5);
  vlm::SceneInput out;
  out.key = "room";
  out.semantic = at::randn({frames, 729, 144});
  out.generative = at::randn({frames, 196, 256});
  out.points = at::rand({frames * 196, 1, 3}) * 6 - 3;
  out.boxes = {{0.5F, 1, 0.5F, 1, 1, 1}, {-1, -1, 0.5F, 1, 2, 1}, {2, 0, 1, 0.5F, 0.5F, 2}};
  out.object_ids = {3, 4, 9};
  out.object_labels = {"chair", "table", ""};
  out.selected = (at::rand({3, frames * 729}) < 0.1).to(at::kFloat);
  return out;
}

}  // namespace vega::test
