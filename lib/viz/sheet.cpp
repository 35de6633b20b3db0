#include "viz/sheet.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "media/resize.h"

namespace vega {
namespace {

constexpr int kTileGap = 16, kPanelGap = 4, kRowGap = 20, kLeastTile = 72, kMostWidth = 2000;
constexpr int kCaptionGap = 6, kTitleGap = 12, kHeaderGap = 22;
constexpr int kBarWidth = 260, kBarHeight = 12, kBarSpace = 52;
constexpr double kAspect = 1.5;
constexpr Color kAccent{255, 196, 61};
const TextStyle kTitle{SheetColors::kText, 19, true}, kSubtitle{SheetColors::kMuted, 13.5};
const TextStyle kCaption{SheetColors::kMuted, 12};

int rounded(double value) { return static_cast<int>(std::lround(value)); }
int height_of(const TextStyle& style) { return rounded(cap_height(style)); }

CoveredQuad whole(const ImageU8& picture) {
  const double r = picture.width - 0.5, b = picture.height - 0.5;
  return {{{-0.5, -0.5}, {r, -0.5}, {r, b}, {-0.5, b}}};
}

// Height over width of what the panels show.
double panel_aspect(const SheetFrame& frame) {
  const CoveredQuad q = frame.covered.value_or(whole(frame.picture));
  const double w = std::hypot(q[1].x - q[0].x, q[1].y - q[0].y);
  const double h = std::hypot(q[3].x - q[0].x, q[3].y - q[0].y);
  return w > 0 && h > 0 ? h / w : 1.0;
}

void check(std::span<const SheetFrame> frames) {
  if (frames.empty()) throw InputError(explain("contact sheet", "no frames", "at least one"));
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const std::string where = "contact sheet, frame " + std::to_string(i);
    if (frames[i].picture.size().empty())
      throw InputError(explain(where, "an empty picture", "an RGB image"));
    if (frames[i].panel.size().empty() != frames[0].panel.size().empty())
      throw InputError(explain(where, "a panel in some frames", "one in every frame, or in none"));
  }
}

bool leaves_out_some(const CoveredQuad& quad, const ImageU8& picture) {
  const CoveredQuad all = whole(picture);
  for (std::size_t k = 0; k < 4; ++k) {
    const double dx = k == 0 || k == 3 ? quad[k].x - all[k].x : all[k].x - quad[k].x;
    const double dy = k < 2 ? quad[k].y - all[k].y : all[k].y - quad[k].y;
    if (dx >= 1 || dy >= 1) return true;
  }
  return false;
}

// The picture at the centre of its place, smaller where the shape differs.
void draw_picture(Canvas& canvas, const SheetFrame& frame, Point2 at, ImageSize place) {
  const ImageU8& picture = frame.picture;
  const double scale =
      std::min(double(place.width) / picture.width, double(place.height) / picture.height);
  const auto side = [scale](int size, int limit) {
    const int scaled = rounded(size * scale);
    return std::abs(scaled - limit) <= 1 ? limit : std::clamp(scaled, 1, limit);
  };
  const int w = side(picture.width, place.width), h = side(picture.height, place.height);
  at = {at.x + (place.width - w) / 2, at.y + (place.height - h) / 2};
  canvas.image(resize_bicubic_pillow(picture, w, h), at, w, h);
  if (!frame.covered || !leaves_out_some(*frame.covered, picture)) return;
  Path quad, outline;
  for (const Point2& p : *frame.covered) {
    const double x = (p.x + 0.5) * w / picture.width, y = (p.y + 0.5) * h / picture.height;
    quad.push_back({at.x + x, at.y + y});
    // Sides on the picture's edge stay within it, so that they can be seen.
    outline.push_back({at.x + std::clamp(x, 1.0, w - 1.0), at.y + std::clamp(y, 1.0, h - 1.0)});
  }
  outline.push_back(outline.front());
  const Path all = rect_path(at.x, at.y, w, h), both[] = {all, quad};
  canvas.clip({&all, 1});
  canvas.fill(both, {}, kDimmed);
  canvas.unclip();
  canvas.line(outline, {kAccent, 1.5});
}

// The layout with a given number of columns, as wide as a page may be.
SheetLayout with_columns(int columns, std::span<const SheetFrame> frames, const std::string& title,
                         const std::string& subtitle, const SheetOptions& options) {
  const int n = static_cast<int>(frames.size()), room = kMostWidth - 2 * kSheetMargin;
  const int largest = n <= 2 ? 480 : n <= 6 ? 360 : 240;
  const int tile = options.tile_width > 0
                       ? options.tile_width
                       : std::clamp((room + kTileGap) / columns - kTileGap, kLeastTile, largest);
  const auto height = [&](double aspect) { return std::max(1, rounded(tile * aspect)); };
  const ImageU8& first = frames[0].picture;
  SheetLayout out;
  out.columns = columns;
  out.rows = (n + columns - 1) / columns;
  out.picture = {tile, height(double(first.height) / first.width)};
  out.panel_step = out.picture.height;
  if (!frames[0].panel.size().empty()) {
    out.panel = {tile, height(panel_aspect(frames[0]))};
    out.panel_step += kPanelGap;
  }
  const bool captions =
      std::any_of(frames.begin(), frames.end(), [](const auto& f) { return !f.caption.empty(); });
  const int caption = captions ? height_of(kCaption) + kCaptionGap : 0;
  out.top = kSheetMargin + caption;
  if (!title.empty()) out.top += height_of(kTitle);
  if (!subtitle.empty()) out.top += height_of(kSubtitle) + (title.empty() ? 0 : kTitleGap);
  if (!title.empty() || !subtitle.empty()) out.top += kHeaderGap;
  const int tile_height = out.panel_step + out.panel.height;
  out.column_step = tile + kTileGap;
  out.row_step = tile_height + caption + kRowGap;
  const int words =
      int(std::ceil(std::max(text_width(title, kTitle), text_width(subtitle, kSubtitle))));
  out.page.width =
      2 * kSheetMargin + std::max(columns * out.column_step - kTileGap, std::min(words, room));
  out.page.height = out.top + (out.rows - 1) * out.row_step + tile_height + kSheetMargin +
                    (options.bar ? kBarSpace : 0);
  return out;
}

}  // namespace

SheetLayout layout_sheet(std::span<const SheetFrame> frames, const std::string& title,
                         const std::string& subtitle, const SheetOptions& options) {
  check(frames);
  const int n = static_cast<int>(frames.size());
  const auto with = [&](int columns) {
    return with_columns(columns, frames, title, subtitle, options);
  };
  if (options.columns > 0) return with(std::min(options.columns, n));
  // Distance from 3:2, plus something for places that stay empty in the last row.
  const auto penalty = [n](const SheetLayout& layout) {
    const double ratio = double(layout.page.width) / layout.page.height;
    const double places = double(layout.columns) * layout.rows;
    return std::abs(std::log(ratio / kAspect)) + (places - n) / places;
  };
  const int least = options.tile_width > 0 ? options.tile_width : kLeastTile;
  const int most = (kMostWidth - 2 * kSheetMargin + kTileGap) / (least + kTileGap);
  SheetLayout best = with(1);
  for (int columns = 2; columns <= std::min(most, n); ++columns) {
    const SheetLayout other = with(columns);
    if (penalty(other) < penalty(best)) best = other;
  }
  return best;
}

ImageU8 contact_sheet(const std::string& title, const std::string& subtitle,
                      std::span<const SheetFrame> frames, const SheetOptions& options) {
  const SheetLayout layout = layout_sheet(frames, title, subtitle, options);
  const ImageSize page = layout.page;
  return draw_on(blank(page.width, page.height, SheetColors::kPage), [&](Canvas& canvas) {
    int y = kSheetMargin;
    for (const auto& [text, style] : {std::pair{title, kTitle}, {subtitle, kSubtitle}}) {
      if (text.empty()) continue;
      y += height_of(style);
      canvas.text(fit_text(text, page.width - 2 * kSheetMargin, style), {kSheetMargin, double(y)},
                  style);
      y += kTitleGap;
    }
    for (int i = 0; i < int(frames.size()); ++i) {
      const SheetFrame& frame = frames[std::size_t(i)];
      const Point2 at{double(layout.picture_x(i)), double(layout.picture_y(i))};
      canvas.text(fit_text(frame.caption, layout.picture.width, kCaption),
                  {at.x, at.y - kCaptionGap}, kCaption);
      draw_picture(canvas, frame, at, layout.picture);
      if (frame.panel.size().empty()) continue;
      const auto [w, h] = layout.panel;
      canvas.image(options.smooth ? resize_bicubic_pillow(frame.panel, w, h)
                                  : resize_area_u8(frame.panel, w, h),
                   {at.x, double(layout.panel_y(i))}, w, h);
    }
    if (options.bar)
      draw_color_bar(canvas, {kSheetMargin, double(page.height - kBarSpace)},
                     std::min(kBarWidth, page.width - 2 * kSheetMargin), kBarHeight, *options.bar,
                     SheetColors::kMuted);
  });
}

}  // namespace vega
