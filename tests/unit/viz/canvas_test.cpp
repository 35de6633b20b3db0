#include "viz/canvas.h"

#include <zlib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "base/error.h"
#include "media/png.h"

using namespace vega;

namespace {

constexpr Color kBlack{0, 0, 0}, kWhite{255, 255, 255}, kOrange{255, 128, 0};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// The streams of a PDF file, inflated, one after the other.
std::string inflated(const std::string& pdf) {
  std::string out;
  for (auto at = pdf.find("stream\n"); at != std::string::npos; at = pdf.find("stream\n", at + 7)) {
    std::string part(1 << 20, '\0');
    auto size = static_cast<uLongf>(part.size());
    const std::size_t from = at + 7;
    if (uncompress(reinterpret_cast<Bytef*>(part.data()), &size,
                   reinterpret_cast<const Bytef*>(pdf.data() + from),
                   static_cast<uLong>(pdf.size() - from)) == Z_OK)
      out += part.substr(0, size);
  }
  return out;
}

// Columns and rows of the pixels that are lighter than a half.
struct Ink {
  int left = 1 << 20, right = -1, top = 1 << 20, bottom = -1;
};
Ink ink(const ImageU8& image) {
  Ink box;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (pixel(image, x, y).r < 128) continue;
      box = {std::min(box.left, x), std::max(box.right, x), std::min(box.top, y),
             std::max(box.bottom, y)};
    }
  }
  return box;
}

ImageU8 written(const std::string& text, const TextStyle& style) {
  return draw_on(blank(120, 60, kBlack), [&](Canvas& c) { c.text(text, {60, 40}, style); });
}

// One of everything.
void draw_all(Canvas& canvas) {
  const Path box = rect_path(10, 10, 40, 30);
  canvas.fill(box, kOrange, 0.5);
  canvas.hatch({&box, 1}, {kBlack, 0.5}, 4, 45);
  canvas.line({{0, 0}, {90, 50}}, {kBlack, 1, 1, {3, 2}});
  canvas.dot({60, 20}, 5, kBlack);
  canvas.image(blank(2, 2, kOrange), {70, 5}, 10, 10);
  canvas.text("a < b & c", {50, 55}, {kBlack, 9, true, Anchor::kCenter});
  canvas.text("up", {95, 40}, {kBlack, 9, false, Anchor::kRight, 90});
}

}  // namespace

TEST_CASE("a line between pixel borders fills its pixels only, between two rows both by half") {
  const ImageU8 image = draw_on(blank(10, 7, kBlack), [](Canvas& canvas) {
    canvas.line({{2.5, 2.5}, {7.5, 2.5}}, {kOrange});
    canvas.line({{0, 5}, {10, 5}}, {{200, 200, 200}});
  });
  for (int x = 3; x <= 6; ++x) CHECK(pixel(image, x, 2) == kOrange);
  for (int x = 0; x < 10; ++x) {
    CHECK(pixel(image, x, 1) == kBlack);
    CHECK(pixel(image, x, 3) == kBlack);
  }
  // Cairo counts coverage on a grid of 15 rows a pixel.
  CHECK(std::abs(pixel(image, 5, 4).r - 100) <= 8);
  CHECK(std::abs(pixel(image, 5, 5).r - 100) <= 8);
}

TEST_CASE("what is stroked together is painted once where it crosses") {
  const std::vector<Path> cross = {{{0, 4.5}, {9, 4.5}}, {{4.5, 0}, {4.5, 9}}};
  const ImageU8 image = draw_on(blank(9, 9, kBlack), [&](Canvas& c) {
    c.stroke(cross, {kWhite, 1, 0.5});
  });
  CHECK(pixel(image, 4, 4) == pixel(image, 4, 1));
}

TEST_CASE("what leaves the picture is cut off, what is clipped too") {
  const ImageU8 image = draw_on(blank(4, 4, kBlack), [](Canvas& canvas) {
    canvas.line({{-1e7, -50}, {1e7, -50}}, {kWhite, 3});
    canvas.rect(-5, 2, 7, 20, {1, 2, 3});
    const Path corner = rect_path(3, 0, 1, 1);
    canvas.clip({&corner, 1});
    canvas.rect(0, 0, 4, 2, kOrange);
    canvas.unclip();
  });
  CHECK(pixel(image, 1, 3) == Color{1, 2, 3});
  CHECK(pixel(image, 2, 3) == kBlack);
  CHECK(pixel(image, 1, 1) == kBlack);
  CHECK(pixel(image, 3, 0) == kOrange);
  CHECK(pixel(image, 2, 0) == kBlack);
}

TEST_CASE("a shape within a shape is a hole") {
  const std::vector<Path> ring = {rect_path(0, 0, 9, 9), rect_path(3, 3, 3, 3)};
  const ImageU8 image = draw_on(blank(9, 9, kWhite), [&](Canvas& c) { c.fill(ring, {}, 0.6); });
  CHECK(pixel(image, 4, 4) == kWhite);
  CHECK(pixel(image, 2, 4) == Color{102, 102, 102});
}

TEST_CASE("pictures are copied as they are, and grow") {
  ImageU8 two = blank(2, 1, kBlack);
  two.row(0)[3] = 200;
  const ImageU8 image = draw_on(blank(10, 4, kWhite), [&](Canvas& canvas) {
    canvas.image(two, {-1, 0}, 2, 1);
    canvas.image(two, {2, 2}, 8, 2);
  });
  CHECK(pixel(image, 0, 0) == Color{200, 0, 0});
  CHECK(pixel(image, 1, 0) == kWhite);
  CHECK(pixel(image, 2, 2) == kBlack);
  CHECK(pixel(image, 9, 3) == Color{200, 0, 0});
  const int middle = pixel(image, 6, 2).r;
  CHECK((middle > 80 && middle < 160));
}

TEST_CASE("hatching covers its share of a shape, in the direction told") {
  const std::vector<Path> shape = {rect_path(10, 10, 60, 60)};
  const auto share = [&](double turn) {
    const ImageU8 image = draw_on(blank(80, 80, kBlack), [&](Canvas& c) {
      c.hatch(shape, {kWhite, 1}, 5, turn);
    });
    const Ink box = ink(image);
    CHECK((box.left >= 10 && box.right < 70 && box.top >= 10 && box.bottom < 70));
    double sum = 0;
    for (int y = 10; y < 70; ++y)
      for (int x = 10; x < 70; ++x) sum += pixel(image, x, y).r / 255.0;
    return sum / 3600;
  };
  for (const double turn : {0.0, 45.0, 90.0, 135.0}) CHECK(share(turn) == Approx(0.2).margin(0.03));
  const ImageU8 level = draw_on(blank(80, 80, kBlack), [&](Canvas& c) {
    c.hatch(shape, {kWhite, 1}, 5, 0);
  });
  CHECK(pixel(level, 20, 20) == pixel(level, 60, 20));
  CHECK(!(pixel(level, 20, 20) == pixel(level, 20, 22)));
}

TEST_CASE("text stands where it is said to stand") {
  const TextStyle style{kWhite, 20};
  const double width = text_width("HH", style);
  CHECK((width > 28 && width < 34));
  const Ink left = ink(written("HH", style));
  CHECK((left.left >= 60 && left.left <= 63));
  CHECK(left.right <= 60 + width);
  CHECK(left.bottom == 39);
  CHECK(std::abs(left.bottom + 1 - left.top - cap_height(style)) < 1.5);
  const Ink right = ink(written("HH", {kWhite, 20, false, Anchor::kRight}));
  CHECK((right.right < 60 && right.right >= 56));
  const Ink center = ink(written("HH", {kWhite, 20, false, Anchor::kCenter}));
  CHECK(std::abs(center.left + center.right - 119) <= 1);
  const Ink up = ink(written("HH", {kWhite, 20, false, Anchor::kLeft, 90}));
  CHECK((up.right < 60 && up.bottom < 40 && up.bottom - up.top > up.right - up.left));
  CHECK(text_width("", style) == 0);
  CHECK(text_width("0000", style) == Approx(text_width("1478", style)));
  CHECK(text_width("mm", {kWhite, 20, true}) > text_width("mm", style));
}

TEST_CASE("all printable characters are drawn and differ") {
  std::map<std::vector<std::uint8_t>, char> seen;
  for (char c = '!'; c <= '~'; ++c) {
    const ImageU8 image = written(std::string(1, c), {kWhite, 24});
    CAPTURE(c);
    CHECK(ink(image).right >= 60);
    const auto [it, fresh] = seen.emplace(image.rgb, c);
    INFO("same picture as " << it->second);
    CHECK(fresh);
  }
}

TEST_CASE("letters that the font has not are named, drawn as boxes, and stay text in SVG and PDF") {
  const std::string name = "模型 β ✓ 😀";
  CHECK(missing_glyphs(name) == "模型");
  CHECK(missing_glyphs("café → × · –").empty());
  CHECK(written("模", {kWhite, 20}).rgb == written("型", {kWhite, 20}).rgb);
  CHECK(written("×", {kWhite, 20}).rgb != written("模", {kWhite, 20}).rgb);
  const auto drawing = [&](Canvas& canvas) { canvas.text(name, {5, 20}, {kBlack, 9}); };
  CHECK(count(draw_page(PageFormat::kSvg, 100, 30, drawing), ">模型 β ✓ 😀</text>") == 1);
  // Cairo says of glyphs in PDF what text they stand for: UTF-16 in hexadecimal digits.
  const std::string pdf = inflated(draw_page(PageFormat::kPdf, 100, 30, drawing));
  CHECK(count(pdf, "<6a21>") == 1);
  CHECK(count(pdf, "/ActualText <feff578b>") == 1);
  CHECK(count(pdf, "<03b2>") == 1);
}

TEST_CASE("broken bytes and control characters do no harm") {
  CHECK(drawn_text("a\xff\tb\n") == "a\uFFFD b ");
  CHECK(drawn_text("\xed\xa0\xbd").find('\xed') == std::string::npos);
  const auto drawing = [](Canvas& canvas) {
    canvas.text("\x01<\xc3&\xff>", {5, 20}, {kBlack, 9});
    canvas.text("", {5, 20}, {kBlack, 9});
  };
  CHECK(count(draw_page(PageFormat::kSvg, 100, 30, drawing),
              "> &lt;\uFFFD&amp;\uFFFD&gt;</text>") == 1);
  CHECK(draw_page(PageFormat::kPdf, 100, 30, drawing).size() > 500);
}

TEST_CASE("text is shortened to fit") {
  const TextStyle style{kWhite, 12};
  CHECK(fit_text("frame", 1000, style) == "frame");
  const std::string shorter = fit_text("frame-000016", 50, style);
  CHECK(shorter.substr(shorter.size() - 3) == "\u2026");
  CHECK(text_width(shorter, style) <= 50);
  CHECK(fit_text("frame", 3, style).empty());
}

TEST_CASE("one drawing as SVG, PDF and PNG") {
  const std::string svg = draw_page(PageFormat::kSvg, 100, 60, draw_all);
  CHECK(svg.starts_with("<?xml"));
  CHECK(count(svg, "width=\"100pt\" height=\"60pt\" viewBox=\"0 0 100 60\"") == 1);
  CHECK(count(svg, "a &lt; b &amp; c</text>") == 1);
  CHECK(count(svg, "rotate(-90 95 40)") == 1);
  CHECK(count(svg, "stroke-dasharray=\"3 2\"") == 1);
  CHECK(count(svg, "fill-opacity=\"0.5\"") == 1);
  CHECK(count(svg, "<g clip-path=\"url(#c1)\">") == 1);
  CHECK(count(svg, "<g") == count(svg, "</g>"));
  CHECK(count(svg, "data:image/png;base64,iVBORw0KGgo") == 1);
  const std::string pdf = draw_page(PageFormat::kPdf, 100, 60, draw_all);
  CHECK(pdf.starts_with("%PDF-"));
  CHECK(count(pdf, "/MediaBox [ 0 0 100 60 ]") == 1);
  CHECK(count(pdf, "Date") == 0);
  const std::string png = draw_page(PageFormat::kPng, 100, 60, draw_all, 144);
  const ImageU8 image = decode_png(std::as_bytes(std::span(png)), "png");
  CHECK(image.size() == ImageSize{200, 120});
  CHECK(pixel(image, 150, 20) == kOrange);
  CHECK(pixel(image, 5, 115) == kWhite);
  for (const PageFormat format : {PageFormat::kSvg, PageFormat::kPdf, PageFormat::kPng})
    CHECK(draw_page(format, 100, 60, draw_all, 144) == (format == PageFormat::kSvg   ? svg
                                                        : format == PageFormat::kPdf ? pdf
                                                                                     : png));
}

TEST_CASE("formats by the ending of a name") {
  CHECK(page_format("a/b.c/plot.svg") == PageFormat::kSvg);
  CHECK(page_format("plot.pdf") == PageFormat::kPdf);
  CHECK(page_format("plot.png") == PageFormat::kPng);
  CHECK_THROWS_AS(page_format("plot"), UsageError);
  CHECK_THROWS_WITH(page_format("plot.jpeg"), Catch::Contains(".svg, .pdf or .png"));
}

TEST_CASE("a picture without a pixel, or too long, is refused") {
  const auto nothing = [](Canvas&) {};
  CHECK_THROWS_AS(draw_on(ImageU8(), nothing), InputError);
  CHECK_THROWS_WITH(draw_on(ImageU8(40000, 1), nothing), Catch::Contains("40000x1"));
}
