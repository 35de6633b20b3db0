// Frames and noise of `features` at work, with a tiny made-up model.
#include "extract/features.h"

#include <array>
#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "base/philox.h"
#include "extract_samples.h"
#include "media/decode.h"
#include "media/jpeg.h"
#include "store/noise.h"
#include "support/exif.h"

namespace vega {
namespace {
using Catch::Matchers::Contains;

using Ids = std::vector<std::int64_t>;

// What the tokens of a frame, or of the whole file, are bit for bit.
std::string row(const FeatureReader& file, std::size_t frame) {
  return xxh3_hex(file.read_tokens(0, frame, 1));
}
std::string bits(const FeatureReader& file) {
  return xxh3_hex(file.read_tokens(0, 0, file.frame_count()));
}

TEST_CASE("a short scene fills its rows by repeating frames; a frame's tokens are its own") {
  const test::Bench bench;
  const std::string room = bench.scene("room", 3);
  extract::FeatureOptions o = bench.options(room, "repeated");
  test::set(o, "--select", "uniform:5");
  const FeatureReader repeated = test::run_one(o);
  CHECK(repeated.frames().id == Ids{0, 0, 1, 1, 2});
  CHECK(row(repeated, 0) == row(repeated, 1));
  CHECK(row(repeated, 2) == row(repeated, 3));
  CHECK(row(repeated, 0) != row(repeated, 2));
  CHECK(xxh3_hex(repeated.thumbs().at(2)) == xxh3_hex(repeated.thumbs().at(3)));
  CHECK(repeated.frames().world_from_cam[0] == repeated.frames().world_from_cam[1]);

  // Another selection, another order, another number of threads: bit for bit the same frame.
  test::write_text(bench.folder / "ids", "2\n0\n");
  o = bench.options(room, "listed");
  test::set(o, "--select", "list:" + (bench.folder / "ids").string());
  o.run.threads = 1;
  const FeatureReader listed = test::run_one(o);
  CHECK(listed.frames().id == Ids{2, 0});
  CHECK(row(listed, 0) == row(repeated, 4));
  CHECK(row(listed, 1) == row(repeated, 0));
  CHECK(listed.header().cache_key != repeated.header().cache_key);
  CHECK(listed.header().model_fp == repeated.header().model_fp);

  // frames:DIR takes the ids of another file, in their order.
  o = bench.options(room, "taken");
  test::set(o, "--select", "frames:" + listed.path().parent_path().string());
  const FeatureReader taken = test::run_one(o);
  CHECK(taken.frames().id == Ids{2, 0});
  CHECK(row(taken, 0) == row(listed, 0));
  CHECK(taken.header().cache_key == listed.header().cache_key);
  test::set(o, "--select", "frames:" + (bench.folder / "nowhere").string());
  CHECK_THROWS_AS(test::run_one(o), InputError);
}

TEST_CASE("noise: v1 is a function of seed, scene and frame; stored noise is taken as it is") {
  const test::Bench bench;
  const std::string room = bench.scene("room", 3);
  extract::FeatureOptions o = bench.options(room, "v1");
  test::set(o, "--select", "stride:1"), test::set(o, "--store-dtype", "fp32");
  const FeatureReader v1 = test::run_one(o);
  REQUIRE(v1.frame_count() == 3);

  StoredNoise noise;
  noise.header.key = "room";
  noise.header.cache_key = std::string(32, '0');
  noise.id = {2, 0, 1};
  noise.channels = 16, noise.height = 6, noise.width = 8;
  const std::size_t one = 16 * 6 * 8;
  noise.eps.resize(3 * one);
  for (std::size_t i = 0; i < 3; ++i)
    noise_v1(42, "room", noise.id[i], std::span(noise.eps).subspan(i * one, one));
  write_noise(bench.folder / "noise.h5", noise);
  const auto with = [&](const std::string& kind, const std::string& out) {
    extract::FeatureOptions other = bench.options(room, out);
    test::set(other, "--select", "stride:1"), test::set(other, "--store-dtype", "fp32"),
        test::set(other, "--noise", kind);
    return other;
  };
  const std::string stored = "stored:" + (bench.folder / "noise.h5").string();
  const FeatureReader same = test::run_one(with(stored, "stored"));
  CHECK(bits(same) == bits(v1));
  CHECK(same.taps()[0].noise_xxh3 == v1.taps()[0].noise_xxh3);
  CHECK(same.header().cache_key != v1.header().cache_key);

  // Zero noise is stored noise of zeros; the picture alone is left.
  const FeatureReader zero = test::run_one(with("zero", "zero"));
  std::fill(noise.eps.begin(), noise.eps.end(), 0.0F);
  write_noise(bench.folder / "zeros.h5", noise);
  const FeatureReader zeros =
      test::run_one(with("stored:" + (bench.folder / "zeros.h5").string(), "zeros"));
  CHECK(bits(zero) == bits(zeros));
  CHECK(bits(zero) != bits(v1));

  // The seed and the scene's key count.
  o = with("v1", "seed");
  o.seed = 43;
  CHECK(row(test::run_one(o), 1) != row(v1, 1));
  o = with("v1", "key");
  o.items.key = "other";
  CHECK(row(test::run_one(o), 1) != row(v1, 1));

  // A frame without noise, and noise of another size.
  noise.id = {2, 0, 7};
  write_noise(bench.folder / "lacks.h5", noise);
  CHECK_THROWS_WITH(test::run_one(with("stored:" + (bench.folder / "lacks.h5").string(), "lacks")),
                    Contains("frame id 1"));
  o = with(stored, "size");
  test::set(o, "--size", "80x48");
  CHECK_THROWS_WITH(test::run_one(o), Contains("16, 6, 8") && Contains("16, 6, 10"));
  CHECK_FALSE(std::filesystem::exists(bench.folder / "size" / "t" / "room.h5"));
}

TEST_CASE("a list: what is done, skipped and failed") {
  const test::Bench bench;
  const std::string one = bench.scene("one", 2), two = bench.scene("two", 2);
  std::filesystem::create_directory(bench.folder / "empty");
  extract::FeatureOptions o = bench.options(one, "list");
  o.items.inputs = {one, (bench.folder / "empty").string(), two};
  o.backbone = "rgb", o.model = "", test::set(o, "--select", "stride:1");
  test::Manifest manifest;
  RunResult report = test::run(o, &manifest);
  CHECK(report.done == 2);
  CHECK(report.failed == 1);
  CHECK(report.exit_code == 4);
  REQUIRE(manifest.size() == 2);
  CHECK(manifest[0].first == "one");
  CHECK(manifest[1].first == "two");

  // Complete ones are lines of the manifest too.
  manifest.clear();
  o.items.inputs = {one, two};
  report = test::run(o, &manifest);
  CHECK(report.complete == 2);
  CHECK(report.exit_code == 0);
  CHECK(manifest.size() == 2);

  // Alone, a scene's error is the run's; in a list with --fail-fast it is the last thing done.
  o.items.inputs = {(bench.folder / "empty").string()};
  CHECK_THROWS_AS(test::run(o), InputError);
  o.items.inputs = {(bench.folder / "empty").string(), two};
  o.run.fail_fast = true;
  CHECK(test::run(o).complete == 0);
}

TEST_CASE("pictures of a camera that was held upright are turned, and the key says so") {
  const test::Bench bench;
  const auto folder = bench.folder / "phone";
  std::filesystem::create_directory(folder);
  ImageU8 image(64, 48);  // as stored: the left half is red
  for (int y = 0; y < 48; ++y) {
    for (int x = 0; x < 32; ++x) image.row(y)[3 * x] = 255;
  }
  const auto jpeg = encode_jpeg(image, 95, false);
  test::write_bytes(folder / "0.jpg", jpeg);
  test::write_bytes(folder / "1.jpg", test::jpeg_with_exif(jpeg, test::exif_data(6)));
  extract::FeatureOptions o = bench.options(folder.string(), "exif");
  o.backbone = "rgb", o.model = "", test::set(o, "--select", "stride:1"),
  test::set(o, "--view", "stretch"), test::set(o, "--pool", "2x2");
  const FeatureReader file = test::run_one(o);
  using Size = std::array<std::int32_t, 2>;  // height, width
  CHECK(file.frames().size_color[0] == Size{48, 64});
  CHECK(file.frames().size_color[1] == Size{64, 48});
  CHECK(jpeg_size(file.thumbs().at(1)) == ImageSize{48, 64});
  CHECK_THAT(file.header().options_json, Contains(R"("exif":"apply")"));
  // Cells (row, column): the red half is left in frame 0, on top in frame 1.
  const std::vector<float> red = file.read_f32(0, 0, 2);
  for (const auto& [cell, level] : {std::pair{0, 1.0}, {1, 0.0}, {2, 1.0}, {3, 0.0}})
    CHECK(red[std::size_t(3 * cell)] == Approx(level).margin(0.02));
  for (const auto& [cell, level] : {std::pair{0, 1.0}, {1, 1.0}, {2, 0.0}, {3, 0.0}})
    CHECK(red[std::size_t(12 + 3 * cell)] == Approx(level).margin(0.02));

  // As stored: the key of before, under which pictures without Exif data stay.
  o = bench.options(folder.string(), "stored");
  o.backbone = "rgb", o.model = "", test::set(o, "--select", "stride:1"),
  test::set(o, "--view", "stretch"), test::set(o, "--pool", "2x2");
  test::set(o, "--exif", "ignore");
  const FeatureReader as_stored = test::run_one(o);
  CHECK(as_stored.frames().size_color[1] == Size{48, 64});
  CHECK_THAT(as_stored.header().options_json, !Contains("exif"));
  std::filesystem::remove(folder / "1.jpg");
  for (const std::string exif : {"apply", "ignore"}) {
    o = bench.options(folder.string(), "one-" + exif);
    o.backbone = "rgb", o.model = "", test::set(o, "--select", "stride:1");
    test::set(o, "--exif", exif);
    CHECK_THAT(test::run_one(o).header().options_json, !Contains("exif"));
  }
  CHECK_THAT(test::refused_text(o, "--exif", "maybe"), Contains("apply, ignore"));
}

TEST_CASE("rgb: the mean colour of each cell, 0 to 1") {
  const test::Bench bench;
  const std::string room = bench.scene("room", 2);
  extract::FeatureOptions o = bench.options(room, "rgb");
  o.backbone = "rgb", o.model = "", test::set(o, "--select", "stride:1"),
  test::set(o, "--store-dtype", "fp32"), test::set(o, "--view", "stretch");
  test::set(o, "--pool", "1x1");
  const FeatureReader file = test::run_one(o);
  CHECK(file.taps()[0].noise_xxh3.empty());
  CHECK(file.header().model_fp.empty());

  // One cell and a picture of the size asked: the mean of the file's own pixels. A sum of 3072
  // floats in -1..1 is off by less than 1e-5 of its length.
  const std::vector<float> colour = file.read_f32(0, 0, 2);
  REQUIRE(colour.size() == 6);
  for (std::size_t frame = 0; frame < 2; ++frame) {
    const std::string path = room + "/0000" + std::to_string(frame) + ".jpg";
    const ImageU8 image = decode_image(test::read_bytes(path), path);
    REQUIRE(image.size() == ImageSize{64, 48});
    std::array<double, 3> sum{};
    for (std::size_t i = 0; i < image.rgb.size(); ++i) sum[i % 3] += image.rgb[i];
    for (std::size_t c = 0; c < 3; ++c)
      CHECK(colour[3 * frame + c] == Approx(sum[c] / (64 * 48 * 255)).margin(1e-5));
  }
  const auto& m = file.taps()[0].cell_to_px.at(0);
  CHECK(m[2] == Approx(31.5));
  CHECK(m[5] == Approx(23.5));
}

}  // namespace
}  // namespace vega
