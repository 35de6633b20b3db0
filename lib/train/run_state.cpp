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
  if (!base.pictures) return out;
  for (const char* name : {"preprocessor_config.json", "processor_config.json"})
    out.push_back((fs::exists(base.path / name) ? base.path : base.config_folder) / name);
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

bool keeps_apart(const vlm::TrainModel& model) {
  return std::ranges::any_of(model.trained(),
                             [](const vlm::Trained& one) { return one.kept != vlm::Kept::kByAll; });
}

// Model, configuration and state: of rank 0. parts: files that the model is in.
void write_model(RunFolder::Draft& draft, const fs::path& run, std::int64_t step,
                 const TrainSetup& setup, const vlm::TrainModel& model, const Json& counters,
                 int parts) {
  FloatViews weights;
  for (const vlm::Trained& one : model.trained())
    if (one.kept != vlm::Kept::kElsewhere) weights.add(one.name, one.tensor);
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
  draft.write(content, parts);
}

// Of another rank: what it alone keeps of the model.
void write_own_model(const fs::path& draft, const StepPart& part, std::int64_t step,
                     const std::string& run, const vlm::TrainModel& model) {
  FloatViews weights;
  for (const vlm::Trained& one : model.trained())
    if (one.kept == vlm::Kept::kHere) weights.add(one.name, one.tensor);
  write_model_part(draft, part, step, run, weights.views());
}

// What other ranks have written must be what rank 0 lists in DONE.
void check_part(const fs::path& file, const Json& bytes) {
  std::error_code error;
  const auto found = fs::file_size(file, error);
  if (!error && bytes.whole() == static_cast<std::int64_t>(found)) return;
  throw OutputError(
      explain(file.string(), error ? error.message() : fmt::format("{} bytes", found),
              fmt::format("the {} bytes that its rank has written", bytes.whole().value_or(0)),
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
  const std::string run(told["run"].text_or(""));
  const StateShare share = optimizer.share();
  const bool apart = keeps_apart(model);
  const std::vector<Json> parts = ranks.share([&]() -> Json {
    const StepPart part{share.rank, share.ranks};
    if (draft)
      write_model(*draft, folder->path(), step, setup, model, counters, apart ? share.ranks : 1);
    else if (apart)
      write_own_model(path, part, step, run, model);
    if (share.rank != ranks.rank()) return {};
    FloatViews moments;
    for (const auto& [name, tensor] : optimizer.state()) moments.add(name, tensor);
    write_optimizer_part(path, part, step, run, moments.views());
    Json files = Json::object();
    for (const std::string& name : {part.optimizer(), part.model()})
      if (apart || name == part.optimizer()) files.add(name, fs::file_size(path / name));
    return files;
  });
  ranks.together([&] {
    if (draft == nullptr) return;
    for (const Json& files : parts)
      for (const JsonMember& file : files.members()) check_part(path / file.name, file.value);
    draft->publish();
  });
}

namespace {

// Every tensor of a content, which must be `names`, each once: read() is called with each.
template <typename Read>
void read_parts(const StepFolder& step, const std::string& content, std::set<std::string> names,
                const Read& read) {
  for (const fs::path& path : step_files(step.path, content)) {
    const CheckpointFile file(path);
    for (const auto& [name, entry] : file.entries()) {
      if (names.erase(name) == 0)
        throw FormatError(explain(path.string(), "a tensor " + name, "those of what trains, once",
                                  "give the options that the run began with"));
      read(name, file);
    }
  }
  if (!names.empty())
    throw FormatError(explain(step.path.string(), "no tensor " + *names.begin(),
                              "the " + content + "'s tensors of all that trains",
                              "fetch the checkpoint again, or remove it: the one before is used"));
}

}  // namespace

Json restore_state(const StepFolder& step, vlm::TrainModel& model, Optimizer& optimizer) {
  std::set<std::string> names, own;
  for (const auto* list : {&model.trained(), &model.added()})
    for (const vlm::Trained& one : *list) {
      names.insert(one.name);
      if (one.kept != vlm::Kept::kElsewhere) own.insert(one.name);
    }
  read_parts(step, "model", names, [&](const std::string& name, const CheckpointFile& file) {
    if (own.contains(name)) model.restore(name, tensor_from(file.read(name).view));
  });
  const auto states = optimizer.state();
  read_parts(step, "optimizer", optimizer.state_names(),
             [&](const std::string& name, const CheckpointFile& file) {
               if (states.contains(name))
                 optimizer.restore(name, tensor_from(file.read(name).view));
             });
  return read_step_state(step.path)["counters"];
}

}  // namespace vega::train
