#include "fuse/tokens.h"

#include <fmt/core.h>

#include <map>
#include <set>

#include "base/log.h"
#include "base/memory.h"
#include "fuse/modules.h"
#include "fuse/scene_fusion.h"
#include "fuse/spatial_tokens.h"
#include "run/items.h"
#include "viz/table.h"

namespace vega::fuse {
namespace {

constexpr auto kTokensHelp =
    R"(Projects both streams to the width of the language model, pools the semantic one from 27x27 to 14x14 cells, and
blends them token by token. Writes one HDF5 file a scene: fused tokens, the gate, which cells the generative view covers;
with --scenes also positions of the cells and features of the objects. Every finished scene is a line KEY<TAB>PATH on
stdout. Without a checkpoint the values are seeded: the output says so, and every picture of it.

With a checkpoint of VEGA-3D's spatial model the semantic tokens are those of Qwen2.5-VL's tower (--backbone qwen2.5-vl),
the generative features are on their own grid (--recipe CHECKPOINT), and vega-eval answer --tokens reads the result.

Examples:
  vega-fuse tokens features/wan-832x480-mllm-14x14/*.h5 --semantic features/siglip --checkpoint VEGA-3D-7B -o tokens
  vega-fuse tokens features/wan/*.h5 --semantic features/siglip --scenes scenes --align pixel -o tokens
  vega-extract features --list scans.txt --model Wan2.1-T2V-1.3B -o features |
      vega-fuse tokens --list - --semantic features/siglip --checkpoint VEGA-3D-7B --device cuda -o tokens

See also: preview, inspect, verify; docs/fusion.md, docs/formats.md)";

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

}  // namespace

RunResult run_tokens(const TokensOptions& options, const Context& context) {
  keep_freed_memory();
  if (is_spatial_checkpoint(options.checkpoint)) return run_spatial_tokens(options, context);
  const Recipe recipe = resolve(options);
  Modules modules(recipe);
  std::map<std::string, SceneForecast> forecasts;
  const FuseRun run{recipe, modules, context.progress, options.run.dry_run ? &forecasts : nullptr};
  const ItemList list = gather_items(options.items);
  std::set<std::filesystem::path> folders;
  for (const Item& item : list.items) folders.insert(folder_of(item, run));
  const RunPlan plan{list, options.run, {folders.begin(), folders.end()}, true};
  if (!modules.trained())
    log_warn("seeded initial values: these tokens are of a model that was never trained");
  const RunResult result = run_items(
      plan, context, [&](const Item& item) { return std::make_unique<SceneFusion>(item, run); });
  if (options.run.dry_run) context.print(forecast_table(list.items, forecasts));
  return result;
}

Verb tokens_verb() {
  return make_verb("tokens", "fuse generative and semantic features", kTokensHelp, run_tokens);
}

}  // namespace vega::fuse
