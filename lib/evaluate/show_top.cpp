// The room from above.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/quantile.h"
#include "evaluate/show_case.h"
#include "viz/sheet.h"

namespace vega::evaluate {
namespace {

constexpr double kCeiling = 2.0;  // m above the floor: what is higher would hide the room
constexpr double kBorder = 0.35;  // m around everything
constexpr double kWedge = 1.0;    // m: how far a frame's view is drawn
constexpr double kFar = 1e4;      // m: no room reaches farther
constexpr double kFaded = 0.25;   // of the points, towards the page
constexpr Color kWay{235, 90, 160}, kFrame{255, 232, 120};

// From metres to pixels: x to the right, y upwards.
struct Plan {
  double left = 0, top = 0, scale = 1;  // left, top: x and y of the picture's top left corner, m
  ImageSize size;

  Point2 at(double x, double y) const {
    return {std::clamp((x - left) * scale, -1e6, 1e6), std::clamp((top - y) * scale, -1e6, 1e6)};
  }
};

struct Extent {
  double low = 1e30, high = -1e30;
  void add(double x) { low = std::min(low, x), high = std::max(high, x); }
};

Plan plan_of(std::span<const CaseBox> boxes, const ShownScene& scene, ImageSize most) {
  Extent x, y;
  std::vector<float> xs, ys;
  for (const RoomDot& dot : scene.dots()) {
    xs.push_back(dot.at[0]);
    ys.push_back(dot.at[1]);
  }
  if (!xs.empty()) {
    for (const double share : {0.005, 0.995}) {
      x.add(quantile(xs, share));
      y.add(quantile(ys, share));
    }
  }
  // A box far outside must not shrink the room to a dot.
  const double reach = 2 * std::max(x.high - x.low, y.high - y.low) + 2;
  const Extent room_x = x, room_y = y;
  const auto add = [&](double to_x, double to_y) {
    if (!xs.empty()) {
      to_x = std::clamp(to_x, room_x.low - reach, room_x.high + reach);
      to_y = std::clamp(to_y, room_y.low - reach, room_y.high + reach);
    }
    x.add(std::clamp(to_x, -kFar, kFar));
    y.add(std::clamp(to_y, -kFar, kFar));
  };
  for (const CaseBox& one : boxes)
    for (const double side : {-0.5, 0.5})
      add(one.box[0] + side * one.box[3], one.box[1] + side * one.box[4]);
  for (const Point3& p : scene.path()) add(p[0], p[1]);
  if (x.low > x.high) x = {-1, 1}, y = {-1, 1};
  Plan out;
  out.left = x.low - kBorder;
  out.top = y.high + kBorder;
  const double width = x.high - x.low + 2 * kBorder, height = y.high - y.low + 2 * kBorder;
  out.scale = std::min(most.width / width, most.height / height);
  out.size = {std::clamp(int(std::ceil(width * out.scale)), 1, most.width),
              std::clamp(int(std::ceil(height * out.scale)), 1, most.height)};
  return out;
}

// Points below the ceiling, the highest one on top.
ImageU8 floor_picture(const Plan& plan, const ShownScene& scene) {
  ImageU8 out = blank(plan.size.width, plan.size.height, SheetColors::kPanel);
  std::vector<float> heights;
  for (const RoomDot& dot : scene.dots()) heights.push_back(dot.at[2]);
  const double floor = quantile(heights, 0.02);
  std::vector<float> top(std::size_t(out.width) * std::size_t(out.height), -1e30F);
  const int radius = std::max(1, int(std::lround(plan.scale * 0.025)));
  for (const RoomDot& dot : scene.dots()) {
    if (dot.at[2] > floor + kCeiling) continue;
    const Point2 at = plan.at(dot.at[0], dot.at[1]);
    for (int dy = -radius; dy < radius; ++dy) {
      for (int dx = -radius; dx < radius; ++dx) {
        const int x = int(std::floor(at.x)) + dx, y = int(std::floor(at.y)) + dy;
        if (x < 0 || y < 0 || x >= out.width || y >= out.height) continue;
        float& height = top[std::size_t(y) * std::size_t(out.width) + std::size_t(x)];
        if (dot.at[2] < height) continue;
        height = dot.at[2];
        std::uint8_t* pixel = out.row(y) + 3 * std::ptrdiff_t(x);
        if (scene.has_pictures()) {
          std::copy(dot.rgb.begin(), dot.rgb.end(), pixel);
          blend_pixel(pixel, SheetColors::kPage, kFaded);
        } else {  // the higher, the brighter
          const double t = std::clamp((double(dot.at[2]) - floor) / kCeiling, 0.0, 1.0);
          std::fill_n(pixel, 3, static_cast<std::uint8_t>(std::lround(60 + 150 * t)));
        }
      }
    }
  }
  return out;
}

void draw_way(Canvas& canvas, const Plan& plan, const ShownScene& scene) {
  Path way;
  for (const Point3& p : scene.path()) way.push_back(plan.at(p[0], p[1]));
  if (way.empty()) return;
  canvas.line(way, {SheetColors::kPage, 3.4, 0.6});
  canvas.line(way, {kWay, 1.6});
  for (const Point2& p : way) canvas.dot(p, 4.5, kWay);
}

// Draws the place and the view of each shown frame, with its number.
void draw_frames(Canvas& canvas, const Plan& plan, const ShownScene& scene,
                 std::span<const CaseFrame> frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto camera = scene.camera(frames[i].place);
    if (!camera) continue;
    const Pose& m = camera->world_from_cam;
    const double side = camera->size.width / (2 * camera->K[0]);
    Path wedge{plan.at(m[3], m[7])};
    for (const double s : {-side, side})
      wedge.push_back(
          plan.at(m[3] + kWedge * (m[2] + s * m[0]), m[7] + kWedge * (m[6] + s * m[4])));
    canvas.fill(wedge, kFrame, 0.25);
    wedge.push_back(wedge.front());
    canvas.line(wedge, {kFrame, 1.4});
    const TextStyle style{{20, 20, 20}, 12, true, Anchor::kCenter};
    canvas.dot(wedge.front(), 17, kFrame);
    canvas.text(std::to_string(i + 1), {wedge.front().x, wedge.front().y + cap_height(style) / 2},
                style);
  }
}

void draw_plan_boxes(Canvas& canvas, const Plan& plan, std::span<const CaseBox> boxes) {
  for (const bool halo : {true, false}) {
    for (const BoxOf of : {BoxOf::kTruth, BoxOf::kAgainst, BoxOf::kAnswer}) {
      Pen pen = box_pen(of, 0.85);
      if (halo) pen = {{10, 12, 16}, pen.width + 2, 0.55, {}};
      for (const CaseBox& one : boxes) {
        if (one.of != of) continue;
        const double w = one.box[3] / 2, h = one.box[4] / 2;
        canvas.line(
            {plan.at(one.box[0] - w, one.box[1] - h), plan.at(one.box[0] + w, one.box[1] - h),
             plan.at(one.box[0] + w, one.box[1] + h), plan.at(one.box[0] - w, one.box[1] + h),
             plan.at(one.box[0] - w, one.box[1] - h)},
            pen);
      }
    }
  }
}

// A bar of a round length, about a quarter of the picture.
void draw_scale(Canvas& canvas, const Plan& plan) {
  const double wanted = plan.size.width / plan.scale / 4;
  double length = std::pow(10, std::floor(std::log10(wanted)));
  for (const double factor : {5.0, 2.0}) {
    if (length * factor <= wanted) {
      length *= factor;
      break;
    }
  }
  const double x = 12, y = plan.size.height - 14, end = x + length * plan.scale;
  const Path bar{{x, y - 4}, {x, y}, {end, y}, {end, y - 4}};
  canvas.line(bar, {SheetColors::kPage, 5, 0.7});
  canvas.line(bar, {SheetColors::kText, 2});
  const TextStyle style{SheetColors::kText, 12, true};
  const std::string text = fmt::format("{:g} m", length);
  canvas.rect(end + 4, y - 12, text_width(text, style) + 8, 16, SheetColors::kPage, 0.7);
  canvas.text(text, {end + 8, y}, style);
}

}  // namespace

ImageU8 top_view(std::span<const CaseBox> boxes, const ShownScene& scene,
                 std::span<const CaseFrame> frames, ImageSize most) {
  const Plan plan = plan_of(boxes, scene, most);
  return draw_on(floor_picture(plan, scene), [&](Canvas& canvas) {
    draw_way(canvas, plan, scene);
    draw_frames(canvas, plan, scene, frames);
    draw_plan_boxes(canvas, plan, boxes);
    draw_scale(canvas, plan);
  });
}

}  // namespace vega::evaluate
