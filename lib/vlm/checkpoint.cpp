#include "vlm/checkpoint.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "base/printable.h"
#include "models/model_path.h"
#include "models/qwen2/names.h"
#include "store/step_folder.h"
#include "vlm/adapter.h"
#include "vlm/checkpoint_config.h"
#include "vlm/config_shapes.h"
#include "vlm/saved_step.h"
#include "weights/fingerprint_memory.h"
#include "weights/model_files.h"
#include "weights/safetensors.h"

namespace vega::vlm {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kModel = "model.", kHead = "lm_head.weight";
constexpr auto kTowerPrefix = "model.vision_tower.";
// Parts of the model beside the decoder, below "model.".
constexpr std::array<std::string_view, 6> kParts = {"vision_tower.",
                                                    "mm_projector.",
                                                    "generative_projector.",
                                                    "feature_fusion.",
                                                    "world_position_embedding.",
                                                    "image_newline"};

bool is_part(std::string_view below) {
  return std::ranges::any_of(kParts, [&](auto part) { return below.starts_with(part); });
}

bool has_prefix(const TensorSet& set, std::string_view prefix) {
  const auto& all = set.tensors();
  const auto found = all.lower_bound(std::string(prefix));
  return found != all.end() && found->first.starts_with(prefix);
}

// Extent `axis` of a tensor; 0 where it is not there.
std::int64_t extent(const TensorSet& set, const std::string& name, std::size_t axis) {
  const TensorView* view = set.find(name);
  return view == nullptr || view->shape.size() <= axis ? 0 : view->shape[axis];
}

fs::path base_of(const Adapter& adapter, const CheckpointOptions& options) {
  const fs::path base = !options.base.empty() ? options.base : adapter.base;
  if (!base.empty() && is_folder(base)) return base;
  throw InputError(explain(adapter.folder.string() + ": the model that it was trained on",
                           base.empty() ? "none is named" : "no folder " + base.string(),
                           "its folder", "give it with --base"));
}

// Rows of embedding and head as they are stored; training leaves config.json's number behind.
void read_rows(VlmCheckpoint& c, bool adapted) {
  const std::string embedding = fmt::format("{}{}", kModel, qwen2::kEmbedding);
  const std::int64_t rows = extent(c.set, embedding, 0);
  const std::int64_t head = extent(c.set, std::string(kHead), 0);
  if (rows > 0 && head > 0 && rows != head && adapted) {
    std::vector<std::int64_t> added = c.config.control.ground;
    added.insert(added.end(), c.config.control.coord.begin(), c.config.control.coord.end());
    std::ranges::sort(added);
    log_info("{}: the head has {} rows and the embedding {}: resized as training did",
             c.path.string(), head, rows);
    c.set = with_rows(c.set, std::string(kHead), rows, added);
  }
  if (rows > 0) c.config.text.vocab = rows;
}

void check_decoder(const VlmCheckpoint& c) {
  take_tensors(c.set, qwen2::decoder_tensors(c.config.text), KeyLayout::kCanonical,
               {c.path.string(), std::string(kModel), [](std::string_view below) {
                  return is_part(below) || below.ends_with("rotary_emb.inv_freq");
                }});
}

// What lies outside "model.", and parts that no module takes.
void check_rest(const VlmCheckpoint& c) {
  std::vector<std::string> unknown;
  const auto look_at = [&](const std::string& name) {
    const bool outside =
        !name.starts_with(kModel) && name != kHead && !name.starts_with(kGroundPrefix);
    const bool lost_tower =
        name.starts_with(kTowerPrefix) && !(c.tower && name.starts_with(c.tower->prefix));
    const bool lost_newline = name.starts_with(kNewlineName) && name != kNewlineName;
    const bool lost_position =
        name.starts_with(kPositionPrefix) &&
        !(c.config.position && c.config.position->embedding == Embedding::kMlp);
    if (outside || lost_tower || lost_newline || lost_position) unknown.push_back(name);
  };
  for (const auto& [name, view] : c.set.tensors()) look_at(name);
  for (const auto& [name, type] : c.set.unreadable()) look_at(name);
  if (!unknown.empty())
    throw FormatError(explain(c.path.string(), "unknown tensor " + some_of(unknown),
                              "tensors of a VEGA-3D, Video-3D-LLM or LLaVA-Video checkpoint",
                              "another model, or parts of one that vega does not compute"));
}

void take_newline(const VlmCheckpoint& c) {
  const TensorView* newline = c.set.find(kNewlineName);
  const bool needed = c.config.newlines != Newlines::kNone;
  if (newline == nullptr && !needed) return;
  if (newline == nullptr || newline->shape != Shape{c.config.text.hidden})
    throw FormatError(explain(c.path.string() + ": " + kNewlineName,
                              newline == nullptr ? "no such tensor" : to_string(newline->shape),
                              to_string(Shape{c.config.text.hidden}),
                              "fetch the checkpoint again"));
}

void take_heads(VlmCheckpoint& c) {
  VlmConfig& config = c.config;
  const std::string where = c.path.string();
  if (config.position) {
    const std::int64_t inner = extent(c.set, fmt::format("{}mlp.0.weight", kPositionPrefix), 0);
    if (inner > 0) config.position->inner = inner;
    c.position = take_parameters(c.set, position_specs(*config.position, config.text.hidden),
                                 {where, kPositionPrefix, {}});
  }
  if (config.ground) {
    const std::int64_t inner = extent(c.set, fmt::format("{}_obj.0.weight", kGroundPrefix), 0);
    if (config.ground->type == GroundType::kScore && inner > 0) config.ground->inner = inner;
    c.ground = take_parameters(c.set, ground_specs(*config.ground), {where, kGroundPrefix, {}});
  } else if (has_prefix(c.set, kGroundPrefix)) {
    log_info("{}: a grounding head that config.json does not name is not used", where);
  }
}

void take_modules(VlmCheckpoint& c) {
  const bool started = c.modules.initial_values;  // the base of a step was never trained
  // Which modules must be there is decided here; a set without a gate is no fault of its own.
  c.modules = open_fusion_checkpoint(c.set, c.path, c.config_folder / "config.json",
                                     {.method = {}, .form = {}, .partial = true});
  const auto saved = [&](const char* prefix) {
    const auto found = c.set.tensors().lower_bound(prefix);
    return found != c.set.tensors().end() && found->first.starts_with(prefix) &&
           c.set.origin(found->first).parent_path() == c.config_folder;
  };
  // Where nothing is fused, the projector of what is seen decides.
  const bool trained = c.config.generative ? saved(kGenerativePrefix) || saved(kFusionPrefix)
                                           : saved(kSemanticPrefix);
  if (started && !trained) c.modules.initial_values = true;
  std::vector<std::string> missing;
  if (!c.modules.semantic) missing.emplace_back(kSemanticPrefix);
  if (c.config.generative && !c.modules.generative) missing.emplace_back(kGenerativePrefix);
  if (c.config.fuses && !c.modules.has_fusion) missing.emplace_back(kFusionPrefix);
  if (!missing.empty())
    throw FormatError(explain(
        c.path.string(), "no tensors " + some_of(missing) + "*",
        "the modules that config.json names",
        "of a LoRA folder they are in the base (--base) or in " + std::string(kWholeTensors)));
  if (!c.config.generative && c.modules.generative)
    log_info("{}: a generative projector that config.json switches off is not used",
             c.path.string());
}

// The ids that config.json names are those of the tokeniser.
void check_word(VlmCheckpoint& c, const fs::path& folder, const char* word, const char* key,
                std::vector<std::int64_t>& ids) {
  text::Tokenizer& words = *c.tokenizer;
  const auto known = words.id_of(word);
  if (ids.empty()) {
    if (known) ids.push_back(*known);
    return;
  }
  if (known && *known == ids.front()) return;
  const auto id = static_cast<std::int32_t>(ids.front());  // below the rows: check_ids
  if (!known && !words.has_token(id)) {
    words.add_token(word, false, id);
    return;
  }
  const std::string tokenizer = "the tokeniser of " + folder.string();
  const std::string expected =
      known ? std::to_string(*known) + ", the id that " + tokenizer + " has for it"
            : "an id that is free in " + tokenizer + ": there it is '" +
                  printable(std::string(words.bytes_of(id)), 60) + "'";
  throw FormatError(explain(
      (c.config_folder / "config.json").string() + ": " + key, std::to_string(id) + " for " + word,
      expected, "put the tokeniser that the model was trained with beside its weights"));
}

void open_tokenizer(VlmCheckpoint& c, const CheckpointOptions& options) {
  fs::path folder = options.tokenizer;
  if (folder.empty()) {
    // LoRA folders seldom have a tokeniser.
    const std::array own = {c.path, c.config_folder, c.base};
    const auto found = std::ranges::find_if(own, [](const fs::path& path) {
      return is_there(path / "tokenizer.json") || is_there(path / "vocab.json");
    });
    if (found != own.end()) folder = *found;
  }
  if (folder.empty() && !c.tokenizer) return;  // words() says so
  if (!folder.empty()) c.tokenizer = text::Tokenizer::open(folder);
  ControlIds& ids = c.config.control;
  const ControlIds marks = control_ids(*c.tokenizer);
  ids.im_start = marks.im_start;
  ids.im_end = marks.im_end;
  ids.newline = marks.newline;
  check_word(c, folder, "<ground>", "ground_token_ids", ids.ground);
  check_word(c, folder, "<coord>", "coord_token_ids", ids.coord);
}

void check_ids(const VlmCheckpoint& c) {
  for (const auto* ids : {&c.config.control.ground, &c.config.control.coord}) {
    for (const std::int64_t id : *ids)
      if (id >= c.config.text.vocab)
        throw FormatError(
            explain(c.path.string() + ": the token of id " + std::to_string(id),
                    std::to_string(c.config.text.vocab) + " rows of the embedding",
                    std::to_string(id + 1) + " or more",
                    "give the checkpoint as training saved it, with its vocabulary resized"));
  }
}

// A chain of checkpoints, each trained on the next, ends.
constexpr int kMostBases = 8;

VlmCheckpoint open_below(const fs::path& path, const CheckpointOptions& options, int depth);

VlmCheckpoint open_base(const fs::path& path, const CheckpointOptions& options, DType merged,
                        int depth) {
  CheckpointOptions of_base = options;
  of_base.base.clear();
  of_base.merged = merged, of_base.shapes = false;
  return open_below(path, of_base, depth + 1);
}

void take_base(VlmCheckpoint& c, const VlmCheckpoint& base) {
  c.base = base.base;
  c.files.insert(c.files.end(), base.files.begin(), base.files.end());
  c.generation_folder = base.generation_folder;
}

void open_adapter(VlmCheckpoint& c, const CheckpointOptions& options, int depth) {
  const Adapter adapter = read_adapter(c.path);
  const fs::path named = base_of(adapter, options);
  c.adapted = true;
  c.files.push_back(c.path / kAdapterConfig);
  TensorSet set;
  if (is_step_folder(named) || is_run_folder(named)) {
    const VlmCheckpoint base = open_base(named, options, options.merged, depth);
    take_base(c, base);
    if (!is_there(c.path / "config.json")) c.config_folder = base.config_folder;
    set = base.set;
  } else {
    c.base = c.generation_folder = named;
    if (!is_there(c.path / "config.json")) c.config_folder = c.base;
    set = read_sharded(c.base, "model");
  }
  c.set = merge_adapter(set, adapter, options.merged, options.pairs);
}

// Opens a step of vega-train: its trained tensors over those of its base. Throws where the base is
// no longer the model that the step was trained on.
void open_step(VlmCheckpoint& c, const CheckpointOptions& options, int depth) {
  const StepFolder found = resolve_step(c.path);
  if (found.path != c.path)
    log_info("{}: its newest checkpoint is that of step {}", c.path.string(), found.step);
  c.config_folder = found.path;
  const SavedStep step = read_saved_step(found.path);
  c.files.push_back(found.path / kStateFile);
  if (step.base.empty()) {
    c.base = c.generation_folder = found.path;
    c.set = read_step_tensors(found.path, "model");
    return;
  }
  c.adapted = true;
  const fs::path named = find_base(step, options.base);
  const VlmCheckpoint base = open_base(named, options, step.merged.value_or(options.merged), depth);
  take_base(c, base);
  // Without pairs the fingerprint of a base that has some would be another one.
  const bool whole = options.pairs || !base.adapted;
  const std::string got = whole ? base.fingerprint() : step.fingerprint;
  if (!step.fingerprint.empty() && got != step.fingerprint)
    throw InputError(
        explain(named.string(), "a model of fingerprint " + got,
                step.fingerprint + ", the one that " + found.path.string() + " was trained on",
                "give that model with --base"));
  const VlmConfig config = read_config(JsonFields(found.path / "config.json"));
  c.set = merge_step(base, step, config, options.merged, options.pairs);
  c.tokenizer = base.tokenizer;  // where the step has no files of its own
  c.modules.initial_values = base.modules.initial_values;
}

VlmCheckpoint open_below(const fs::path& path, const CheckpointOptions& options, int depth) {
  if (depth > kMostBases)
    throw FormatError(explain(path.string(), "a chain of more than 8 checkpoints",
                              "a whole model at its end", "does one name itself as its base?"));
  if (!is_folder(path))
    throw InputError(explain("--checkpoint " + path.string(),
                             is_there(path) ? "a file" : "no such folder",
                             "a folder with config.json and model*.safetensors, a LoRA folder, or "
                             "the folder of a training"));
  VlmCheckpoint c;
  c.path = c.config_folder = c.base = c.generation_folder = path;
  c.merged = options.merged;
  if (is_step_folder(path) || is_run_folder(path))
    open_step(c, options, depth);
  else if (is_there(path / kAdapterConfig))
    open_adapter(c, options, depth);
  else if (!options.shapes || has_weights(path))
    c.set = read_sharded(path, "model");
  for (const fs::path& own : {c.config_folder, path})
    if (is_there(own / "generation_config.json")) c.generation_folder = own;
  const JsonFields fields(c.config_folder / "config.json");
  c.config = read_config(fields);
  if (options.shapes && c.set.size() == 0) c.set = shapes_of(c.config, fields);
  read_rows(c, c.adapted);
  c.files.push_back(fields.path());
  c.files.insert(c.files.end(), c.set.files().begin(), c.set.files().end());
  take_modules(c);
  if (has_prefix(c.set, kTowerPrefix)) c.tower = siglip::open_checkpoint(c.set, c.base);
  check_decoder(c);
  check_rest(c);
  take_newline(c);
  take_heads(c);
  check_ids(c);
  open_tokenizer(c, options);
  check_ids(c);  // also those of the tokeniser
  c.family = family_of(c.config);
  return c;
}

}  // namespace

Family family_of(const VlmConfig& config) {
  if (config.generative) return Family::kVega;
  return config.position || config.ground ? Family::kVideo3d : Family::kLlavaVideo;
}

std::string name_of(Family family) {
  switch (family) {
    case Family::kVega: return "vega-3d";
    case Family::kVideo3d: return "video-3d-llm";
    case Family::kQwen: return "qwen2.5-vl";
    default: return "llava-video";
  }
}

Needs VlmCheckpoint::needs() const {
  const bool only = config.fuses && modules.fusion.method == FusionMethod::kOnly;
  // Objects of patch14 are means of semantic tokens, whatever the fusion.
  const bool semantic = !only || (config.ground && config.objects == ObjectMode::kPatch14);
  return {semantic, config.generative, config.position.has_value() || config.ground.has_value()};
}

Needs VlmCheckpoint::needed_files(bool semantic_given, bool generative_given) const {
  Needs out = needs();
  if (config.zero_visual) {
    out.semantic = out.semantic && semantic_given;
    out.generative = out.generative && generative_given;
  }
  return out;
}

std::string VlmCheckpoint::view() const {
  // VEGA-3D's code squashes the frames of the models without generative features too.
  return family == Family::kVideo3d && !config.vega_release ? "center_crop" : "mllm";
}

const text::Tokenizer& VlmCheckpoint::words() const {
  if (tokenizer) return *tokenizer;
  throw InputError(
      explain(adapted ? path.string() + " and its base " + base.string() : path.string(),
              "no tokenizer.json and no vocab.json", "the tokeniser beside the weights",
              "copy it from the model that was trained on"));
}

std::string VlmCheckpoint::fingerprint() const {
  // Merged weights depend on the type that they were rounded to.
  const std::string kind = "vlm/1" + (adapted ? " " + std::string(vega::name_of(merged)) : "");
  return remembered_fingerprint(files, kind, [&] { return vega::fingerprint(set.tensors()); });
}

VlmCheckpoint open_checkpoint(const fs::path& path, const CheckpointOptions& options) {
  return open_below(path, options, 0);
}

FusionCheckpoint open_modules(const fs::path& path, const CheckpointChoice& choice,
                              const fs::path& base) {
  const bool whole = !is_folder(path) || (!is_step_folder(path) && !is_run_folder(path) &&
                                          !is_there(path / kAdapterConfig));
  if (whole && !base.empty())
    throw UsageError(explain("--base " + base.string(), "a checkpoint that needs none",
                             "a LoRA folder, or a step of a training"));
  if (whole) return open_fusion_checkpoint(path, choice);
  const VlmCheckpoint c = open_checkpoint(path, {.base = base, .pairs = false});
  FusionCheckpoint out =
      open_fusion_checkpoint(c.set, path, c.config_folder / "config.json", choice);
  out.initial_values = c.modules.initial_values;
  return out;
}

}  // namespace vega::vlm
