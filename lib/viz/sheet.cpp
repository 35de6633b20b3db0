#include "viz/sheet.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "media/resize.h"
#include "viz/draw.h"
#include "viz/font.h"

namespace vega {
namespace {

constexpr int kMargin = 24, kTileGap = 16, kPanelGap = 4, kRowGap = 20;
constexpr int kLabelGap = 12, kCaptionGap = 6, kTitleGap = 12, kHeaderGap = 22;
constexpr int kLeastTile = 72;
constexpr int kBarWidth = 260, kBarHeight = 12, kBarSpace = 52;
constexpr double kAspect = 1.5;
constexpr double kDimmed = 0.6;  // weight of black over what the features do not cover

struct Theme {
  Color page, text, muted, accent;
};
constexpr Theme kDark = {{17, 19, 24}, {236, 239, 244}, {156, 164, 178}, {255, 196, 61}};
constexpr Theme kLight = {{255, 255, 255}, {24, 27, 32}, {104, 110, 122}, {255, 196, 61}};

const Theme& theme_of(const SheetOptions& options) { return options.dark ? kDark : kLight; }

TextStyle title_style(const Theme& t) { return {t.text, 1.75, true}; }
TextStyle subtitle_style(const Theme& t) { return {t.muted, 1.25}; }
TextStyle caption_style(const Theme& t) { return {t.muted, 1.125}; }
TextStyle label_style(const Theme& t) { return {t.text, 1.125}; }

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

void check_frame(const SheetFrame& frame, std::size_t i, std::size_t panels) {
  const std::string where = "contact sheet, frame " + std::to_string(i);
  const ImageU8& p = frame.picture;
  if (p.width < 1 || p.height < 1 ||
      p.rgb.size() != 3 * std::size_t(p.width) * std::size_t(p.height)) {
    throw InputError(explain(where, "an empty picture", "an RGB image"));
  }
  if (frame.panels.size() != panels) {
    throw InputError(explain(where, std::to_string(frame.panels.size()) + " panels",
                             std::to_string(panels) + " as in frame 0"));
  }
  for (const CellPanel& panel : frame.panels) {
    if (panel.grid_h < 1 || panel.grid_w < 1 ||
        panel.rgb.size() != 3 * std::size_t(panel.grid_h) * std::size_t(panel.grid_w)) {
      throw InputError(explain(where,
                               std::to_string(panel.rgb.size()) + " bytes for a grid of " +
                                   std::to_string(panel.grid_h) + "x" +
                                   std::to_string(panel.grid_w) + " cells",
                               "three bytes a cell"));
    }
  }
}

void check(std::span<const SheetFrame> frames, const SheetOptions& options) {
  if (frames.empty()) {
    throw InputError(explain("contact sheet", "no frames", "at least one"));
  }
  const std::size_t panels = frames[0].panels.size();
  if (!options.labels.empty() && options.labels.size() != panels) {
    throw InputError(explain("contact sheet", std::to_string(options.labels.size()) + " labels",
                             "one for each of the " + std::to_string(panels) + " panels"));
  }
  for (std::size_t i = 0; i < frames.size(); ++i) check_frame(frames[i], i, panels);
}

// The layout with a given number of columns, as wide as the options allow.
class Planner {
 public:
  Planner(std::span<const SheetFrame> frames, const std::string& title, const std::string& subtitle,
          const SheetOptions& options)
      : options_(options), n_(int(frames.size())), panels_(int(frames[0].panels.size())) {
    const Theme& theme = theme_of(options);
    picture_aspect_ = double(frames[0].picture.height) / frames[0].picture.width;
    panel_aspect_ = panel_aspect(frames[0]);
    for (const SheetFrame& f : frames) {
      if (!f.caption.empty()) caption_ = text_height(caption_style(theme)) + kCaptionGap;
    }
    for (const std::string& label : options.labels) {
      gutter_ = std::max(gutter_, text_width(label, label_style(theme)) + kLabelGap);
    }
    if (!title.empty()) header_ += text_height(title_style(theme));
    if (!subtitle.empty()) {
      header_ += text_height(subtitle_style(theme)) + (header_ > 0 ? kTitleGap : 0);
    }
    if (header_ > 0) header_ += kHeaderGap;
    text_width_ = std::max(text_width(title, title_style(theme)),
                           text_width(subtitle, subtitle_style(theme)));
    largest_tile_ = n_ <= 2 ? 480 : n_ <= 6 ? 360 : 240;
  }

  int most_columns() const {
    const int least = options_.tile_width > 0 ? options_.tile_width : kLeastTile;
    return std::clamp((room() + kTileGap) / (least + kTileGap), 1, n_);
  }

  SheetLayout with_columns(int columns) const {
    SheetLayout out;
    out.columns = columns;
    out.rows = (n_ + columns - 1) / columns;
    const int fits = (room() + kTileGap) / columns - kTileGap;
    const int tile =
        options_.tile_width > 0 ? options_.tile_width : std::clamp(fits, kLeastTile, largest_tile_);
    const auto height = [&](double aspect) { return std::max(1, int(std::lround(tile * aspect))); };
    out.picture = {tile, height(picture_aspect_)};
    out.panel = {tile, height(panel_aspect_)};
    out.panels = panels_;
    out.left = kMargin + gutter_;
    out.top = kMargin + header_ + caption_;
    out.panel_step = out.panel.height + kPanelGap;
    const int tile_height = out.picture.height + panels_ * out.panel_step;
    out.column_step = tile + kTileGap;
    out.row_step = tile_height + caption_ + kRowGap;
    const int content = gutter_ + columns * out.column_step - kTileGap;
    out.page.width =
        2 * kMargin + std::max(content, std::min(text_width_, options_.max_width - 2 * kMargin));
    out.page.height = out.top + (out.rows - 1) * out.row_step + tile_height + kMargin +
                      (options_.bar ? kBarSpace : 0);
    return out;
  }

  // Distance from 3:2, plus something for places that stay empty in the last row.
  double penalty(const SheetLayout& layout) const {
    const double ratio = double(layout.page.width) / layout.page.height;
    const double places = double(layout.columns) * layout.rows;
    return std::abs(std::log(ratio / kAspect)) + (places - n_) / places;
  }

 private:
  int room() const { return options_.max_width - 2 * kMargin - gutter_; }

  const SheetOptions& options_;
  int n_, panels_;
  double picture_aspect_ = 1, panel_aspect_ = 1;
  int caption_ = 0, gutter_ = 0, header_ = 0, text_width_ = 0, largest_tile_ = 240;
};

bool inside(const CoveredQuad& q, double x, double y) {
  int left = 0, right = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const Point2 &a = q[k], &b = q[(k + 1) % 4];
    const double side = (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
    (side >= 0 ? right : left) += 1;
  }
  return left == 0 || right == 0;
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

// The picture at its place's size; smaller, with the page around it, where the shape differs.
ImageU8 picture_tile(const SheetFrame& frame, ImageSize place, const Theme& theme) {
  const ImageU8& picture = frame.picture;
  const double scale =
      std::min(double(place.width) / picture.width, double(place.height) / picture.height);
  const auto side = [scale](int size, int limit) {
    const int scaled = int(std::lround(size * scale));
    return std::abs(scaled - limit) <= 1 ? limit : std::clamp(scaled, 1, limit);
  };
  const int w = side(picture.width, place.width), h = side(picture.height, place.height);
  ImageU8 small = resize_bicubic_pillow(picture, w, h);
  if (frame.covered && leaves_out_some(*frame.covered, picture)) {
    CoveredQuad quad = *frame.covered;
    for (Point2& p : quad) {
      p.x = (p.x + 0.5) * w / picture.width - 0.5;
      p.y = (p.y + 0.5) * h / picture.height - 0.5;
    }
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x) {
        if (inside(quad, x, y)) continue;
        blend_pixel(small.row(y) + 3 * std::ptrdiff_t(x), {0, 0, 0}, kDimmed);
      }
    }
    std::vector<Segment> outline;
    for (std::size_t k = 0; k < 4; ++k) {
      // Sides on the picture's edge stay within it, so that they can be seen.
      const auto within = [](double v, int size) { return std::clamp(v, 0.5, size - 1.5); };
      const Point2 &a = quad[k], &b = quad[(k + 1) % 4];
      outline.push_back({within(a.x, w), within(a.y, h), within(b.x, w), within(b.y, h)});
    }
    stroke(small, outline, 1.5, theme.accent);
  }
  if (w == place.width && h == place.height) return small;
  ImageU8 out(place.width, place.height);
  fill_rect(out, 0, 0, place.width, place.height, theme.page);
  paste(out, (place.width - w) / 2, (place.height - h) / 2, small);
  return out;
}

ImageU8 panel_tile(const CellPanel& panel, ImageSize place, bool smooth) {
  ImageU8 cells(panel.grid_w, panel.grid_h);
  cells.rgb = panel.rgb;
  return smooth ? resize_bicubic_pillow(cells, place.width, place.height)
                : resize_area_u8(cells, place.width, place.height);
}

void draw_header(ImageU8& page, const std::string& title, const std::string& subtitle,
                 const Theme& theme) {
  const int room = page.width - 2 * kMargin;
  int y = kMargin;
  if (!title.empty()) {
    const TextStyle style = title_style(theme);
    draw_text(page, kMargin, y, fit_text(title, room, style), style);
    y += text_height(style) + kTitleGap;
  }
  const TextStyle style = subtitle_style(theme);
  draw_text(page, kMargin, y, fit_text(subtitle, room, style), style);
}

void draw_labels(ImageU8& page, const SheetLayout& layout, const SheetOptions& options) {
  const TextStyle style = label_style(theme_of(options));
  for (int row = 0; row < layout.rows; ++row) {
    for (int k = 0; k < int(options.labels.size()); ++k) {
      const int y = layout.panel_y(row * layout.columns, k);
      draw_text(page, kMargin, y + (layout.panel.height - text_height(style)) / 2,
                options.labels[std::size_t(k)], style);
    }
  }
}

}  // namespace

SheetLayout layout_sheet(std::span<const SheetFrame> frames, const std::string& title,
                         const std::string& subtitle, const SheetOptions& options) {
  check(frames, options);
  const Planner planner(frames, title, subtitle, options);
  if (options.columns > 0) {
    return planner.with_columns(std::min(options.columns, int(frames.size())));
  }
  SheetLayout best = planner.with_columns(1);
  for (int columns = 2; columns <= planner.most_columns(); ++columns) {
    const SheetLayout other = planner.with_columns(columns);
    if (planner.penalty(other) < planner.penalty(best)) best = other;
  }
  return best;
}

ImageU8 contact_sheet(const std::string& title, const std::string& subtitle,
                      std::span<const SheetFrame> frames, const SheetOptions& options) {
  const SheetLayout layout = layout_sheet(frames, title, subtitle, options);
  const Theme& theme = theme_of(options);
  ImageU8 page(layout.page.width, layout.page.height);
  fill_rect(page, 0, 0, page.width, page.height, theme.page);
  draw_header(page, title, subtitle, theme);
  draw_labels(page, layout, options);
  const TextStyle style = caption_style(theme);
  for (int i = 0; i < int(frames.size()); ++i) {
    const SheetFrame& frame = frames[std::size_t(i)];
    const int x = layout.picture_x(i), y = layout.picture_y(i);
    draw_text(page, x, y - kCaptionGap - text_height(style),
              fit_text(frame.caption, layout.picture.width, style), style);
    paste(page, x, y, picture_tile(frame, layout.picture, theme));
    for (int k = 0; k < layout.panels; ++k) {
      paste(page, x, layout.panel_y(i, k),
            panel_tile(frame.panels[std::size_t(k)], layout.panel, options.smooth));
    }
  }
  if (options.bar) {
    const int width = std::min(kBarWidth, page.width - 2 * kMargin);
    draw_color_bar(page, kMargin, page.height - kBarSpace, width, kBarHeight, *options.bar,
                   theme.muted);
  }
  return page;
}

}  // namespace vega
