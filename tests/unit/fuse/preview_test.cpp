#include "fuse/preview.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "fuse/gate_page.h"
#include "fuse/statistics.h"
#include "media/decode.h"
#include "media/jpeg.h"
#include "media/png.h"
#include "support/options.h"
#include "support/support.h"
#include "viz/colormap.h"

using namespace vega;
using namespace vega::fuse;
using namespace vega::test;

namespace {

constexpr std::size_t kCells = 196;
constexpr Color kBlack{0, 0, 0}, kWarning{255, 176, 32};

struct Sample {
  std::size_t frames = 4;
  bool trained = true, thumbs = true, gate = true, sizes = true;
  std::vector<float> values;          // frames * 196; empty: rising from 0 to 1 within each frame
  std::vector<std::uint8_t> covered;  // empty: the left nine columns
  std::string key = "kitchen", align = "pixel";
  std::size_t thumb_bytes = 0;  // cut to this; 0: whole
};

std::vector<std::uint8_t> left_columns(std::size_t frames, std::size_t columns) {
  std::vector<std::uint8_t> out(frames * kCells);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = i % 14 < columns ? 1 : 0;
  return out;
}

// Frames of 280x210 (a cell is 20x15 pixels), thumbnails black and half as large.
void write_tokens(const std::filesystem::path& path, const Sample& sample) {
  FileHeader header;
  header.key = sample.key;
  header.cache_key = "0";
  FrameTable frames;
  TokensInfo info;
  info.width = 2;
  info.parts = {TokenPart::kFused};
  info.has_gate = sample.gate;
  info.method = sample.gate ? "token_gated" : "cross_attention";
  info.form = sample.gate ? "normed" : "";
  info.align = sample.align, info.view = "mllm", info.trained = sample.trained;
  for (std::size_t f = 0; f < sample.frames; ++f) {
    frames.id.push_back(static_cast<std::int64_t>(10 * f));
    if (sample.sizes) frames.size_color.push_back({210, 280});
    if (sample.thumbs) frames.thumb_jpeg.push_back(encode_jpeg(ImageU8(140, 105)));
    if (sample.thumbs && sample.thumb_bytes > 0) frames.thumb_jpeg[f].resize(sample.thumb_bytes);
    info.cell_to_px.push_back({20, 0, 9.5, 0, 15, 7});
  }
  TokensWriter writer(path, header, frames, info);
  writer.put(TokenPart::kFused, 0, sample.frames,
             std::vector<float>(sample.frames * kCells * 2, 0.5F));
  if (sample.gate) {
    std::vector<float> values = sample.values;
    for (std::size_t i = values.size(); i < sample.frames * kCells; ++i)
      values.push_back(static_cast<float>(i % kCells) / 195.0F);
    writer.put_gate(0, sample.frames, values);
    writer.put_covered(sample.covered.empty() ? left_columns(sample.frames, 9) : sample.covered);
  }
  writer.finish();
}

ImageU8 page_of(const std::filesystem::path& path, const GatePageOptions& options = {}) {
  const TokensReader reader(path);
  return gate_page(reader, gate_statistics(reader), options);
}

ImageU8 decoded(const std::filesystem::path& path) {
  return decode_png(read_bytes(path), path.string());
}

template <typename E, typename Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

struct PreviewManifest {
  std::vector<std::pair<std::string, std::string>> lines;
  Context context() {
    Context c;
    c.manifest = [this](const std::string& key, const std::string& path) {
      lines.emplace_back(key, path);
    };
    return c;
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("statistics of a gate made by hand") {
  TokensInfo info;
  info.method = "token_gated", info.form = "raw", info.align = "reference", info.trained = true;
  // Frame 3: all 0.25. Frame 7: 98 times 0, 97 times 1, once 0.5.
  std::vector<float> gate(kCells, 0.25F);
  gate.insert(gate.end(), 98, 0.0F);
  gate.insert(gate.end(), 97, 1.0F);
  gate.push_back(0.5F);
  std::vector<std::uint8_t> covered(2 * kCells, 0);
  std::fill_n(covered.begin(), kCells, std::uint8_t{1});  // frame 3
  covered.back() = 1;                                     // and the 0.5
  const GateStatistics s = gate_statistics("room", info, {3, 7}, gate, covered);
  CHECK(s.frames == 2);
  CHECK(s.all.cells == 392);
  CHECK(s.covered.cells == 197);
  CHECK(s.covered_share() == 197.0 / 392.0);
  CHECK(s.all.min == 0);
  CHECK(s.all.max == 1);
  const double sum = 196 * 0.25 + 97 + 0.5, mean = sum / 392;
  CHECK(s.all.mean == Approx(mean).epsilon(1e-14));
  const double square = 196 * 0.0625 + 97 + 0.25;
  CHECK(s.all.std == Approx(std::sqrt(square / 392 - mean * mean)).epsilon(1e-12));
  // Sorted: 98 zeros, 196 quarters, 0.5, 97 ones. Ranks 97.75, 195.5, 293.25.
  CHECK(s.all.quartiles[0] == Approx(0.75 * 0.25).epsilon(1e-14));
  CHECK(s.all.quartiles[1] == 0.25);
  CHECK(s.all.quartiles[2] == Approx(0.25 + 0.25 * 0.25).epsilon(1e-14));
  CHECK(s.histogram[0] == 98);
  CHECK(s.histogram[10] == 196);
  CHECK(s.histogram[20] == 1);
  CHECK(s.histogram[39] == 97);
  CHECK(s.histogram_covered[0] == 0);
  CHECK(s.histogram_covered[10] == 196);
  CHECK(s.histogram_covered[20] == 1);
  CHECK(s.histogram_covered[39] == 0);
  CHECK(s.all.below == 98.0 / 392);
  CHECK(s.all.above == 97.0 / 392);
  CHECK(s.covered.mean == Approx((49 + 0.5) / 197).epsilon(1e-14));
  CHECK(s.mean_uncovered == Approx(97.0 / 195).epsilon(1e-14));
  REQUIRE(s.per_frame.size() == 2);
  CHECK(s.per_frame[0].id == 3);
  CHECK(s.per_frame[0].all.mean == 0.25);
  CHECK(s.per_frame[0].all.std == 0);
  CHECK(s.per_frame[1].id == 7);
  CHECK(s.per_frame[1].all.mean == Approx(97.5 / 196).epsilon(1e-14));

  CHECK(s.per_frame[0].covered.mean == 0.25);
  CHECK(s.per_frame[1].covered.cells == 1);
  CHECK(s.per_frame[1].covered.mean == 0.5);
  CHECK(s.covered.min == 0.25);
  CHECK(s.covered.max == 0.5);
  CHECK(s.covered.quartiles[2] == 0.25);

  const auto json = nlohmann::json::parse(gate_json(s));
  CHECK(json["schema"] == "vega.gate/1");
  CHECK(json["key"] == "room");
  CHECK(json["method"] == "token_gated");
  CHECK(json["form"] == "raw");
  CHECK(json["align"] == "reference");
  CHECK(json["trained"] == true);
  CHECK(json["frames"] == 2);
  CHECK(json["cells"] == 392);
  CHECK(json["covered_share"] == s.covered_share());
  CHECK(json["gate"]["mean"] == s.all.mean);
  CHECK(json["gate"]["std"] == s.all.std);
  CHECK(json["gate"]["mean_covered"] == s.covered.mean);
  CHECK(json["gate"]["mean_uncovered"] == s.mean_uncovered);
  CHECK(json["gate"]["covered"]["cells"] == 197);
  CHECK(json["gate"]["quartiles"] ==
        std::vector<double>(s.all.quartiles.begin(), s.all.quartiles.end()));
  CHECK(json["gate"]["histogram"].size() == 40);
  CHECK(json["gate"]["histogram"][39] == 97);
  CHECK(json["gate"]["covered"]["histogram"][39] == 0);
  CHECK(json["gate"]["share_below_0.1"] == s.all.below);
  CHECK(json["gate"]["share_above_0.9"] == s.all.above);
  CHECK(json["per_frame"][1]["id"] == 7);
  CHECK(json["per_frame"][1]["std"] == s.per_frame[1].all.std);
  CHECK(json["per_frame"][1]["mean_covered"] == 0.5);
  CHECK(json["per_frame"][1]["covered_share"] == 1.0 / 196);
}

TEST_CASE("edges of the statistics: one value, bins, no uncovered cell, beyond 0 and 1") {
  TokensInfo info;
  std::vector<float> gate(kCells, 0.5F);
  const std::vector<std::uint8_t> all(kCells, 1), none(kCells, 0);
  GateStatistics s = gate_statistics("room", info, {0}, gate, all);
  CHECK(s.all.std == 0);
  CHECK(s.histogram[20] == 196);  // 0.5 belongs to the upper one of its bins
  CHECK(std::isnan(s.mean_uncovered));
  CHECK(nlohmann::json::parse(gate_json(s))["gate"]["mean_uncovered"].is_null());
  CHECK(std::isnan(gate_statistics("room", info, {0}, gate, none).covered.mean));
  gate[0] = -0.25F, gate[1] = 1.5F, gate[2] = 1.0F;  // a weighted sum may leave 0..1
  s = gate_statistics("room", info, {0}, gate, all);
  CHECK(s.histogram[0] == 1);
  CHECK(s.histogram[39] == 2);
  CHECK(s.all.min == -0.25);
  CHECK(s.all.max == 1.5);
}

TEST_CASE("gates that have no statistics") {
  TokensInfo info;
  const std::vector<std::uint8_t> covered(2 * kCells, 1);
  std::vector<float> gate(2 * kCells, 0.5F);
  CHECK_THROWS_AS(gate_statistics("room", info, {0}, gate, covered), InputError);
  CHECK_THROWS_AS(gate_statistics("room", info, {}, {}, {}), InputError);
  gate[kCells + 15] = std::numeric_limits<float>::quiet_NaN();
  const auto message = message_of<FormatError>([&] {
    gate_statistics("room", info, {4, 8}, gate, covered);
  });
  CHECK(has(message, "frame 8, row 1, column 1"));
}

TEST_CASE("cells have the colour of their gate, those outside the generative view are hatched") {
  std::vector<float> gate(kCells, 0.5F);
  gate[0] = 0, gate[13] = 1, gate[14 * 13] = 0.25F;
  std::vector<std::uint8_t> covered = left_columns(1, 14);
  const std::array<double, 6> m = {20, 0, 9.5, 0, 15, 7};
  ImageU8 picture(300, 210);  // the cells reach to column 280
  draw_gate(picture, gate, covered, m, 1, false);
  CHECK(pixel(picture, 9, 7) == color_at(Colormap::kViridis, 0));
  CHECK(pixel(picture, 0, 0) == color_at(Colormap::kViridis, 0));
  CHECK(pixel(picture, 279, 0) == color_at(Colormap::kViridis, 1));
  CHECK(pixel(picture, 0, 209) == color_at(Colormap::kViridis, 0.25));
  CHECK(pixel(picture, 140, 100) == color_at(Colormap::kViridis, 0.5));
  CHECK(pixel(picture, 290, 100) == kBlack);

  covered = left_columns(1, 9);  // to pixel 180
  ImageU8 hatched(300, 210);
  draw_gate(hatched, gate, covered, m, 1, false);
  const Color plain = color_at(Colormap::kViridis, 0.5);
  int changed_inside = 0, changed_outside = 0;
  for (int y = 0; y < 210; ++y) {
    for (int x = 0; x < 300; ++x) {
      if (pixel(hatched, x, y) == pixel(picture, x, y)) continue;
      ++(x < 177 ? changed_inside : changed_outside);
      CHECK(x < 280);
    }
  }
  CHECK(changed_inside == 0);
  // Three to five of ten pixels along every row, and all of the outline.
  CHECK(changed_outside > 100 * 210 * 3 / 10);
  CHECK(changed_outside < 100 * 210 / 2 + 6 * 210);
  CHECK(pixel(hatched, 20, 100) == plain);
  CHECK(pixel(hatched, 179, 100).r > 200);  // the outline, white

  ImageU8 half(300, 210);
  draw_gate(half, gate, left_columns(1, 14), m, 0.5, false);
  CHECK(std::abs(pixel(half, 140, 100).g - plain.g / 2) <= 1);
  CHECK_THROWS_AS(draw_gate(half, std::span<const float>(gate).first(195), covered, m, 1, false),
                  InputError);
  CHECK_THROWS_AS(draw_gate(half, gate, covered, {1, 1, 0, 1, 1, 0}, 1, false), InputError);
}

TEST_CASE("smooth cells: centres keep their colour, between them it is in between") {
  std::vector<float> gate(kCells);
  for (std::size_t i = 0; i < kCells; ++i) gate[i] = static_cast<float>(i % 14) / 13.0F;
  const std::array<double, 6> m = {32, 0, 15.5, 0, 32, 15.5};
  ImageU8 picture(448, 448);
  draw_gate(picture, gate, left_columns(1, 14), m, 1, true);
  // 32 steps a cell: pixel 16 of cell 3 is 1/64 of a cell right of its centre.
  const auto color = [](double column) {
    return color_at(Colormap::kViridis, static_cast<float>(column / 13.0));
  };
  CHECK(pixel(picture, 3 * 32 + 16, 200) == color(3 + 1.0 / 64));
  CHECK(pixel(picture, 4 * 32, 200) == color(3.5 + 1.0 / 64));
  CHECK(pixel(picture, 0, 200) == color_at(Colormap::kViridis, 0));
  CHECK(pixel(picture, 447, 447) == color_at(Colormap::kViridis, 1));
}

TEST_CASE("the page: maps, histogram, and a stamp where nothing is trained") {
  const TempFolder folder;
  Sample sample;
  write_tokens(folder / "a.h5", sample);
  sample.trained = false;
  write_tokens(folder / "b.h5", sample);
  const ImageU8 a = page_of(folder / "a.h5"), b = page_of(folder / "b.h5");
  CHECK(a.width == b.width);
  REQUIRE(b.height > a.height);
  // The stamp is a band with dark letters on it; below it, the pages are equal.
  const int band = b.height - a.height;
  int letters = 0;
  for (int x = 0; x < b.width; ++x) {
    CHECK(pixel(b, x, 0) == kWarning);
    CHECK(pixel(b, x, band - 1) == kWarning);
    for (int y = 0; y < band; ++y) letters += pixel(b, x, y) == kWarning ? 0 : 1;
  }
  CHECK(letters > 1000);
  CHECK(pixel(a, 0, 0) != kWarning);
  CHECK(std::equal(a.rgb.begin(), a.rgb.end(), b.rgb.begin() + 3 * band * b.width));
}

TEST_CASE("a known cell on the page") {
  const TempFolder folder;
  Sample sample;
  sample.frames = 1, sample.thumbs = false;
  sample.values.assign(kCells, 0.75F);
  sample.covered = left_columns(1, 14);
  write_tokens(folder / "a.h5", sample);
  // 280 pixels wide, as the frame: somewhere a block of 280x210 in the colour of 0.75.
  const ImageU8 page = page_of(folder / "a.h5", {1, 280, 0, false});
  const Color want = color_at(Colormap::kViridis, 0.75);
  int left = page.width, right = -1, top = page.height, bottom = -1;
  for (int y = 0; y < page.height - 226; ++y) {  // above the charts
    for (int x = 0; x < page.width; ++x) {
      if (!(pixel(page, x, y) == want)) continue;
      left = std::min(left, x), right = std::max(right, x);
      top = std::min(top, y), bottom = std::max(bottom, y);
    }
  }
  CHECK(right - left == 279);
  CHECK(bottom - top == 209);
}

TEST_CASE("pages of few and many frames, without sizes, without thumbnails") {
  const TempFolder folder;
  const auto page = [&](const Sample& sample, const GatePageOptions& options = {}) {
    write_tokens(folder / "a.h5", sample);
    return page_of(folder / "a.h5", options);
  };
  Sample sample;
  sample.frames = 33;
  const ImageU8 eight = page(sample);
  const ImageU8 many = page(sample, {100, 60, 11, true});
  CHECK(eight.width >= 4 * 300);
  CHECK(many.width >= 11 * 60);
  sample.frames = 1;
  CHECK(page(sample).width > 400);
  sample.sizes = false;
  const ImageU8 square = page(sample);
  sample.thumbs = false;
  CHECK(page(sample).rgb == square.rgb);
}

TEST_CASE("preview writes pictures and statistics, and names them") {
  const TempFolder folder;
  write_tokens(folder / "a.h5", {});
  Sample other;
  other.key = "bath";
  write_tokens(folder / "b.h5", other);
  PreviewManifest manifest;
  PreviewOptions options;
  options.inputs = {(folder / "a.h5").string()};
  options.out = (folder / "one.png").string();
  options.json = (folder / "one.json").string();
  const RunResult one = run_preview(options, manifest.context());
  CHECK(one.done == 1);
  CHECK(one.exit_code == 0);
  CHECK(decoded(folder / "one.png").rgb == page_of(folder / "a.h5").rgb);
  CHECK(nlohmann::json::parse(read_text(folder / "one.json"))["key"] == "kitchen");
  REQUIRE(manifest.lines.size() == 1);
  CHECK(manifest.lines[0] ==
        std::pair<std::string, std::string>("kitchen", (folder / "one.png").string()));

  manifest.lines.clear();
  options.inputs.push_back((folder / "b.h5").string());
  options.out = (folder / "pictures").string();
  options.json = (folder / "numbers").string();
  CHECK(run_preview(options, manifest.context()).done == 2);
  CHECK(manifest.lines[1].first == "bath");
  CHECK(manifest.lines[1].second == (folder / "pictures" / "b.png").string());
  CHECK(std::filesystem::exists(folder / "pictures" / "a.png"));
  CHECK(nlohmann::json::parse(read_text(folder / "numbers" / "b.json"))["key"] == "bath");
}

TEST_CASE("align pixel: the numbers on the page are those of covered cells") {
  const TempFolder folder;
  Sample sample;
  sample.align = "pixel";
  sample.values.assign(4 * kCells, 0.25F);
  sample.covered = left_columns(4, 9);
  for (std::size_t i = 0; i < sample.values.size(); ++i)
    if (sample.covered[i] == 0) sample.values[i] = 1;
  write_tokens(folder / "pixel.h5", sample);
  sample.align = "reference";
  write_tokens(folder / "reference.h5", sample);
  // The mean is a line of its own colour in the histogram: at 0.25, or at the mean of all cells.
  const auto mean_at = [&](const std::string& name) {
    const ImageU8 page = page_of(folder / name);
    const int y = page.height - 226 + 4 + 26 + 2, width = (page.width - 2 * 24 - 56) / 2;
    double sum = 0, count = 0;
    for (int x = 24; x < 24 + width; ++x) {
      const Color c = pixel(page, x, y);
      if (c.r < 200 || c.b > 60) continue;
      sum += x, count += 1;
    }
    CHECK(count >= 1);
    return (sum / count - 24) / (width - 1);
  };
  CHECK(mean_at("pixel.h5") == Approx(0.25).margin(0.005));
  CHECK(mean_at("reference.h5") == Approx((9 * 0.25 + 5) / 14).margin(0.005));
}

TEST_CASE("two recipes of one scene become two pictures") {
  const TempFolder folder;
  std::filesystem::create_directories(folder / "raw");
  std::filesystem::create_directories(folder / "normed");
  PreviewOptions options;
  for (const char* tag : {"raw", "normed"}) {
    write_tokens(folder / tag / "room.h5", {});
    options.inputs.push_back((folder / tag / "room.h5").string());
  }
  options.out = (folder / "out").string();
  PreviewManifest manifest;
  run_preview(options, manifest.context());
  CHECK(std::filesystem::exists(folder / "out" / "raw-room.png"));
  CHECK(std::filesystem::exists(folder / "out" / "normed-room.png"));
  options.inputs[1] = options.inputs[0];
  CHECK_THROWS_AS(run_preview(options, manifest.context()), UsageError);
}

TEST_CASE("previews that cannot be made") {
  const TempFolder folder;
  Sample none;
  none.gate = false;
  write_tokens(folder / "none.h5", none);
  write_tokens(folder / "good.h5", {});
  PreviewManifest manifest;
  PreviewOptions options;
  options.out = (folder / "a.png").string();
  const auto run = [&] { return run_preview(options, manifest.context()); };
  CHECK_THROWS_AS(run(), UsageError);
  options.inputs = {(folder / "none.h5").string()};
  const auto message = message_of<InputError>(run);
  CHECK(has(message, "cross_attention"));
  CHECK(has(message, "token_gated, gated or weighted"));
  CHECK_FALSE(std::filesystem::exists(options.out));
  options.inputs.push_back((folder / "good.h5").string());
  CHECK_THROWS_AS(run(), UsageError);  // one name for two
  options.out = (folder / "out").string();
  const RunResult result = run();
  CHECK(result.done == 1);
  CHECK(result.failed == 1);
  CHECK(result.exit_code == 4);
  CHECK(manifest.lines.size() == 1);
  options.width = 15;
  CHECK_THROWS_AS(run(), UsageError);
  for (const auto& [name, value] :
       {std::pair{"--frames", "0"}, {"--width", "4097"}, {"--columns", "-1"}, {"--columns", "65"}})
    CHECK_THROWS_AS(set(options, name, value), UsageError);
}

TEST_CASE("a damaged thumbnail or gate is an error with its place") {
  const TempFolder folder;
  Sample sample;
  sample.values.assign(4 * kCells, 0.5F);
  sample.values[2 * kCells] = std::numeric_limits<float>::infinity();
  write_tokens(folder / "a.h5", sample);
  PreviewOptions options;
  options.inputs = {(folder / "a.h5").string()};
  options.out = (folder / "a.png").string();
  const auto run = [&] { run_preview(options, Context{}); };
  CHECK(has(message_of<FormatError>(run), "frame 20, row 0, column 0"));
  CHECK_FALSE(std::filesystem::exists(folder / "a.png"));
  sample.values.clear();
  sample.thumb_bytes = 300;
  write_tokens(folder / "a.h5", sample);
  CHECK(has(message_of<FormatError>(run), "thumbnail 0"));
  CHECK_FALSE(std::filesystem::exists(folder / "a.png"));
}
