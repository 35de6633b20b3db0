#include "vlm/adapter.h"

#include <ATen/ATen.h>

#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "models/config_keys.h"
#include "models/model_path.h"
#include "weights/safetensors.h"
#include "weights/torch_file.h"

namespace vega::vlm {
namespace fs = std::filesystem;
namespace {

constexpr auto kNotComputed = "merge the adapter with peft (merge_and_unload) and give the result";

void expect_false(const JsonFields& fields, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (fields.flag(name).value_or(false)) fields.deny(name, "false", kNotComputed);
}

// null, [] or {}.
void expect_nothing(const JsonFields& fields, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const Json* value = fields.find(name);
    if (value != nullptr && !((value->is_list() || value->is_object()) && value->size() == 0))
      fields.deny(name, "nothing", kNotComputed);
  }
}

void replace(std::string& text, std::string_view what) {
  if (const auto at = text.find(what); at != std::string::npos) text.erase(at, what.size());
}

// The base's name of a tensor in an adapter's file.
std::string base_name(std::string name) {
  constexpr std::string_view kPeft = "base_model.model.", kPlain = "base_model.";
  if (name.starts_with(kPeft))
    name.erase(0, kPeft.size());
  else if (name.starts_with(kPlain))
    name.erase(0, kPlain.size());
  for (const char* part : {"modules_to_save.default.", "modules_to_save.", "base_layer."})
    replace(name, part);
  return name;
}

struct Pair {
  TensorView a, b;
  bool has_a = false, has_b = false;
  bool embedding = false;
};

struct Parts {
  std::map<std::string, Pair> pairs;         // by the base's name of the weight
  std::map<std::string, std::string> whole;  // base's name -> name in `set`
  TensorSet set;
};

// "model.layers.0.self_attn.q_proj.lora_A.weight" or "....lora_embedding_A"; else false.
bool take_pair(const std::string& name, const TensorView& view, Parts& parts) {
  struct Kind {
    std::string_view mark;
    bool first, embedding;
  };
  constexpr std::array<Kind, 4> kKinds = {{{".lora_A.", true, false},
                                           {".lora_B.", false, false},
                                           {".lora_embedding_A", true, true},
                                           {".lora_embedding_B", false, true}}};
  for (const Kind& kind : kKinds) {
    const auto at = name.find(kind.mark);
    if (at == std::string::npos) continue;
    Pair& pair = parts.pairs[name.substr(0, at) + ".weight"];
    pair.embedding = kind.embedding;
    (kind.first ? pair.a : pair.b) = view;
    (kind.first ? pair.has_a : pair.has_b) = true;
    return true;
  }
  return false;
}

void read_adapter_file(const Adapter& adapter, Parts& parts) {
  const fs::path safe = adapter.folder / "adapter_model.safetensors";
  const fs::path torch = adapter.folder / "adapter_model.bin";
  const bool has_safe = is_there(safe);
  if (!has_safe && !is_there(torch))
    throw InputError(explain(adapter.folder.string(), "no adapter_model.safetensors",
                             "it, or adapter_model.bin, beside adapter_config.json",
                             "fetch the adapter again"));
  parts.set = has_safe ? read_safetensors(safe) : read_torch_file(torch);
  for (const auto& [name, type] : parts.set.unreadable()) parts.set.at(name);  // throws
  for (const auto& [name, view] : parts.set.tensors()) {
    const std::string base = base_name(name);
    if (base.find("lora_magnitude_vector") != std::string::npos)
      throw InputError(explain(parts.set.origin(name).string() + ": " + name, "a tensor of DoRA",
                               "plain LoRA", kNotComputed));
    if (!take_pair(base, view, parts)) parts.whole[base] = name;
  }
}

// LLaVA's: names with or without "base_model.", and with one "model." more than the base's.
void read_whole_file(const fs::path& path, Parts& parts) {
  const TensorSet file = read_torch_file(path);
  bool deep = false;
  for (const std::string& name : file.names()) deep |= base_name(name).starts_with("model.model.");
  for (const auto& [name, view] : file.tensors()) {
    if (name.find("original_module.") != std::string::npos) continue;
    if (name.find("lora_") != std::string::npos) continue;  // they are in the adapter
    std::string base = base_name(name);
    if (deep && base.starts_with("model.")) base.erase(0, 6);
    parts.whole[base] = name;
  }
  parts.set.merge(file);
}

[[noreturn]] void fail_pair(const Adapter& adapter, const std::string& name, const std::string& got,
                            const std::string& expected) {
  throw FormatError(explain(adapter.folder.string() + ": the pair of " + name, got, expected,
                            "the adapter belongs to another model (--base)"));
}

void add_owned(TensorSet& set, const std::string& name, const at::Tensor& value,
               const fs::path& file) {
  const auto owner = std::make_shared<const at::Tensor>(value.contiguous());
  set.add(name, view_of(*owner), owner, file);
}

at::Tensor merged(const Adapter& adapter, const std::string& name, const TensorView& weight,
                  const Pair& pair, DType type) {
  if (!pair.has_a || !pair.has_b)
    fail_pair(adapter, name, pair.has_a ? "lora_A alone" : "lora_B alone", "both");
  const Shape &a = pair.a.shape, &b = pair.b.shape;
  const bool plain = a.size() == 2 && b.size() == 2 && weight.shape.size() == 2 && a[0] == b[1];
  const Shape product = plain ? (pair.embedding ? Shape{a[1], b[0]} : Shape{b[0], a[1]}) : Shape{};
  if (!plain || product != weight.shape)
    fail_pair(adapter, name, to_string(b) + " x " + to_string(a), to_string(weight.shape));
  at::Tensor delta = float_tensor_from(pair.b).matmul(float_tensor_from(pair.a));
  if (pair.embedding) delta = delta.t();
  return (float_tensor_from(weight) + adapter.scale(a[0]) * delta).to(scalar_type(type));
}

// All tensors of the base but those named.
template <typename Skip>
TensorSet copy_but(const TensorSet& base, const Skip& skip) {
  TensorSet out;
  for (const fs::path& file : base.files()) out.add_file(file);
  for (const auto& [name, view] : base.tensors())
    if (!skip(name)) out.add(name, view, base.owner(name), base.origin(name));
  for (const auto& [name, type] : base.unreadable())
    out.add_unreadable(name, type, base.origin(name));
  for (const auto& [key, value] : base.metadata()) out.add_metadata(key, value);
  return out;
}

}  // namespace

double Adapter::scale(std::int64_t rank) const {
  const auto r = static_cast<double>(rank);
  return alpha / (rank_stabilised ? std::sqrt(r) : r);
}

Adapter read_adapter(const fs::path& folder) {
  const JsonFields fields(folder / kAdapterConfig);
  fields.expect("peft_type", "LORA", kNotComputed);
  Adapter out;
  out.folder = folder;
  out.base = fields.text("base_model_name_or_path").value_or("");
  const auto rank = fields.whole("r");
  if (!rank) fields.refuse("r", "the rank of the pairs");
  const auto alpha = fields.number("lora_alpha");
  if (!alpha) fields.refuse("lora_alpha", "a number");
  out.alpha = *alpha;
  out.rank_stabilised = fields.flag("use_rslora").value_or(false);
  expect_false(fields, {"use_dora", "fan_in_fan_out", "use_qalora", "lora_bias"});
  // Ranks of single modules are seen in the tensors; other alphas and layers made of others are
  // not.
  expect_nothing(
      fields, {"alpha_pattern", "layer_replication", "trainable_token_indices", "target_parameters",
               "megatron_config", "alora_invocation_tokens", "arrow_config"});
  // Starts that change the base's weights as well: the adapter alone does not tell how.
  if (const Json* start = fields.find("init_lora_weights"); start != nullptr && !start->flag()) {
    const std::string name = start->text_or("");
    if (name != "gaussian" && name != "eva" && name != "orthogonal")
      fields.deny("init_lora_weights", "true, false, gaussian, eva or orthogonal", kNotComputed);
  }
  // These keys say what was trained and how; the tensors themselves show what there is.
  fields.ignore({"target_modules",
                 "modules_to_save",
                 "bias",
                 "lora_dropout",
                 "task_type",
                 "inference_mode",
                 "auto_mapping",
                 "revision",
                 "rank_pattern",
                 "exclude_modules",
                 "layers_to_transform",
                 "layers_pattern",
                 "loftq_config",
                 "eva_config",
                 "corda_config",
                 "runtime_config",
                 "megatron_core",
                 "peft_version",
                 "ensure_weight_tying",
                 "qalora_group_size"});
  warn_unread(fields);
  return out;
}

TensorSet merge_adapter(const TensorSet& base, const Adapter& adapter, DType type) {
  Parts parts;
  read_adapter_file(adapter, parts);
  const fs::path whole = adapter.folder / kWholeTensors;
  if (is_there(whole)) {
    read_whole_file(whole, parts);
  } else if (is_there(adapter.folder / "config.json")) {
    throw InputError(explain(adapter.folder.string(), "no " + std::string(kWholeTensors),
                             "it beside the adapter: LLaVA saves the projectors, the fusion and "
                             "the heads there",
                             "without it the base's would stand in for what was trained; of an "
                             "adapter of PEFT alone, take config.json out of the folder"));
  }
  TensorSet out = copy_but(base, [&](const std::string& name) {
    return parts.whole.contains(name) || parts.pairs.contains(name);
  });
  for (const fs::path& file : parts.set.files()) out.add_file(file);
  for (const auto& [name, pair] : parts.pairs) {
    const auto own = parts.whole.find(name);
    const TensorView* weight =
        own != parts.whole.end() ? parts.set.find(own->second) : base.find(name);
    if (weight == nullptr) fail_pair(adapter, name, "no such tensor in the base", "it");
    add_owned(out, name, merged(adapter, name, *weight, pair, type), parts.set.files().front());
  }
  for (const auto& [name, own] : parts.whole) {
    if (!parts.pairs.contains(name))
      out.add(name, parts.set.at(own), parts.set.owner(own), parts.set.origin(own));
  }
  log_info("{}: {} pairs merged, {} tensors taken whole", adapter.folder.string(),
           parts.pairs.size(), parts.whole.size());
  return out;
}

TensorSet with_rows(const TensorSet& set, const std::string& name, std::int64_t rows,
                    std::span<const std::int64_t> added) {
  const TensorView& view = set.at(name);
  at::Tensor out = at::zeros({rows, view.shape.at(1)});
  const std::int64_t kept = std::min(rows, view.shape[0]);
  out.slice(0, 0, kept).copy_(float_tensor_from(view).slice(0, 0, kept));
  for (const std::int64_t id : added)
    if (id > 0 && id < rows) out[id] = out.slice(0, 0, id).to(at::kDouble).mean(0);
  TensorSet result = copy_but(set, [&](const std::string& other) { return other == name; });
  add_owned(result, name, out, set.origin(name));
  return result;
}

}  // namespace vega::vlm
