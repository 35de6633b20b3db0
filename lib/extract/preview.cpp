#include "extract/preview.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "media/decode.h"
#include "media/png.h"
#include "nn/pca.h"
#include "run/output_names.h"
#include "scene/select.h"
#include "store/features.h"
#include "viz/overlay.h"
#include "viz/sheet.h"

namespace vega::extract {
namespace fs = std::filesystem;
namespace {

constexpr auto kPreviewHelp =
    R"(Source frames above the PCA colours of their features: alike tokens have alike colours, in all frames of a
scene. The outline on a frame is the part that the network saw.

Examples:
  vega-extract preview features/rgb-832x480-mllm-14x14/kitchen.h5 -o kitchen.png
  vega-extract preview --frames 6 --smooth features/*/kitchen.h5 -o pictures

See also: features)";

ImageU8 preview_sheet(const fs::path& path, const PreviewOptions& options) {
  const FeatureReader reader(path);
  const TapInfo& tap = reader.taps()[reader.tap_index(options.tap)];
  const std::size_t count = reader.frame_count();
  const auto thumbs = reader.thumbs();
  if (thumbs.empty()) {
    throw InputError(explain(path.string(), "no thumbnails",
                             "thumbnails to show above the features",
                             "extract again with --overwrite and without --no-thumbs"));
  }
  const FrameTable frames = reader.frames();
  const std::vector<float> tokens = reader.read_f32(reader.tap_index(options.tap), 0, count);
  const PcaColors colors = pca_colors(tokens, tap.channels);
  const auto cells = static_cast<std::size_t>(tap.grid_h * tap.grid_w);

  std::vector<SheetFrame> shown;
  const auto wanted = std::min<std::int64_t>(options.frames, static_cast<std::int64_t>(count));
  for (const std::size_t v : uniform_indices(static_cast<std::int64_t>(count), wanted)) {
    SheetFrame frame;
    const std::string where = path.string() + ": thumbnail " + std::to_string(v);
    frame.picture = decode_image(thumbs[v], where);
    frame.panel = ImageU8(static_cast<int>(tap.grid_w), static_cast<int>(tap.grid_h));
    std::copy_n(colors.rgb.begin() + static_cast<std::ptrdiff_t>(3 * cells * v), 3 * cells,
                frame.panel.rgb.begin());
    frame.caption = fmt::format("frame {}", frames.id[v]);
    const ImageSize size{frames.size_color[v][1], frames.size_color[v][0]};
    if (size.width > 0 && size.height > 0)
      frame.covered = covered_quad(rescale_pixels(tap.cell_to_px[v], size, frame.picture.size()),
                                   {tap.grid_h, tap.grid_w});
    shown.push_back(std::move(frame));
  }
  SheetOptions sheet;
  sheet.columns = static_cast<int>(options.columns);
  sheet.tile_width = static_cast<int>(options.width);
  sheet.smooth = options.smooth;
  const std::string title =
      fmt::format("{}   {}", reader.header().key, path.parent_path().filename().string());
  const std::string subtitle = fmt::format(
      "tap {}   {} of {} frames   grid {}x{}   {} channels   PCA colours, {:.0f} % of the variance",
      tap.name, shown.size(), count, tap.grid_h, tap.grid_w, tap.channels,
      100 * (colors.explained[0] + colors.explained[1] + colors.explained[2]));
  return contact_sheet(title, subtitle, shown, sheet);
}

}  // namespace

RunResult run_preview(const PreviewOptions& options, const Context& context) {
  RunResult report;
  const auto pictures = output_names(options.inputs, options.out, "--out", ".png");
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const fs::path input = options.inputs[i];
    const fs::path& out = pictures[i];
    publish_output(out, std::span<const std::byte>(encode_png(preview_sheet(input, options))));
    log_info("{}: picture in {}", input.string(), out.string());
    context.manifest(input.stem().string(), out.string());
    ++report.done;
  }
  return report;
}

Verb preview_verb() {
  return make_verb("preview", "draw a contact sheet of a feature file", kPreviewHelp, run_preview);
}

}  // namespace vega::extract
