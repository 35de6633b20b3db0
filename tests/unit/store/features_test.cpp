#include "store/features.h"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <csignal>
#include <thread>

#include "base/error.h"
#include "store_samples.h"
#include "support/support.h"

using namespace vega;
using namespace vega::test;

TEST_CASE("a feature file gives back what was put, in every store type") {
  const DType dtype = GENERATE(DType::kBF16, DType::kF16, DType::kF32);
  const TempFolder folder;
  const TapInfo tap = sample_tap("b20_t300", dtype);
  write_sample(folder / "tag/KEY.h5", {tap});
  CHECK(entries(folder / "tag") == 1);

  const FeatureReader reader(folder / "tag/KEY.h5");
  const FeatureHeader header = reader.header(), expected = sample_header();
  CHECK(header.key == expected.key);
  CHECK(header.cache_key == expected.cache_key);
  CHECK(header.options_json == expected.options_json);
  CHECK(header.default_tap == "b20_t300");
  CHECK(header.seed == 7);
  CHECK(header.model_fp == "m1");
  CHECK(header.provenance.at("batch") == "4");
  CHECK(header.provenance.at("end") == "2026-01-01T00:00:00Z");

  REQUIRE(reader.taps().size() == 1);
  const TapInfo& got = reader.taps()[0];
  CHECK(got.name == tap.name);
  CHECK(got.cache_key == tap.cache_key);
  CHECK(got.block == 20);
  CHECK(got.timestep_asked == 300);
  CHECK(got.timestep_used == 299);
  CHECK(got.sigma == 0.29992384);
  CHECK(got.noise_xxh3 == "00ff");
  CHECK(got.view == "mllm");
  CHECK(got.width == 832);
  CHECK(got.height == 480);
  CHECK(got.pool == "14x14");
  CHECK(got.compute_dtype == "f32");
  CHECK(got.store_dtype == dtype);
  CHECK(got.frame_shape() == Shape{2, 4, 5});
  CHECK(got.cell_to_px == tap.cell_to_px);

  for (std::size_t f = 0; f < kFrames; ++f) {
    CHECK(reader.read_f32(0, f, 1) == sample_tokens(tap, f));
  }
  CHECK(reader.read_tokens(0, 0, kFrames).size() == kFrames * tap.frame_bytes());
  CHECK(reader.read_tokens(0, 3, 0).empty());
  CHECK_THROWS_AS(reader.read_tokens(0, 2, 2), InputError);
  CHECK_THROWS_AS(reader.read_tokens(1, 0, 1), InputError);
  CHECK(reader.tap_index("") == 0);
  CHECK(message_of<InputError>([&] { reader.tap_index("rgb"); }).find("one of b20_t300") !=
        std::string::npos);

  const FrameTable frames = reader.frames(), sample = sample_frames();
  CHECK(frames.id == sample.id);
  CHECK(frames.time_s == sample.time_s);
  CHECK(frames.world_from_cam == sample.world_from_cam);
  CHECK(frames.K_color == sample.K_color);
  CHECK(frames.size_color == sample.size_color);
  CHECK(reader.thumbs() == sample.thumb_jpeg);
}

TEST_CASE("what is unknown of the frames is NaN, and no thumbnails are no datasets") {
  const TempFolder folder;
  const TapInfo tap = sample_tap("rgb", DType::kF32, 3);
  FrameTable frames;
  frames.id = {4, 5, 6};
  FeatureHeader header = sample_header();
  header.default_tap = "rgb";
  FeatureWriter writer(folder / "a.h5", header, frames, {tap});
  put_all(writer, {tap});
  writer.finish();
  const FeatureReader reader(folder / "a.h5");
  const FrameTable got = reader.frames();
  REQUIRE(got.time_s.size() == kFrames);
  CHECK(std::isnan(got.time_s[1]));
  CHECK(std::isnan(got.world_from_cam[2][15]));
  CHECK(std::isnan(got.K_color[0][0]));
  CHECK(got.size_color[0] == std::array<std::int32_t, 2>{0, 0});
  CHECK(reader.thumbs().empty());
  CHECK_FALSE(h5::File::open(folder / "a.h5").exists("/frames/thumb_jpeg"));
}

TEST_CASE("the chunk of tokens is one frame with fletcher32 and xxh3") {
  const TempFolder folder;
  write_sample(folder / "a.h5");
  const h5::File file = h5::File::open(folder / "a.h5");
  const auto info = file.info("/taps/b20_t300/tokens");
  CHECK(info.chunk == Shape{1, 2, 4, 5});
  CHECK(info.fletcher32);
  for (const auto& object : file.datasets()) {
    CAPTURE(object);
    CHECK(file.has_attribute(object, "xxh3"));
    CHECK(file.info(object).fletcher32);
    CHECK_NOTHROW(file.check_dataset(object));
  }
  CHECK(file.info("/frames/world_from_cam").chunk == Shape{1, 4, 4});
}

TEST_CASE("order and threads of put do not change the file's datasets") {
  const TempFolder folder;
  const std::vector<TapInfo> taps{sample_tap("a", DType::kBF16, 64), sample_tap("b", DType::kF32)};
  write_sample(folder / "in_order.h5", taps);
  {
    FeatureWriter writer(folder / "threads.h5", sample_header(), sample_frames(), taps);
    std::vector<std::thread> workers;
    for (std::size_t t = taps.size(); t-- > 0;) {
      for (std::size_t f = kFrames; f-- > 0;) {
        workers.emplace_back([&, t, f] { writer.put_f32(t, f, sample_tokens(taps[t], f)); });
      }
    }
    for (auto& worker : workers) worker.join();
    writer.finish();
  }
  const h5::File a = h5::File::open(folder / "in_order.h5"),
                 b = h5::File::open(folder / "threads.h5");
  REQUIRE(a.datasets() == b.datasets());
  for (const auto& object : a.datasets()) {
    CAPTURE(object);
    CHECK(a.read_dataset(object) == b.read_dataset(object));
    CHECK(a.read_text(object, "xxh3") == b.read_text(object, "xxh3"));
  }
}

TEST_CASE("a writer that is not finished leaves nothing, and an older file as it was") {
  const TempFolder folder;
  const TapInfo tap = sample_tap("b20_t300", DType::kBF16);
  {
    FeatureWriter writer(folder / "a.h5", sample_header(), sample_frames(), {tap});
    writer.put_f32(0, 0, sample_tokens(tap, 0));
    writer.put_f32(0, 2, sample_tokens(tap, 2));
    CHECK(entries(folder.path()) == 1);  // the part file
    const auto message = message_of<InputError>([&] { writer.finish(); });
    CHECK(message.find("/taps/b20_t300/tokens: got no row 1") != std::string::npos);
  }
  CHECK(entries(folder.path()) == 0);

  write_sample(folder / "a.h5");
  const auto before = read_bytes(folder / "a.h5");
  { FeatureWriter writer(folder / "a.h5", sample_header(), sample_frames(), {tap}); }
  CHECK(entries(folder.path()) == 1);
  CHECK(read_bytes(folder / "a.h5") == before);
}

TEST_CASE("a frame that was selected twice keeps both rows") {
  const TempFolder folder;
  const TapInfo tap = sample_tap("b20_t300", DType::kBF16);
  FrameTable frames = sample_frames();
  frames.id = {4, 4, 9};
  FeatureWriter writer(folder / "a.h5", sample_header(), frames, {tap});
  put_all(writer, {tap});
  writer.finish();
  const FeatureReader reader(folder / "a.h5");
  CHECK(reader.frames().id == frames.id);
  CHECK(reader.read_f32(0, 1, 1) == sample_tokens(tap, 1));
}

TEST_CASE("wrong calls of the writer are refused") {
  const TempFolder folder;
  const TapInfo tap = sample_tap("b20_t300", DType::kBF16);
  const auto make = [&](FrameTable frames, std::vector<TapInfo> taps, FeatureHeader header) {
    FeatureWriter writer(folder / "a.h5", std::move(header), std::move(frames), std::move(taps));
  };
  FrameTable short_table = sample_frames();
  short_table.time_s.pop_back();
  CHECK_THROWS_AS(make(short_table, {tap}, sample_header()), InputError);
  CHECK_THROWS_AS(make({}, {tap}, sample_header()), InputError);
  CHECK_THROWS_AS(make(sample_frames(), {tap, tap}, sample_header()), InputError);
  TapInfo bad = tap;
  bad.store_dtype = DType::kF64;
  CHECK_THROWS_AS(make(sample_frames(), {bad}, sample_header()), InputError);
  bad = tap;
  bad.name = "a/b";
  CHECK_THROWS_AS(make(sample_frames(), {bad}, sample_header()), InputError);
  bad = tap;
  bad.cell_to_px.pop_back();
  CHECK_THROWS_AS(make(sample_frames(), {bad}, sample_header()), InputError);
  FeatureHeader header = sample_header();
  header.key = "a b";
  CHECK_THROWS_AS(make(sample_frames(), {tap}, header), InputError);
  CHECK(entries(folder.path()) == 0);

  FeatureWriter writer(folder / "a.h5", sample_header(), sample_frames(), {tap});
  writer.put_f32(0, 1, sample_tokens(tap, 1));
  CHECK_THROWS_AS(writer.put_f32(0, 1, sample_tokens(tap, 1)), InputError);  // twice
  CHECK_THROWS_AS(writer.put_f32(0, 3, sample_tokens(tap, 1)), InputError);
  CHECK_THROWS_AS(writer.put_f32(1, 0, sample_tokens(tap, 1)), InputError);
  CHECK_THROWS_AS(writer.put(0, 0, std::vector<std::byte>(3)), InputError);
}

TEST_CASE("taps are added to a complete file; those that are there stay bit-equal") {
  const TempFolder folder;
  const auto path = folder / "a.h5";
  write_sample(path);
  std::vector<std::pair<std::string, std::vector<std::byte>>> before;
  {
    const h5::File file = h5::File::open(path);
    for (const auto& object : file.datasets())
      before.emplace_back(object, file.read_dataset(object));
  }
  const std::vector<TapInfo> added{sample_tap("b10_t300", DType::kF32),
                                   sample_tap("rgb", DType::kBF16, 3)};
  {
    FeatureWriter abandoned(path, {{"version", "x"}}, added);
    abandoned.put_f32(1, 0, sample_tokens(added[1], 0));
  }
  CHECK(FeatureReader(path).taps().size() == 1);
  {
    FeatureWriter writer(path, {{"version", "0.2.0"}}, added);
    put_all(writer, added);
    writer.finish({{"batch", "8"}});
  }
  CHECK(entries(folder.path()) == 1);
  const FeatureReader reader(path);
  REQUIRE(reader.taps().size() == 3);
  CHECK(reader.header().cache_key == sample_header().cache_key);
  CHECK(reader.header().provenance.at("version") == "0.2.0");
  CHECK(reader.header().provenance.at("batch") == "8");
  CHECK(reader.read_f32(reader.tap_index("rgb"), 2, 1) == sample_tokens(added[1], 2));
  CHECK(reader.read_f32(reader.tap_index("b10_t300"), 1, 1) == sample_tokens(added[0], 1));
  CHECK(reader.taps()[reader.tap_index("b20_t300")].cache_key ==
        sample_tap("b20_t300", DType::kBF16).cache_key);
  const h5::File file = h5::File::open(path);
  CHECK(file.read_text("/provenance/earlier", "version") == "0.1.0");
  for (const auto& [object, bytes] : before) {
    CAPTURE(object);
    CHECK(file.read_dataset(object) == bytes);
  }
  const auto again = message_of<InputError>([&] { FeatureWriter(path, {}, added); });
  CHECK(again.find("in the file already") != std::string::npos);
}

TEST_CASE("a file without complete, of another schema, or none at all is refused") {
  const TempFolder folder;
  CHECK(message_of<FormatError>([&] { FeatureReader(folder / "no.h5"); }).find("no such file") !=
        std::string::npos);
  write_text(folder / "text.h5", "not HDF5 at all");
  CHECK(message_of<FormatError>([&] {
          FeatureReader(folder / "text.h5");
        }).find("starts with \"not HDF5 at all\", expected an HDF5 file") != std::string::npos);
  write_text(folder / "text.h5", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
  CHECK_THROWS_WITH(FeatureReader(folder / "text.h5"),
                    Catch::Contains("Git LFS pointer") && Catch::Contains("git lfs pull"));
  write_text(folder / "empty.h5", "");
  CHECK_THROWS_AS(FeatureReader(folder / "empty.h5"), FormatError);
  CHECK_THROWS_AS(FeatureReader(folder.path()), FormatError);
  {
    h5::File file = h5::File::create(folder / "part.h5");
    write_header(file, kFeaturesSchema, sample_header());
    file.close();
  }
  CHECK(message_of<FormatError>([&] {
          FeatureReader(folder / "part.h5");
        }).find("got an incomplete file, expected attribute complete = 1") != std::string::npos);
  {
    h5::File file = h5::File::create(folder / "other.h5");
    write_header(file, "vega.prompt/1", sample_header());
    mark_complete(file);
    file.close();
  }
  CHECK(message_of<FormatError>([&] {
          FeatureReader(folder / "other.h5");
        }).find("schema vega.prompt/1, expected vega.features/1") != std::string::npos);
}

TEST_CASE("a disk that takes no more bytes is an OutputError, and nothing is left") {
  const TempFolder folder;
  const TapInfo tap = sample_tap("b20_t300", DType::kF32, 4096);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = old;
  tight.rlim_cur = 40'000;  // a file may not grow beyond this: write fails with EFBIG
  setrlimit(RLIMIT_FSIZE, &tight);
  const auto message = message_of<OutputError>([&] { write_sample(folder / "a.h5", {tap}); });
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);
  CAPTURE(message);
  CHECK(message.find("File too large") != std::string::npos);
  CHECK(entries(folder.path()) == 0);
  CHECK_NOTHROW(write_sample(folder / "a.h5", {tap}));  // the library still works
}
