#include "fuse/gate_page.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "fuse/inputs.h"
#include "media/decode.h"
#include "media/resize.h"
#include "scene/select.h"
#include "store/join.h"
#include "viz/font.h"
#include "viz/overlay.h"
#include "viz/sheet.h"

namespace vega::fuse {
namespace {

constexpr std::size_t kCells = kTokenGrid * kTokenGrid;
constexpr Colormap kMap = Colormap::kViridis;
constexpr double kOverPicture = 0.62;

constexpr Color kPage{17, 19, 24}, kPanel{26, 29, 36}, kLines{52, 57, 68};
constexpr Color kText{236, 239, 244}, kMuted{156, 164, 178}, kWarning{255, 176, 32};
constexpr TextStyle kHead{kText, 1.125}, kSmall{kMuted, 1.0}, kLegend{kText, 1.0};
constexpr int kMargin = 24, kBand = 40, kLeastPage = 1040;
constexpr int kFooter = 226, kChartTop = 26, kChartHeight = 112, kBarHeight = 12, kChartGap = 56;

int rounded(double value) { return static_cast<int>(std::lround(value)); }

// Diagonal lines, light beside dark, so that they show on every colour.
void hatch_pixel(std::uint8_t* pixel, int x, int y) {
  const int at = (x + y) % 9;
  if (at == 0) blend_pixel(pixel, {255, 255, 255}, 0.6);
  if (at == 1) blend_pixel(pixel, {0, 0, 0}, 0.5);
}

void hatch_rect(ImageU8& page, int left, int top, int width, int height) {
  for (int y = top; y < top + height; ++y)
    for (int x = left; x < left + width; ++x)
      hatch_pixel(page.row(y) + 3 * static_cast<std::ptrdiff_t>(x), x, y);
}

void draw_line(ImageU8& page, Segment line, double width, Color color) {
  stroke(page, {&line, 1}, width, color);
}

// A vertical line of dashes, 3 pixels of each 7.
void draw_dashes(ImageU8& page, double x, int top, int bottom) {
  std::vector<Segment> dashes;
  for (int y = top; y < bottom; y += 7)
    dashes.push_back({x, y + 0.0, x, std::min(y + 3.0, bottom - 1.0)});
  stroke(page, dashes, 1, kText);
}

// Edges between cells of which one is covered, in pixels.
std::vector<Segment> outline(std::span<const std::uint8_t> covered, const Affine& m) {
  std::vector<Segment> out;
  const auto add = [&](double c0, double r0, double c1, double r1) {
    const Point2 a = apply(m, c0, r0), b = apply(m, c1, r1);
    out.push_back({a.x, a.y, b.x, b.y});
  };
  for (std::size_t cell = 0; cell < kCells; ++cell) {
    const std::size_t r = cell / kTokenGrid, c = cell % kTokenGrid;
    const double x = static_cast<double>(c), y = static_cast<double>(r);
    const bool is = covered[cell] != 0;
    if (c + 1 < kTokenGrid && is != (covered[cell + 1] != 0)) add(x + .5, y - .5, x + .5, y + .5);
    if (r + 1 < kTokenGrid && is != (covered[cell + kTokenGrid] != 0))
      add(x - .5, y + .5, x + .5, y + .5);
  }
  return out;
}

// One frame `width` pixels wide with its gate on it. A frame of unknown size has no place for the
// cells: they fill the tile.
ImageU8 gate_tile(std::span<const float> gate, std::span<const std::uint8_t> covered,
                  const Affine& cell_to_px, ImageSize frame, std::span<const std::byte> thumb,
                  const std::string& where, int width, bool smooth) {
  const auto height_of = [width](ImageSize size) {
    return std::max(1, rounded(static_cast<double>(width) * size.height / size.width));
  };
  ImageU8 tile(width, frame.empty() ? width : height_of(frame));
  fill_rect(tile, 0, 0, tile.width, tile.height, kPanel);
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
void draw_histogram(ImageU8& page, int x, int y, int width, const GateStatistics& s) {
  draw_text(page, x, y, "weight of the semantic stream", kHead);
  draw_text(page, x + width, y + 1, fmt::format("{} cells", s.all.cells), kSmall, Anchor::kRight);
  const int top = y + kChartTop, base = top + kChartHeight;
  fill_rect(page, x, top, width, kChartHeight, kPanel);
  auto most = *std::max_element(s.histogram.begin(), s.histogram.end());
  const auto seen_most = *std::max_element(s.histogram_covered.begin(), s.histogram_covered.end());
  if (seen_most > 0 && most > 2 * seen_most) most = seen_most + seen_most / 3 + 1;
  const auto left_of = [&](std::size_t bin) {
    return x + rounded(static_cast<double>(width) * static_cast<double>(bin) / kGateBins);
  };
  const auto height_of = [&](std::int64_t n) {
    return rounded((kChartHeight - 8.0) * static_cast<double>(std::min(n, most)) /
                   static_cast<double>(most));
  };
  for (std::size_t i = 0; i < kGateBins; ++i) {
    const int left = left_of(i), wide = left_of(i + 1) - left - 1;
    const int all = height_of(s.histogram[i]), seen = height_of(s.histogram_covered[i]);
    fill_rect(page, left, base - all, wide, all,
              color_at(kMap, (static_cast<double>(i) + 0.5) / kGateBins));
    hatch_rect(page, left, base - all, wide, all - seen);
    if (s.histogram[i] > most) {  // cut: the number stands beside the bar
      draw_line(page, {left - 2.0, top + 21.0, left + wide + 1.0, top + 15.0}, 3, kPanel);
      const std::string number = fmt::format("{}", s.histogram[i]);
      const bool fits = left - 6 - text_width(number, kSmall) > x;
      draw_text(page, fits ? left - 6 : left + wide + 6, top + 8, number, kSmall,
                fits ? Anchor::kRight : Anchor::kLeft);
    }
  }
  const GateNumbers& n = shown_numbers(s);
  const auto place = [&](double g) { return x + std::clamp(g, 0.0, 1.0) * (width - 1); };
  for (const double q : n.quartiles) draw_dashes(page, place(q), top + 2, base);
  draw_line(page, {place(n.mean), top + 0.0, place(n.mean), base - 1.0}, 2, kWarning);
  for (int i = 0; i < width; ++i)
    fill_rect(page, x + i, base + 2, 1, kBarHeight, color_at(kMap, (i + 0.5) / width));
  const int below = base + 2 + kBarHeight + 6;
  draw_text(page, x, below, "0 generative", kSmall);
  draw_text(page, x + width / 2, below, "0.5", kSmall, Anchor::kCenter);
  draw_text(page, x + width, below, "semantic 1", kSmall, Anchor::kRight);
}

// Mean of each frame with one standard deviation to both sides.
void draw_frames(ImageU8& page, int x, int y, int width, const GateStatistics& s) {
  draw_text(page, x, y, "mean of each frame", kHead);
  draw_text(page, x + width, y + 1, "band: standard deviation of its cells", kSmall,
            Anchor::kRight);
  const int top = y + kChartTop, high = kChartHeight + 2 + kBarHeight, base = top + high;
  fill_rect(page, x, top, width, high, kPanel);
  for (const double g : {0.25, 0.5, 0.75})
    fill_rect(page, x, base - rounded(g * high), width, 1, kLines);
  const auto place_y = [&](double g) { return base - 1 - std::clamp(g, 0.0, 1.0) * (high - 1); };
  const double last = static_cast<double>(s.per_frame.size()) - 1;
  const auto place_x = [&](std::size_t v) {
    return last > 0 ? x + 8 + (width - 17) * static_cast<double>(v) / last : x + width / 2.0;
  };
  std::vector<Segment> line;
  for (std::size_t v = 0; v + 1 < s.per_frame.size(); ++v) {
    const GateNumbers &a = shown_numbers(s, s.per_frame[v]),
                      &b = shown_numbers(s, s.per_frame[v + 1]);
    const double from = place_x(v), to = place_x(v + 1);
    for (int u = static_cast<int>(std::ceil(from)); u < to; ++u) {
      const double part = (u - from) / (to - from);
      const double mean = a.mean + part * (b.mean - a.mean), std = a.std + part * (b.std - a.std);
      for (int r = rounded(place_y(mean + std)); r <= rounded(place_y(mean - std)); ++r)
        blend_pixel(page.row(r) + 3 * static_cast<std::ptrdiff_t>(u), color_at(kMap, 0.5), 0.35);
    }
    line.push_back({from, place_y(a.mean), to, place_y(b.mean)});
  }
  stroke(page, line, 1.5, kText);
  for (std::size_t v = 0; last * 8 < width && v < s.per_frame.size(); ++v) {
    const double mean = shown_numbers(s, s.per_frame[v]).mean;
    const Segment dot{place_x(v), place_y(mean), place_x(v), place_y(mean)};
    draw_line(page, dot, 7, kText);
    draw_line(page, dot, 4.5, color_at(kMap, mean));
  }
  for (const auto& [g, text] : {std::pair{0.0, "0"}, {0.5, "0.5"}, {1.0, "1"}})
    draw_text(page, x - 8, rounded(place_y(g)) - text_height(kSmall) / 2, text, kSmall,
              Anchor::kRight);
  draw_text(page, x, base + 6, fmt::format("frame {}", s.per_frame.front().id), kSmall);
  draw_text(page, x + width, base + 6, fmt::format("{}", s.per_frame.back().id), kSmall,
            Anchor::kRight);
}

// What the marks mean, and the numbers they stand for.
void draw_legend(ImageU8& page, int y, const GateStatistics& s) {
  int x = kMargin;
  const auto add_text = [&](int mark, const std::string& words) {
    draw_text(page, x + mark, y, words, kLegend);
    x += mark + text_width(words, kLegend) + 28;
  };
  const int middle = y + text_height(kLegend) / 2;
  const GateNumbers& n = shown_numbers(s);
  draw_line(page, {x + 1.0, middle - 6.0, x + 1.0, middle + 6.0}, 2, kWarning);
  add_text(10, fmt::format("mean {:.3f}", n.mean));
  draw_dashes(page, x + 1, middle - 6, middle + 6);
  add_text(10, fmt::format("quartiles {:.3f}  {:.3f}  {:.3f}", n.quartiles[0], n.quartiles[1],
                           n.quartiles[2]));
  add_text(0, fmt::format("{:.1f} % below 0.1", 100 * n.below));
  add_text(0, fmt::format("{:.1f} % above 0.9", 100 * n.above));
  if (s.covered.cells == s.all.cells) return;
  const bool kept = s.align == "pixel";
  fill_rect(page, x, middle - 7, 24, 14, color_at(kMap, kept ? 1 : 0.55));
  hatch_rect(page, x, middle - 7, 24, 14);
  add_text(34, std::string("outside the generative view") + (kept ? ": semantic token kept" : "") +
                   (covered_only(s) ? ", not in these numbers" : ""));
}

// The page below a band that nobody overlooks.
ImageU8 stamped(const ImageU8& page) {
  const TextStyle style{kPage, 1.5, true};
  ImageU8 out(page.width, kBand + page.height);
  fill_rect(out, 0, 0, out.width, kBand, kWarning);
  draw_text(out, kMargin, (kBand - text_height(style)) / 2, "SEEDED INITIAL VALUES: NOT TRAINED",
            style);
  paste(out, 0, kBand, page);
  return out;
}

}  // namespace

void draw_gate(ImageU8& picture, std::span<const float> gate, std::span<const std::uint8_t> covered,
               const Affine& cell_to_px, double alpha, bool smooth) {
  if (covered.size() != kCells || gate.size() != kCells)
    throw InputError(
        explain("gate picture",
                std::to_string(gate.size()) + " and " + std::to_string(covered.size()) + " cells",
                std::to_string(kCells)));
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
  visit_cells(picture, kTokens, cell_to_px,
              [&](std::uint8_t* pixel, int x, int y, std::ptrdiff_t cell) {
                if (cell < 0) return blend_pixel(pixel, {0, 0, 0}, 0.6);
                if (covered[static_cast<std::size_t>(cell)] == 0) hatch_pixel(pixel, x, y);
              });
  stroke(picture, outline(covered, cell_to_px), 2, {255, 255, 255});
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
        std::span(gate).subspan(v * kCells, kCells), std::span(covered).subspan(v * kCells, kCells),
        reader.info().cell_to_px[v], color_size(table, v),
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
  ImageU8 page(std::max(maps.width, kLeastPage), maps.height + kFooter);
  fill_rect(page, 0, 0, page.width, page.height, kPage);
  paste(page, 0, 0, maps);
  const int top = maps.height + 4, charts = page.width - 2 * kMargin - kChartGap;
  draw_histogram(page, kMargin, top, charts / 2, s);
  draw_frames(page, kMargin + charts / 2 + kChartGap, top, charts - charts / 2, s);
  draw_legend(page, page.height - kMargin - 12, s);
  return s.trained ? page : stamped(page);
}

}  // namespace vega::fuse
