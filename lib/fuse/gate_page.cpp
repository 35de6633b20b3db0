#include "fuse/gate_page.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "geometry/scene_files.h"
#include "media/decode.h"
#include "media/resize.h"
#include "scene/select.h"
#include "viz/font.h"
#include "viz/overlay.h"
#include "viz/sheet.h"

namespace vega::fuse {
namespace {

constexpr int kGrid = static_cast<int>(kTokenGrid);
constexpr std::size_t kCells = kTokenGrid * kTokenGrid;
constexpr Colormap kMap = Colormap::kViridis;
constexpr double kOverPicture = 0.62;

constexpr Color kPage{17, 19, 24}, kPanel{26, 29, 36}, kGrid1{52, 57, 68};
constexpr Color kText{236, 239, 244}, kMuted{156, 164, 178}, kWarning{255, 176, 32};
constexpr int kMargin = 24, kBand = 40, kLeastPage = 1040;
constexpr int kFooter = 226, kChartTop = 26, kChartHeight = 112, kBarHeight = 12, kChartGap = 56;

void mix(std::uint8_t* p, Color color, double alpha) {
  const auto blend = [alpha](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround((1 - alpha) * a + alpha * b));
  };
  p[0] = blend(p[0], color.r), p[1] = blend(p[1], color.g), p[2] = blend(p[2], color.b);
}

// Diagonal lines, light beside dark, so that they show on every colour.
void hatch_pixel(std::uint8_t* p, int x, int y) {
  const int at = (x + y) % 9;
  if (at == 0) mix(p, {255, 255, 255}, 0.6);
  if (at == 1) mix(p, {0, 0, 0}, 0.5);
}

// The grid finer than pixels of common pictures, linear between cell centres; `m` follows.
std::vector<float> refined(std::span<const float> cells, std::array<double, 6>& m) {
  constexpr int kFiner = 32, kSide = kFiner * kGrid;
  const auto at = [](int fine) {
    return std::clamp((fine + 0.5) / kFiner - 0.5, 0.0, kGrid - 1.0);
  };
  std::vector<float> out;
  for (int row = 0; row < kSide; ++row) {
    const double v = at(row);
    const int top = std::min(static_cast<int>(v), kGrid - 2);
    for (int column = 0; column < kSide; ++column) {
      const double u = at(column);
      const int left = std::min(static_cast<int>(u), kGrid - 2);
      const auto cell = [&](int r, int c) {
        return static_cast<double>(cells[static_cast<std::size_t>(r * kGrid + c)]);
      };
      const double part = u - left;
      const double above = cell(top, left) + part * (cell(top, left + 1) - cell(top, left));
      const double below =
          cell(top + 1, left) + part * (cell(top + 1, left + 1) - cell(top + 1, left));
      out.push_back(static_cast<float>(above + (v - top) * (below - above)));
    }
  }
  const double shift = 0.5 / kFiner - 0.5;
  m = {m[0] / kFiner, m[1] / kFiner, m[2] + shift * (m[0] + m[1]),
       m[3] / kFiner, m[4] / kFiner, m[5] + shift * (m[3] + m[4])};
  return out;
}

// Edges between cells of which one is covered, in pixels.
std::vector<Segment> outline(std::span<const std::uint8_t> covered,
                             const std::array<double, 6>& m) {
  std::vector<Segment> out;
  const auto is = [&](int row, int column) {
    return covered[static_cast<std::size_t>(row * kGrid + column)] != 0;
  };
  const auto line = [&](double c0, double r0, double c1, double r1) {
    out.push_back({m[0] * c0 + m[1] * r0 + m[2], m[3] * c0 + m[4] * r0 + m[5],
                   m[0] * c1 + m[1] * r1 + m[2], m[3] * c1 + m[4] * r1 + m[5]});
  };
  for (int r = 0; r < kGrid; ++r) {
    for (int c = 0; c < kGrid; ++c) {
      if (c + 1 < kGrid && is(r, c) != is(r, c + 1)) line(c + 0.5, r - 0.5, c + 0.5, r + 0.5);
      if (r + 1 < kGrid && is(r, c) != is(r + 1, c)) line(c - 0.5, r + 0.5, c + 0.5, r + 0.5);
    }
  }
  return out;
}

// Marks cells outside the generative view; dims what lies outside the grid.
void hatch(ImageU8& picture, std::span<const std::uint8_t> covered,
           const std::array<double, 6>& m) {
  const double det = m[0] * m[4] - m[1] * m[3];
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const double u = x - m[2], v = y - m[5];
      const double column = std::floor((m[4] * u - m[1] * v) / det + 0.5);
      const double row = std::floor((m[0] * v - m[3] * u) / det + 0.5);
      std::uint8_t* p = picture.row(y) + 3 * static_cast<std::ptrdiff_t>(x);
      if (!(column >= 0 && column < kGrid && row >= 0 && row < kGrid))
        mix(p, {0, 0, 0}, 0.6);
      else if (covered[static_cast<std::size_t>(row * kGrid + column)] == 0)
        hatch_pixel(p, x, y);
    }
  }
}

int tile_width(std::size_t shown, std::int64_t asked) {
  if (asked > 0) return static_cast<int>(asked);
  return shown <= 2 ? 480 : shown <= 6 ? 360 : shown <= 12 ? 300 : 240;
}

// One frame `width` pixels wide with its gate on it.
ImageU8 gate_tile(std::span<const float> gate, std::span<const std::uint8_t> covered,
                  const std::array<double, 6>& cell_to_px, ImageSize frame,
                  std::span<const std::byte> thumb, const std::string& where, int width,
                  bool smooth) {
  const bool known = frame.width > 0 && frame.height > 0;
  const auto high = [width](int w, int h) {
    return std::max(1, static_cast<int>(std::lround(static_cast<double>(width) * h / w)));
  };
  if (!known) {  // no place in a picture: the cells fill the tile
    ImageU8 tile(width, width);
    fill_rect(tile, 0, 0, width, width, kPanel);
    const double step = static_cast<double>(width) / kGrid, first = step / 2 - 0.5;
    draw_gate(tile, gate, covered, {step, 0, first, 0, step, first}, 1, smooth);
    return tile;
  }
  ImageU8 tile(width, high(frame.width, frame.height));
  fill_rect(tile, 0, 0, tile.width, tile.height, kPanel);
  if (!thumb.empty()) {
    const ImageU8 picture = decode_image(thumb, where);
    tile = resize_bicubic_pillow(picture, width, high(picture.width, picture.height));
  }
  draw_gate(tile, gate, covered, scaled(cell_to_px, frame, tile.size()),
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
  const TextStyle small{kMuted, 1.0}, head{kText, 1.125};
  draw_text(page, x, y, "weight of the semantic stream", head);
  const std::string count = fmt::format("{} cells", s.all.cells);
  draw_text(page, x + width - text_width(count, small), y + 1, count, small);
  const int top = y + kChartTop, base = top + kChartHeight;
  fill_rect(page, x, top, width, kChartHeight, kPanel);
  auto most = *std::max_element(s.histogram.begin(), s.histogram.end());
  const auto seen_most = *std::max_element(s.histogram_covered.begin(), s.histogram_covered.end());
  if (seen_most > 0 && most > 2 * seen_most) most = seen_most + seen_most / 3 + 1;
  const auto left_of = [&](std::size_t bin) {
    return x + static_cast<int>(std::lround(static_cast<double>(width) * bin / kGateBins));
  };
  const auto high = [&](std::int64_t n) {
    return static_cast<int>(std::lround((kChartHeight - 8.0) * std::min(n, most) / most));
  };
  for (std::size_t i = 0; i < kGateBins; ++i) {
    const int left = left_of(i), wide = left_of(i + 1) - left - 1;
    const Color color = color_at(kMap, (i + 0.5) / kGateBins);
    const int all = high(s.histogram[i]), seen = high(s.histogram_covered[i]);
    fill_rect(page, left, base - all, wide, all, color);
    for (int v = base - all; v < base - seen; ++v)
      for (int u = left; u < left + wide; ++u)
        hatch_pixel(page.row(v) + 3 * static_cast<std::ptrdiff_t>(u), u, v);
    if (s.histogram[i] > most) {
      const Segment cut[] = {{left - 2.0, top + 21.0, left + wide + 1.0, top + 15.0}};
      stroke(page, cut, 3, kPanel);
      const std::string real = fmt::format("{}", s.histogram[i]);
      const int beside = left - 6 - text_width(real, small);
      draw_text(page, beside > x ? beside : left + wide + 6, top + 8, real, small);
    }
  }
  const GateNumbers& n = shown_numbers(s);
  const auto place = [&](double g) { return x + std::clamp(g, 0.0, 1.0) * (width - 1); };
  for (const double q : n.quartiles) {
    std::vector<Segment> dashes;
    for (int v = top + 2; v < base; v += 7)
      dashes.push_back({place(q), v + 0.0, place(q), std::min(v + 3.0, base - 1.0)});
    stroke(page, dashes, 1, kText);
  }
  const Segment mean[] = {{place(n.mean), top + 0.0, place(n.mean), base - 1.0}};
  stroke(page, mean, 2, kWarning);
  for (int i = 0; i < width; ++i)
    fill_rect(page, x + i, base + 2, 1, kBarHeight, color_at(kMap, (i + 0.5) / width));
  const int below = base + 2 + kBarHeight + 6;
  const std::string right = "semantic 1";
  draw_text(page, x, below, "0 generative", small);
  draw_text(page, x + width / 2 - text_width("0.5", small) / 2, below, "0.5", small);
  draw_text(page, x + width - text_width(right, small), below, right, small);
}

// Mean of each frame with one standard deviation to both sides.
void draw_frames(ImageU8& page, int x, int y, int width, const GateStatistics& s) {
  const TextStyle small{kMuted, 1.0}, head{kText, 1.125};
  draw_text(page, x, y, "mean of each frame", head);
  const std::string note = "band: standard deviation of its cells";
  draw_text(page, x + width - text_width(note, small), y + 1, note, small);
  const auto of = [&](std::size_t v) -> const GateNumbers& {
    return shown_numbers(s, s.per_frame[v]);
  };
  const int top = y + kChartTop, high = kChartHeight + 2 + kBarHeight, base = top + high;
  fill_rect(page, x, top, width, high, kPanel);
  for (const double g : {0.25, 0.5, 0.75})
    fill_rect(page, x, base - static_cast<int>(std::lround(g * high)), width, 1, kGrid1);
  const auto place_y = [&](double g) { return base - 1 - std::clamp(g, 0.0, 1.0) * (high - 1); };
  const double last = static_cast<double>(s.per_frame.size()) - 1;
  const auto place_x = [&](std::size_t v) {
    return last > 0 ? x + 8 + (width - 17) * static_cast<double>(v) / last : x + width / 2.0;
  };
  for (std::size_t v = 0; v + 1 < s.per_frame.size(); ++v) {
    const GateNumbers &a = of(v), &b = of(v + 1);
    const double from = place_x(v), to = place_x(v + 1);
    for (int u = static_cast<int>(std::ceil(from)); u < to; ++u) {
      const double part = (u - from) / (to - from);
      const double mean = a.mean + part * (b.mean - a.mean), std = a.std + part * (b.std - a.std);
      const int first = static_cast<int>(std::lround(place_y(mean + std)));
      const int end = static_cast<int>(std::lround(place_y(mean - std)));
      for (int r = first; r <= end; ++r)
        mix(page.row(r) + 3 * static_cast<std::ptrdiff_t>(u), color_at(kMap, 0.5), 0.35);
    }
  }
  std::vector<Segment> line;
  for (std::size_t v = 0; v + 1 < s.per_frame.size(); ++v)
    line.push_back({place_x(v), place_y(of(v).mean), place_x(v + 1), place_y(of(v + 1).mean)});
  stroke(page, line, 1.5, kText);
  const bool dots = last * 8 < width;
  for (std::size_t v = 0; dots && v < s.per_frame.size(); ++v) {
    const double u = place_x(v), r = place_y(of(v).mean);
    const Segment dot[] = {{u, r, u, r}};
    stroke(page, dot, 7, kText);
    stroke(page, dot, 4.5, color_at(kMap, of(v).mean));
  }
  for (const auto& [g, text] : {std::pair{0.0, "0"}, {0.5, "0.5"}, {1.0, "1"}}) {
    const int half = text_height(small) / 2;
    draw_text(page, x - 8 - text_width(text, small),
              static_cast<int>(std::lround(place_y(g))) - half, text, small);
  }
  const std::string first = fmt::format("frame {}", s.per_frame.front().id);
  const std::string end = fmt::format("{}", s.per_frame.back().id);
  draw_text(page, x, base + 6, first, small);
  draw_text(page, x + width - text_width(end, small), base + 6, end, small);
}

// What the marks mean, and the numbers they stand for.
void draw_legend(ImageU8& page, int y, const GateStatistics& s) {
  const TextStyle small{kText, 1.0};
  int x = kMargin;
  const auto text = [&](const std::string& words) {
    draw_text(page, x, y, words, small);
    x += text_width(words, small) + 28;
  };
  const int middle = y + text_height(small) / 2;
  const Segment mean[] = {{x + 1.0, middle - 6.0, x + 1.0, middle + 6.0}};
  stroke(page, mean, 2, kWarning);
  x += 10;
  const GateNumbers& n = shown_numbers(s);
  text(fmt::format("mean {:.3f}", n.mean));
  const Segment dashes[] = {{x + 1.0, middle - 6.0, x + 1.0, middle - 3.0},
                            {x + 1.0, middle + 2.0, x + 1.0, middle + 5.0}};
  stroke(page, dashes, 1, kText);
  x += 10;
  text(fmt::format("quartiles {:.3f}  {:.3f}  {:.3f}", n.quartiles[0], n.quartiles[1],
                   n.quartiles[2]));
  text(fmt::format("{:.1f} % below 0.1", 100 * n.below));
  text(fmt::format("{:.1f} % above 0.9", 100 * n.above));
  if (s.covered.cells == s.all.cells) return;
  const bool kept = s.align == "pixel";
  fill_rect(page, x, middle - 7, 24, 14, color_at(kMap, kept ? 1 : 0.55));
  for (int v = middle - 7; v < middle + 7; ++v)
    for (int u = x; u < x + 24; ++u)
      hatch_pixel(page.row(v) + 3 * static_cast<std::ptrdiff_t>(u), u, v);
  x += 34;
  const std::string outside = "outside the generative view";
  text(outside + (kept ? ": semantic token kept" : "") +
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
               const std::array<double, 6>& cell_to_px, double alpha, bool smooth) {
  if (covered.size() != kCells || gate.size() != kCells)
    throw InputError(
        explain("gate picture",
                std::to_string(gate.size()) + " and " + std::to_string(covered.size()) + " cells",
                std::to_string(kCells)));
  Overlay overlay;
  overlay.map = kMap;
  overlay.alpha = alpha;
  if (smooth) {
    std::array<double, 6> fine = cell_to_px;
    const std::vector<float> cells = refined(gate, fine);
    const int side = static_cast<int>(std::lround(std::sqrt(cells.size())));
    overlay_cells(picture, cells, side, side, fine, overlay);
  } else {
    overlay_cells(picture, gate, kGrid, kGrid, cell_to_px, overlay);
  }
  hatch(picture, covered, cell_to_px);
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
  sheet.tile_width = tile_width(shown.size(), options.width);
  std::vector<SheetFrame> frames;
  for (const std::size_t v : shown) {
    SheetFrame frame;
    const ImageSize size = color_size(table, v);
    frame.picture = gate_tile(
        std::span<const float>(gate).subspan(v * kCells, kCells),
        std::span<const std::uint8_t>(covered).subspan(v * kCells, kCells),
        reader.info().cell_to_px[v], size,
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
