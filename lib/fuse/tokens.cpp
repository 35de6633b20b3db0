#include "fuse/tokens.h"

#include <fmt/core.h>

#include <charconv>
#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "core/device.h"
#include "fuse/modules.h"
#include "fuse/scene_fusion.h"
#include "run/items.h"
#include "viz/table.h"

namespace vega::fuse {
namespace {

constexpr auto kTokensHelp =
    R"(Projects both streams to the width of the language model, pools the semantic one from 27x27 to 14x14 cells, and
blends them token by token. Writes one HDF5 file a scene: fused tokens, the gate, which cells the generative view covers;
with --scenes also positions of the cells and features of the objects. Every finished scene is a line KEY<TAB>PATH on
stdout. Without a checkpoint the values are seeded: the output says so, and every picture of it.

Examples:
  vega-fuse tokens features/wan-832x480-mllm-14x14/*.h5 --semantic features/siglip --checkpoint VEGA-3D-7B -o tokens
  vega-fuse tokens features/wan/*.h5 --semantic features/siglip --scenes scenes --align pixel -o tokens
  vega-extract features --list scans.txt --model Wan2.1-T2V-1.3B -o features |
      vega-fuse tokens --list - --semantic features/siglip --checkpoint VEGA-3D-7B --device cuda -o tokens

See also: preview, inspect, verify; docs/fusion.md, docs/formats.md)";

std::vector<TokenPart> parts_of(const std::string& text) {
  std::vector<TokenPart> out;
  std::istringstream in(text);
  for (std::string name; std::getline(in, name, ',');) {
    const auto at = std::find_if(kTokenParts.begin(), kTokenParts.end(),
                                 [&](TokenPart part) { return name == name_of(part); });
    if (at == kTokenParts.end() || std::find(out.begin(), out.end(), *at) != out.end())
      throw UsageError(explain("--parts", "'" + name + "'",
                               "semantic, generative and fused, each at most once"));
    out.push_back(*at);
  }
  if (out.empty()) throw UsageError(explain("--parts", "nothing", "semantic, generative, fused"));
  std::sort(out.begin(), out.end());
  return out;
}

Placement placement_of(const TokensOptions& options) {
  Placement out;
  out.device = open_device(options.device);
  const std::string dtype = !options.dtype.empty() ? options.dtype
                            : out.device.is_cuda() ? "bf16"
                                                   : "fp32";
  if (dtype != "fp32" && dtype != "bf16")
    throw UsageError(explain("--dtype", "'" + dtype + "'", "fp32 or bf16"));
  out.dtype = dtype == "bf16" ? at::kBFloat16 : at::kFloat;
  return out;
}

std::int64_t batch_of(const std::string& text) {
  std::int64_t batch = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), batch);
  if (code != std::errc() || end != text.data() + text.size() || batch < 1 || batch > 4096)
    throw UsageError(explain("--batch", "'" + text + "'", "1 to 4096 frames"));
  return batch;
}

// A scene whose inputs are looked at, and nothing else.
class DryFusion final : public ItemWork {
 public:
  DryFusion(const Item& item, const FuseRun& run, std::map<std::string, SceneForecast>& found)
      : key_(item.key), work_(item, run), found_(found) {}

  void prepare() override {
    work_.prepare();
    forecast_ = work_.forecast();
  }
  bool complete() const override { return false; }
  void compute() override {}
  void finish() override { found_[key_] = forecast_; }
  std::string output() const override { return work_.output(); }
  void describe(ItemReport& report) const override {
    report.outcome = forecast_.complete ? Outcome::kComplete : Outcome::kNotStarted;
    report.numbers = {{"frames", static_cast<double>(forecast_.frames)},
                      {"bytes", forecast_.bytes}};
    if (!forecast_.complete) report.numbers["covered"] = forecast_.covered;
  }

 private:
  std::string key_;
  SceneFusion work_;
  SceneForecast forecast_;
  std::map<std::string, SceneForecast>& found_;
};

std::string forecast_table(const std::vector<Item>& items,
                           const std::map<std::string, SceneForecast>& found) {
  Table table({{"scene"},
               {"frames", Align::kRight},
               {"generative"},
               {"semantic"},
               {"covered", Align::kRight},
               {"scene file"},
               {"output"},
               {"disk", Align::kRight}});
  double bytes = 0;
  std::size_t to_do = 0, failed = 0;
  const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text; };
  for (const Item& item : items) {
    const auto at = found.find(item.key);
    if (at == found.end()) {
      ++failed;
      table.add_row({item.key, "-", "-", "-", "-", "-", "fails", "-"});
      continue;
    }
    const SceneForecast& f = at->second;
    bytes += f.bytes;
    to_do += f.complete ? 0 : 1;
    table.add_row({item.key, std::to_string(f.frames), f.generative, or_dash(f.semantic),
                   f.complete ? "-" : fmt::format("{:.1f} %", 100 * f.covered), or_dash(f.scene),
                   f.complete   ? "complete"
                   : f.replaced ? "replaced"
                                : "to do",
                   f.complete ? "-" : fmt::format("{:.1f} MB", f.bytes / 1e6)});
  }
  return table.text() +
         fmt::format("{} of {} scenes to do, {} complete, {} would fail; {:.1f} MB to write\n",
                     to_do, items.size(), items.size() - to_do - failed, failed, bytes / 1e6);
}

RunResult dry_run(const RunPlan& plan, const FuseRun& run, const Context& context) {
  std::map<std::string, SceneForecast> found;
  const RunResult result = run_items(plan, context, [&](const Item& item) {
    return std::make_unique<DryFusion>(item, run, found);
  });
  context.print(forecast_table(plan.list.items, found));
  return result;
}

}  // namespace

RunResult run_tokens(const TokensOptions& options, const Context& context) {
  keep_freed_memory();
  const Placement placement = placement_of(options);
  Modules modules(options, placement);
  FuseRun run{options, modules, placement, parts_of(options.parts)};
  if (options.store_dtype != "bf16" && options.store_dtype != "fp32")
    throw UsageError(explain("--store-dtype", "'" + options.store_dtype + "'", "bf16 or fp32"));
  run.store = options.store_dtype == "bf16" ? DType::kBF16 : DType::kF32;
  if (options.align != "reference" && options.align != "pixel")
    throw UsageError(explain("--align", "'" + options.align + "'", "reference or pixel"));
  run.pixel = options.align == "pixel";
  run.objects = object_mode_from_name(options.objects);
  run.batch = batch_of(options.batch);
  run.progress = context.progress;
  if (options.threads < 0)
    throw UsageError(explain("--threads", std::to_string(options.threads), "0 or more"));
  run.threads = options.threads > 0 ? static_cast<int>(options.threads) : available_cores();
  if (options.semantic.empty()) {
    if (std::find(run.parts.begin(), run.parts.end(), TokenPart::kSemantic) != run.parts.end())
      throw UsageError(explain("--parts semantic", "no --semantic", "its folder"));
    if (!options.scenes.empty() && run.objects == ObjectMode::kPatch14)
      throw UsageError(explain("--objects patch14", "no --semantic",
                               "semantic features, which object features are means of",
                               "pass --semantic DIR, or --objects none"));
  }
  if (run.pixel && options.semantic.empty() && !options.scenes.empty())
    throw UsageError(explain("--align pixel --scenes", "no --semantic",
                             "semantic features: positions and objects are of their cells",
                             "pass --semantic DIR, or --align reference"));
  const ItemList list = gather_items({options.inputs, options.list, options.shard, "", ""});
  const RunOptions how{options.report, options.fail_fast, options.dry_run, options.threads};
  std::set<std::filesystem::path> folders;
  for (const Item& item : list.items) folders.insert(folder_of(item, run));
  const RunPlan plan{list, how, {folders.begin(), folders.end()}, true};
  if (!modules.trained())
    log_warn("seeded initial values: these tokens are of a model that was never trained");
  if (options.dry_run) return dry_run(plan, run, context);
  return run_items(plan, context,
                   [&](const Item& item) { return std::make_unique<SceneFusion>(item, run); });
}

Verb tokens_verb() {
  return make_verb("tokens", "fuse generative and semantic features", kTokensHelp, run_tokens);
}

}  // namespace vega::fuse
