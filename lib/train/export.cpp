#include "train/export.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "train/export_adapter.h"
#include "train/export_files.h"
#include "train/part_folder.h"
#include "vlm/checkpoint.h"
#include "vlm/picture_checkpoint.h"

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

constexpr std::int64_t kShardBytes = 5'000'000'000;  // as transformers

void export_hf(const ExportOptions& o, const vlm::VlmCheckpoint& c, DType dtype,
               const fs::path& out) {
  std::vector<Outgoing> tensors;
  for (const auto& [name, view] : c.set.tensors()) tensors.push_back({name, view});
  write_shards(out, tensors, dtype, o.shard_bytes.value_or(kShardBytes));
  copy_side_files(c, out);
  publish_file(out / "config.json", exported_config(c, dtype).dump(2) + "\n");
  log_info("{}: {} tensors as {}", o.out, tensors.size(), torch_name(dtype));
}

bool is_exported(const std::string& name) {
  static constexpr std::array kOwn = {
      "config.json", "generation_config.json", "adapter_config.json", "adapter_model.safetensors",
      "non_lora_trainables.bin", "preprocessor_config.json",
      // of a generator
      "model_index.json", "transformer", "vae", "diffusion_pytorch_model.safetensors",
      "Wan2.1_VAE.pth", "prompt.h5", "prompt.pt", "pixels.safetensors", "vega_model.json"};
  const bool model = name.starts_with("model") &&
                     (name.ends_with(".safetensors") || name == "model.safetensors.index.json");
  return model || std::ranges::find(kOwn, name) != kOwn.end() || is_tokenizer_file(name);
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
  if (layout != ModelLayout::kHf && o.shard_bytes)
    throw UsageError(explain("--shard-size", "with --layout " + name,
                             "--layout hf: the others have one file", "leave it out"));
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
           "else fp32, as they were trained); of a generator: of those that trained");
  v.parsed("--shard-size", shard_bytes, "SIZE", "", bytes_of_text,
           "most bytes a file of hf, such as 500MB (default: 5GB)");
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
  const vlm::CheckpointOptions how{.base = o.base, .merged = dtype, .pairs = hf};
  const bool shown = vlm::is_picture_model(input);
  if (shown && !hf)
    throw InputError(explain(input.string(), "a Qwen2.5-VL", "a model that LLaVA's code adapts",
                             "take --layout hf: the whole model"));
  const vlm::VlmCheckpoint c =
      shown ? vlm::open_picture_checkpoint(input, how) : vlm::open_checkpoint(input, how);
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
