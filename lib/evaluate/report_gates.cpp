#include "evaluate/report_gates.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/natural.h"
#include "media/decode.h"
#include "media/jpeg.h"
#include "media/resize.h"
#include "scene/select.h"
#include "store/join.h"
#include "store/tokens_file.h"
#include "viz/html.h"
#include "viz/overlay.h"
#include "viz/sheet.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kMostFrames = 4;
constexpr int kTile = 300;

// The picture of a frame, and where the cells are on it.
struct GateFrame {
  ImageU8 picture;
  Affine cell_to_px{};
};

GateFrame frame_of(const TokensReader& tokens, const std::vector<std::vector<std::byte>>& thumbs,
                   const std::optional<SceneReader>& scene, const FrameTable& table,
                   std::size_t v) {
  GateFrame out;
  if (!thumbs.empty()) {
    out.picture = decode_image(thumbs[v], tokens.path().string() + ": thumbnail");
  } else if (scene && scene->has_color()) {
    const std::vector<std::int64_t> ids = scene->frames().id;
    const auto at = std::find(ids.begin(), ids.end(), table.id[v]);
    if (at != ids.end())
      out.picture = decode_image(scene->color_jpeg(static_cast<std::size_t>(at - ids.begin())),
                                 scene->path().string() + ": picture");
  }
  const ImageSize size = color_size(table, v);
  if (out.picture.size().empty() || size.empty()) {  // cells alone
    out.picture = blank(kTile, kTile, SheetColors::kPanel);
    const double step = double(kTile) / double(kTokenGrid), first = step / 2 - 0.5;
    out.cell_to_px = {step, 0, first, 0, step, first};
    return out;
  }
  const int height =
      std::max(1, int(std::lround(double(kTile) * out.picture.height / out.picture.width)));
  out.picture = resize_bicubic_pillow(out.picture, kTile, height);
  out.cell_to_px = rescale_pixels(tokens.info().cell_to_px[v], size, out.picture.size());
  return out;
}

std::string gate_figure(const fs::path& file, const fs::path& scene_file) {
  const TokensReader tokens(file);
  const std::string& key = tokens.header().key;
  if (!tokens.info().has_gate)
    return fmt::format("<p class=\"muted\">{}: its fusion ({}) has no gate.</p>\n", html_text(key),
                       html_text(tokens.info().method));
  std::optional<SceneReader> scene;
  const auto thumbs = tokens.thumbs();
  if (thumbs.empty() && fs::exists(scene_file)) scene.emplace(scene_file);
  std::vector<float> gate = tokens.gate();
  if (tokens.has_covered()) {
    const auto covered = tokens.covered();
    for (std::size_t i = 0; i < gate.size(); ++i)
      if (covered[i] == 0) gate[i] = std::numeric_limits<float>::quiet_NaN();
  }
  const FrameTable table = tokens.frames();
  double sum = 0, known = 0;
  for (const float g : gate)
    if (std::isfinite(g)) sum += double(g), ++known;
  std::vector<SheetFrame> frames;
  const auto all = static_cast<std::int64_t>(tokens.frame_count());
  for (const std::size_t v : uniform_indices(all, std::min(all, kMostFrames))) {
    GateFrame drawn = frame_of(tokens, thumbs, scene, table, v);
    const std::span<const float> cells =
        std::span<const float>(gate).subspan(v * kTokenCells, kTokenCells);
    const Grid grid{kTokenGrid, kTokenGrid};
    Overlay overlay;
    overlay.map = Colormap::kViridis;
    overlay_cells(drawn.picture, cells, grid, drawn.cell_to_px, overlay);
    SheetFrame frame;
    frame.covered = covered_quad(drawn.cell_to_px, grid);
    frame.picture = std::move(drawn.picture);
    frame.caption = fmt::format("frame {}", table.id[v]);
    frames.push_back(std::move(frame));
  }
  SheetOptions sheet;
  sheet.tile_width = kTile;
  sheet.columns = 2;
  sheet.bar = ColorBar{Colormap::kViridis, 0, 1, "gate: 0 generative, 1 semantic"};
  const std::string mean = known > 0 ? fmt::format("mean {:.3f}", sum / known) : "no covered cell";
  const std::string trained = tokens.info().trained ? "" : "; initial values, never trained";
  const ImageU8 page =
      contact_sheet(key, tokens.info().method + ", " + mean + trained, frames, sheet);
  return fmt::format(
      "<figure><img loading=\"lazy\" width=\"{}\" height=\"{}\" alt=\"Gate of {} over {} of its "
      "frames, {}\" src=\"{}\"><figcaption>{}: {}{}</figcaption></figure>\n",
      page.width, page.height, html_text(key), frames.size(), mean,
      data_uri("image/jpeg", encode_jpeg(page, 82)), html_text(key), mean, trained);
}

}  // namespace

std::string gate_figures(const fs::path& tokens, const fs::path& scenes,
                         const std::vector<std::string>& keys, std::size_t most) {
  std::vector<fs::path> files;
  for (const std::string& key : keys)
    if (fs::exists(tokens / (key + ".h5"))) files.push_back(tokens / (key + ".h5"));
  if (files.empty()) {
    for (const fs::directory_entry& entry : fs::directory_iterator(tokens))
      if (entry.path().extension() == ".h5") files.push_back(entry.path());
    std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
      return natural_less(a.filename().string(), b.filename().string());
    });
  }
  if (files.empty())
    throw InputError(explain("--tokens " + tokens.string(), "a folder without KEY.h5 files",
                             "tokens files", "vega-fuse tokens makes them"));
  files.resize(std::min(files.size(), most));
  std::string out = "<div class=\"gates\">\n";
  for (const fs::path& file : files)
    out += gate_figure(file, scenes.empty() ? fs::path() : scenes / file.filename());
  return out + "</div>\n";
}

}  // namespace vega::evaluate
