// Canvas on Cairo: pixels and PDF, and the measures of text for all.
#include <cairo-ft.h>
#include <cairo-pdf.h>
#include <ft2build.h>
#include FT_FREETYPE_H

#include <array>
#include <cmath>
#include <memory>
#include <numbers>

#include "base/error.h"
#include "base/log.h"
#include "media/png.h"
#include "text/unicode.h"
#include "viz/canvas.h"

// DejaVu Sans as Debian's fonts-dejavu-core has it, part of the program: a picture looks the same
// on every machine, whatever fonts it has.
asm(".section .rodata\n"
    "vega_font_regular: .incbin \"" VEGA_FONTS
    "/DejaVuSans.ttf\"\n"
    "vega_font_regular_end:\n"
    "vega_font_bold: .incbin \"" VEGA_FONTS
    "/DejaVuSans-Bold.ttf\"\n"
    "vega_font_bold_end:\n"
    ".previous\n");
extern "C" {
__attribute__((visibility("hidden"))) extern const FT_Byte vega_font_regular[],
    vega_font_regular_end[], vega_font_bold[], vega_font_bold_end[];
}

namespace vega {
namespace {

template <auto Destroy>
struct Free {
  void operator()(auto* object) const { Destroy(object); }
};
using Surface = std::unique_ptr<cairo_surface_t, Free<cairo_surface_destroy>>;
using FontOptions = std::unique_ptr<cairo_font_options_t, Free<cairo_font_options_destroy>>;

struct Font {
  FT_Face face = nullptr;
  cairo_font_face_t* cairo = nullptr;
};

// Never freed: Cairo's cache of letters outlives every canvas.
const Font& font_of(bool bold) {
  static const std::array<Font, 2> all = [] {
    std::array<Font, 2> out;
    FT_Library library = nullptr;
    FT_Init_FreeType(&library);
    FT_New_Memory_Face(library, vega_font_regular, vega_font_regular_end - vega_font_regular, 0,
                       &out[0].face);
    FT_New_Memory_Face(library, vega_font_bold, vega_font_bold_end - vega_font_bold, 0,
                       &out[1].face);
    for (Font& font : out) font.cairo = cairo_ft_font_face_create_for_ft_face(font.face, 0);
    return out;
  }();
  return all[bold ? 1 : 0];
}

void require(cairo_status_t status) {
  if (status != CAIRO_STATUS_SUCCESS)
    throw InputError(explain("picture", cairo_status_to_string(status), "a drawing that works",
                             "draw a smaller picture"));
}

// Letters stand where the font's own widths put them, so that every surface has one layout; only
// heights are fitted to pixels.
FontOptions font_options(bool pixels) {
  FontOptions options(cairo_font_options_create());
  cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_hint_style(options.get(),
                                    pixels ? CAIRO_HINT_STYLE_SLIGHT : CAIRO_HINT_STYLE_NONE);
  return options;
}

class CairoCanvas final : public Canvas {
 public:
  CairoCanvas(cairo_surface_t* surface, bool pixels)
      : surface_(surface), cr_(cairo_create(surface)), options_(font_options(pixels)) {
    require(cairo_surface_status(surface));
    cairo_set_line_join(cr_.get(), CAIRO_LINE_JOIN_ROUND);
    cairo_set_fill_rule(cr_.get(), CAIRO_FILL_RULE_EVEN_ODD);
    cairo_set_font_options(cr_.get(), options_.get());
  }

  void scale(double by) { cairo_scale(cr_.get(), by, by); }

  void stroke(std::span<const Path> lines, const Pen& pen) override {
    add(lines, false);
    set(pen.color, pen.alpha);
    cairo_set_line_width(cr_.get(), pen.width);
    cairo_set_line_cap(cr_.get(), pen.dashes.empty() ? CAIRO_LINE_CAP_ROUND : CAIRO_LINE_CAP_BUTT);
    cairo_set_dash(cr_.get(), pen.dashes.data(), static_cast<int>(pen.dashes.size()), 0);
    cairo_stroke(cr_.get());
  }

  void fill(std::span<const Path> shape, Color color, double alpha) override {
    add(shape, true);
    set(color, alpha);
    cairo_fill(cr_.get());
  }

  void clip(std::span<const Path> shape) override {
    cairo_save(cr_.get());
    add(shape, true);
    cairo_clip(cr_.get());
  }
  void unclip() override { cairo_restore(cr_.get()); }

  void image(const ImageU8& image, Point2 at, double width, double height) override;
  void text(std::string_view text, Point2 at, const TextStyle& style) override;

  // Ends the drawing; names what the font could not show.
  cairo_surface_t* finish() {
    require(cairo_status(cr_.get()));
    cr_.reset();
    if (!missing_.empty())
      log_warn(
          "picture: {} written as boxes: the font DejaVu Sans has no such letters; SVG keeps "
          "them as text",
          missing_);
    return surface_.get();
  }

 private:
  void set(Color c, double alpha) {
    cairo_set_source_rgba(cr_.get(), c.r / 255.0, c.g / 255.0, c.b / 255.0, alpha);
  }
  void add(std::span<const Path> paths, bool closed) {
    cairo_new_path(cr_.get());
    for (const Path& path : paths) {
      cairo_new_sub_path(cr_.get());
      for (const Point2& p : path) cairo_line_to(cr_.get(), p.x, p.y);
      if (closed || path.size() == 1) cairo_close_path(cr_.get());
    }
  }

  Surface surface_;
  std::unique_ptr<cairo_t, Free<cairo_destroy>> cr_;
  FontOptions options_;
  std::string missing_;
};

// Cairo takes no larger pictures.
void require_size(ImageSize size) {
  if (size.empty() || size.width > 32767 || size.height > 32767)
    throw InputError(explain("picture", to_string(size) + " pixels", "1 to 32767 a side",
                             "draw fewer frames, or narrower ones"));
}

// A picture in Cairo's own layout of pixels.
Surface surface_of(const ImageU8& image) {
  require_size(image.size());
  Surface out(cairo_image_surface_create(CAIRO_FORMAT_RGB24, image.width, image.height));
  require(cairo_surface_status(out.get()));
  unsigned char* bytes = cairo_image_surface_get_data(out.get());
  const int stride = cairo_image_surface_get_stride(out.get());
  for (int y = 0; y < image.height; ++y) {
    auto* row = reinterpret_cast<std::uint32_t*>(bytes + std::ptrdiff_t(y) * stride);
    const std::uint8_t* from = image.row(y);
    for (int x = 0; x < image.width; ++x, from += 3)
      row[x] = 0xff000000U | std::uint32_t(from[0] << 16 | from[1] << 8 | from[2]);
  }
  cairo_surface_mark_dirty(out.get());
  return out;
}

ImageU8 pixels_of(cairo_surface_t* surface) {
  cairo_surface_flush(surface);
  ImageU8 out(cairo_image_surface_get_width(surface), cairo_image_surface_get_height(surface));
  const unsigned char* bytes = cairo_image_surface_get_data(surface);
  const int stride = cairo_image_surface_get_stride(surface);
  for (int y = 0; y < out.height; ++y) {
    const auto* row = reinterpret_cast<const std::uint32_t*>(bytes + std::ptrdiff_t(y) * stride);
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < out.width; ++x, to += 3)
      to[0] = row[x] >> 16 & 255, to[1] = row[x] >> 8 & 255, to[2] = row[x] & 255;
  }
  return out;
}

void CairoCanvas::image(const ImageU8& image, Point2 at, double width, double height) {
  const auto source = surface_of(image);
  cairo_save(cr_.get());
  cairo_translate(cr_.get(), at.x, at.y);
  cairo_scale(cr_.get(), width / image.width, height / image.height);
  cairo_set_source_surface(cr_.get(), source.get(), 0, 0);
  cairo_pattern_set_extend(cairo_get_source(cr_.get()), CAIRO_EXTEND_PAD);
  cairo_rectangle(cr_.get(), 0, 0, image.width, image.height);
  cairo_fill(cr_.get());
  cairo_restore(cr_.get());
}

void CairoCanvas::text(std::string_view text, Point2 at, const TextStyle& style) {
  const std::string words = drawn_text(text);
  for (const char32_t c : text::decode_utf8(missing_glyphs(words, style.bold)))
    if (const std::string one = text::encode_utf8({&c, 1}); missing_.find(one) == missing_.npos)
      missing_ += one;
  const double width = text_width(text, style);
  const double back = style.anchor == Anchor::kCenter  ? width / 2
                      : style.anchor == Anchor::kRight ? width
                                                       : 0;
  cairo_save(cr_.get());
  cairo_translate(cr_.get(), at.x, at.y);
  cairo_rotate(cr_.get(), -style.turn * std::numbers::pi / 180);
  set(style.color, 1);
  cairo_set_font_face(cr_.get(), font_of(style.bold).cairo);
  cairo_set_font_size(cr_.get(), style.size);
  cairo_glyph_t* glyphs = nullptr;
  cairo_text_cluster_t* clusters = nullptr;
  int glyph_count = 0, cluster_count = 0;
  cairo_text_cluster_flags_t flags{};
  const int bytes = static_cast<int>(words.size());
  const auto status = cairo_scaled_font_text_to_glyphs(cairo_get_scaled_font(cr_.get()), -back, 0,
                                                       words.data(), bytes, &glyphs, &glyph_count,
                                                       &clusters, &cluster_count, &flags);
  const std::unique_ptr<cairo_glyph_t, Free<cairo_glyph_free>> own_glyphs(glyphs);
  const std::unique_ptr<cairo_text_cluster_t, Free<cairo_text_cluster_free>> own_clusters(clusters);
  require(status);
  cairo_show_text_glyphs(cr_.get(), words.data(), bytes, glyphs, glyph_count, clusters,
                         cluster_count, flags);
  cairo_restore(cr_.get());
}

std::string draw_pdf(double width, double height, const Drawing& drawing) {
  std::string bytes;
  const auto append = [](void* to, const unsigned char* data, unsigned int count) {
    static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(data), count);
    return CAIRO_STATUS_SUCCESS;
  };
  cairo_surface_t* surface = cairo_pdf_surface_create_for_stream(append, &bytes, width, height);
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "");  // no time in files
  CairoCanvas canvas(surface, false);
  drawing(canvas);
  cairo_surface_finish(canvas.finish());
  require(cairo_surface_status(surface));
  return bytes;
}

}  // namespace

double text_width(std::string_view text, const TextStyle& style) {
  cairo_matrix_t size{}, identity{};
  cairo_matrix_init_scale(&size, style.size, style.size);
  cairo_matrix_init_identity(&identity);
  const std::unique_ptr<cairo_scaled_font_t, Free<cairo_scaled_font_destroy>> font(
      cairo_scaled_font_create(font_of(style.bold).cairo, &size, &identity,
                               font_options(false).get()));
  cairo_text_extents_t extents{};
  cairo_scaled_font_text_extents(font.get(), drawn_text(text).c_str(), &extents);
  return extents.x_advance;
}

double cap_height(const TextStyle& style) { return 0.729 * style.size; }

std::string missing_glyphs(std::string_view text, bool bold) {
  std::u32string out;
  for (const char32_t c : text::decode_utf8(drawn_text(text)))
    if (FT_Get_Char_Index(font_of(bold).face, c) == 0 && out.find(c) == out.npos) out += c;
  return text::encode_utf8(out);
}

ImageU8 draw_on(const ImageU8& ground, const Drawing& drawing) {
  CairoCanvas canvas(surface_of(ground).release(), true);
  drawing(canvas);
  return pixels_of(canvas.finish());
}

std::string draw_page(PageFormat format, double width, double height, const Drawing& drawing,
                      double dpi) {
  if (format == PageFormat::kSvg) return draw_svg(width, height, drawing);
  if (format == PageFormat::kPdf) return draw_pdf(width, height, drawing);
  const double scale = dpi / 72;
  const auto pixels = [scale](double points) {
    return static_cast<int>(std::ceil(points * scale));
  };
  require_size({pixels(width), pixels(height)});  // before memory is taken
  CairoCanvas canvas(surface_of(blank(pixels(width), pixels(height), {255, 255, 255})).release(),
                     true);
  canvas.scale(scale);
  drawing(canvas);
  const auto bytes = encode_png(pixels_of(canvas.finish()));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace vega
