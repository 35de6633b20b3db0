#include "fuse/gate_page.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "base/error.h"
#include "fuse/inputs.h"
#include "media/decode.h"
#include "media/resize.h"
#include "scene/select.h"
#include "store/join.h"
#include "viz/overlay.h"
#include "viz/sheet.h"

namespace vega::fuse {
namespace {

constexpr Colormap kMap = Colormap::kViridis;
constexpr double kOverPicture = 0.62;

constexpr Color kPage = SheetColors::kPage, kPanel = SheetColors::kPanel;
constexpr Color kText = SheetColors::kText, kMuted = SheetColors::kMuted, kWarning{255, 176, 32};
const TextStyle kHead{kText, 12}, kLegend{kText, 11};
const Pen kDashes{kText, 1, 1, {3, 4}};
constexpr int kMargin = kSheetMargin, kBand = 40, kLeastPage = 1040;
constexpr int kFooter = 226, kChartTop = 26, kChartHeight = 112, kBarHeight = 12, kChartGap = 56;

TextStyle small(Anchor anchor = Anchor::kLeft) { return {kMuted, 11, false, anchor}; }

// Diagonal lines, light on dark, so that they show on every colour; one every ten pixels of a row.
void hatch(Canvas& canvas, const std::vector<Path>& shape) {
  constexpr double kStep = 10 / std::numbers::sqrt2;
  canvas.hatch(shape, {{0, 0, 0}, 2, 0.5}, kStep, 45);
  canvas.hatch(shape, {{255, 255, 255}, 1, 0.6}, kStep, 45);
}

// One frame `width` pixels wide with its gate on it. A frame of unknown size has no place for the
// cells: they fill the tile.
ImageU8 gate_tile(std::span<const float> gate, std::span<const std::uint8_t> covered,
                  const Affine& cell_to_px, ImageSize frame, std::span<const std::byte> thumb,
                  const std::string& where, int width, bool smooth) {
  const auto height_of = [width](ImageSize size) {
    return std::max(1, static_cast<int>(std::lround(double(width) * size.height / size.width)));
  };
  ImageU8 tile = blank(width, frame.empty() ? width : height_of(frame), kPanel);
  if (frame.empty()) {
    const double step = static_cast<double>(width) / kTokenGrid, first = step / 2 - 0.5;
    draw_gate(tile, gate, covered, {step, 0, first, 0, step, first}, 1, smooth);
    return tile;
  }
  if (!thumb.empty()) {
    const ImageU8 picture = decode_image(thumb, where);
    tile = resize_bicubic_pillow(picture, width, height_of(picture.size()));
  }
  draw_gate(tile, gate, covered, rescale_pixels(cell_to_px, frame, tile.size()),
            thumb.empty() ? 1 : kOverPicture, smooth);
  return tile;
}

// What the picture's numbers are about: with align pixel only covered cells have a gate.
bool covered_only(const GateStatistics& s) {
  return s.align == "pixel" && s.covered.cells > 0 && s.covered.cells < s.all.cells;
}
const GateNumbers& shown_numbers(const GateStatistics& s) {
  return covered_only(s) ? s.covered : s.all;
}
// A frame without any covered cell counts as what it is: all semantic.
const GateNumbers& shown_numbers(const GateStatistics& s, const FrameGate& f) {
  return covered_only(s) && f.covered.cells > 0 ? f.covered : f.all;
}

// Histogram over the colour bar, which is its axis. Cells that are not covered stand hatched on the
// others; a bar of them that would flatten the rest is cut.
void draw_histogram(Canvas& canvas, double x, double y, double width, const GateStatistics& s) {
  canvas.text("weight of the semantic stream", {x, y + 9}, kHead);
  canvas.text(fmt::format("{} cells", s.all.cells), {x + width, y + 9}, small(Anchor::kRight));
  const double top = y + kChartTop, base = top + kChartHeight;
  canvas.rect(x, top, width, kChartHeight, kPanel);
  auto most = *std::max_element(s.histogram.begin(), s.histogram.end());
  const auto seen_most = *std::max_element(s.histogram_covered.begin(), s.histogram_covered.end());
  if (seen_most > 0 && most > 2 * seen_most) most = seen_most + seen_most / 3 + 1;
  const auto left_of = [&](std::size_t bin) {
    return x + std::round(width * static_cast<double>(bin) / kGateBins);
  };
  const auto height_of = [&](std::int64_t n) {
    return std::round((kChartHeight - 8) * static_cast<double>(std::min(n, most)) /
                      static_cast<double>(most));
  };
  for (std::size_t i = 0; i < kGateBins; ++i) {
    const double left = left_of(i), wide = left_of(i + 1) - left - 1;
    const double all = height_of(s.histogram[i]), seen = height_of(s.histogram_covered[i]);
    canvas.rect(left, base - all, wide, all,
                color_at(kMap, (static_cast<double>(i) + 0.5) / kGateBins));
    hatch(canvas, {rect_path(left, base - all, wide, all - seen)});
    if (s.histogram[i] <= most) continue;  // else cut: the number stands beside the bar
    canvas.line({{left - 2, top + 21}, {left + wide + 2, top + 15}}, {kPanel, 3});
    const std::string number = fmt::format("{}", s.histogram[i]);
    const bool fits = left - 6 - text_width(number, small()) > x;
    canvas.text(number, {fits ? left - 6 : left + wide + 6, top + 16},
                small(fits ? Anchor::kRight : Anchor::kLeft));
  }
  const GateNumbers& n = shown_numbers(s);
  const auto place = [&](double g) { return x + 0.5 + std::clamp(g, 0.0, 1.0) * (width - 1); };
  for (const double q : n.quartiles) canvas.line({{place(q), top + 2}, {place(q), base}}, kDashes);
  canvas.line({{place(n.mean), top + 1}, {place(n.mean), base - 1}}, {kWarning, 2});
  draw_colors(canvas, {x, base + 2}, width, kBarHeight, kMap);
  const double below = base + 2 + kBarHeight + 14;
  canvas.text("0 generative", {x, below}, small());
  canvas.text("0.5", {x + width / 2, below}, small(Anchor::kCenter));
  canvas.text("semantic 1", {x + width, below}, small(Anchor::kRight));
}

// Mean of each frame with one standard deviation to both sides.
void draw_frames(Canvas& canvas, double x, double y, double width, const GateStatistics& s) {
  canvas.text("mean of each frame", {x, y + 9}, kHead);
  canvas.text("band: standard deviation of its cells", {x + width, y + 9}, small(Anchor::kRight));
  const double top = y + kChartTop, high = kChartHeight + 2 + kBarHeight, base = top + high;
  canvas.rect(x, top, width, high, kPanel);
  for (const double g : {0.25, 0.5, 0.75})
    canvas.rect(x, base - std::round(g * high), width, 1, SheetColors::kLines);
  const auto place_y = [&](double g) { return base - 0.5 - std::clamp(g, 0.0, 1.0) * (high - 1); };
  const double last = static_cast<double>(s.per_frame.size()) - 1;
  const auto place_x = [&](std::size_t v) {
    return last > 0 ? x + 8.5 + (width - 17) * static_cast<double>(v) / last : x + width / 2;
  };
  Path line, band;
  for (std::size_t v = 0; v < s.per_frame.size(); ++v) {
    const GateNumbers& n = shown_numbers(s, s.per_frame[v]);
    line.push_back({place_x(v), place_y(n.mean)});
    band.insert(band.begin(), {place_x(v), place_y(n.mean + n.std)});
    band.push_back({place_x(v), place_y(n.mean - n.std)});
  }
  canvas.fill(band, color_at(kMap, 0.5), 0.35);
  canvas.line(line, {kText, 1.5});
  for (std::size_t v = 0; last * 8 < width && v < s.per_frame.size(); ++v) {
    canvas.dot(line[v], 7, kText);
    canvas.dot(line[v], 4.5, color_at(kMap, shown_numbers(s, s.per_frame[v]).mean));
  }
  for (const auto& [g, text] : {std::pair{0.0, "0"}, {0.5, "0.5"}, {1.0, "1"}})
    canvas.text(text, {x - 8, place_y(g) + 4}, small(Anchor::kRight));
  canvas.text(fmt::format("frame {}", s.per_frame.front().id), {x, base + 14}, small());
  canvas.text(fmt::format("{}", s.per_frame.back().id), {x + width, base + 14},
              small(Anchor::kRight));
}

// What the marks mean, and the numbers they stand for.
void draw_legend(Canvas& canvas, double y, const GateStatistics& s) {
  double x = kMargin;
  const auto add_text = [&](double mark, const std::string& words) {
    canvas.text(words, {x + mark, y + 4}, kLegend);
    x += mark + text_width(words, kLegend) + 28;
  };
  const GateNumbers& n = shown_numbers(s);
  canvas.line({{x + 1, y - 6}, {x + 1, y + 6}}, {kWarning, 2});
  add_text(10, fmt::format("mean {:.3f}", n.mean));
  canvas.line({{x + 1.5, y - 6}, {x + 1.5, y + 7}}, kDashes);
  add_text(10, fmt::format("quartiles {:.3f}  {:.3f}  {:.3f}", n.quartiles[0], n.quartiles[1],
                           n.quartiles[2]));
  add_text(0, fmt::format("{:.1f} % below 0.1", 100 * n.below));
  add_text(0, fmt::format("{:.1f} % above 0.9", 100 * n.above));
  if (s.covered.cells == s.all.cells) return;
  const bool kept = s.align == "pixel";
  canvas.rect(x, y - 7, 24, 14, color_at(kMap, kept ? 1 : 0.55));
  hatch(canvas, {rect_path(x, y - 7, 24, 14)});
  add_text(34, std::string("outside the generative view") + (kept ? ": semantic token kept" : "") +
                   (covered_only(s) ? ", not in these numbers" : ""));
}

}  // namespace

void draw_gate(ImageU8& picture, std::span<const float> gate, std::span<const std::uint8_t> covered,
               const Affine& cell_to_px, double alpha, bool smooth) {
  if (covered.size() != kTokenCells || gate.size() != kTokenCells)
    throw InputError(
        explain("gate picture",
                std::to_string(gate.size()) + " and " + std::to_string(covered.size()) + " cells",
                std::to_string(kTokenCells)));
  const Overlay overlay{kMap, 0, 1, 1, alpha};
  if (smooth) {  // cells finer than the pixels of common pictures, linear between the gate's
    constexpr Grid kFine{32 * kTokenGrid, 32 * kTokenGrid};
    UnitImage cells(kTokenGrid, kTokenGrid);
    std::copy(gate.begin(), gate.end(), cells.chw.begin());
    const UnitImage fine = resize_bilinear(cells, kFine.columns, kFine.rows);
    overlay_cells(picture, std::span(fine.chw).first(fine.plane()), kFine,
                  rescale_cells(cell_to_px, kTokens, kFine), overlay);
  } else {
    overlay_cells(picture, gate, kTokens, cell_to_px, overlay);
  }
  const auto place = [&](double column, double row) {  // from centres of pixels to their corners
    const Point2 at = apply(cell_to_px, column, row);
    return Point2{at.x + 0.5, at.y + 0.5};
  };
  std::vector<Path> unseen, edges;
  for (std::size_t cell = 0; cell < kTokenCells; ++cell) {
    const std::size_t r = cell / kTokenGrid, c = cell % kTokenGrid;
    const double x = static_cast<double>(c), y = static_cast<double>(r);
    const Point2 a = place(x - .5, y - .5), b = place(x + .5, y - .5), d = place(x + .5, y + .5),
                 e = place(x - .5, y + .5);
    const bool seen = covered[cell] != 0;
    if (!seen) unseen.push_back({a, b, d, e});
    if (c + 1 < kTokenGrid && seen != (covered[cell + 1] != 0)) edges.push_back({b, d});
    if (r + 1 < kTokenGrid && seen != (covered[cell + kTokenGrid] != 0)) edges.push_back({e, d});
  }
  const double end = kTokenGrid - 0.5;
  const Path outside[] = {rect_path(0, 0, picture.width, picture.height),
                          {place(-.5, -.5), place(end, -.5), place(end, end), place(-.5, end)}};
  picture = draw_on(picture, [&](Canvas& canvas) {
    canvas.fill(outside, {}, kDimmed);
    hatch(canvas, unseen);
    canvas.stroke(edges, {{255, 255, 255}, 2});
  });
}

ImageU8 gate_page(const TokensReader& reader, const GateStatistics& s,
                  const GatePageOptions& options) {
  const FrameTable table = reader.frames();
  const auto thumbs = reader.thumbs();
  const std::vector<float> gate = reader.gate();
  const std::vector<std::uint8_t> covered = reader.covered();
  const auto count = static_cast<std::int64_t>(reader.frame_count());
  const auto shown = uniform_indices(count, std::clamp<std::int64_t>(options.frames, 1, count));
  SheetOptions sheet;
  sheet.columns = static_cast<int>(options.columns);
  sheet.tile_width = options.width > 0    ? static_cast<int>(options.width)
                     : shown.size() <= 2  ? 480
                     : shown.size() <= 6  ? 360
                     : shown.size() <= 12 ? 300
                                          : 240;
  std::vector<SheetFrame> frames;
  for (const std::size_t v : shown) {
    SheetFrame frame;
    frame.picture = gate_tile(
        std::span(gate).subspan(v * kTokenCells, kTokenCells),
        std::span(covered).subspan(v * kTokenCells, kTokenCells), reader.info().cell_to_px[v],
        color_size(table, v),
        thumbs.empty() ? std::span<const std::byte>{} : std::span<const std::byte>(thumbs[v]),
        reader.path().string() + ": thumbnail " + std::to_string(v), sheet.tile_width,
        options.smooth);
    frame.caption =
        fmt::format("frame {}   mean {:.2f}", table.id[v], shown_numbers(s, s.per_frame[v]).mean);
    frames.push_back(std::move(frame));
  }
  const std::string title =
      fmt::format("{}   {}", s.key, reader.path().parent_path().filename().string());
  const std::string subtitle = fmt::format(
      "{}{}   align {}   mean gate {:.3f}{}   covered {:.1f} %   {} of {} frames", s.method,
      s.form.empty() ? "" : ", form " + s.form, s.align, shown_numbers(s).mean,
      covered_only(s) ? " where covered" : "", 100 * s.covered_share(), shown.size(), s.frames);
  const ImageU8 maps = contact_sheet(title, subtitle, frames, sheet);
  const int band = s.trained ? 0 : kBand, top = band + maps.height + 4;
  const int width = std::max(maps.width, kLeastPage), height = band + maps.height + kFooter;
  return draw_on(blank(width, height, kPage), [&](Canvas& canvas) {
    canvas.rect(0, 0, width, band, kWarning);  // nobody overlooks it
    if (!s.trained)
      canvas.text("SEEDED INITIAL VALUES: NOT TRAINED", {kMargin, band / 2 + 6.0},
                  {kPage, 16, true});
    canvas.image(maps, {0, double(band)}, maps.width, maps.height);
    const double charts = width - 2 * kMargin - kChartGap, half = std::floor(charts / 2);
    draw_histogram(canvas, kMargin, top, half, s);
    draw_frames(canvas, kMargin + half + kChartGap, top, charts - half, s);
    draw_legend(canvas, height - kMargin - 8, s);
  });
}

}  // namespace vega::fuse
