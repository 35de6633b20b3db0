#include "evaluate/answer_frames.h"

#include <ATen/Parallel.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/key.h"
#include "base/log.h"
#include "base/publish.h"
#include "core/device.h"
#include "core/dtype.h"
#include "evaluate/answer_inputs.h"
#include "evaluate/conversation.h"
#include "scene/frame_checks.h"
#include "scene/select.h"
#include "scene/source.h"
#include "vlm/qwen_vl.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

void refuse_other_options(const AnswerVerb& o) {
  const std::pair<bool, const char*> given[] = {
      {!o.locate.empty(), "--locate"},     {!o.base.empty(), "--base"},
      {!o.scenes.empty(), "--scenes"},     {!o.semantic.empty(), "--semantic"},
      {!o.features.empty(), "--features"}, {!o.tap.empty(), "--tap"},
      {!o.tokens.empty(), "--tokens"},     {o.allow_mismatch, "--allow-mismatch"},
      {!o.tower.empty(), "--tower"},       {!o.model.empty(), "--model"},
      {!o.prompt.empty(), "--prompt"},     {!o.work.empty(), "--work"}};
  for (const auto& [is_given, name] : given)
    if (is_given)
      throw UsageError(explain(name, o.checkpoint + ", a Qwen2.5-VL model",
                               "--ask alone: it sees frames, and has no other tower and no "
                               "grounding head",
                               "leave the option out"));
}

qwen2_5_vl::PixelBounds bounds_of(const AnswerVerb& o, qwen2_5_vl::PixelBounds bounds) {
  if (o.frames.min_pixels) bounds.least = *o.frames.min_pixels;
  if (o.frames.max_pixels) bounds.most = *o.frames.max_pixels;
  if (bounds.least > bounds.most)
    throw UsageError(explain("--min-pixels, --max-pixels",
                             fmt::format("at least {} and at most {}", bounds.least, bounds.most),
                             "the former not above the latter"));
  return bounds;
}

struct Frames {
  std::string key, where;
  std::vector<std::int64_t> ids;
  std::vector<UnitImage> pictures;
};

// All frames where there are no more than `most`, else so many, evenly spread.
std::vector<std::size_t> spread_frames(const SceneSource& source, std::int64_t most) {
  const auto total = static_cast<std::int64_t>(source.frames.size());
  return uniform_indices(total, std::min(most, total));
}

Frames read_frames(const AnswerVerb& o, const vlm::QwenVlOptions& options) {
  const fs::path path = o.inputs.front();
  Frames out;
  out.where = path.string();
  out.key = o.key.empty() ? scene_key(path) : o.key;
  if (!is_key(out.key))
    throw UsageError(explain("--key", "'" + out.key + "'", "letters, digits, '.', '_', '-'"));
  const SceneSource source = open_source(path);
  const auto used = spread_frames(source, o.frames.most);
  std::vector<FrameSeen> seen = unseen_frames(source, used);
  out.pictures.resize(used.size());
  decode_pictures(source, used, o.workers(), seen, [&](std::size_t n, ImageU8&& picture) {
    out.pictures[n] = qwen2_5_vl::prepare_frame(picture, options.preparation, options.bounds);
  });
  for (const std::size_t n : used) {
    if (!seen[n].color_fault.empty())
      throw InputError(explain(out.where, seen[n].color_fault, "pictures that can be decoded",
                               "take the frame out, or fetch the file again"));
    out.ids.push_back(source.frames[n].id);
  }
  return out;
}

// "32 frames of 504x392, 252 tokens each".
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

Json frames_record(const AnswerVerb& o, const vlm::QwenVl& model, const Frames& frames,
                   const vlm::SeenFrames& seen, const qwen2::GenerationConfig& config) {
  Json run = model.describe();
  run.set("generation", config.describe());
  run.set("device", o.device.device);
  run.set("dtype", name_of(dtype_of(model.decoder().options().dtype)));
  run.set("frames", {{"path", frames.where}, {"ids", frames.ids}});
  run.set("visual_tokens", seen.visual_tokens());
  return run;
}

}  // namespace

int run_answer_frames(const AnswerVerb& o, const Context& context) {
  refuse_other_options(o);
  const at::Device device = use_device(parse_device(o.device.device));
  const DType type = o.device.dtype.value_or(device.is_cuda() ? DType::kBF16 : DType::kF32);
  if (!o.out.empty()) const PartFile trial(fs::path(o.out) / "answers.json");
  const qwen2_5_vl::ImageRule rule = qwen2_5_vl::read_image_rule(o.checkpoint);
  const qwen2::GenerationConfig config = with_options(qwen2::ask_generation(o.checkpoint), o);
  vlm::QwenVlOptions options;
  options.placement = {device, scalar_type(type)};
  options.preparation = o.frames.preparation.value_or(qwen2_5_vl::Preparation::kSpatial);
  options.bounds = bounds_of(o, rule.bounds);
  options.normalization = rule.normalization;
  options.control_words = chosen_switches(o.compat, text::Control::kText).control_words;
  qwen2_5_vl::Checkpoint checkpoint = qwen2_5_vl::open_checkpoint(o.checkpoint);
  text::Tokenizer words = text::Tokenizer::open(o.checkpoint);
  for (const std::string& note : rule.notes) log_warn("{}", note);
  Frames frames = read_frames(o, options);
  log_info("{}: {}", frames.where, sizes_text(frames.pictures));
  at::set_num_threads(o.workers());
  const vlm::QwenVl model(std::move(checkpoint), std::move(words), options);
  for (const std::string& note : config.notes) log_info("{}", note);
  log_info("qwen2.5-vl; {}", config.describe());
  const vlm::SeenFrames seen = model.see(frames.key, frames.pictures);
  frames.pictures.clear();
  Conversation conversation{o, context, config};
  for (const std::string& question : o.ask)
    try_one(conversation, question, [&] {
      answer_one(conversation, question, [&](const std::string& text, const vlm::OnText& on_text) {
        return model.answer(seen, text, config, on_text);
      });
    });
  write_record(conversation, frames.key, frames_record(o, model, frames, seen, config));
  return conversation.failed > 0 ? 4 : 0;
}

}  // namespace vega::evaluate
