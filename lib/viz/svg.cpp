// Canvas as SVG: text stays text, which Debian's Cairo would turn into outlines.
#include <fmt/core.h>

#include <cmath>

#include "media/png.h"
#include "viz/canvas.h"
#include "viz/html.h"

namespace vega {
namespace {

// Two digits behind the point, without trailing zeros; the same under every locale.
std::string number(double value) { return fmt::format("{}", std::round(value * 100) / 100 + 0.0); }

std::string hex(Color c) { return fmt::format("#{:02x}{:02x}{:02x}", c.r, c.g, c.b); }

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

std::string path_data(std::span<const Path> paths, bool closed) {
  std::string out;
  for (const Path& path : paths) {
    for (std::size_t i = 0; i < path.size(); ++i)
      out += (i == 0 ? "M" : "L") + number(path[i].x) + " " + number(path[i].y);
    if (closed || path.size() == 1) out += "Z";
  }
  return out;
}

std::string opacity(std::string_view name, double alpha) {
  return alpha < 1 ? fmt::format(" {}=\"{}\"", name, number(alpha)) : "";
}

class SvgCanvas final : public Canvas {
 public:
  void stroke(std::span<const Path> lines, const Pen& pen) override {
    std::string dashes;
    for (const double d : pen.dashes) dashes += (dashes.empty() ? "" : " ") + number(d);
    if (!dashes.empty()) dashes = " stroke-linecap=\"butt\" stroke-dasharray=\"" + dashes + "\"";
    body += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{}{}/>\n",
                        path_data(lines, false), hex(pen.color), number(pen.width), dashes,
                        opacity("stroke-opacity", pen.alpha));
  }
  void fill(std::span<const Path> shape, Color color, double alpha) override {
    body += fmt::format("<path d=\"{}\" fill=\"{}\"{}/>\n", path_data(shape, true), hex(color),
                        opacity("fill-opacity", alpha));
  }
  void clip(std::span<const Path> shape) override {
    body += fmt::format(
        "<clipPath id=\"c{0}\"><path clip-rule=\"evenodd\" d=\"{1}\"/></clipPath>\n"
        "<g clip-path=\"url(#c{0})\">\n",
        ++clips_, path_data(shape, true));
  }
  void unclip() override { body += "</g>\n"; }
  void image(const ImageU8& image, Point2 at, double width, double height) override {
    body += fmt::format(
        "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" "
        "xlink:href=\"data:image/png;base64,{}\"/>\n",
        number(at.x), number(at.y), number(width), number(height), base64(encode_png(image)));
  }
  void text(std::string_view text, Point2 at, const TextStyle& style) override {
    constexpr std::string_view kAnchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    std::string turn;
    if (style.turn != 0)
      turn = fmt::format(" transform=\"rotate({} {} {})\"", number(-style.turn), number(at.x),
                         number(at.y));
    body += fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{}{}{}>{}</text>\n",
                        number(at.x), number(at.y), number(style.size), hex(style.color),
                        style.bold ? " font-weight=\"bold\"" : "",
                        kAnchors[static_cast<int>(style.anchor)], turn, escaped(drawn_text(text)));
  }

  std::string body;

 private:
  int clips_ = 0;
};

}  // namespace

std::string draw_svg(double width, double height, const Drawing& drawing) {
  SvgCanvas canvas;
  drawing(canvas);
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
      "width=\"{0}pt\" height=\"{1}pt\" viewBox=\"0 0 {0} {1}\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n"
      "<g font-family=\"'DejaVu Sans',Verdana,sans-serif\" stroke-linejoin=\"round\" "
      "stroke-linecap=\"round\" fill-rule=\"evenodd\" "
      "style=\"white-space:pre\">\n{2}</g>\n</svg>\n",
      number(width), number(height), canvas.body);
}

}  // namespace vega
