#include "evaluate/answer_inputs.h"

#include "base/error.h"

namespace vega::evaluate {

void check_model_options(const AnswerVerb& o) {
  if (o.checkpoint.empty())
    throw UsageError(explain("--checkpoint", "nothing", "a folder with a model"));
  if (o.temperature && *o.temperature == 0 && (o.top_p || o.top_k))
    throw UsageError(explain("--temperature 0", "--top-p or --top-k beside it",
                             "one or the other: 0 draws nothing"));
  const bool draws = (o.temperature && *o.temperature > 0) || o.top_p || o.top_k;
  if (o.greedy && draws)
    throw UsageError(
        explain("--greedy", "--temperature, --top-p or --top-k beside it", "one or the other"));
}

vlm::Switches chosen_switches(std::optional<Compat> compat, text::Control words) {
  vlm::Switches out = vlm::switches_of(compat.value_or(Compat::kReference));
  if (compat) return out;
  out.control_words = words;
  out.cut_prompts = false;
  return out;
}

qwen2::GenerationConfig with_options(qwen2::GenerationConfig config, const AnswerVerb& o) {
  if (o.max_new_tokens) config.max_new_tokens = *o.max_new_tokens, config.max_length = 0;
  if (o.repetition_penalty) config.sampling.repetition_penalty = *o.repetition_penalty;
  if (o.top_p) config.sampling.top_p = *o.top_p;
  if (o.top_k) config.sampling.top_k = *o.top_k;
  if (o.top_p || o.top_k) config.sampling.sample = true;
  if (o.temperature) {
    config.sampling.sample = *o.temperature > 0;
    if (config.sampling.sample) config.sampling.temperature = *o.temperature;
  }
  if (o.greedy) config.sampling.sample = false;
  config.seed = static_cast<std::uint64_t>(o.seed);
  return config;
}

ScanInputs scan_inputs(const AnswerVerb& o, const vlm::VlmCheckpoint& checkpoint) {
  ScanInputs in;
  in.scenes = o.scenes;
  in.semantic = o.semantic;
  in.features = o.features;
  in.tokens = o.tokens;
  in.tower = o.tower;
  if (in.tower.empty() && checkpoint.tower) in.tower = checkpoint.tower->folder.string();
  in.model = o.model;
  in.prompt = o.prompt;
  in.work = o.work;
  ScanJob& job = in.job;
  const TrainedOn& trained = checkpoint.modules.trained_on;
  job.block = trained.block;
  job.timestep = trained.timestep;
  job.shift = trained.shift;
  if (trained.width > 0)
    job.size = {static_cast<int>(trained.width), static_cast<int>(trained.height)};
  job.view = trained.view;
  job.center_crop = checkpoint.view() == "center_crop";
  job.compat = o.compat.value_or(Compat::kReference);
  job.device = o.device.device;
  job.dtype = o.device.dtype;
  job.threads = o.threads;
  return in;
}

}  // namespace vega::evaluate
