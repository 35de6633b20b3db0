#include "train/run_state.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "core/tensor.h"
#include "vlm/saved_step.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

// Views of tensors as contiguous float32 on the CPU; `held` keeps copies alive.
class FloatViews {
 public:
  void add(const std::string& name, const at::Tensor& tensor) {
    held_.push_back(tensor.detach().to(at::kCPU, at::kFloat).contiguous());
    views_.emplace(name, view_of(held_.back()));
  }
  const std::map<std::string, TensorView>& views() const { return views_; }

 private:
  std::vector<at::Tensor> held_;
  std::map<std::string, TensorView> views_;
};

std::optional<vlm::SavedLora> saved_lora(const std::optional<LoraConfig>& lora) {
  if (!lora) return std::nullopt;
  return vlm::SavedLora{lora->rank, lora->alpha, lora->dropout, lora->rank_stabilised};
}

std::vector<fs::path> copied_files(const vlm::VlmCheckpoint& base) {
  std::vector<fs::path> out;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt",
                           "added_tokens.json", "special_tokens_map.json"})
    out.push_back((fs::exists(base.path / name) ? base.path : base.config_folder) / name);
  out.push_back(base.generation_folder / "generation_config.json");
  return out;
}

// What may change the last bits of a step, and is no part of the run's identity.
Json computed_with(const Recipe& recipe) {
  return Json{{"threads", recipe.threads}, {"pass_tokens", recipe.model.pass_tokens}};
}

void check_all(const std::set<std::string>& expected, const TensorSet& set, const fs::path& where) {
  for (const std::string& name : expected)
    if (set.find(name) == nullptr)
      throw FormatError(explain(where.string(), "no tensor " + name, "what the run trains",
                                "remove this checkpoint: the one before it is taken then"));
}

}  // namespace

void warn_of_other_bits(const RunFolder& folder, const StepFolder& step, const Recipe& recipe) {
  const Json then = folder.state(step)["computed_with"], now = computed_with(recipe);
  for (const JsonMember& member : now.members()) {
    const Json& before = then[member.name];
    if (before.is_null() || before == member.value) continue;
    log_warn(
        "{}: {} {}, before {}: the last bits of what follows may differ from those of a run "
        "that never stopped",
        folder.path().string(), member.name, member.value.dump(), before.dump());
  }
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

Json restore_state(const RunFolder& folder, const StepFolder& step, vlm::TrainModel& model,
                   Optimizer& optimizer) {
  const TensorSet weights = folder.read_tensors(step, "model");
  std::set<std::string> names;
  for (const vlm::Trained& one : model.trained()) names.insert(one.name);
  for (const vlm::Trained& one : model.added()) names.insert(one.name);
  check_all(names, weights, step.path);
  for (const auto& [name, view] : weights.tensors()) model.restore(name, tensor_from(view));
  const TensorSet moments = folder.read_tensors(step, "optimizer");
  names.clear();
  for (const auto& [name, tensor] : optimizer.state()) names.insert(name);
  check_all(names, moments, step.path);
  for (const auto& [name, view] : moments.tensors()) optimizer.restore(name, tensor_from(view));
  return folder.state(step)["counters"];
}

}  // namespace vega::train
