#include "train/export.h"

#include <ATen/ATen.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "nn/lora.h"
#include "train/part_folder.h"
#include "vlm/adapter.h"
#include "vlm/saved_step.h"
#include "vlm/train_parts.h"
#include "weights/safetensors_writer.h"
#include "weights/torch_writer.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr auto kExportHelp =
    R"(A training, one of its steps or any checkpoint as a folder for other programs. hf: the whole model under its
official names, adapters merged in float32 and rounded once; transformers and LLaVA read it. peft: pairs, rows of
new tokens and what was trained whole, over the base. llava: the adapter, what was trained whole in
non_lora_trainables.bin, and config.json. docs/checkpoints.md says what PEFT itself loads of it. A step of vega-train world
becomes a model in the layout of Wan2.1: its running mean of the weights, with the VAE.

Examples:
  vega-train export runs/gate -o exported
  vega-train export runs/lora/step-00000500 --layout peft -o adapter
  vega-train export runs/world/step-00000250 --layout original -o model-250

See also: import, run, world; docs/checkpoints.md, docs/world.md)";

constexpr const char* kPrefix = "base_model.model.";
constexpr auto kHead = "lm_head.weight";
constexpr std::array kTokenizerFiles = {"tokenizer.json",    "tokenizer_config.json",
                                        "vocab.json",        "merges.txt",
                                        "added_tokens.json", "special_tokens_map.json"};

const char* torch_name(DType dtype) { return dtype == DType::kBF16 ? "bfloat16" : "float32"; }

bool is_float(DType dtype) {
  return dtype == DType::kBF16 || dtype == DType::kF16 || dtype == DType::kF32 ||
         dtype == DType::kF64;
}

// A tensor on its way to a file: floating ones are converted while they are written.
struct Outgoing {
  std::string name;
  TensorView view;
};

DType stored_type(const TensorView& view, DType dtype) {
  return is_float(view.dtype) ? dtype : view.dtype;
}

std::vector<TensorSpec> specs_of(const std::vector<Outgoing>& tensors, DType dtype) {
  std::vector<TensorSpec> out;
  for (const Outgoing& one : tensors)
    out.push_back({one.name, stored_type(one.view, dtype), one.view.shape});
  return out;
}

template <typename Write>
void convert(const TensorView& view, DType dtype, const Write& write) {
  if (stored_type(view, dtype) == view.dtype) return write(std::span(view.data, view.bytes()));
  const at::Tensor value = tensor_from(view).to(scalar_type(dtype)).contiguous();
  const TensorView made = view_of(value);
  write(std::span(made.data, made.bytes()));
}

void write_adapter_tensors(const fs::path& path, const std::vector<Outgoing>& tensors,
                           DType dtype) {
  SafetensorsWriter writer(path, specs_of(tensors, dtype), {{"format", "pt"}});
  for (const Outgoing& one : tensors)
    convert(one.view, dtype, [&](auto bytes) { writer.write(one.name, bytes); });
  writer.publish();
}

void write_whole_tensors(const fs::path& path, const std::vector<Outgoing>& tensors, DType dtype) {
  std::vector<TorchEntry> entries;
  for (const Outgoing& one : tensors)
    entries.push_back({{one.name, stored_type(one.view, dtype), one.view.shape},
                       [&one, dtype](const ByteSink& sink) { convert(one.view, dtype, sink); }});
  write_torch_file(path, entries);
}

// What transformers reads of the type, under the name that the base has for it.
Json exported_config(const vlm::VlmCheckpoint& c, DType dtype) {
  Json config = read_json(c.config_folder / "config.json", "a model's configuration");
  config.set(config.contains("dtype") ? "dtype" : "torch_dtype", torch_name(dtype));
  config.set("vocab_size", c.config.text.vocab);
  if (!c.modules.initial_values) config.erase("vega_initial_values");
  return config;
}

void copy_side_files(const vlm::VlmCheckpoint& c, const fs::path& folder) {
  // All of one folder: files of two tokenisers contradict each other.
  for (const fs::path& from : {c.path, c.config_folder, c.base}) {
    std::error_code error;
    const bool has = std::ranges::any_of(
        kTokenizerFiles, [&](const char* name) { return fs::is_regular_file(from / name, error); });
    if (!has) continue;
    for (const char* name : kTokenizerFiles)
      if (fs::is_regular_file(from / name, error)) copy_into(from / name, folder);
    break;
  }
  std::error_code error;
  for (const fs::path& file :
       {c.generation_folder / "generation_config.json", c.base / "preprocessor_config.json"})
    if (fs::is_regular_file(file, error)) copy_into(file, folder);
}

void export_hf(const ExportOptions& o, const vlm::VlmCheckpoint& c, DType dtype,
               const fs::path& out) {
  std::vector<Outgoing> tensors;
  for (const auto& [name, view] : c.set.tensors()) tensors.push_back({name, view});
  ShardedWriter writer(out, "model", specs_of(tensors, dtype),
                       static_cast<std::uint64_t>(o.shard_bytes), {{"format", "pt"}});
  for (const Outgoing& one : tensors)
    convert(one.view, dtype, [&](auto bytes) { writer.write(one.name, bytes); });
  writer.publish();
  copy_side_files(c, out);
  publish_file(out / "config.json", exported_config(c, dtype).dump(2) + "\n");
  log_info("{}: {} tensors as {}", o.out, tensors.size(), torch_name(dtype));
}

// Trained tensors of a step, sorted by the file of the export that they go into.
struct TrainedParts {
  std::vector<Outgoing> pairs, whole;
  std::optional<TensorView> rows;
  std::set<std::string> linears;
};

TrainedParts trained_of(const TensorSet& set) {
  TrainedParts out;
  for (const auto& [name, view] : set.tensors()) {
    const auto mark = name.find(".lora_");
    if (name == vlm::kNewRows) {
      out.rows = view;
    } else if (mark != std::string::npos) {
      out.pairs.push_back({kPrefix + name, view});
      out.linears.insert(name.substr(0, mark));
    } else {
      out.whole.push_back({kPrefix + name, view});
    }
  }
  return out;
}

// The decoder's linears as one expression, where every layer has the same; else all names. A list
// of short names would also match the vision tower's.
Json targets_of(const std::set<std::string>& linears, std::int64_t layers) {
  constexpr std::string_view kLayers = "model.layers.";
  std::map<std::string, std::int64_t> count;
  for (const std::string& name : linears) {
    const auto dot = name.find('.', kLayers.size());
    if (!name.starts_with(kLayers) || dot == std::string::npos) return linears;
    ++count[name.substr(dot + 1)];
  }
  std::string choice;
  for (const auto& [name, times] : count) {
    if (times != layers) return linears;
    if (!choice.empty()) choice += '|';
    for (const char c : name) {
      if (c == '.') choice += '\\';
      choice += c;
    }
  }
  return fmt::format("model\\.layers\\.\\d+\\.({})", choice);
}

Json number_of(double value) {
  const auto whole = static_cast<std::int64_t>(value);
  return static_cast<double>(whole) == value ? Json(whole) : Json(value);
}

Json adapter_config(const vlm::SavedLora& lora, const Json& targets, const fs::path& base) {
  Json ranks = Json::object(), alphas = Json::object();
  for (const auto& [pattern, rank] : lora.ranks) ranks.set(pattern, rank);
  for (const auto& [pattern, alpha] : lora.alphas) alphas.set(pattern, number_of(alpha));
  return {{"peft_type", "LORA"},
          {"task_type", "CAUSAL_LM"},
          {"base_model_name_or_path", base.string()},
          {"r", lora.rank},
          {"lora_alpha", number_of(lora.alpha)},
          {"lora_dropout", lora.dropout},
          {"use_rslora", lora.rank_stabilised},
          {"rank_pattern", ranks},
          {"alpha_pattern", alphas},
          {"target_modules", targets},
          {"modules_to_save", nullptr},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"inference_mode", true},
          {"init_lora_weights", true},
          {"use_dora", false}};
}

// peft moves a linear that has pairs one level down, and its bias with it.
std::string peft_name(const std::string& name, const std::set<std::string>& linears) {
  const auto dot = name.rfind('.');
  const std::string module = name.substr(std::string_view(kPrefix).size());
  if (!linears.contains(module.substr(0, module.rfind('.')))) return name;
  return name.substr(0, dot) + ".base_layer" + name.substr(dot);
}

// Whether the embedding has other rows than the base's: then it goes along whole, with the head.
bool grew(const vlm::VlmCheckpoint& c, const vlm::VlmCheckpoint& base) {
  return c.config.text.vocab != base.config.text.vocab ||
         vlm::new_token_ids(c.config) != vlm::new_token_ids(base.config);
}

void add_tables(const vlm::VlmCheckpoint& c, std::vector<Outgoing>& whole) {
  for (const std::string& name : {vlm::embedding_name(), std::string(kHead)}) {
    const TensorView* view = c.set.find(name);
    const auto same = [&](const Outgoing& one) { return one.name == kPrefix + name; };
    if (view != nullptr && std::ranges::none_of(whole, same))
      whole.push_back({kPrefix + name, *view});
  }
}

void export_adapter(const ExportOptions& o, const vlm::VlmCheckpoint& c, DType dtype,
                    const fs::path& out) {
  const StepFolder found = resolve_step(o.inputs.front());
  const vlm::SavedStep step = vlm::read_saved_step(found.path);
  const TensorSet set = vlm::read_step_tensors(found.path, "model");
  TrainedParts parts = trained_of(set);
  const bool llava = o.layout == ModelLayout::kLlava;
  if (parts.pairs.empty() || step.base.empty())
    throw InputError(explain(found.path.string(), "no pairs of LoRA", "a step that trained them",
                             "--layout hf writes the whole model"));
  const fs::path base_path = vlm::find_base(step, o.base);
  const vlm::VlmCheckpoint base = vlm::open_checkpoint(base_path, {.pairs = false});
  if (base.adapted)
    throw InputError(explain(found.path.string() + ": the base " + base_path.string(),
                             "a LoRA folder or a step of a training", "a whole model",
                             "--layout hf writes the whole model"));
  Json config = adapter_config(*step.lora, targets_of(parts.linears, c.config.text.layers),
                               fs::absolute(base_path).lexically_normal());
  std::vector<Outgoing> file = parts.pairs;
  if (parts.rows || grew(c, base)) {
    if (!llava && !grew(c, base)) {
      config.set("trainable_token_indices",
                 Json{{"embed_tokens", step.new_tokens.value_or(vlm::new_token_ids(c.config))}});
      file.push_back(
          {std::string(kPrefix) + "model.embed_tokens.token_adapter.trainable_tokens_delta",
           *parts.rows});
    } else {
      add_tables(c, parts.whole);
    }
  }
  if (llava) {
    write_whole_tensors(out / vlm::kWholeTensors, parts.whole, dtype);
    copy_side_files(c, out);
    publish_file(out / "config.json", exported_config(c, dtype).dump(2) + "\n");
  } else {
    for (const Outgoing& one : parts.whole)
      file.push_back({peft_name(one.name, parts.linears), one.view});
  }
  write_adapter_tensors(out / "adapter_model.safetensors", file, dtype);
  publish_file(out / vlm::kAdapterConfig, config.dump(2) + "\n");
  log_info("{}: {} pairs, {} whole tensors, as {}", o.out, parts.pairs.size() / 2,
           parts.whole.size(), torch_name(dtype));
}

bool is_exported(const std::string& name) {
  static constexpr std::array kOwn = {
      "config.json", "generation_config.json", "adapter_config.json", "adapter_model.safetensors",
      "non_lora_trainables.bin", "preprocessor_config.json",
      // of a generator
      "model_index.json", "transformer", "vae", "diffusion_pytorch_model.safetensors",
      "Wan2.1_VAE.pth", "prompt.h5", "pixels.safetensors", "vega_model.json"};
  const bool model = name.starts_with("model") &&
                     (name.ends_with(".safetensors") || name == "model.safetensors.index.json");
  return model || std::ranges::find(kOwn, name) != kOwn.end() ||
         std::ranges::find(kTokenizerFiles, name) != kTokenizerFiles.end();
}

// Whether the folder must be taken away first. An export is replaced, nothing else.
bool check_out(const fs::path& out, bool overwrite) {
  std::error_code error;
  if (!fs::exists(out, error)) return false;
  if (!fs::is_directory(out, error))
    throw OutputError(explain(out.string(), "a file", "a folder", "choose another -o"));
  bool filled = false;
  for (const auto& entry : fs::directory_iterator(out)) {
    filled = true;
    const std::string name = entry.path().filename().string();
    if (overwrite && is_exported(name)) continue;
    throw RefusedError(explain(out.string(), "a folder with " + name + " in it",
                               "a folder that is not there yet, or is empty",
                               overwrite ? "--overwrite replaces an earlier export alone"
                                         : "choose another -o, or pass --overwrite"));
  }
  return filled;
}

std::int64_t bytes_of_text(const std::string& option, const std::string& text) {
  constexpr std::array<std::pair<std::string_view, double>, 4> kUnits = {
      {{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}};
  double unit = 1;
  std::size_t digits = text.size();
  for (const auto& [ending, factor] : kUnits) {
    if (!text.ends_with(ending)) continue;
    digits -= ending.size();
    unit = factor;
    break;
  }
  const double bytes = real_number(option, text.substr(0, digits), {1e-9, 1e9, false}) * unit;
  if (bytes < 1 || bytes > 1e15) throw UsageError(explain(option, text, "1 B to 1000000 GB"));
  return std::llround(bytes);
}

void check_layout(const ExportOptions& o, ModelLayout layout, bool trained, bool generator) {
  const std::string name(name_in<ModelLayout>(kModelLayouts, layout));
  const bool of_generator = layout == ModelLayout::kDiffusers || layout == ModelLayout::kOriginal;
  if (of_generator != generator)
    throw UsageError(explain("--layout", name + (generator ? " of a generator" : ""),
                             generator ? "diffusers or original" : "hf, peft or llava",
                             generator ? "" : "diffusers and original are for vega-train world"));
  if (!generator && (o.block || o.timestep || !o.note.empty()))
    throw UsageError(explain("--block, --timestep, --note", "with a language model",
                             "a step of vega-train world"));
  if (layout != ModelLayout::kHf && !trained)
    throw InputError(explain(o.inputs.front(), "no training and no step of one",
                             "one, for --layout " + name,
                             "import the adapter first (vega-train import), or take --layout hf"));
}

}  // namespace

void ExportOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "RUN|STEP|CHECKPOINT",
           "the folder of a training (its newest checkpoint), one of its steps, or any checkpoint "
           "that vega-eval answer takes");
  v.text("--base", base, "DIR",
         "the model that it was trained on, where it is no longer where it was");
  v.text("-o,--out", out, "DIR", "the folder to make");
  v.choice("--layout", layout, kModelLayouts,
           "what the folder holds (default: hf; of a generator diffusers)");
  v.choice("--dtype", dtype, kComputeTypes,
           "type of its floating tensors (default: bf16 for hf, as the run has it for a generator, "
           "else fp32, as they were trained)");
  v.parsed("--shard-size", shard_bytes, "SIZE", "5GB", bytes_of_text,
           "most bytes a file of hf, such as 500MB");
  v.flag("--overwrite", overwrite, "replace an earlier export");
  v.group("Record of a generator (default: as the run has it)");
  v.open_integer("--block", block, "N", {0, 1023},
                 "block that features are taken of where none is asked for");
  v.open_integer("--timestep", timestep, "T", {0, 1000}, "the same: noise level");
  v.text("--note", note, "TEXT", "what it was trained on");
}

bool is_generator_step(const StepFolder& step) {
  return read_step_state(step.path)["kind"].text_or("") == "world";
}

void export_model(const ExportOptions& o, const WriteGenerator& write) {
  if (o.inputs.size() != 1)
    throw UsageError(explain("input", std::to_string(o.inputs.size()) + " folders",
                             "one: RUN, STEP or CHECKPOINT"));
  if (o.out.empty()) throw UsageError(explain("-o", "nothing", "the folder to make"));
  const fs::path input = o.inputs.front(), out = o.out;
  const bool trained = is_step_folder(input) || is_run_folder(input),
             generator = trained && is_generator_step(resolve_step(input));
  const ModelLayout layout =
      o.layout.value_or(generator ? ModelLayout::kDiffusers : ModelLayout::kHf);
  check_layout(o, layout, trained, generator);
  const bool replace = check_out(out, o.overwrite);
  if (generator) return write(o, resolve_step(input), replace);
  const bool hf = layout == ModelLayout::kHf;
  const DType dtype = o.dtype.value_or(hf ? DType::kBF16 : DType::kF32);
  const vlm::VlmCheckpoint c =
      vlm::open_checkpoint(input, {.base = o.base, .merged = dtype, .pairs = hf});
  PartFolder part(out);
  if (hf)
    export_hf(o, c, dtype, part.path());
  else
    export_adapter(o, c, dtype, part.path());
  part.publish(replace);
}

Verb export_verb(WriteGenerator write) {
  const auto options = std::make_shared<ExportOptions>();
  return {"export", "write a checkpoint for other programs", kExportHelp,
          [options](OptionVisitor& v) { options->visit(v); },
          [options, write = std::move(write)](const Context& context) {
            export_model(*options, write);
            context.print(options->out + "\n");
            return 0;
          }};
}

}  // namespace vega::train
