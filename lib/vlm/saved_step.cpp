#include "vlm/saved_step.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "models/model_path.h"
#include "store/checkpoint_file.h"
#include "vlm/adapter.h"
#include "vlm/changes.h"
#include "vlm/train_parts.h"

namespace vega::vlm {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kMostIds = std::int64_t{1} << 31;

SavedLora lora_of(const Json& json, const fs::path& path) {
  const JsonFields fields(json, path);
  SavedLora out;
  const auto rank = fields.whole("rank");
  if (!rank) fields.refuse("rank", "the rank of the pairs");
  const auto alpha = fields.number("alpha");
  if (!alpha) fields.refuse("alpha", "a number");
  out.rank = *rank;
  out.alpha = *alpha;
  out.dropout = fields.number("dropout").value_or(0);
  out.rank_stabilised = fields.flag("rank_stabilised").value_or(false);
  for (const auto& [pattern, rank_of] : json["rank_pattern"].members())
    out.ranks.emplace_back(pattern, rank_of.whole().value_or(0));
  for (const auto& [pattern, alpha_of] : json["alpha_pattern"].members())
    out.alphas.emplace_back(pattern, alpha_of.number().value_or(0));
  return out;
}

template <typename T>
Json by_pattern(const std::vector<std::pair<std::string, T>>& patterns) {
  Json out = Json::object();
  for (const auto& [pattern, value] : patterns) out.set(pattern, value);
  return out;
}

// Modules that training replaces as a whole: another method has other names.
constexpr std::array<const char*, 7> kModules = {
    kSemanticPrefix, kGenerativePrefix,    kFusionPrefix,       kPositionPrefix,
    kGroundPrefix,   kSpatialMergerPrefix, kSpatialFusionPrefix};
constexpr auto kHead = "lm_head.weight";

bool has_any(const Changes& changes, std::string_view prefix) {
  const auto found = changes.whole.lower_bound(std::string(prefix));
  return found != changes.whole.end() && found->first.starts_with(prefix);
}

// "NAME.lora_A.weight" and "NAME.lora_B.weight" change "NAME.weight".
bool take_saved_pair(const std::string& name, const TensorView& view, const SavedStep& step,
                     Changes& out) {
  for (const bool first : {true, false}) {
    const std::string mark = first ? ".lora_A.weight" : ".lora_B.weight";
    if (!name.ends_with(mark)) continue;
    if (!step.lora)
      throw FormatError(explain(step.folder.path.string() + ": " + name, "a pair of LoRA",
                                "`lora` in state.json: its rank and alpha"));
    LoraPair& pair = out.pairs[name.substr(0, name.size() - mark.size()) + ".weight"];
    (first ? pair.a : pair.b) = view;
    (first ? pair.has_a : pair.has_b) = true;
    pair.scale = step.lora->scales().scale_of(name.substr(0, name.size() - mark.size()));
    return true;
  }
  return false;
}

Changes step_changes(const SavedStep& step, const VlmConfig& config, bool pairs) {
  Changes out;
  out.where = step.folder.path;
  out.remedy = "the step was trained on another model (--base)";
  out.set = read_step_tensors(step.folder.path, "model");
  for (const auto& [name, view] : out.set.tensors()) {
    if (name == kNewRows)
      out.rows[embedding_name()] = {view, step.new_tokens.value_or(new_token_ids(config))};
    else if (!take_saved_pair(name, view, step, out))
      out.whole[name] = name;
  }
  if (!pairs) leave_decoder_out(out);
  return out;
}

}  // namespace

void describe_saved(Json& state, const VlmCheckpoint* base, const fs::path& run,
                    const std::optional<SavedLora>& lora,
                    const std::vector<std::int64_t>& new_tokens) {
  state.set("base", nullptr);
  if (base != nullptr) {
    const fs::path whole = fs::absolute(base->path).lexically_normal();
    const fs::path from = fs::absolute(run).lexically_normal();
    Json& named = state.set("base", Json{{"path", whole.string()},
                                         {"relative", whole.lexically_relative(from).string()},
                                         {"fingerprint", base->fingerprint()}});
    if (base->adapted) named.set("merged", vega::name_of(base->merged));
  }
  state.set("lora", nullptr);
  if (lora) {
    Json& named = state.set("lora", Json{{"rank", lora->rank},
                                         {"alpha", lora->alpha},
                                         {"dropout", lora->dropout},
                                         {"rank_stabilised", lora->rank_stabilised}});
    if (!lora->ranks.empty()) named.set("rank_pattern", by_pattern(lora->ranks));
    if (!lora->alphas.empty()) named.set("alpha_pattern", by_pattern(lora->alphas));
  }
  state.set("new_tokens", new_tokens);
}

SavedStep read_saved_step(const fs::path& folder) {
  const Json state = read_step_state(folder);
  const fs::path path = folder / kStateFile;
  SavedStep out;
  out.folder = {state["step"].whole().value_or(0), folder};
  if (const Json& base = state["base"]; !base.is_null()) {
    const JsonFields fields(base, fs::path(path).concat(": base"));
    const auto named = fields.text("path");
    if (!named) fields.refuse("path", "the folder of the base");
    out.base = *named;
    out.relative = fields.text("relative").value_or("");
    out.fingerprint = fields.text("fingerprint").value_or("");
    if (const auto merged = fields.text("merged")) out.merged = dtype_from_name(*merged);
  }
  if (const Json& lora = state["lora"]; !lora.is_null())
    out.lora = lora_of(lora, fs::path(path).concat(": lora"));
  if (state["new_tokens"].is_list()) out.new_tokens.emplace();
  for (const Json& id : state["new_tokens"].elements()) {
    const auto whole = id.whole();
    if (!whole || *whole < 0 || *whole >= kMostIds)
      throw FormatError(
          explain(path.string() + ": new_tokens", shown(id), "ids of tokens, from 0 on"));
    out.new_tokens->push_back(*whole);
  }
  return out;
}

TensorSet read_step_tensors(const fs::path& folder, const std::string& content) {
  TensorSet out;
  for (const fs::path& path : step_files(folder, content)) {
    out.add_file(path);
    for (auto& [name, tensor] : CheckpointFile(path).read_all())
      out.add(name, tensor.view, tensor.owner, path);
  }
  return out;
}

fs::path find_base(const SavedStep& step, const fs::path& given) {
  if (!given.empty()) {
    if (is_folder(given)) return given;
    throw InputError(
        explain("--base " + given.string(), "no such folder",
                "the checkpoint that " + step.folder.path.string() + " was trained on"));
  }
  if (is_folder(step.base)) return step.base;
  std::error_code error;
  const fs::path run = fs::weakly_canonical(step.folder.path, error).parent_path();
  const fs::path moved = (run / step.relative).lexically_normal();
  if (!step.relative.empty() && is_folder(moved)) return moved;
  const bool elsewhere = !step.relative.empty() && moved != step.base.lexically_normal();
  throw InputError(explain(
      step.folder.path.string() + ": the checkpoint that it was trained on",
      "no folder " + step.base.string() + (elsewhere ? " and no folder " + moved.string() : ""),
      "its folder", "give it with --base"));
}

TensorSet merge_step(const VlmCheckpoint& base, const SavedStep& step, const VlmConfig& config,
                     DType type, bool pairs) {
  const Changes changes = step_changes(step, config, pairs);
  TensorSet set = copy_without(base.set, [&](const std::string& name) {
    return std::ranges::any_of(kModules, [&](const char* module) {
      return name.starts_with(module) && has_any(changes, module);
    });
  });
  // Words that training added: their rows start as the mean of all before, and the head, which is
  // not trained beside LoRA, keeps them so.
  const auto had = new_token_ids(base.config);
  std::vector<std::int64_t> added;
  for (const std::int64_t id : new_token_ids(config))
    if (std::ranges::find(had, id) == had.end()) added.push_back(id);
  if (!added.empty() || config.text.vocab != base.config.text.vocab) {
    for (const std::string& name : {embedding_name(), std::string(kHead)})
      if (set.find(name) != nullptr && !changes.whole.contains(name))
        set = with_rows(set, name, config.text.vocab, added);
  }
  log_info("{}: {} pairs, {} whole tensors", step.folder.path.string(), changes.pairs.size(),
           changes.whole.size());
  return apply_changes(set, changes, type);
}

}  // namespace vega::vlm
