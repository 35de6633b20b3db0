#include "extract/preview.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "media/decode.h"
#include "media/png.h"
#include "media/resize.h"
#include "nn/pca.h"
#include "run/output_names.h"
#include "scene/select.h"
#include "store/features.h"
#include "viz/canvas.h"
#include "viz/overlay.h"
#include "viz/sheet.h"

namespace vega::extract {
namespace fs = std::filesystem;
namespace {

constexpr auto kPreviewHelp =
    R"(Source frames above the PCA colours of their features: alike tokens have alike colours, in all frames of a
scene. The outline on a frame is the part that the network saw. With --compare the FILEs are features of one scene, and
one picture shows them below each other: a row of frames, then a row of colours for each file, every cell where it lies
in its frame. Colours of different files have nothing to do with each other.

Examples:
  vega-extract preview features/rgb-832x480-mllm-14x14/kitchen.h5 -o kitchen.png
  vega-extract preview --frames 6 --smooth features/*/kitchen.h5 -o pictures
  vega-extract preview --compare --frames 6 features/rgb/kitchen.h5 features/wan/kitchen.h5 -o kitchen.png

See also: features)";

constexpr int kWidestRow = 2000;  // pixels of a row of --compare whose --width is not smaller

// The colours of one tap of a feature file.
class ColoredFile {
 public:
  ColoredFile(const fs::path& path, const std::string& tap_name)
      : path_(path),
        reader_(path),
        tap_(reader_.taps()[reader_.tap_index(tap_name)]),
        frames_(reader_.frames()),
        colors_(pca_colors(reader_.read_f32(reader_.tap_index(tap_name), 0, reader_.frame_count()),
                           tap_.channels)) {}

  const fs::path& path() const { return path_; }
  const std::string& key() const { return reader_.header().key; }
  const TapInfo& tap() const { return tap_; }
  const FrameTable& frames() const { return frames_; }
  std::string tag() const { return path_.parent_path().filename().string(); }

  // Of all three colours, in percent.
  double explained() const {
    return 100 * (colors_.explained[0] + colors_.explained[1] + colors_.explained[2]);
  }

  // Thumbnails of all frames. Throws InputError where the file has none.
  std::vector<std::vector<std::byte>> thumbs() const {
    auto out = reader_.thumbs();
    if (out.empty())
      throw InputError(explain(path_.string(), "no thumbnails",
                               "thumbnails to show above the features",
                               "extract again with --overwrite and without --no-thumbs"));
    return out;
  }

  // Row v of the file, a pixel a cell.
  ImageU8 panel(std::size_t v) const {
    ImageU8 out(static_cast<int>(tap_.grid_w), static_cast<int>(tap_.grid_h));
    std::copy_n(colors_.rgb.begin() + static_cast<std::ptrdiff_t>(out.rgb.size() * v),
                out.rgb.size(), out.rgb.begin());
    return out;
  }

  // Where the cells of row v lie on a picture of this size; nothing: not known.
  std::optional<CoveredQuad> covered(std::size_t v, ImageSize picture) const {
    const ImageSize size{frames_.size_color[v][1], frames_.size_color[v][0]};
    if (size.width <= 0 || size.height <= 0) return std::nullopt;
    return covered_quad(rescale_pixels(tap_.cell_to_px[v], size, picture),
                        {tap_.grid_h, tap_.grid_w});
  }

 private:
  fs::path path_;
  FeatureReader reader_;
  TapInfo tap_;
  FrameTable frames_;
  PcaColors colors_;
};

// Rows of the file that are shown, spread over the scene.
std::vector<std::size_t> shown_rows(const ColoredFile& file, std::int64_t wanted) {
  const auto count = static_cast<std::int64_t>(file.frames().id.size());
  return uniform_indices(count, std::min(wanted, count));
}

ImageU8 thumb_picture(const ColoredFile& file, const std::vector<std::vector<std::byte>>& thumbs,
                      std::size_t v) {
  return decode_image(thumbs[v], file.path().string() + ": thumbnail " + std::to_string(v));
}

ImageU8 preview_sheet(const fs::path& path, const PreviewOptions& options) {
  const ColoredFile file(path, options.tap);
  const auto thumbs = file.thumbs();
  std::vector<SheetFrame> shown;
  for (const std::size_t v : shown_rows(file, options.frames)) {
    SheetFrame frame;
    frame.picture = thumb_picture(file, thumbs, v);
    frame.panel = file.panel(v);
    frame.caption = fmt::format("frame {}", file.frames().id[v]);
    frame.covered = file.covered(v, frame.picture.size());
    shown.push_back(std::move(frame));
  }
  SheetOptions sheet;
  sheet.columns = static_cast<int>(options.columns);
  sheet.tile_width = static_cast<int>(options.width);
  sheet.smooth = options.smooth;
  const std::string title = fmt::format("{}   {}", file.key(), file.tag());
  const std::string subtitle = fmt::format(
      "tap {}   {} of {} frames   grid {}x{}   {} channels   PCA colours, {:.0f} % of the variance",
      file.tap().name, shown.size(), thumbs.size(), file.tap().grid_h, file.tap().grid_w,
      file.tap().channels, file.explained());
  return contact_sheet(title, subtitle, shown, sheet);
}

// The colours of row v where they lie on a picture of this size; the rest is as an empty panel.
ImageU8 colors_in_place(const ColoredFile& file, std::size_t v, ImageSize picture, bool smooth) {
  const ImageU8 panel = file.panel(v);
  const auto quad = file.covered(v, picture);
  const auto pixel = [](double at) { return static_cast<int>(std::lround(at + 0.5)); };
  const int x = quad ? pixel((*quad)[0].x) : 0, y = quad ? pixel((*quad)[0].y) : 0;
  const int w = quad ? std::max(1, pixel((*quad)[2].x) - x) : picture.width;
  const int h = quad ? std::max(1, pixel((*quad)[2].y) - y) : picture.height;
  const ImageU8 cells = smooth ? resize_bicubic_pillow(panel, w, h) : resize_area_u8(panel, w, h);
  return draw_on(blank(picture.width, picture.height, SheetColors::kPanel), [&](Canvas& canvas) {
    canvas.image(cells, {double(x), double(y)}, w, h);
  });
}

// The row of this frame in another file of the same scene. Throws InputError.
std::size_t row_of(const ColoredFile& file, std::int64_t id, const ColoredFile& first) {
  const auto at = std::find(file.frames().id.begin(), file.frames().id.end(), id);
  if (file.key() != first.key())
    throw InputError(explain("--compare: " + file.path().string(), "scene " + file.key(),
                             fmt::format("{}, as {} has", first.key(), first.path().string())));
  if (at == file.frames().id.end())
    throw InputError(explain("--compare: " + file.path().string(), fmt::format("no frame {}", id),
                             fmt::format("the frames of {}", first.path().string()),
                             "extract both with the same --select"));
  return static_cast<std::size_t>(at - file.frames().id.begin());
}

ImageU8 compare_sheet(const PreviewOptions& options) {
  std::vector<ColoredFile> files;
  for (const std::string& path : options.inputs) files.emplace_back(path, options.tap);
  const ColoredFile& first = files.front();
  const auto rows = shown_rows(first, options.frames);
  const auto thumbs = first.thumbs();
  SheetOptions sheet;
  sheet.columns = static_cast<int>(rows.size());
  sheet.tile_width =
      static_cast<int>(std::clamp<std::int64_t>(kWidestRow / sheet.columns, 16, options.width));
  std::vector<SheetFrame> shown(rows.size() * (files.size() + 1));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int64_t id = first.frames().id[rows[i]];
    ImageU8& picture = shown[i].picture;
    picture = thumb_picture(first, thumbs, rows[i]);
    picture = resize_bicubic_pillow(
        picture, sheet.tile_width,
        std::max<int>(1, static_cast<int>(std::lround(double(sheet.tile_width) * picture.height /
                                                      picture.width))));
    shown[i].caption = fmt::format("frame {}", id);
    for (std::size_t f = 0; f < files.size(); ++f) {
      SheetFrame& tile = shown[(f + 1) * rows.size() + i];
      tile.picture =
          colors_in_place(files[f], row_of(files[f], id, first), picture.size(), options.smooth);
      if (i == 0) tile.caption = fmt::format("{}   tap {}", files[f].tag(), files[f].tap().name);
    }
  }
  return contact_sheet(first.key(),
                       "frames, and the PCA colours of features: within one row of colours alike "
                       "tokens have alike colours",
                       shown, sheet);
}

}  // namespace

RunResult run_preview(const PreviewOptions& options, const Context& context) {
  RunResult report;
  if (options.compare) {
    const fs::path out = output_names({options.inputs.begin(), options.inputs.begin() + 1},
                                      options.out, "--out", ".png")
                             .front();
    publish_output(out, std::span<const std::byte>(encode_png(compare_sheet(options))));
    log_info("{} files: picture in {}", options.inputs.size(), out.string());
    context.manifest(fs::path(options.inputs.front()).stem().string(), out.string());
    ++report.done;
    return report;
  }
  const auto pictures = output_names(options.inputs, options.out, "--out", ".png");
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const fs::path input = options.inputs[i];
    const fs::path& out = pictures[i];
    publish_output(out, std::span<const std::byte>(encode_png(preview_sheet(input, options))));
    log_info("{}: picture in {}", input.string(), out.string());
    context.manifest(input.stem().string(), out.string());
    ++report.done;
  }
  return report;
}

Verb preview_verb() {
  return make_verb("preview", "draw a contact sheet of a feature file", kPreviewHelp, run_preview);
}

}  // namespace vega::extract
