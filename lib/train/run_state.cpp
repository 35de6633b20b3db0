#include "train/run_state.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/error.h"
#include "core/tensor.h"
#include "store/checkpoint_file.h"
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
              {"ranks", recipe.ranks},
              {"sums", recipe.zero > 1 && recipe.ranks > 1 ? "scene" : "step"}};
}

}  // namespace

void warn_of_other_bits(const RunFolder& folder, const StepFolder& step, const Recipe& recipe) {
  warn_of_other_bits(folder, step, computed_with(recipe));
}

namespace {

// Model, configuration and state: of rank 0.
void write_model(RunFolder::Draft& draft, const fs::path& run, std::int64_t step,
                 const TrainSetup& setup, const vlm::TrainModel& model, const Json& counters) {
  FloatViews weights;
  for (const vlm::Trained& one : model.trained()) weights.add(one.name, one.tensor);
  for (const vlm::Trained& one : model.added()) weights.add(one.name, one.tensor);
  StepContent content;
  content.model = weights.views();
  content.config = model.config().dump(2) + "\n";
  content.copies = copied_files(setup.base);
  Json state = Json::object();
  vlm::describe_saved(state, &setup.base, run, saved_lora(setup.recipe.model.lora),
                      vlm::new_token_ids(model.checkpoint().config));
  state.set("loss_division", name_in<Division>(kDivisions, setup.recipe.division));
  state.set("computed_with", computed_with(setup.recipe));
  state.set("sampler", setup.sampler().state(step));
  state.set("counters", counters);
  content.state = std::move(state);
  draft.write(content);
}

// What other ranks have written must be what rank 0 lists in DONE.
void check_part(const fs::path& file, const Json& told) {
  std::error_code error;
  const auto found = fs::file_size(file, error);
  if (!error && told["bytes"].whole() == static_cast<std::int64_t>(found)) return;
  throw OutputError(explain(
      file.string(), error ? error.message() : fmt::format("{} bytes", found),
      fmt::format("the {} bytes that its rank has written", told["bytes"].whole().value_or(0)),
      "all ranks must write into one folder of a shared file system"));
}

}  // namespace

void save_state(Ranks& ranks, RunFolder* folder, std::int64_t step, const TrainSetup& setup,
                const vlm::TrainModel& model, const Optimizer& optimizer, const Json& counters) {
  std::unique_ptr<RunFolder::Draft> draft;  // of rank 0
  const Json told = ranks.share([&]() -> Json {
    if (folder != nullptr) draft = folder->draft(step);
    if (draft == nullptr) return {};
    return {{"name", draft->path().filename().string()}, {"run", folder->identity()}};
  })[0];
  if (told.is_null()) return;
  const fs::path path = setup.recipe.out / std::string(told["name"].text_or(""));
  const StateShare share = optimizer.share();
  const std::vector<Json> parts = ranks.share([&]() -> Json {
    if (draft) write_model(*draft, folder->path(), step, setup, model, counters);
    if (share.rank != ranks.rank()) return {};
    FloatViews moments;
    for (const auto& [name, tensor] : optimizer.state()) moments.add(name, tensor);
    const OptimizerPart part{share.rank, share.ranks};
    write_optimizer_part(path, part, step, std::string(told["run"].text_or("")), moments.views());
    return {{"bytes", fs::file_size(path / part.name())}};
  });
  ranks.together([&] {
    if (draft == nullptr) return;
    for (int r = 0; r < share.ranks; ++r)
      check_part(path / OptimizerPart{r, share.ranks}.name(), parts[static_cast<std::size_t>(r)]);
    draft->publish();
  });
}

Json restore_state(const StepFolder& step, vlm::TrainModel& model, Optimizer& optimizer) {
  const TensorSet weights = vlm::read_step_tensors(step.path, "model");
  std::set<std::string> names;
  for (const vlm::Trained& one : model.trained()) names.insert(one.name);
  for (const vlm::Trained& one : model.added()) names.insert(one.name);
  require_tensors(names, weights, step.path);
  for (const auto& [name, view] : weights.tensors()) model.restore(name, tensor_from(view));
  const auto own = optimizer.state();
  std::set<std::string> missing = optimizer.state_names();
  for (const fs::path& path : step_files(step.path, "optimizer")) {
    const CheckpointFile file(path);
    for (const auto& [name, entry] : file.entries()) {
      if (missing.erase(name) == 0)
        throw FormatError(explain(path.string(), "a tensor " + name, "those of what trains, once"));
      if (own.contains(name)) optimizer.restore(name, tensor_from(file.read(name).view));
    }
  }
  if (!missing.empty())
    throw FormatError(explain(step.path.string(), "no tensor " + *missing.begin(),
                              "the optimiser's state of all that trains",
                              "fetch the checkpoint again, or remove it: the one before is used"));
  return read_step_state(step.path)["counters"];
}

}  // namespace vega::train
