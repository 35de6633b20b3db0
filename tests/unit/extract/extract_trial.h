// The frames of a made-up room through a backbone, without the verb around them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "extract/compute.h"
#include "extract/scene_input.h"
#include "extract_samples.h"
#include "scene/source.h"

namespace vega::test {

// All frames in batches of at most `batch` (0: frame by frame), and the file that came out.
struct Trial {
  TempFolder folder;
  int count;
  SceneSource source;
  extract::Recipe recipe;
  extract::FeatureOptions options;
  std::int64_t batch = 4;
  std::int64_t most = 0;  // of the batching, afterwards
  extract::ComputeWork work;
  extract::DeviceLane lane;

  explicit Trial(int frames = 7, at::Device device = at::kCPU) : count(frames), lane(device) {
    SceneOptions room;
    room.folder = folder / "room", room.frames = frames, room.width = 64, room.height = 48;
    write_scene(room);
    source = open_source(room.folder);
    set(options, "--size", "64x48"), set(options, "--select", "stride:1");
    set(options, "--view", "stretch"), set(options, "--store-dtype", "fp32");
    recipe = resolve(options);
    recipe.threads = 3, recipe.device = device;
  }

  FeatureReader run(Backbone& backbone, const std::string& name, std::vector<std::size_t> taps) {
    using namespace extract;
    ChosenFrames frames(source, selected_rows(source, "room", recipe.candidates, recipe.select));
    frames.read(1);
    auto seen = unseen_frames(source, frames.indices());
    frames.decode(1, false, seen);
    NoiseSource noise(recipe, "room", backbone.noise_size());
    FeatureHeader header;
    header.key = "room", header.cache_key = "k", header.options_json = "{}";
    header.default_tap = backbone.taps()[taps[0]].name;
    std::vector<TapInfo> infos;
    for (const std::size_t tap : taps) {
      const Tap& from = backbone.taps()[tap];
      TapInfo info;
      info.name = from.name, info.cache_key = "k", info.view = "stretch";
      info.pool = "1x1", info.compute_dtype = "f32", info.store_dtype = DType::kF32;
      info.width = 64, info.height = 48;
      info.grid_h = from.grid_h, info.grid_w = from.grid_w, info.channels = from.channels;
      info.cell_to_px.assign(static_cast<std::size_t>(count), {1, 0, 0, 0, 1, 0});
      infos.push_back(info);
    }
    FeatureWriter writer(folder / name, header, frames.table(false), infos);
    Progress progress("room", "frames", 2 * count, ProgressMode::kOff);
    Backlog storing(kUnstored);
    ComputeJob job{{recipe, frames, noise, {}}, taps, writer, progress, lane, storing};
    noise.checksum(frames);
    Batching batching(batch, !recipe.batch_auto);
    work =
        batch == 0 ? compute_by_frames(job, backbone) : compute_by_batches(job, backbone, batching);
    most = batching.size(0);
    storing.finish();
    writer.finish();
    return FeatureReader(folder / name);
  }
};

}  // namespace vega::test
