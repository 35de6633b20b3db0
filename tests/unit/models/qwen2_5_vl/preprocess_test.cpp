// Pictures of Qwen2.5-VL against Pillow and transformers' image processor, bit by bit.
#include "models/qwen2_5_vl/preprocess.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "base/error.h"
#include "media/view.h"
#include "qwen2_5_vl_samples.h"

using namespace vega;
using Catch::Matchers::Contains;
using qwen2_5_vl::PixelBounds;
using qwen2_5_vl::Preparation;

namespace {

PixelBounds bounds_of(const Json& list) {
  return {list[0].whole().value(), list[1].whole().value()};
}

ImageSize size_of(const Json& list) {
  return {static_cast<int>(list[0].whole().value()), static_cast<int>(list[1].whole().value())};
}

// `fingerprint` of the exporter: the float32 bits, channels first.
std::string hash_of(const UnitImage& image) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const float value : image.chw) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    hash = (hash ^ bits) * 0x100000001b3U;
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

ImageU8 frame_of(const std::string& name) {
  for (const auto& [known, width, height] : {std::tuple{"wide", 640, 480},
                                             {"film", 192, 108},
                                             {"scan", 162, 121},
                                             {"tall", 120, 160},
                                             {"square", 100, 100},
                                             {"photo", 146, 97}})
    if (name == known) return test::qwen_vl_picture(name, width, height);
  return {};
}

qwen2_5_vl::ImageRule rule_of(const std::string& text) {
  const test::TempFolder folder;
  test::write_text(folder / "preprocessor_config.json", text);
  return qwen2_5_vl::read_image_rule(folder.path());
}

}  // namespace

TEST_CASE("Qwen2.5-VL: sizes of smart_resize are those of transformers") {
  for (const Json& row : test::qwen_vl_notes()["smart_resize"].elements()) {
    const ImageSize from = size_of(row["from"]);
    CAPTURE(from.width, from.height, row["bounds"].dump());
    CHECK(qwen2_5_vl::smart_resize(from, bounds_of(row["bounds"])) == size_of(row["to"]));
  }
  CHECK_THROWS_AS(qwen2_5_vl::smart_resize({2010, 10}, {}), InputError);
  CHECK_THROWS_AS(qwen2_5_vl::smart_resize({0, 10}, {}), InputError);
}

TEST_CASE("Qwen2.5-VL: prepared frames have the bits of Pillow and the processor") {
  std::size_t seen = 0;
  for (const Json& row : test::qwen_vl_notes()["pictures"].elements()) {
    const std::string name = row["frame"].text_or("");
    if (name == "bits") continue;
    CAPTURE(name, row["preparation"].text_or(""), row["bounds"].dump());
    const bool spatial = row["preparation"] == Json("spatial");
    const UnitImage got = qwen2_5_vl::prepare_frame(
        frame_of(name), spatial ? Preparation::kSpatial : Preparation::kTransformers,
        bounds_of(row["bounds"]));
    CHECK(got.size() == size_of(row["size"]));
    CHECK(hash_of(got) == row["hash"].text_or(""));
    ++seen;
  }
  CHECK(seen == 30);
}

TEST_CASE("Qwen2.5-VL: the published sizes of frames") {
  for (const auto& [from, to] : {std::pair{ImageSize{640, 480}, ImageSize{504, 392}},
                                 {{1296, 968}, {504, 392}},
                                 {{256, 192}, {504, 392}},
                                 {{1920, 1080}, {504, 280}},
                                 {{1752, 1168}, {504, 336}},
                                 {{480, 640}, {504, 504}}}) {
    CAPTURE(from.width, from.height);
    CHECK(spatial_frame(ImageU8(from.width, from.height)).size() == to);
  }
  const UnitImage small =
      qwen2_5_vl::prepare_frame(ImageU8(640, 480), Preparation::kSpatial, {200704, 1605632});
  CHECK(small.size() == ImageSize{532, 420});
  CHECK_THROWS_WITH(spatial_frame(ImageU8(640, 12)), Contains("transformers"));
  CHECK_THROWS_AS(spatial_frame(ImageU8()), InputError);
}

TEST_CASE("Qwen2.5-VL: a frame of black and white alone is resized as ones, as released") {
  // 518 pixels wide, so that the first step leaves it as it is.
  ImageU8 frame(518, 392);
  const ImageU8 source = test::qwen_vl_picture("bits", 640, 480);
  for (int y = 0; y < 392; ++y)
    for (int x = 0; x < 3 * 504; ++x) frame.row(y)[x] = source.row(y)[x] > 127 ? 255 : 0;
  for (const Json& row : test::qwen_vl_notes()["pictures"].elements()) {
    if (row["frame"] != Json("bits")) continue;
    const UnitImage got =
        qwen2_5_vl::prepare_frame(frame, Preparation::kSpatial, bounds_of(row["bounds"]));
    CHECK(got.size() == size_of(row["size"]));
    CHECK(hash_of(got) == row["hash"].text_or(""));
  }
}

TEST_CASE("Qwen2.5-VL: bounds come from a file's keys by a stated rule") {
  CHECK(rule_of(R"({"min_pixels": 12544, "max_pixels": 451584})").bounds ==
        PixelBounds{12544, 451584});
  CHECK(rule_of(R"({"size": {"shortest_edge": 1000, "longest_edge": 2000}})").bounds ==
        PixelBounds{1000, 2000});
  CHECK(rule_of(R"({"size": {"min_pixels": 1000, "max_pixels": 2000}})").bounds ==
        PixelBounds{1000, 2000});
  CHECK(rule_of("{}").bounds == PixelBounds{3136, 12845056});
  const auto both = rule_of(
      R"({"max_pixels": 100352, "size": {"longest_edge": 12845056, "shortest_edge": 3136}})");
  CHECK(both.bounds == PixelBounds{3136, 100352});
  REQUIRE(both.notes.size() == 1);
  for (const char* text : {"max_pixels is 100352", "size.longest_edge is 12845056"})
    CHECK_THAT(both.notes[0], Contains(text));
  const auto tokens = [](PixelBounds bounds) {
    const UnitImage got =
        qwen2_5_vl::prepare_frame(ImageU8(640, 480), Preparation::kTransformers, bounds);
    return std::tuple{got.width, got.height, got.width * got.height / 784};
  };
  CHECK(tokens(both.bounds) == std::tuple{364, 252, 117});
  CHECK(tokens({3136, 12845056}) == std::tuple{644, 476, 391});

  const test::TempFolder folder;
  CHECK(qwen2_5_vl::read_image_rule(folder.path()).notes.size() == 1);
  test::write_text(folder / "processor_config.json",
                   R"({"image_processor": {"size": {"shortest_edge": 5, "longest_edge": 6}}})");
  CHECK(qwen2_5_vl::read_image_rule(folder.path()).bounds == PixelBounds{5, 6});
}

TEST_CASE("Qwen2.5-VL: processors of another kind are refused by name") {
  for (const auto& [text, expected] : {std::pair{R"({"patch_size": 16})", "patch_size"},
                                       {R"({"merge_size": 1})", "merge_size"},
                                       {R"({"resample": 2})", "resample"},
                                       {R"({"min_pixels": 9, "max_pixels": 8})", "at least 9"},
                                       {R"({"max_pixels": "many"})", "max_pixels"},
                                       {R"({"image_mean": [0.5, 0.5]})", "image_mean"},
                                       {R"({"image_std": [0.5, 0, 0.5]})", "image_std"}}) {
    CAPTURE(text);
    CHECK_THROWS_WITH(rule_of(text), Contains(expected));
    CHECK_THROWS_AS(rule_of(text), InputError);
  }
}
