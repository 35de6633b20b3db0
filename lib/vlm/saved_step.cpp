#include "vlm/saved_step.h"

#include <cmath>

#include "base/error.h"
#include "base/json_fields.h"
#include "models/model_path.h"
#include "store/checkpoint_file.h"

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
  return out;
}

}  // namespace

double SavedLora::scale() const {
  const auto r = static_cast<double>(rank);
  return alpha / (rank_stabilised ? std::sqrt(r) : r);
}

void describe_saved(Json& state, const fs::path& base, const std::string& fingerprint,
                    const fs::path& run, const std::optional<SavedLora>& lora,
                    const std::vector<std::int64_t>& new_tokens) {
  if (!base.empty()) {
    const fs::path whole = fs::absolute(base).lexically_normal();
    state.set("base", Json{{"path", whole.string()},
                           {"relative", whole.lexically_relative(fs::absolute(run)).string()},
                           {"fingerprint", fingerprint}});
  } else {
    state.set("base", nullptr);
  }
  if (lora)
    state.set("lora", Json{{"rank", lora->rank},
                           {"alpha", lora->alpha},
                           {"dropout", lora->dropout},
                           {"rank_stabilised", lora->rank_stabilised}});
  else
    state.set("lora", nullptr);
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
  }
  if (const Json& lora = state["lora"]; !lora.is_null())
    out.lora = lora_of(lora, fs::path(path).concat(": lora"));
  for (const Json& id : state["new_tokens"].elements()) {
    const auto whole = id.whole();
    if (!whole || *whole < 0 || *whole >= kMostIds)
      throw FormatError(
          explain(path.string() + ": new_tokens", shown(id), "ids of tokens, from 0 on"));
    out.new_tokens.push_back(*whole);
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
  throw InputError(explain(step.folder.path.string() + ": the checkpoint that it was trained on",
                           "no folder " + step.base.string() +
                               (step.relative.empty() ? "" : " and no folder " + moved.string()),
                           "its folder", "give it with --base"));
}

}  // namespace vega::vlm
