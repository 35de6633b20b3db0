// A real scene (63 hand-held frames of 7-Scenes form) from end to end, and what every correct
// extraction must show: the same cell of neighbouring frames is more alike than of shuffled ones.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <iostream>
#include <numeric>
#include <set>

#include "base/philox.h"
#include "extract/preview.h"
#include "extract_samples.h"
#include "media/decode.h"

namespace vega {
namespace {
namespace fs = std::filesystem;

constexpr int kPermutations = 20;

// likeness[v * count + w]: mean over cells of the cosine between cell c of frame v and of frame w,
// features minus their mean over all frames and cells.
std::vector<double> likeness(const std::vector<float>& tokens, std::size_t count,
                             std::size_t channels) {
  const std::size_t rows = tokens.size() / channels, cells = rows / count;
  std::vector<double> mean(channels, 0.0);
  for (std::size_t i = 0; i < tokens.size(); ++i) mean[i % channels] += tokens[i];
  for (double& value : mean) value /= static_cast<double>(rows);
  std::vector<float> unit(tokens.size());
  double least = 1;
  for (std::size_t r = 0; r < rows; ++r) {
    double square = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      const double value = tokens[r * channels + c] - mean[c];
      unit[r * channels + c] = static_cast<float>(value);
      square += value * value;
    }
    least = std::min(least, square);
    for (std::size_t c = 0; c < channels; ++c)
      unit[r * channels + c] /= static_cast<float>(std::sqrt(square));
  }
  REQUIRE(least > 0);
  std::vector<double> all(count * count);
  const std::size_t frame = cells * channels;
  for (std::size_t v = 0; v < count; ++v) {
    for (std::size_t w = v; w < count; ++w) {
      const double sum =
          std::inner_product(unit.begin() + static_cast<std::ptrdiff_t>(v * frame),
                             unit.begin() + static_cast<std::ptrdiff_t>((v + 1) * frame),
                             unit.begin() + static_cast<std::ptrdiff_t>(w * frame), 0.0);
      all[v * count + w] = all[w * count + v] = sum / static_cast<double>(cells);
    }
  }
  return all;
}

double mean_of_neighbours(const std::vector<double>& all, const std::vector<std::size_t>& order) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < order.size(); ++i)
    sum += all[order[i] * order.size() + order[i + 1]];
  return sum / static_cast<double>(order.size() - 1);
}

std::vector<std::size_t> permutation(std::size_t count, std::uint32_t number) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = count - 1; i > 0; --i) {
    const auto word = philox4x32({static_cast<std::uint32_t>(i), number, 0, 0}, philox_key(42))[0];
    std::swap(order[i], order[word % (i + 1)]);
  }
  return order;
}

void check_neighbours(const FeatureReader& file, const std::string& what) {
  const TapInfo& tap = file.taps().at(0);
  const std::size_t count = file.frame_count();
  const auto all =
      likeness(file.read_f32(0, 0, count), count, static_cast<std::size_t>(tap.channels));
  std::vector<std::size_t> walk(count);
  std::iota(walk.begin(), walk.end(), 0);
  const double observed = mean_of_neighbours(all, walk);
  double shuffled = 0, highest = -1;
  for (std::uint32_t i = 0; i < kPermutations; ++i) {
    const double one = mean_of_neighbours(all, permutation(count, i));
    shuffled += one / kPermutations;
    highest = std::max(highest, one);
  }
  std::cout << "kitchen, " << what << ", " << tap.width << "x" << tap.height << " " << tap.view
            << ": mean cosine of neighbours " << observed << ", of " << kPermutations
            << " shuffled orders " << shuffled << " (highest " << highest << ")" << std::endl;
  CHECK(observed > shuffled);
}

// A picture with frames and features in it: many colours, no flat sheet.
void check_picture(const fs::path& path) {
  const ImageU8 picture = decode_image(test::read_bytes(path), path.string());
  CHECK(picture.width >= 800);
  CHECK(picture.height >= 400);
  std::set<std::uint32_t> colours;
  double sum = 0, square = 0;
  for (std::size_t i = 0; i + 2 < picture.rgb.size(); i += 3) {
    const std::uint32_t r = picture.rgb[i], g = picture.rgb[i + 1], b = picture.rgb[i + 2];
    colours.insert(r << 16 | g << 8 | b);
    sum += g;
    square += static_cast<double>(g) * g;
  }
  const double n = static_cast<double>(picture.rgb.size()) / 3;
  CHECK(colours.size() > 5000);
  CHECK(std::sqrt(square / n - sum / n * (sum / n)) > 20);
}

TEST_CASE("a kitchen goes in, features and pictures come out", "[shared]") {
  const auto data = test::shared_data();
  if (!data || !fs::exists(*data / "rgbd_kitchen")) {
    test::note_skip("no rgbd_kitchen beside the project");
    return;
  }
  const test::Bench bench;
  for (const std::string view : {"mllm", "stretch"}) {
    for (const std::string backbone : {"rgb", "wan"}) {
      extract::FeatureOptions o = bench.options((*data / "rgbd_kitchen").string(), "kitchen");
      o.backbone = backbone, test::set(o, "--view", view), o.output.tag = backbone + "-" + view;
      test::set(o, "--size", "832x480"), test::set(o, "--select", "stride:1");
      if (backbone == "rgb") o.model = "";
      const FeatureReader file = test::run_one(o);
      REQUIRE(file.frame_count() == 63);
      const FrameTable frames = file.frames();
      CHECK(frames.id.front() == 0);
      CHECK(frames.id.back() == 992);
      CHECK(std::isfinite(frames.world_from_cam.back()[3]));
      CHECK(std::isfinite(frames.K_color.back()[0]));
      const TapInfo& tap = file.taps().at(0);
      CHECK(tap.frame_shape() == Shape{14, 14, backbone == "wan" ? 256 : 3});
      check_neighbours(file, backbone);

      extract::PreviewOptions p;
      p.inputs = {file.path().string()};
      p.out = (bench.folder / (o.output.tag + ".png")).string();
      CHECK(extract::run_preview(p, {ProgressMode::kOff, [](auto&, auto&) {}}).done == 1);
      check_picture(p.out);
    }
  }
}

}  // namespace
}  // namespace vega
