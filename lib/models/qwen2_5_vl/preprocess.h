// How a frame becomes the picture that Qwen2.5-VL's tower cuts into patches.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/choice.h"
#include "base/image_types.h"
#include "models/qwen2_5_vl/patches.h"

namespace vega::qwen2_5_vl {

enum class Preparation {
  kSpatial,      // the whole way of VEGA-3D's spatial model and VG-LLM
  kTransformers  // what transformers' image processor does with a picture, and nothing before it
};
inline constexpr Choice<Preparation> kPreparations[] = {
    {Preparation::kSpatial, "spatial",
     "518 pixels wide, cut to multiples of 28 from the top left, then resized to the bounds: as "
     "VEGA-3D's spatial model and its baselines were trained and tested"},
    {Preparation::kTransformers, "transformers",
     "the whole frame resized to the bounds, as transformers gives pictures to Qwen2.5-VL"}};

// Of a picture's area after smart_resize.
struct PixelBounds {
  std::int64_t least = 56 * 56;
  std::int64_t most = 12845056;  // 28 * 28 * 16384
  bool operator==(const PixelBounds&) const = default;
};

struct ImageRule {
  PixelBounds bounds;
  Normalization normalization;
  // What a user should see: which of two bounds of a file counts, that there is no file.
  std::vector<std::string> notes;
};

// preprocessor_config.json, or the image_processor of processor_config.json, where transformers 5
// writes it. min_pixels and max_pixels come before size (shortest_edge and longest_edge, in older
// files min_pixels and max_pixels), as in transformers; where they differ, a note names both.
// Without a file the bounds are those of the released models.
// Throws FormatError (a key of another kind, a least area above the most), InputError (patches,
// merging or resampling that vega does not compute).
ImageRule read_image_rule(const std::filesystem::path& folder);

// The multiples of 28 nearest to the sides (halves to the even multiple), made smaller or larger
// until the area lies within the bounds. Throws InputError (an empty size, sides of more than
// 200:1, which transformers refuses). Source: image_processing_qwen2_vl.py, smart_resize.
ImageSize smart_resize(ImageSize size, PixelBounds bounds);

// The picture in 0..1, sides multiples of 28; of kSpatial that of spatial_frame (media/view.h),
// resized to the bounds. Bit by bit what the reference programs compute
// (Pillow's 8-bit bicubic filter; bytes times 1/255 in double). Throws like smart_resize
// and spatial_frame.
UnitImage prepare_frame(const ImageU8& frame, Preparation preparation, PixelBounds bounds);

}  // namespace vega::qwen2_5_vl
