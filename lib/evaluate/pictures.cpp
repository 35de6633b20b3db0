#include "evaluate/pictures.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/quantile.h"
#include "media/decode.h"
#include "scene/select.h"
#include "store/join.h"
#include "viz/overlay.h"
#include "viz/sheet.h"

namespace vega::evaluate {
namespace {

constexpr std::size_t kMostLines = 70;
constexpr int kPairGap = 8, kTileWidth = 640;

std::vector<std::size_t> shown(std::size_t count, std::int64_t most) {
  const auto all = static_cast<std::int64_t>(count);
  return uniform_indices(all, std::min(all, most));
}

Affine cells_on_picture(const LoadedTokens& loaded, std::size_t v, const FeatureReader& features,
                        std::size_t tap, const FrameTable& table, const ImageU8& picture) {
  const std::size_t row = loaded.row[v];
  ImageSize size = color_size(table, row);
  if (size.empty()) size = picture.size();
  return rescale_pixels(features.taps()[tap].cell_to_px[row], size, picture.size());
}

// Green to yellow to red, from 0 to 0.5 m.
Color distance_color(double metres) {
  const double t = std::clamp(metres / 0.5, 0.0, 1.0);
  const auto mix = [](double a, double b, double part) {
    return static_cast<std::uint8_t>(std::lround(a + (b - a) * part));
  };
  if (t < 0.4) return {mix(70, 250, t / 0.4), mix(220, 210, t / 0.4), mix(110, 60, t / 0.4)};
  const double part = (t - 0.4) / 0.6;
  return {mix(250, 235, part), mix(210, 50, part), mix(60, 60, part)};
}

// Both frames side by side with the best matches drawn between them.
ImageU8 drawn_pair(const ImageU8& a, const ImageU8& b, const Affine& cells_a, const Affine& cells_b,
                   std::int64_t grid_w, const PairMatches& pair) {
  const int left_b = a.width + kPairGap, height = std::max(a.height, b.height);
  return draw_on(blank(left_b + b.width, height, SheetColors::kPage), [&](Canvas& canvas) {
    canvas.image(a, {0, 0}, a.width, a.height);
    canvas.image(b, {double(left_b), 0}, b.width, b.height);
    const auto place = [&](const Affine& m, std::int32_t cell, double left) {
      const Point2 at =
          apply(m, static_cast<double>(cell % grid_w), static_cast<double>(cell / grid_w));
      return Point2{at.x + 0.5 + left, at.y + 0.5};
    };
    for (std::size_t i = std::min(kMostLines, pair.kept.size()); i-- > 0;) {  // the best on top
      const TokenMatch& match = pair.kept[i];
      const Color color = distance_color(match.distance_m);
      const Point2 p = place(cells_a, match.cell_a, 0), q = place(cells_b, match.cell_b, left_b);
      canvas.line({p, q}, {color, 1.4});
      canvas.dot(p, 6, color);
      canvas.dot(q, 6, color);
    }
  });
}

}  // namespace

std::vector<ImageU8> frame_pictures(const LoadedTokens& loaded, const FeatureReader& features,
                                    const SceneReader& scene) {
  std::vector<ImageU8> out;
  if (const auto thumbs = features.thumbs(); !thumbs.empty()) {
    for (const std::size_t row : loaded.row)
      out.push_back(decode_image(thumbs[row], features.path().string() + ": thumbnail"));
    return out;
  }
  if (!scene.has_color())
    throw InputError(explain(features.path().string() + " and " + scene.path().string(),
                             "no thumbnails and no pictures", "one of them",
                             "extract the features again without --no-thumbs"));
  const auto pictures = scene.color_jpeg();
  for (const std::size_t row : loaded.scene_row)
    out.push_back(decode_image(pictures[row], scene.path().string() + ": picture"));
  return out;
}

ImageU8 heat_map(const LoadedTokens& loaded, const CenteredScore& score,
                 const FeatureReader& features, std::size_t tap,
                 const std::vector<ImageU8>& pictures, const PictureLabels& labels,
                 std::int64_t most) {
  const std::vector<float>& map = score.multi_view.map;
  const FrameTable table = features.frames();
  const auto cells = static_cast<std::size_t>(loaded.grid_h * loaded.grid_w);
  const Grid grid{loaded.grid_h, loaded.grid_w};
  Overlay overlay;
  overlay.low = quantile(map, 0.05);
  overlay.high = quantile(map, 0.95);
  overlay.gamma = 1.2;
  std::vector<SheetFrame> frames;
  for (const std::size_t v : shown(loaded.row.size(), most)) {
    SheetFrame frame;
    frame.picture = pictures[v];
    const auto m = cells_on_picture(loaded, v, features, tap, table, frame.picture);
    overlay_cells(frame.picture, std::span<const float>(map).subspan(v * cells, cells), grid, m,
                  overlay);
    frame.covered = covered_quad(m, grid);
    frame.caption = fmt::format("frame {}", loaded.id[v]);
    frames.push_back(std::move(frame));
  }
  SheetOptions sheet;
  sheet.bar = ColorBar{Colormap::kTurbo, overlay.low, overlay.high,
                       "multi-view cosine (dimmed: one view or no depth)"};
  return contact_sheet(labels.title, labels.subtitle, frames, sheet);
}

ImageU8 match_picture(const LoadedTokens& loaded, const CenteredScore& score,
                      const FeatureReader& features, std::size_t tap,
                      const std::vector<ImageU8>& pictures, const PictureLabels& labels,
                      std::int64_t most) {
  const FrameTable table = features.frames();
  std::vector<SheetFrame> frames;
  for (const std::size_t i : shown(score.matches.pairs.size(), most)) {
    const PairMatches& pair = score.matches.pairs[i];
    const auto a = static_cast<std::size_t>(pair.a), b = static_cast<std::size_t>(pair.b);
    SheetFrame frame;
    frame.picture = drawn_pair(
        pictures[a], pictures[b], cells_on_picture(loaded, a, features, tap, table, pictures[a]),
        cells_on_picture(loaded, b, features, tap, table, pictures[b]), loaded.grid_w, pair);
    frame.caption =
        pair.kept.empty()
            ? fmt::format("frames {} and {}: no match", loaded.id[a], loaded.id[b])
            : fmt::format(
                  "frames {} and {}: {} match{}, {:.2f} m apart, {:.0f} % "
                  "within 0.2 m",
                  loaded.id[a], loaded.id[b], pair.kept.size(), pair.kept.size() == 1 ? "" : "es",
                  pair.mean_distance_m, 100 * pair.recall[1]);
    frames.push_back(std::move(frame));
  }
  SheetOptions sheet;
  sheet.tile_width = kTileWidth;
  sheet.columns = frames.size() > 1 ? 2 : 1;
  return contact_sheet(labels.title, labels.subtitle, frames, sheet);
}

}  // namespace vega::evaluate
