#include "vlm/adapter.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "base/error.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "base/printable.h"
#include "core/tensor.h"
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

bool is_empty(const Json& value) {
  return (value.is_list() || value.is_object()) && value.size() == 0;
}

// null, [] or {}.
void expect_nothing(const JsonFields& fields, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const Json* value = fields.find(name);
    if (value != nullptr && !is_empty(*value)) fields.deny(name, "nothing", kNotComputed);
  }
}

// A newer peft writes its new settings into every file, mostly as null, false or empty: these are
// off. Any other value may change numbers.
void refuse_unknown(const JsonFields& fields) {
  for (const std::string& name : fields.unread()) {
    const Json& value = *fields.find(name);
    const bool off = !value.flag().value_or(true) || is_empty(value) || value.text_or("-").empty();
    if (!off)
      fields.deny(name, "null, false or nothing: vega does not know this setting",
                  std::string(kNotComputed) + "; or take the key out, if it changes no numbers");
  }
}

// peft computes with such numbers as with any other.
void warn_of_alpha(const Adapter& adapter) {
  const auto say = [&](const std::string& name, double alpha) {
    if (alpha <= 0)
      log_warn("{}: {} is {:g}: {}, as peft computes it",
               (adapter.folder / kAdapterConfig).string(), name, alpha,
               alpha < 0 ? "the pairs are subtracted" : "the pairs change nothing");
  };
  say("lora_alpha", adapter.alpha);
  for (const auto& [pattern, alpha] : adapter.alphas)
    say("alpha_pattern of " + printable(pattern), alpha);
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

constexpr auto kTokenRows = ".token_adapter.trainable_tokens_delta";

// "model.layers.0.self_attn.q_proj.lora_A.weight" or "....lora_embedding_A"; else false.
bool take_pair(const std::string& name, const TensorView& view, Changes& parts) {
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
    LoraPair& pair = parts.pairs[name.substr(0, at) + ".weight"];
    pair.embedding = kind.embedding;
    (kind.first ? pair.a : pair.b) = view;
    (kind.first ? pair.has_a : pair.has_b) = true;
    return true;
  }
  return false;
}

// Rows that replace those of an embedding: peft calls them a delta.
bool take_token_rows(const Adapter& adapter, const std::string& name, const TensorView& view,
                     Changes& parts) {
  const auto at = name.find(kTokenRows);
  if (at == std::string::npos) return false;
  const std::string module = name.substr(0, at);
  for (const auto& [asked, ids] : adapter.tokens) {
    if (module != asked && !module.ends_with("." + asked)) continue;
    parts.rows[module + ".weight"] = {view, ids};
    return true;
  }
  throw FormatError(explain(adapter.folder.string() + ": " + name, "rows of tokens",
                            "trainable_token_indices in adapter_config.json to name their ids",
                            "fetch the adapter again"));
}

void read_adapter_file(const Adapter& adapter, Changes& parts) {
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
    if (base.ends_with(".lora_B.bias"))
      throw InputError(explain(parts.set.origin(name).string() + ": " + name,
                               "a bias of a pair (lora_bias)", "pairs without", kNotComputed));
    if (!take_pair(base, view, parts) && !take_token_rows(adapter, base, view, parts))
      parts.whole[base] = name;
  }
}

// LLaVA's: names with or without "base_model.", and with one "model." more than the base's.
void read_whole_file(const fs::path& path, Changes& parts) {
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

template <typename T, typename Read>
void read_patterns(const JsonFields& fields, const char* name, const char* expected,
                   std::vector<std::pair<std::string, T>>& out, const Read& read) {
  const Json* patterns = fields.find(name);
  if (patterns == nullptr) return;
  if (!patterns->is_object()) fields.refuse(name, expected);
  for (const auto& [pattern, json] : patterns->members()) {
    const auto value = read(json);
    if (!value) fields.refuse(name, expected);
    try {
      static_cast<void>(std::regex("(" + pattern + ")"));
    } catch (const std::regex_error&) {
      fields.deny(name, "a regular expression that vega knows, not " + pattern, kNotComputed);
    }
    out.emplace_back(pattern, *value);
  }
}

// Ids, of the embedding that peft takes, or of modules by name.
void read_tokens(const JsonFields& fields, Adapter& out) {
  constexpr auto kName = "trainable_token_indices", kExpected = "ids, or ids by module";
  const Json* tokens = fields.find(kName);
  if (tokens == nullptr) return;
  const auto ids_of = [&](const Json& list) {
    std::vector<std::int64_t> ids;
    if (!list.is_list()) fields.refuse(kName, kExpected);
    for (const Json& element : list.elements()) {
      const auto id = element.whole();
      if (!id || *id < 0) fields.refuse(kName, kExpected);
      ids.push_back(*id);
    }
    return ids;
  };
  if (tokens->is_list()) {
    out.tokens["embed_tokens"] = ids_of(*tokens);
    return;
  }
  if (!tokens->is_object()) fields.refuse(kName, kExpected);
  for (const auto& [module, ids] : tokens->members()) out.tokens[module] = ids_of(ids);
}

// What the config asks for must be in the files: otherwise the base's stands in for what was
// trained.
void check_files(const Adapter& adapter, const Changes& parts) {
  const auto lacks = [&](const std::string& key, const std::string& what) {
    throw FormatError(explain(adapter.folder.string(), "no tensors of " + what,
                              "those that " + key + " of adapter_config.json names",
                              "fetch the adapter again"));
  };
  const auto holds = [&](const auto& names, const std::string& module) {
    return std::ranges::any_of(names, [&](const auto& entry) {
      return ("." + entry.first).find("." + module + ".") != std::string::npos;
    });
  };
  for (const std::string& module : adapter.whole)
    if (!holds(parts.whole, module)) lacks("modules_to_save", module);
  for (const auto& [module, ids] : adapter.tokens)
    if (!holds(parts.rows, module)) lacks("trainable_token_indices", module);
  // Of a layer: parts that were trained whole, such as a projector, have biases of their own.
  const bool bias = std::ranges::any_of(parts.whole, [](const auto& entry) {
    return entry.first.ends_with(".bias") && entry.first.find("layers.") != std::string::npos;
  });
  if (adapter.biases && !bias) lacks("bias", "biases");
  for (const auto& [name, pair] : parts.pairs) {
    const std::string module = name.substr(0, name.rfind('.'));
    const std::int64_t expected = adapter.rank_of(module);
    if (pair.has_a && !pair.a.shape.empty() && pair.a.shape[0] != expected)
      throw FormatError(explain(adapter.folder.string() + ": the pair of " + name,
                                "rank " + std::to_string(pair.a.shape[0]),
                                std::to_string(expected) + ", as adapter_config.json says",
                                "fetch the adapter again"));
  }
}

// Where the head is the embedding, training changed one of the two or both: only both can be told.
void check_tied(const Adapter& adapter, const Changes& parts) {
  constexpr auto kTable = "model.embed_tokens.weight", kHead = "lm_head.weight";
  for (const char* name : {kTable, kHead}) {
    const bool changed = parts.pairs.contains(name) || parts.whole.contains(name);
    const char* other = name == kTable ? kHead : kTable;
    if (!changed || adapter.tied || parts.whole.contains(other)) continue;
    throw InputError(explain(adapter.folder.string() + ": " + name, "a change of it alone",
                             "ensure_weight_tying: the base's head is its embedding",
                             kNotComputed));
  }
}

}  // namespace

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
  out.rank = *rank;
  out.alpha = *alpha;
  out.rank_stabilised = fields.flag("use_rslora").value_or(false);
  out.dropout = fields.number("lora_dropout").value_or(0);
  out.tied = fields.flag("ensure_weight_tying").value_or(false);
  out.biases = fields.text("bias").value_or("none") != "none";
  read_patterns(fields, "rank_pattern", "ranks by name", out.ranks, [](const Json& value) {
    const auto whole = value.whole();
    return whole && *whole > 0 ? whole : std::nullopt;
  });
  read_patterns(fields, "alpha_pattern", "numbers by name", out.alphas,
                [](const Json& value) { return value.number(); });
  read_tokens(fields, out);
  if (const Json* whole = fields.find("modules_to_save"); whole != nullptr) {
    if (!whole->is_list()) fields.refuse("modules_to_save", "names of modules");
    for (const Json& name : whole->elements()) out.whole.push_back(name.text_or(""));
  }
  expect_false(fields, {"use_dora", "fan_in_fan_out", "use_qalora", "lora_bias"});
  expect_nothing(fields, {"layer_replication", "target_parameters", "megatron_config",
                          "alora_invocation_tokens", "arrow_config", "use_bdlora", "kasa_config",
                          "monteclora_config"});
  // Starts that change the base's weights as well: the adapter alone does not tell how.
  if (const Json* start = fields.find("init_lora_weights"); start != nullptr && !start->flag()) {
    const std::string name = start->text_or("");
    if (name != "gaussian" && name != "eva" && name != "orthogonal")
      fields.deny("init_lora_weights", "true, false, gaussian, eva or orthogonal", kNotComputed);
  }
  // These keys say what was trained and how; the tensors themselves show what there is.
  fields.ignore({"target_modules", "lora_dropout", "task_type", "inference_mode", "auto_mapping",
                 "revision", "exclude_modules", "layers_to_transform", "layers_pattern",
                 "loftq_config", "eva_config", "corda_config", "lora_ga_config", "velora_config",
                 "runtime_config", "megatron_core", "peft_version", "qalora_group_size",
                 "merge_weights"});
  refuse_unknown(fields);
  warn_of_alpha(out);
  return out;
}

Changes adapter_changes(const Adapter& adapter, bool has_head) {
  Changes parts;
  parts.where = adapter.folder;
  parts.remedy = "the adapter belongs to another model (--base)";
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
  check_files(adapter, parts);
  if (!has_head) check_tied(adapter, parts);
  for (auto& [name, pair] : parts.pairs)
    pair.scale = adapter.scale_of(name.substr(0, name.rfind('.')));
  return parts;
}

TensorSet merge_adapter(const TensorSet& base, const Adapter& adapter, DType type, bool pairs) {
  Changes changes = adapter_changes(adapter, base.find("lm_head.weight") != nullptr);
  if (!pairs) leave_decoder_out(changes);
  TensorSet out = apply_changes(base, changes, type);
  log_info("{}: {} pairs, {} whole tensors", adapter.folder.string(), changes.pairs.size(),
           changes.whole.size());
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
  TensorSet result = copy_without(set, [&](const std::string& other) { return other == name; });
  add_owned(result, name, out, set.origin(name));
  return result;
}

}  // namespace vega::vlm
