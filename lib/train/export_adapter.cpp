#include "train/export_adapter.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "nn/lora.h"
#include "train/export_files.h"
#include "vlm/adapter.h"
#include "vlm/saved_step.h"
#include "vlm/train_parts.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPrefix = "base_model.model.";
constexpr auto kHead = "lm_head.weight";

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

}  // namespace

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
          {fmt::format("{}model.embed_tokens.token_adapter.trainable_tokens_delta", kPrefix),
           *parts.rows});
    } else {
      add_tables(c, parts.whole);
    }
  }
  if (llava) {
    write_torch(out / vlm::kWholeTensors, parts.whole, dtype);
    copy_side_files(c, out);
    publish_file(out / "config.json", exported_config(c, dtype).dump(2) + "\n");
  } else {
    for (const Outgoing& one : parts.whole)
      file.push_back({peft_name(one.name, parts.linears), one.view});
  }
  write_safetensors(out / "adapter_model.safetensors", file, dtype);
  publish_file(out / vlm::kAdapterConfig, config.dump(2) + "\n");
  log_info("{}: {} pairs, {} whole tensors, as {}", o.out, parts.pairs.size() / 2,
           parts.whole.size(), torch_name(dtype));
}

}  // namespace vega::train
