#include "fuse/preview.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "base/stop.h"
#include "fuse/gate_page.h"
#include "fuse/statistics.h"
#include "media/png.h"

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

// Where the output of each input goes: `out` itself when it ends in `ending` (one input), else a
// file in that folder, named after the input, and where two folders have the same scene, after the
// folder too.
std::vector<fs::path> outputs_of(const std::vector<std::string>& inputs, const fs::path& out,
                                 const std::string& option, const std::string& ending) {
  if (out.extension() == ending && !fs::is_directory(out)) {
    if (inputs.size() == 1) return {out};
    throw UsageError(explain(option + " " + out.string(),
                             "one name for " + std::to_string(inputs.size()) + " files", "a folder",
                             "give " + option + " DIR"));
  }
  std::map<std::string, int> stems;
  for (const fs::path input : inputs) ++stems[input.stem().string()];
  std::vector<fs::path> outputs;
  for (const fs::path input : inputs) {
    std::string name = input.stem().string();
    if (stems[name] > 1) name = fs::absolute(input).parent_path().filename().string() + "-" + name;
    const fs::path output = out / (name + ending);
    if (std::find(outputs.begin(), outputs.end(), output) != outputs.end())
      throw UsageError(explain(output.string(), "two inputs", "one input a file"));
    outputs.push_back(output);
  }
  return outputs;
}

void check_options(const PreviewOptions& options) {
  if (options.inputs.empty()) throw UsageError(explain("preview", "no file", "FILE..."));
  if (options.out.empty()) throw UsageError(explain("-o", "nothing", "FILE.png or DIR"));
  if (options.frames < 1)
    throw UsageError(explain("--frames", std::to_string(options.frames), "1 or more"));
  if (options.width != 0 && (options.width < 16 || options.width > 4096))
    throw UsageError(explain("--width", std::to_string(options.width), "16 to 4096, 0: by itself"));
  if (options.columns < 0 || options.columns > 64)
    throw UsageError(explain("--columns", std::to_string(options.columns), "0 to 64"));
}

void preview_one(const fs::path& input, const fs::path& picture, const fs::path& json,
                 const PreviewOptions& options, const Context& context) {
  const TokensReader reader(input);
  const GateStatistics statistics = gate_statistics(reader);
  const ImageU8 page = gate_page(reader, statistics,
                                 {options.frames, options.width, options.columns, options.smooth});
  if (!json.empty()) publish_file(json, gate_json(statistics));
  publish_file(picture, std::span<const std::byte>(encode_png(page)));
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
  v.integer("--frames", frames, "N", {}, "how many frames to show, spread over the scene");
  v.integer("--columns", columns, "N", {}, "frames a row (0: by itself)");
  v.integer("--width", width, "PX", {}, "width of a frame in pixels (0: by itself)");
  v.flag("--smooth", smooth, "the gate blends from cell to cell instead of crisp cells");
}

RunResult run_preview(const PreviewOptions& options, const Context& context) {
  check_options(options);
  const auto pictures = outputs_of(options.inputs, options.out, "-o", ".png");
  std::vector<fs::path> jsons(pictures.size());
  if (!options.json.empty()) jsons = outputs_of(options.inputs, options.json, "--json", ".json");
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
