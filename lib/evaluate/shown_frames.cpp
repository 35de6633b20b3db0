#include "evaluate/shown_frames.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "core/dtype.h"
#include "media/decode.h"
#include "media/exif.h"
#include "media/jpeg.h"
#include "media/orientation.h"
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

// Of a picture what tower and branch take.
void take_picture(const ImageU8& picture, std::size_t place, const vlm::QwenVlOptions& options,
                  ShownFrames& out) {
  out.pictures[place] = qwen2_5_vl::prepare_frame(picture, options.preparation, options.bounds);
  if (!options.branch_size.empty())
    out.branch.pixels[place] =
        vlm::branch_pixels(picture, options.preparation, options.branch_size);
}

void make_room(std::size_t count, const vlm::QwenVlOptions& options, ShownFrames& out) {
  out.pictures.resize(count);
  if (!options.branch_size.empty()) out.branch.pixels.resize(count);
}

// The largest square in the middle; of an odd rest the smaller half is before it.
ImageU8 middle_square(const ImageU8& image) {
  const int side = std::min(image.width, image.height);
  const int left = (image.width - side) / 2, top = (image.height - side) / 2;
  ImageU8 out(side, side);
  const std::size_t bytes = 3 * static_cast<std::size_t>(side);
  for (int y = 0; y < side; ++y)
    std::copy_n(image.row(top + y) + 3 * static_cast<std::size_t>(left), bytes,
                out.rgb.begin() + static_cast<std::ptrdiff_t>(bytes * static_cast<std::size_t>(y)));
  return out;
}

}  // namespace

void refuse_scene_options(const AnswerVerb& o, const std::string& instead, bool tokens,
                          bool scans) {
  const bool stored = tokens && (!o.tokens.empty() || !o.semantic.empty());
  refuse_given({{!o.locate.empty(), "--locate"},
                {!o.scenes.empty(), "--scenes"},
                {!o.features.empty(), "--features"},
                {!o.semantic.empty() && !stored, "--semantic"},
                {!o.tokens.empty() && !stored, "--tokens"},
                {!o.tap.empty() && !stored, "--tap"},
                {o.allow_mismatch && !stored, "--allow-mismatch"},
                {!o.tower.empty(), "--tower"},
                {!o.work.empty(), "--work"},
                {!scans && !o.task.scans.empty(), "--scans"},
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
  make_room(used.size(), options, out);
  decode_pictures(source, used, threads, seen, [&](std::size_t n, ImageU8&& picture) {
    take_picture(picture, n, options, out);
  });
  for (const std::size_t n : used) {
    if (!seen[n].color_fault.empty())
      throw InputError(explain(out.where, seen[n].color_fault, "pictures that can be decoded",
                               "take the frame out, or fetch the file again"));
    out.ids.push_back(source.frames[n].id);
  }
  if (!options.branch_size.empty()) out.branch.ids = out.ids;
  out.fingerprint = fingerprint_of(source, used);
  return out;
}

ShownFrames read_shown_pictures(const std::vector<fs::path>& files, bool squares,
                                const vlm::QwenVlOptions& options) {
  ShownFrames out;
  out.where = files.at(0).string();
  out.total = std::ssize(files);
  InputFingerprint fingerprint;
  std::vector<ImageU8> pictures;
  for (const fs::path& file : files) {
    const std::vector<std::byte> bytes = read_file(file);
    const std::int64_t id = std::ssize(out.ids);
    fingerprint.add_frame(id, bytes);
    out.ids.push_back(id);
    pictures.push_back(orient(decode_image(bytes, file.string()), exif_orientation(bytes)));
  }
  const bool cut = squares && std::ranges::any_of(pictures, [&](const ImageU8& one) {
                     return one.size() != pictures.front().size();
                   });
  make_room(pictures.size(), options, out);
  for (std::size_t n = 0; n < pictures.size(); ++n) {
    if (cut) pictures[n] = middle_square(pictures[n]);
    const auto encoded = encode_jpeg(pictures[n], kShownJpegQuality);
    take_picture(decode_jpeg(encoded, files[n].string()), n, options, out);
  }
  if (!options.branch_size.empty()) out.branch.ids = out.ids;
  out.fingerprint = fingerprint.hex();
  return out;
}

std::string sizes_text(const std::vector<UnitImage>& pictures, const char* one) {
  std::map<std::pair<int, int>, int> sizes;
  for (const UnitImage& picture : pictures) ++sizes[{picture.width, picture.height}];
  std::string out;
  for (const auto& [size, count] : sizes) {
    const auto [width, height] = size;
    out += fmt::format("{}{} of {}x{}, {} tokens{}", out.empty() ? "" : "; ",
                       plural(static_cast<std::size_t>(count), one), width, height,
                       (width / qwen2_5_vl::kCell) * (height / qwen2_5_vl::kCell),
                       count == 1 ? "" : " each");
  }
  return out;
}

}  // namespace vega::evaluate
