#include "train/world/model_folder.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "models/wan/checkpoint.h"
#include "models/wan/names.h"
#include "models/wan/prompt_file.h"
#include "models/wan/train_dit_tensors.h"
#include "train/float_views.h"
#include "train/part_folder.h"
#include "vlm/saved_step.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

// RUN/initial of a step of RUN.
struct Initial {
  wan::Checkpoint model;
  wan::LinearVae vae;
  wan::ModelRecord record;
};

Initial read_initial(const StepFolder& step) {
  fs::path whole = fs::absolute(step.path).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // "run/step-00000100/"
  const fs::path folder = whole.parent_path() / kInitialFolder;
  const auto record = wan::read_model_record(folder);
  if (!record || record->parent != read_step_state(step.path)["identity"].text_or(""))
    throw InputError(explain(folder.string(), record ? "of another run" : "no model",
                             "the model "
                             "that the run of " +
                                 step.path.string() + " began with",
                             "keep a step in the folder of its run"));
  return {wan::open_checkpoint(folder), wan::read_linear_vae(folder), *record};
}

bool trains(const std::string& name) { return wan::dit_role(name) != wan::DitRole::kText; }

// The type of what trained in a model of a run.
DType trained_type(const wan::Checkpoint& model) {
  for (const auto& [name, view] : model.dit)
    if (trains(name)) return view.dtype;
  return DType::kBF16;
}

// What does not train keeps the type that it has in another model.
wan::StoredTypes stored_types(DType trained, const wan::Checkpoint& other) {
  wan::StoredTypes out = trained;
  for (const auto& [name, view] : other.dit)
    if (!trains(name)) out.others[name] = view.dtype;
  return out;
}

std::string view_text(const std::optional<View>& view) {
  return view ? std::string(name_of(*view)) : "none";
}

// How the record of a step's model differs from that of RUN/initial.
void set_asked(wan::ModelRecord& record, const WorldExport& how) {
  record.block = how.block.value_or(record.block);
  record.timestep = how.timestep.value_or(record.timestep);
  record.trained_on = how.note.value_or(record.trained_on);
  const std::string view = record.options["view"].text_or("");
  if (!record.view && !view.empty()) record.view = view_from_name(view);  // of an earlier vega
}

}  // namespace

bool has_initial(const RunFolder& run) {
  const auto record = wan::read_model_record(run.path() / kInitialFolder);
  return record && record->parent == run.identity();
}

void write_initial(const RunFolder& run, const WorldRecipe& recipe, const Parameters& values,
                   const wan::LinearVae& vae, const at::Tensor& prompt,
                   const std::string& trained_on) {
  const fs::path folder = run.path() / kInitialFolder;
  wan::ModelRecord record;
  record.block = recipe.block;
  record.timestep = recipe.timestep;
  record.size = recipe.size;
  record.view = recipe.view;
  record.trained_on = trained_on;
  record.seeds = {static_cast<std::int64_t>(recipe.seed)};
  record.options = recipe.describe();
  record.parent = run.identity();
  if (vae.pixel_map.defined() && vae.r2 > 0)
    record.figures = Json{{"vae_r2", vae.r2}, {"vae_pixel_r2", vae.pixel_r2}};
  WeightTable weights;
  for (const auto& [name, tensor] : values) weights.emplace(name, tensor);
  std::error_code error;
  const bool replace = fs::exists(folder, error);
  PartFolder part(folder);
  const wan::StoredTypes types =
      recipe.from.empty() ? wan::StoredTypes(recipe.store_dtype)
                          : stored_types(recipe.store_dtype, wan::open_checkpoint(recipe.from));
  wan::write_wan_model(part.path(), recipe.layout, recipe.dit, weights, vae, record, types, prompt);
  part.publish(replace);
}

void write_world_model(const StepFolder& step, const WorldExport& how) {
  const Initial initial = read_initial(step);
  const Json state = read_step_state(step.path);
  const TensorSet ema = vlm::read_step_tensors(step.path, "ema");
  WeightTable weights;
  std::set<std::string> names;
  for (const NamedTensor& tensor : wan::dit_tensors(initial.model.dit_config)) {
    const TensorView* trained = ema.find(tensor.canonical);
    const TensorView& view = trained ? *trained : initial.model.dit.at(tensor.canonical);
    weights.emplace(tensor.canonical, owned_float_from(view));
    names.insert(tensor.canonical);
  }
  for (const auto& [name, view] : ema.tensors())
    if (!names.contains(name))
      throw FormatError(explain(step.path.string(), "a tensor " + name,
                                "tensors of the network in " + initial.model.folder.string()));
  wan::ModelRecord record = initial.record;
  set_asked(record, how);
  record.steps = step.step;
  for (const JsonMember& figure : state["figures"].members())
    record.figures.set(figure.name, figure.value);
  if (record.block >= initial.model.dit_config.layers)
    throw InputError(explain("--block", std::to_string(record.block),
                             "0 to " + std::to_string(initial.model.dit_config.layers - 1)));
  const wan::StoredTypes types =
      stored_types(how.dtype.value_or(trained_type(initial.model)), initial.model);
  const at::Tensor prompt = wan::read_prompt_file(wan::find_prompt({}, initial.model.folder),
                                                  initial.model.dit_config.text_dim);
  PartFolder part(how.out);
  wan::write_wan_model(part.path(), how.layout, initial.model.dit_config, weights, initial.vae,
                       record, types, prompt);
  part.publish(how.replace);
}

std::string difference_of(const WorldExport& how) {
  std::error_code error;
  if (!fs::exists(how.out, error)) return "is not there";
  std::string out;
  const auto compare = [&](const char* what, const std::string& there, const std::string& asked) {
    if (there != asked)
      out += fmt::format("{}has {} {}, asked is {}", out.empty() ? "" : "; ", what, there, asked);
  };
  try {
    const wan::Checkpoint model = wan::open_checkpoint(how.out);
    wan::ModelRecord record = wan::read_model_record(how.out).value_or(wan::ModelRecord{});
    const wan::ModelRecord there = record;
    set_asked(record, how);
    compare("the layout", model.layout,
            std::string(name_in<wan::ModelLayout>(wan::kModelLayouts, how.layout)));
    const DType type = trained_type(model);
    compare("the type", std::string(name_of(type)), std::string(name_of(how.dtype.value_or(type))));
    compare("the block", std::to_string(there.block), std::to_string(record.block));
    compare("the timestep", std::to_string(there.timestep), std::to_string(record.timestep));
    compare("the view", view_text(there.view), view_text(record.view));
    compare("the note", there.trained_on, record.trained_on);
  } catch (const InputError& unreadable) {
    return fmt::format("cannot be read ({})", unreadable.what());
  }
  return out;
}

}  // namespace vega::train
