#include "vlm/picture_checkpoint.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "models/model_path.h"
#include "models/qwen2/names.h"
#include "models/qwen2_5_vl/config_json.h"
#include "models/qwen2_5_vl/names.h"
#include "store/step_folder.h"
#include "vlm/config_shapes.h"
#include "vlm/saved_step.h"

namespace vega::vlm {
namespace fs = std::filesystem;
namespace {

using qwen2_5_vl::kNested;
using qwen2_5_vl::kOriginal;

constexpr int kMostSteps = 8;  // a chain of steps, each trained on the next, ends

bool is_trained(const fs::path& path) { return is_step_folder(path) || is_run_folder(path); }

std::string original_name(const std::string& name) {
  const auto renamed = [&](std::string_view from, const char* to) {
    return to + name.substr(from.size());
  };
  if (name.starts_with(kNested.tower)) return renamed(kNested.tower, kOriginal.tower);
  if (name.starts_with(kNested.decoder)) return renamed(kNested.decoder, kOriginal.decoder);
  return name;
}

void take_original_names(qwen2_5_vl::Checkpoint& c) {
  if (c.layout.name == kOriginal.name) return;
  TensorSet set;
  for (const fs::path& file : c.set.files()) set.add_file(file);
  for (const auto& [name, view] : c.set.tensors())
    set.add(original_name(name), view, c.set.owner(name), c.set.origin(name));
  c.set = std::move(set);
  c.layout = kOriginal;
}

// A model without weights.
qwen2_5_vl::Checkpoint shapes_in(const fs::path& folder) {
  const JsonFields fields(folder / "config.json");
  qwen2_5_vl::Checkpoint out;
  out.folder = out.weights = folder;
  out.config = qwen2_5_vl::config_from_json(fields);
  out.set = picture_shapes_of(out.config, fields);
  out.files.push_back(fields.path());
  return out;
}

void take_tower(qwen2_5_vl::Checkpoint& c) {
  c.tower = take_tensors(c.set, qwen2_5_vl::tower_tensors(c.config.vision), KeyLayout::kCanonical,
                         {c.folder.string(), c.layout.tower, {}});
}

void take_tokenizer(VlmCheckpoint& c, const CheckpointOptions& options) {
  std::vector<fs::path> folders{c.config_folder, c.path, c.base};
  if (!options.tokenizer.empty()) folders = {options.tokenizer};
  const auto found = std::ranges::find_if(folders, [](const fs::path& path) {
    return is_there(path / "tokenizer.json") || is_there(path / "vocab.json");
  });
  if (found != folders.end()) c.tokenizer = text::Tokenizer::open(*found);
  if (!c.tokenizer) return;  // words() says so
  const ControlIds marks = control_ids(*c.tokenizer);
  c.config.control.im_start = marks.im_start;
  c.config.control.im_end = marks.im_end;
  c.config.control.newline = marks.newline;
}

void take_config(VlmCheckpoint& c) {
  const qwen2_5_vl::Config& config = c.pictures->model.config;
  c.family = Family::kQwen;
  c.config.text = config.text;
  c.config.generative = c.config.fuses = config.generative;
  c.config.newlines = Newlines::kNone;
  c.config.most_tokens = kPictureTokens;
  if (config.text.max_positions > 0)
    c.config.most_tokens = std::min(kPictureTokens, config.text.max_positions);
}

void take_branch(VlmCheckpoint& c) {
  const fs::path config = c.config_folder / "config.json";
  c.pictures->settings = read_spatial_settings(config, c.set);
  if (!c.config.generative) {
    c.modules.path = c.path;
    c.modules.release = Release::kSpatial;
    c.modules.set = c.set;
    return;
  }
  c.modules = open_fusion_checkpoint(c.set, c.path, config);
  if (!c.modules.merger)
    throw FormatError(explain(c.path.string(),
                              "no tensors " + std::string(kSpatialMergerPrefix) + "*",
                              "those of the generative branch, which config.json names "
                              "(use_generative_encoder)",
                              "the checkpoint is not whole: fetch it again"));
}

VlmCheckpoint open_chain(const fs::path& path, const CheckpointOptions& options, int depth);

// A step's trained tensors over those of its base.
qwen2_5_vl::Checkpoint open_step(VlmCheckpoint& c, const CheckpointOptions& options, int depth) {
  const StepFolder found = resolve_step(c.path);
  if (found.path != c.path)
    log_info("{}: its newest checkpoint is that of step {}", c.path.string(), found.step);
  c.config_folder = found.path;
  const SavedStep step = read_saved_step(found.path);
  if (step.base.empty())
    throw FormatError(explain(found.path.string(), "a step that names no base",
                              "a step of vega-train over a folder of Qwen2.5-VL"));
  const fs::path named = find_base(step, options.base);
  CheckpointOptions of_base = options;
  of_base.base.clear();
  of_base.shapes = false;
  of_base.merged = step.merged.value_or(options.merged);
  const VlmCheckpoint base = open_chain(named, of_base, depth + 1);
  const std::string got = base.fingerprint();
  if (!step.fingerprint.empty() && got != step.fingerprint)
    throw InputError(
        explain(named.string(), "a model of fingerprint " + got,
                step.fingerprint + ", the one that " + found.path.string() + " was trained on",
                "give that model with --base"));
  c.adapted = true;
  c.base = base.base;
  c.generation_folder = base.generation_folder;
  c.tokenizer = base.tokenizer;  // where the step has no files of its own
  qwen2_5_vl::Checkpoint out = base.pictures->model;
  out.folder = found.path;
  const JsonFields fields(found.path / "config.json");
  out.config = qwen2_5_vl::config_from_json(fields);
  VlmConfig config;
  config.text = out.config.text;
  out.set = merge_step(base, step, config, options.merged, options.pairs);
  out.files.insert(out.files.begin(), {found.path / kStateFile, fields.path()});
  for (const fs::path& file : out.set.files())
    if (std::ranges::find(out.files, file) == out.files.end()) out.files.push_back(file);
  return out;
}

VlmCheckpoint open_chain(const fs::path& path, const CheckpointOptions& options, int depth) {
  if (depth > kMostSteps)
    throw FormatError(explain(path.string(), "a chain of more than 8 checkpoints",
                              "a whole model at its end", "does one name itself as its base?"));
  VlmCheckpoint c;
  c.path = c.config_folder = c.base = c.generation_folder = path;
  c.merged = options.merged;
  qwen2_5_vl::Checkpoint model;
  if (is_trained(path))
    model = open_step(c, options, depth);
  else if (options.shapes && !has_weights(path))
    model = shapes_in(path);
  else
    model = qwen2_5_vl::open_checkpoint(path);
  take_original_names(model);
  take_tower(model);
  c.set = model.set;
  c.files = model.files;
  if (is_there(c.config_folder / "generation_config.json")) c.generation_folder = c.config_folder;
  const bool own = is_there(c.config_folder / "preprocessor_config.json") ||
                   is_there(c.config_folder / "processor_config.json");
  c.pictures = PictureParts{
      std::move(model), qwen2_5_vl::read_image_rule(own ? c.config_folder : c.base), {}};
  take_config(c);
  take_branch(c);
  take_tokenizer(c, options);
  return c;
}

}  // namespace

fs::path picture_folder(const fs::path& path) {
  return is_trained(path) ? resolve_step(path).path : path;
}

bool is_picture_model(const fs::path& path) {
  const fs::path folder = picture_folder(path);
  return is_there(folder / "config.json") && qwen2_5_vl::is_qwen2_5_vl(folder);
}

VlmCheckpoint open_picture_checkpoint(const fs::path& path, const CheckpointOptions& options) {
  return open_chain(path, options, 0);
}

qwen2_5_vl::Checkpoint open_qwen(const fs::path& path, const fs::path& base) {
  if (is_trained(path)) return open_chain(path, {.base = base}, 0).pictures->model;
  if (!base.empty())
    throw UsageError(explain("--base " + base.string(), path.string() + ", which needs none",
                             "a step of a training, or the folder of a run"));
  return qwen2_5_vl::open_checkpoint(path);
}

}  // namespace vega::vlm
