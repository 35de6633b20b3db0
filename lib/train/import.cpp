#include "train/import.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "models/model_path.h"
#include "nn/lora.h"
#include "text/tokenizer_file.h"
#include "train/run_folder.h"
#include "vlm/adapter.h"
#include "vlm/saved_step.h"
#include "vlm/train_parts.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr auto kImportHelp =
    R"(A model of other programs as a step of a training: step 0 of the folder given by -o. vega-train run starts from
it (--checkpoint), vega-eval answer and vega-fuse tokens read it. A whole model in the layout of Hugging Face is
copied; of an adapter of PEFT or LLaVA the step holds what was trained, and names the base. Tensors stay as they are
stored, bit by bit.

Examples:
  vega-train import VEGA-3D-checkpoint -o runs/released
  vega-train import adapter --base LLaVA-Video-7B-Qwen2 -o runs/adapter

See also: export, run; docs/checkpoints.md)";

[[noreturn]] void refuse_part(const vlm::Changes& changes, const std::string& what,
                              const std::string& expected) {
  throw InputError(explain(changes.where.string(), what, expected,
                           "merge the adapter (vega-train export --layout hf) and import that"));
}

// Tensors of an adapter under the names that a step has for them.
struct ImportedStep {
  StepContent content;
  std::vector<std::int64_t> new_tokens;
};

void take_changes(const vlm::Changes& changes, ImportedStep& out) {
  auto& model = out.content.model;
  for (const auto& [name, pair] : changes.pairs) {
    if (pair.embedding) refuse_part(changes, "a pair of an embedding (" + name + ")", "linears");
    const std::string linear = name.substr(0, name.rfind('.'));
    model[lora_a_name(linear)] = pair.a;
    model[lora_b_name(linear)] = pair.b;
  }
  for (const auto& [name, rows] : changes.rows) {
    if (name != vlm::embedding_name())
      refuse_part(changes, "rows of " + name, "rows of " + vlm::embedding_name());
    model[std::string(vlm::kNewRows)] = rows.rows;
    out.new_tokens = rows.ids;
  }
  for (const auto& [name, own] : changes.whole) model[name] = changes.set.at(own);
}

// Tables that opening the adapter gave other rows than those of the base (vlm/adapter.h,
// with_rows).
void take_resized(const vlm::VlmCheckpoint& c, const vlm::VlmCheckpoint& base,
                  const vlm::Changes& changes, ImportedStep& out) {
  for (const std::string& name : {vlm::embedding_name(), std::string("lm_head.weight")}) {
    const TensorView *now = c.set.find(name), *before = base.set.find(name);
    if (changes.rows.contains(name)) continue;
    const bool resized = now != nullptr && (before == nullptr || now->shape != before->shape);
    if (resized) out.content.model.emplace(name, *now);
  }
}

Json imported_config(const vlm::VlmCheckpoint& c) {
  Json config = read_json(c.config_folder / "config.json", "a model's configuration");
  config.set("vocab_size", c.config.text.vocab);
  return config;
}

std::vector<fs::path> side_files(const vlm::VlmCheckpoint& c) {
  std::vector<fs::path> out;
  for (const fs::path& from : {c.path, c.config_folder, c.base}) {
    std::error_code error;
    for (const char* name : text::kTokenizerFiles)
      if (fs::is_regular_file(from / name, error)) out.push_back(from / name);
    if (!out.empty()) break;
  }
  out.push_back(c.generation_folder / "generation_config.json");
  return out;
}

}  // namespace

void ImportOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "DIR", "a model of Hugging Face, or a LoRA folder of PEFT or LLaVA");
  v.text("--base", base, "DIR", "of a LoRA folder: the model that it was trained on");
  v.text("-o,--out", out, "DIR", "the folder of the run to make; the model is its step 0");
  v.flag("--overwrite", overwrite, "replace the run that the folder holds");
}

StepFolder import_model(const ImportOptions& o) {
  if (o.inputs.size() != 1)
    throw UsageError(
        explain("input", std::to_string(o.inputs.size()) + " folders", "one: a model"));
  if (o.out.empty()) throw UsageError(explain("-o", "nothing", "the folder of the run to make"));
  const fs::path input = o.inputs.front(), out = o.out;
  if (is_step_folder(input) || is_run_folder(input))
    throw InputError(explain(input.string(), "a training of vega", "a model of another program",
                             "vega-train run --checkpoint takes it as it is"));
  const vlm::VlmCheckpoint c = vlm::open_checkpoint(input, {.base = o.base, .pairs = true});
  ImportedStep step;
  std::optional<vlm::Changes> changes;  // what the views show lives in it
  std::optional<vlm::VlmCheckpoint> base;
  std::optional<vlm::SavedLora> lora;
  if (is_there(input / vlm::kAdapterConfig)) {
    const vlm::Adapter adapter = vlm::read_adapter(input);
    base = vlm::open_checkpoint(o.base.empty() ? adapter.base : fs::path(o.base));
    changes = vlm::adapter_changes(adapter, base->set.find("lm_head.weight") != nullptr);
    take_changes(*changes, step);
    take_resized(c, *base, *changes, step);
    lora = vlm::SavedLora{adapter.rank,  adapter.alpha, adapter.dropout, adapter.rank_stabilised,
                          adapter.ranks, adapter.alphas};
  } else {
    step.content.model = c.set.tensors();
  }
  step.content.config = imported_config(c).dump(2) + "\n";
  step.content.copies = side_files(c);
  vlm::describe_saved(step.content.state, base ? &*base : nullptr, out, lora, step.new_tokens);
  RunFolder run(out, Json{{"import", Json{{"fingerprint", c.fingerprint()}}}},
                {.overwrite = o.overwrite});
  const StepFolder made = run.save(0, step.content);
  log_info("{}: {} tensors", made.path.string(), step.content.model.size());
  return made;
}

Verb import_verb() {
  return make_verb<ImportOptions>("import", "take over a model of another program", kImportHelp,
                                  [](const ImportOptions& options, const Context& context) {
                                    context.print(import_model(options).path.string() + "\n");
                                    return RunResult{};
                                  });
}

}  // namespace vega::train
