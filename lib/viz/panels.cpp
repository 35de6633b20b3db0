#include "viz/panels.h"

#include <utility>

namespace vega {
namespace {

// A canvas that draws on another one, everything moved.
class MovedCanvas final : public Canvas {
 public:
  MovedCanvas(Canvas& canvas, Point2 by) : canvas_(canvas), by_(by) {}

  void stroke(std::span<const Path> lines, const Pen& pen) override {
    canvas_.stroke(moved(lines), pen);
  }
  void fill(std::span<const Path> shape, Color color, double alpha) override {
    canvas_.fill(moved(shape), color, alpha);
  }
  void clip(std::span<const Path> shape) override { canvas_.clip(moved(shape)); }
  void unclip() override { canvas_.unclip(); }
  void image(const ImageU8& image, Point2 at, double width, double height) override {
    canvas_.image(image, moved(at), width, height);
  }
  void text(std::string_view text, Point2 at, const TextStyle& style) override {
    canvas_.text(text, moved(at), style);
  }

 private:
  Point2 moved(Point2 at) const { return {at.x + by_.x, at.y + by_.y}; }
  std::vector<Path> moved(std::span<const Path> paths) const {
    std::vector<Path> out(paths.begin(), paths.end());
    for (Path& path : out)
      for (Point2& point : path) point = moved(point);
    return out;
  }

  Canvas& canvas_;
  Point2 by_;
};

}  // namespace

Drawing draw_panels(std::vector<Panel> panels) {
  return [panels = std::move(panels)](Canvas& canvas) {
    for (const Panel& panel : panels) {
      MovedCanvas place(canvas, panel.at);
      panel.drawing(place);
    }
  };
}

}  // namespace vega
