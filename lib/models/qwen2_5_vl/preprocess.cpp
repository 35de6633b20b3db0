#include "models/qwen2_5_vl/preprocess.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/json_fields.h"
#include "media/image.h"
#include "media/resize.h"
#include "media/view.h"
#include "models/model_path.h"
#include "models/qwen2_5_vl/config.h"

namespace vega::qwen2_5_vl {
namespace fs = std::filesystem;
namespace {

constexpr double kMostAspect = 200;
constexpr std::int64_t kMostArea = std::int64_t{1} << 40;
constexpr auto kProcessor = "vega prepares pictures as Qwen2.5-VL's released processor does";

// Python's round(): halves to the even number.
double round_even(double x) { return std::nearbyint(x); }

// One bound out of a file's two places for it.
std::int64_t bound_of(const JsonFields& file, const JsonFields* size, const char* flat,
                      const char* edge, std::int64_t usual, std::vector<std::string>& notes) {
  const auto own = file.whole(flat, 1, kMostArea);
  std::optional<std::int64_t> nested;
  if (size != nullptr) {
    nested = size->whole(edge, 1, kMostArea);
    const auto older = size->whole(flat, 1, kMostArea);
    if (!nested) nested = older;
  }
  if (own && nested && *own != *nested)
    notes.push_back(
        fmt::format("{}: {} is {} and size.{} is {}: the former counts, as in "
                    "transformers",
                    file.path().string(), flat, *own, edge, *nested));
  return own ? *own : nested.value_or(usual);
}

std::array<float, 3> three_of(const JsonFields& file, const char* name,
                              const std::array<float, 3>& usual) {
  const Json* list = file.find(name);
  if (list == nullptr) return usual;
  std::array<float, 3> out{};
  bool fits = list->is_list() && list->size() == 3;
  for (std::size_t n = 0; fits && n < 3; ++n) {
    const auto value = (*list)[n].number();
    fits = value && std::isfinite(*value) && std::abs(*value) <= 1;
    if (fits) out[n] = static_cast<float>(*value);
  }
  if (!fits) file.refuse(name, "three numbers from -1 to 1", "fetch the file again");
  return out;
}

ImageRule rule_of(const JsonFields& file) {
  ImageRule rule;
  std::optional<JsonFields> size;
  if (const Json* json = file.find("size"); json != nullptr && json->is_object())
    size.emplace(*json, file.path().string() + ": size");
  const JsonFields* nested = size ? &*size : nullptr;
  rule.bounds.least =
      bound_of(file, nested, "min_pixels", "shortest_edge", rule.bounds.least, rule.notes);
  rule.bounds.most =
      bound_of(file, nested, "max_pixels", "longest_edge", rule.bounds.most, rule.notes);
  if (rule.bounds.least > rule.bounds.most)
    throw FormatError(explain(
        file.path().string(),
        fmt::format("at least {} pixels and at most {}", rule.bounds.least, rule.bounds.most),
        "the former not above the latter"));
  rule.normalization.mean = three_of(file, "image_mean", rule.normalization.mean);
  rule.normalization.deviation = three_of(file, "image_std", rule.normalization.deviation);
  if (std::ranges::any_of(rule.normalization.deviation, [](float d) { return d <= 0; }))
    file.refuse("image_std", "three numbers above 0", "fetch the file again");
  file.expect("patch_size", kPatch, kProcessor);
  file.expect("merge_size", kMerge, kProcessor);
  file.expect("temporal_patch_size", kTime, kProcessor);
  file.expect("do_resize", true, kProcessor);
  file.expect("do_normalize", true, kProcessor);
  file.expect("resample", 3, kProcessor);  // Pillow's number of its bicubic filter
  return rule;
}

// A picture of 0 and 255 alone is taken for one of 0 and 1 where it is resized.
bool is_black_and_white(const ImageU8& image) {
  return std::ranges::all_of(image.rgb, [](std::uint8_t v) { return v == 0 || v == 255; });
}

UnitImage unit_of_ones(const ImageU8& image) {
  UnitImage out = to_unit(image);
  const std::size_t plane = out.plane();
  for (std::size_t i = 0; i < plane; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      out.chw[c * plane + i] = static_cast<float>(image.rgb[3 * i + c]);
  return out;
}

}  // namespace

ImageRule read_image_rule(const fs::path& folder) {
  const fs::path own = folder / "preprocessor_config.json",
                 newer = folder / "processor_config.json";
  if (is_there(own)) return rule_of(JsonFields(own));
  if (is_there(newer)) {
    const JsonFields file(newer);
    if (const Json* json = file.find("image_processor"); json != nullptr && json->is_object())
      return rule_of(JsonFields(*json, newer.string() + ": image_processor"));
  }
  ImageRule rule;
  rule.notes.push_back(fmt::format(
      "{}: no preprocessor_config.json; pictures get {} to {} pixels, as of Qwen2.5-VL-Instruct",
      folder.string(), rule.bounds.least, rule.bounds.most));
  return rule;
}

ImageSize smart_resize(ImageSize size, PixelBounds bounds) {
  const double h = size.height, w = size.width;
  if (size.empty() || std::max(h, w) / std::min(h, w) > kMostAspect)
    throw InputError(explain("a frame", to_string(size), "sides of at most 200 to 1"));
  const double cell = static_cast<double>(kCell);
  double high = round_even(h / cell) * cell, wide = round_even(w / cell) * cell;
  if (high * wide > static_cast<double>(bounds.most)) {
    const double beta = std::sqrt(h * w / static_cast<double>(bounds.most));
    high = std::max(cell, std::floor(h / beta / cell) * cell);
    wide = std::max(cell, std::floor(w / beta / cell) * cell);
  } else if (high * wide < static_cast<double>(bounds.least)) {
    const double beta = std::sqrt(static_cast<double>(bounds.least) / (h * w));
    high = std::ceil(h * beta / cell) * cell;
    wide = std::ceil(w * beta / cell) * cell;
  }
  const ImageSize out{static_cast<int>(wide), static_cast<int>(high)};
  if (out.empty())
    throw InputError(explain("a frame", to_string(size),
                             "14 pixels a side or more, or a least area that enlarges it",
                             "give larger frames, or --min-pixels"));
  return out;
}

UnitImage prepare_frame(const ImageU8& frame, Preparation preparation, PixelBounds bounds) {
  if (preparation == Preparation::kTransformers) {
    const ImageSize size = smart_resize(frame.size(), bounds);
    return to_unit(resize_bicubic_pillow(frame, size.width, size.height));
  }
  ImageU8 image = spatial_frame(frame);
  const ImageSize size = smart_resize(image.size(), bounds);
  if (size == image.size()) return to_unit(image);
  // The processor is given numbers from 0 to 1 here and makes bytes of them to resize them; numbers
  // that are all whole it takes for bytes already.
  if (!is_black_and_white(image))
    return to_unit(resize_bicubic_pillow(image, size.width, size.height));
  for (std::uint8_t& value : image.rgb) value = value == 255 ? 1 : 0;
  return unit_of_ones(resize_bicubic_pillow(image, size.width, size.height));
}

}  // namespace vega::qwen2_5_vl
