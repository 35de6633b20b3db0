#include "train/run_state.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "core/tensor.h"
#include "text/tokenizer_file.h"
#include "train/float_views.h"
#include "vlm/saved_step.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

std::optional<vlm::SavedLora> saved_lora(const std::optional<LoraConfig>& lora) {
  if (!lora) return std::nullopt;
  return vlm::SavedLora{lora->rank, lora->alpha, lora->dropout, lora->rank_stabilised};
}

std::vector<fs::path> copied_files(const vlm::VlmCheckpoint& base) {
  std::vector<fs::path> out;
  for (const char* name : text::kTokenizerFiles)
    out.push_back((fs::exists(base.path / name) ? base.path : base.config_folder) / name);
  out.push_back(base.generation_folder / "generation_config.json");
  return out;
}

// What may change the last bits of a step, and is no part of the run's identity.
Json computed_with(const Recipe& recipe) {
  return Json{{"threads", recipe.threads},
              {"pass_tokens", recipe.model.pass_tokens},
              {"ranks", recipe.ranks}};
}

}  // namespace

void warn_of_other_bits(const RunFolder& folder, const StepFolder& step, const Recipe& recipe) {
  warn_of_other_bits(folder, step, computed_with(recipe));
}

void save_state(RunFolder& folder, std::int64_t step, const TrainSetup& setup,
                const vlm::TrainModel& model, const Optimizer& optimizer, const Json& counters) {
  FloatViews weights, moments;
  for (const vlm::Trained& one : model.trained()) weights.add(one.name, one.tensor);
  for (const vlm::Trained& one : model.added()) weights.add(one.name, one.tensor);
  for (const auto& [name, tensor] : optimizer.state()) moments.add(name, tensor);
  StepContent content;
  content.model = weights.views();
  content.optimizer = moments.views();
  content.config = model.config().dump(2) + "\n";
  content.copies = copied_files(setup.base);
  Json state = Json::object();
  vlm::describe_saved(state, &setup.base, folder.path(), saved_lora(setup.recipe.model.lora),
                      vlm::new_token_ids(model.checkpoint().config));
  state.set("loss_division", name_in<Division>(kDivisions, setup.recipe.division));
  state.set("computed_with", computed_with(setup.recipe));
  state.set("sampler", setup.sampler().state(step));
  state.set("counters", counters);
  content.state = std::move(state);
  folder.save(step, content);
}

Json restore_state(const StepFolder& step, vlm::TrainModel& model, Optimizer& optimizer) {
  const TensorSet weights = vlm::read_step_tensors(step.path, "model");
  std::set<std::string> names;
  for (const vlm::Trained& one : model.trained()) names.insert(one.name);
  for (const vlm::Trained& one : model.added()) names.insert(one.name);
  require_tensors(names, weights, step.path);
  for (const auto& [name, view] : weights.tensors()) model.restore(name, tensor_from(view));
  const TensorSet moments = vlm::read_step_tensors(step.path, "optimizer");
  names.clear();
  for (const auto& [name, tensor] : optimizer.state()) names.insert(name);
  require_tensors(names, moments, step.path);
  for (const auto& [name, view] : moments.tensors()) optimizer.restore(name, tensor_from(view));
  return read_step_state(step.path)["counters"];
}

}  // namespace vega::train
