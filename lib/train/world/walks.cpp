#include "train/world/walks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "media/view.h"
#include "scene/frame.h"
#include "scene/frame_checks.h"
#include "scene/root.h"
#include "train/world/clips.h"

namespace vega::train {
namespace {

at::Tensor tensor_of(const SignedImage& picture) {
  at::Tensor out = at::empty({3, picture.height, picture.width}, at::kFloat);
  std::memcpy(out.mutable_data_ptr<float>(), picture.chw.data(),
              picture.chw.size() * sizeof(float));
  return out;
}

}  // namespace

std::vector<Walk> open_walks(const WorldRecipe& recipe) {
  std::vector<Walk> out;
  for (const Item& item : recipe.items) {
    check_stop();
    Walk walk{item.key, open_source(find_scene(recipe.root, item.path)), {}};
    std::set<std::size_t> taken;
    for (const std::size_t index :
         select_frames(walk.source, usual_candidates(walk.source), recipe.select))
      if (taken.insert(index).second) walk.frames.push_back(index);
    out.push_back(std::move(walk));
  }
  return out;
}

std::size_t picture_count(std::span<const Walk> walks) {
  return std::accumulate(
      walks.begin(), walks.end(), std::size_t{0},
      [](std::size_t sum, const Walk& walk) { return sum + walk.frames.size(); });
}

std::string fingerprint_of(std::span<const Walk> walks, int threads) {
  Hasher all;
  for (const Walk& walk : walks) {
    std::vector<std::string> keys(walk.frames.size());
    parallel_for(keys.size(), threads, [&](std::size_t n) {
      const FrameRef& frame = walk.source.frames[walk.frames[n]];
      keys[n] = xxh3_hex(color_bytes(walk.source, frame));
    });
    all.field(walk.key);
    all.number(static_cast<long long>(keys.size()));
    for (std::size_t n = 0; n < keys.size(); ++n)
      all.number(walk.source.frames[walk.frames[n]].id).field(keys[n]);
  }
  return all.hex();
}

std::string clip_text(std::span<const Walk> walks, const Clip& clip) {
  const Walk& walk = walks[clip.walk];
  std::string out = walk.key + (clip.places.size() == 1 ? ", frame" : ", frames");
  for (std::size_t i = 0; i < clip.places.size(); ++i)
    out +=
        (i == 0 ? " " : ", ") + std::to_string(walk.source.frames[walk.frames[clip.places[i]]].id);
  return out + (clip.mirrored ? ", mirrored" : "");
}

void read_pictures(const Walk& walk, std::span<const std::size_t> places, const WorldRecipe& recipe,
                   const std::function<void(std::size_t n, at::Tensor&& picture)>& take) {
  std::vector<std::size_t> used;
  for (const std::size_t place : places) used.push_back(walk.frames[place]);
  std::vector<FrameSeen> seen = unseen_frames(walk.source, used);
  decode_pictures(walk.source, used, recipe.threads, seen, [&](std::size_t n, ImageU8&& picture) {
    take(n, tensor_of(apply_view(picture, recipe.view, recipe.size)));
  });
  for (const std::size_t index : used) {
    if (seen[index].color_fault.empty()) continue;
    throw InputError(seen[index].color_fault +
                     "\n  leave the frame out, or its whole walk: nothing is trained on a part of "
                     "what was asked for");
  }
}

}  // namespace vega::train
