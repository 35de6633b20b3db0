#include "evaluate/shown_frames.h"

#include <fmt/core.h>

#include <map>
#include <utility>

#include "base/error.h"
#include "core/dtype.h"
#include "media/decode.h"
#include "run/refuse_given.h"
#include "scene/frame_checks.h"
#include "scene/frame_store.h"
#include "scene/source.h"
#include "store/cache_key.h"
#include "tasks/vsi.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

// Of a frame of a folder its file; else what the container says.
std::string fingerprint_of(const SceneSource& source, const std::vector<std::size_t>& used) {
  InputFingerprint out;
  for (const std::size_t n : used) {
    const FrameRef& frame = source.frames[n];
    out.add_frame(frame.id, source.container ? source.container->color_bytes(frame.place)
                                             : read_file(frame.color));
  }
  return out.hex();
}

}  // namespace

void refuse_scene_options(const AnswerVerb& o, const std::string& instead, bool tokens) {
  const bool stored = tokens && (!o.tokens.empty() || !o.semantic.empty());
  refuse_given({{!o.locate.empty(), "--locate"},
                {!o.base.empty(), "--base"},
                {!o.scenes.empty(), "--scenes"},
                {!o.features.empty(), "--features"},
                {!o.semantic.empty() && !stored, "--semantic"},
                {!o.tokens.empty() && !stored, "--tokens"},
                {!o.tap.empty() && !stored, "--tap"},
                {o.allow_mismatch && !stored, "--allow-mismatch"},
                {!o.tower.empty(), "--tower"},
                {!o.work.empty(), "--work"},
                {!o.task.scans.empty(), "--scans"},
                {o.task.objects.has_value(), "--objects"}},
               o.checkpoint + ", a Qwen2.5-VL model",
               instead +
                   ": it sees frames, and has no other tower and no "
                   "grounding head");
}

vlm::QwenVlOptions qwen_vl_options(const AnswerVerb& o, const qwen2_5_vl::ImageRule& rule,
                                   at::Device device, DType type) {
  vlm::QwenVlOptions out;
  out.placement = {device, scalar_type(type)};
  out.preparation = o.frames.preparation.value_or(qwen2_5_vl::Preparation::kSpatial);
  out.bounds = rule.bounds;
  if (o.frames.min_pixels) out.bounds.least = *o.frames.min_pixels;
  if (o.frames.max_pixels) out.bounds.most = *o.frames.max_pixels;
  if (out.bounds.least > out.bounds.most)
    throw UsageError(
        explain("--min-pixels, --max-pixels",
                fmt::format("at least {} and at most {}", out.bounds.least, out.bounds.most),
                "the former not above the latter"));
  out.normalization = rule.normalization;
  return out;
}

ShownFrames read_shown_frames(const fs::path& path, std::int64_t most, int threads,
                              const vlm::QwenVlOptions& options) {
  ShownFrames out;
  out.where = path.string();
  const SceneSource source = open_source(path);
  out.total = std::ssize(source.frames);
  std::vector<std::size_t> used;
  for (const std::int64_t place : tasks::vsi_frames(out.total, most))
    used.push_back(static_cast<std::size_t>(place));
  std::vector<FrameSeen> seen = unseen_frames(source, used);
  out.pictures.resize(used.size());
  const bool branch = !options.branch_size.empty();
  if (branch) out.branch.pixels.resize(used.size());
  decode_pictures(source, used, threads, seen, [&](std::size_t n, ImageU8&& picture) {
    out.pictures[n] = qwen2_5_vl::prepare_frame(picture, options.preparation, options.bounds);
    if (branch)
      out.branch.pixels[n] = vlm::branch_pixels(picture, options.preparation, options.branch_size);
  });
  for (const std::size_t n : used) {
    if (!seen[n].color_fault.empty())
      throw InputError(explain(out.where, seen[n].color_fault, "pictures that can be decoded",
                               "take the frame out, or fetch the file again"));
    out.ids.push_back(source.frames[n].id);
  }
  if (branch) out.branch.ids = out.ids;
  out.fingerprint = fingerprint_of(source, used);
  return out;
}

std::string sizes_text(const std::vector<UnitImage>& pictures) {
  std::map<std::pair<int, int>, int> sizes;
  for (const UnitImage& picture : pictures) ++sizes[{picture.width, picture.height}];
  std::string out;
  for (const auto& [size, count] : sizes) {
    const auto [width, height] = size;
    out += fmt::format("{}{} frame{} of {}x{}, {} tokens{}", out.empty() ? "" : "; ", count,
                       count == 1 ? "" : "s", width, height,
                       (width / qwen2_5_vl::kCell) * (height / qwen2_5_vl::kCell),
                       count == 1 ? "" : " each");
  }
  return out;
}

}  // namespace vega::evaluate
