#include "evaluate/answer_frames.h"

#include <ATen/Parallel.h>
#include <fmt/core.h>

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/key.h"
#include "base/log.h"
#include "base/publish.h"
#include "core/device.h"
#include "core/dtype.h"
#include "evaluate/answer_inputs.h"
#include "evaluate/branch.h"
#include "evaluate/conversation.h"
#include "evaluate/shown_frames.h"
#include "vlm/picture_checkpoint.h"
#include "vlm/qwen_vl.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

std::string key_of(const AnswerVerb& o) {
  std::string key = o.key.empty() ? scene_key(o.inputs.front()) : o.key;
  if (!is_key(key))
    throw UsageError(explain("--key", "'" + key + "'", "letters, digits, '.', '_', '-'"));
  return key;
}

Json frames_record(const AnswerVerb& o, const vlm::QwenVl& model, const ShownFrames& frames,
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
  refuse_scene_options(o, "--ask alone", true);
  const at::Device device = use_device(parse_device(o.device.device));
  const DType type = o.device.dtype.value_or(device.is_cuda() ? DType::kBF16 : DType::kF32);
  if (!o.out.empty()) const PartFile trial(fs::path(o.out) / "answers.json");
  const fs::path folder = vlm::picture_folder(o.checkpoint);
  const qwen2_5_vl::ImageRule rule = qwen2_5_vl::read_image_rule(folder);
  const qwen2::GenerationConfig config = with_options(qwen2::ask_generation(folder), o);
  vlm::QwenVlOptions options = qwen_vl_options(o, rule, device, type);
  options.control_words = chosen_switches(o.compat, text::Control::kText).control_words;
  qwen2_5_vl::Checkpoint checkpoint = vlm::open_qwen(o.checkpoint, o.base);
  take_branch_options(o, checkpoint, options);
  text::Tokenizer words = text::Tokenizer::open(folder);
  for (const std::string& note : rule.notes) log_warn("{}", note);
  const std::string key = key_of(o);
  const bool stored = reads_tokens(o);
  options.sees_frames = !stored;
  ShownFrames frames;
  StoredTokens tokens;
  if (stored) {
    tokens = read_tokens(o, checkpoint, key);
    frames.where = tokens.path.string();
    frames.ids = tokens.ids;
    log_info("{}: {} frames of {}x{} tokens", frames.where, tokens.tokens.size(0),
             tokens.tokens.size(1), tokens.tokens.size(2));
  } else {
    frames = read_shown_frames(o.inputs.front(), o.frames.most, o.workers(), options);
    log_info("{}: {}", frames.where, sizes_text(frames.pictures));
  }
  at::set_num_threads(o.workers());
  const vlm::QwenVl model(std::move(checkpoint), std::move(words), options);
  for (const std::string& note : config.notes) log_info("{}", note);
  log_info("qwen2.5-vl; {}", config.describe());
  say_branch(model);
  const vlm::SeenFrames seen = stored ? model.see_tokens(key, tokens.tokens)
                                      : model.see(key, frames.pictures, frames.branch);
  frames.pictures.clear();
  frames.branch.pixels.clear();
  Conversation conversation{o, context, config};
  for (const std::string& question : o.ask)
    try_one(conversation, question, [&] {
      answer_one(conversation, question, [&](const std::string& text, const vlm::OnText& on_text) {
        return model.answer(seen, text, config, on_text);
      });
    });
  Json run = frames_record(o, model, frames, seen, config);
  if (stored) run.set("tokens_cache_key", tokens.cache_key);
  write_record(conversation, key, std::move(run));
  return conversation.failed > 0 ? 4 : 0;
}

}  // namespace vega::evaluate
