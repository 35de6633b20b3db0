#include "train/read_pictures.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "core/tensor.h"
#include "media/decode.h"
#include "train/draw_marks.h"
#include "train/stored_pictures.h"
#include "vlm/generative_branch.h"

namespace vega::train {
namespace {

using qwen2_5_vl::kCell;
using qwen2_5_vl::Preparation;

}  // namespace

vlm::SceneInput shown_pictures(const std::string& key, const std::vector<std::int64_t>& ids,
                               const std::vector<ImageU8>& images,
                               const vlm::VlmCheckpoint& checkpoint, const Eyes& eyes) {
  const std::string where = "pictures of " + key;
  if (images.size() != ids.size())
    throw InputError(explain(where, std::to_string(images.size()), std::to_string(ids.size())));
  const vlm::PictureParts& parts = *checkpoint.pictures;
  vlm::SceneInput out;
  out.key = key;
  out.frame_ids = ids;
  std::vector<at::Tensor> patches, wan;
  for (const ImageU8& image : images) {
    const UnitImage picture =
        qwen2_5_vl::prepare_frame(image, Preparation::kSpatial, parts.rule.bounds);
    const std::array<std::int64_t, 2> grid{picture.height / kCell, picture.width / kCell};
    if (out.grid[0] > 0 && grid != out.grid)
      throw InputError(explain(where, to_string(image.size()),
                               "pictures of one shape, " + to_string(images.front().size())));
    out.grid = grid;
    if (eyes.tower) patches.push_back(qwen2_5_vl::patches_of(picture, parts.rule.normalization));
    if (!eyes.wan || !checkpoint.config.generative) continue;
    const SignedImage pixels =
        vlm::branch_pixels(image, Preparation::kSpatial, parts.settings.size);
    wan.push_back(float_tensor(pixels.chw, {3, pixels.height, pixels.width}));
  }
  if (!patches.empty()) out.patches = at::stack(patches);
  if (!wan.empty()) out.wan_pixels = at::stack(wan);
  return out;
}

vlm::SceneInput read_pictures(const ScenePlace& place, const Recipe& recipe,
                              const vlm::VlmCheckpoint& checkpoint, const VideoAccess& videos) {
  const Eyes eyes{place.semantic.empty(), checkpoint.config.generative && place.generative.empty()};
  vlm::SceneInput out;
  if (eyes.tower || eyes.wan) {
    std::vector<ImageU8> images;
    if (!place.video.empty())
      images = videos.frames(place.video, place.frame_ids);
    else
      for (const std::filesystem::path& path : place.pictures)
        images.push_back(decode_image(read_file(path), path.string()));
    for (std::size_t n = 0; n < images.size(); ++n) draw_marks(place.marks, n, images[n]);
    out = shown_pictures(place.key, place.frame_ids, images, checkpoint, eyes);
    if (out.grid != place.grid)
      throw InputError(
          explain("pictures of " + place.key, to_string(images.front().size()),
                  fmt::format("{} tokens of each, as before the first step", place.picture_tokens),
                  "bring the files back that the run began with"));
  }
  out.key = place.key;
  out.frame_ids = place.frame_ids;
  out.grid = place.grid;
  out.noise_key = place.noise_key;
  read_stored(place, recipe, out);
  return out;
}

}  // namespace vega::train
