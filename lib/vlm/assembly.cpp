#include "vlm/assembly.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "core/check.h"

namespace vega::vlm {

at::Tensor add_newlines(const at::Tensor& tokens, const at::Tensor& newline, Newlines where) {
  check_shape("visual tokens", "tokens", tokens, {kAny, kAny, kAny});
  const std::int64_t frames = tokens.size(0), width = tokens.size(2);
  if (where == Newlines::kNone) return tokens.flatten(0, 1);
  check_shape("visual tokens", "newline", newline, {width});
  if (where == Newlines::kFrame)
    return at::cat({tokens, newline.expand({frames, 1, width})}, 1).flatten(0, 1);
  if (where == Newlines::kOneToken) return at::cat({tokens.flatten(0, 1), newline.unsqueeze(0)});
  const auto side = std::llround(std::sqrt(static_cast<double>(tokens.size(1))));
  check_that(side * side == tokens.size(1), "visual tokens", "tokens",
             std::to_string(tokens.size(1)) + " cells", "a square");
  const at::Tensor rows = tokens.unflatten(1, {side, side});
  return at::cat({rows, newline.expand({frames, side, 1, width})}, 2).flatten(0, 2);
}

at::Tensor rope_positions(std::int64_t before, const at::Tensor& voxels, std::int64_t after) {
  const at::Tensor block =
      add_newlines(at::nan_to_num(voxels, 0), at::zeros({3}), Newlines::kGrid).to(at::kLong).t();
  const std::int64_t count = block.size(1);
  const auto text = [](std::int64_t first, std::int64_t length) {
    return at::arange(first, first + length, at::kLong).expand({3, length});
  };
  return at::cat({text(0, before), block, text(before + count, after)}, 1).contiguous();
}

Sequence splice(std::span<const std::int64_t> ids, const at::Tensor& text, const at::Tensor& visual,
                std::span<const std::int64_t> labels, std::int64_t most) {
  const auto size = static_cast<std::int64_t>(ids.size());
  check_shape("splicing", "text", text, {size, kAny});
  check_that(labels.empty() || labels.size() == ids.size(), "splicing", "labels",
             std::to_string(labels.size()), std::to_string(size));
  const auto places = std::count(ids.begin(), ids.end(), kImageId);
  check_that(places < 2, "splicing", "ids", std::to_string(places) + " places for images",
             "at most one");
  Sequence out;
  out.embeddings = text;
  out.labels.assign(labels.begin(), labels.end());
  if (places == 1) {
    check_that(visual.defined(), "splicing", "ids", "a place for an image", "visual tokens for it");
    check_shape("splicing", "visual", visual, {kAny, text.size(1)});
    const auto at = std::find(ids.begin(), ids.end(), kImageId) - ids.begin();
    out.image_first = at;
    out.image_count = visual.size(0);
    out.embeddings =
        at::cat({text.slice(0, 0, at), visual.to(text.scalar_type()), text.slice(0, at + 1)});
    if (!labels.empty()) {
      out.labels.erase(out.labels.begin() + at);
      out.labels.insert(out.labels.begin() + at, static_cast<std::size_t>(out.image_count),
                        kIgnoreLabel);
    }
  }
  if (out.embeddings.size(0) > most) {
    out.embeddings = out.embeddings.slice(0, 0, most);
    if (!labels.empty()) out.labels.resize(static_cast<std::size_t>(most));
    out.image_count = std::clamp(most - out.image_first, std::int64_t{0}, out.image_count);
  }
  return out;
}

}  // namespace vega::vlm
