#include "fuse/preview.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "base/stop.h"
#include "fuse/gate_page.h"
#include "fuse/statistics.h"
#include "media/png.h"
#include "run/output_names.h"

namespace vega::fuse {
namespace fs = std::filesystem;
namespace {

constexpr auto kPreviewHelp =
    R"(Where the fused tokens come from: the gate of every cell over the frames (1: all semantic, 0: all generative), with its
histogram; as JSON too.

Examples:
  vega-fuse preview tokens/*/kitchen.h5 -o gates
  vega-fuse preview tokens/vega/kitchen.h5 --json kitchen.json -o kitchen.png

See also: tokens)";

void preview_one(const fs::path& input, const fs::path& picture, const fs::path& json,
                 const PreviewOptions& options, const Context& context) {
  const TokensReader reader(input);
  const GateStatistics statistics = gate_statistics(reader);
  const ImageU8 page = gate_page(reader, statistics,
                                 {options.frames, options.width, options.columns, options.smooth});
  if (!json.empty()) publish_output(json, gate_json(statistics));
  publish_output(picture, std::span<const std::byte>(encode_png(page)));
  log_info("{}: mean gate {:.3f}, covered {:.1f} %{}, picture in {}", input.string(),
           statistics.all.mean, 100 * statistics.covered_share(),
           statistics.trained ? "" : ", not trained", picture.string());
  if (context.manifest) context.manifest(reader.header().key, picture.string());
}

}  // namespace

void PreviewOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "FILE...", "tokens files (tokens/TAG/KEY.h5), several for several pictures");
  v.text("-o,--out", out, "FILE.png|DIR",
         "the picture; a folder (made) when there are several files");
  v.text("--json", json, "FILE.json|DIR", "statistics of the gate too, one file a scene");
  v.integer("--frames", frames, "N", {.least = 1},
            "how many frames to show, spread over the scene");
  v.integer("--columns", columns, "N", {0, 64}, "frames a row; 0: as many as fit");
  v.integer("--width", width, "PX", {0, 4096},
            "width of a frame in pixels, at least 16; 0: as fits the page");
  v.flag("--smooth", smooth, "the gate blends from cell to cell instead of crisp cells");
}

RunResult run_preview(const PreviewOptions& options, const Context& context) {
  if (options.width > 0 && options.width < 16)
    throw UsageError(explain("--width", std::to_string(options.width), "16 to 4096, or 0"));
  const auto pictures = output_names(options.inputs, options.out, "--out", ".png");
  std::vector<fs::path> jsons(pictures.size());
  if (!options.json.empty()) jsons = output_names(options.inputs, options.json, "--json", ".json");
  RunResult result;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    check_stop();
    try {
      preview_one(options.inputs[i], pictures[i], jsons[i], options, context);
      ++result.done;
    } catch (const InputError& error) {
      if (pictures.size() == 1) throw;
      log_error("{}", error.what());
      ++result.failed;
    }
  }
  result.exit_code = result.failed > 0 ? 4 : 0;
  return result;
}

Verb preview_verb() {
  return make_verb("preview", "draw the gate of fused tokens over the frames", kPreviewHelp,
                   run_preview);
}

}  // namespace vega::fuse
