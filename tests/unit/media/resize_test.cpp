// Pillow's bicubic bit by bit, torch's bilinear, crops and thumbnails.
#include <catch2/catch.hpp>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "geometry/cover.h"
#include "goldens.h"
#include "media/resize.h"

using namespace vega;

TEST_CASE("bicubic equals Pillow, stored outputs") {
  const auto goldens = read_safetensors(test::golden("pillow.safetensors"));
  int compared = 0;
  for (const auto& name : goldens.names()) {
    if (name.rfind("resize.out.", 0) != 0) continue;
    INFO(name);
    const auto kind = name.substr(11, name.rfind('.') - 11);
    const ImageU8 expected = test::golden_image(goldens, name);
    const ImageU8 in = test::golden_image(goldens, "resize.in." + kind);
    CHECK(test::worst_byte(resize_bicubic_pillow(in, expected.width, expected.height), expected) ==
          0);
    ++compared;
  }
  CHECK(compared == 14);
}

TEST_CASE("bicubic equals Pillow, camera sizes by hash") {
  std::ifstream file(test::golden("pillow.json"));
  const auto root = nlohmann::json::parse(file);
  REQUIRE(root.at("resize").size() == 4);
  for (const auto& item : root.at("resize")) {
    const std::string stream = item.at("stream");
    INFO(stream);
    const int w = item.at("in")[0], h = item.at("in")[1];
    const ImageU8 in = item.at("kind") == "noise" ? test::noise_image(w, h, stream)
                                                  : test::mixed_image(w, h, stream);
    const auto hex = [](const ImageU8& image) {
      char text[17];
      std::snprintf(text, sizeof text, "%016llx",
                    static_cast<unsigned long long>(fnv1a64(test::bytes_of(image))));
      return std::string(text);
    };
    REQUIRE(hex(in) == item.at("in_fnv1a64").get<std::string>());
    const ImageU8 out = resize_bicubic_pillow(in, item.at("out")[0], item.at("out")[1]);
    CHECK(hex(out) == item.at("out_fnv1a64").get<std::string>());
  }
}

TEST_CASE("bicubic keeps an image of the same size, and constants") {
  const ImageU8 image = test::noise_image(23, 17, "same");
  CHECK(test::worst_byte(resize_bicubic_pillow(image, 23, 17), image) == 0);
  ImageU8 flat(31, 9);
  std::fill(flat.rgb.begin(), flat.rgb.end(), std::uint8_t{201});
  for (const auto& [w, h] : {std::pair{1, 1}, {7, 50}, {100, 2}}) {
    const ImageU8 out = resize_bicubic_pillow(flat, w, h);
    CHECK(std::all_of(out.rgb.begin(), out.rgb.end(), [](auto v) { return v == 201; }));
  }
  CHECK_THROWS_AS(resize_bicubic_pillow(ImageU8{}, 3, 3), InputError);
  CHECK_THROWS_AS(resize_bicubic_pillow(image, 0, 3), InputError);
}

// Values within 1; coordinates and weights have the same bits as torch's, so only the roundings of
// the three blends (at most two of 2^-24 each) may differ.
TEST_CASE("cover and centre crop equal torch") {
  const auto goldens = read_safetensors(test::golden("cover.safetensors"));
  for (const std::string name : {"a", "b", "c", "d", "e", "f"}) {
    INFO(name);
    const SignedImage in = test::golden_signed(goldens, "in." + name);
    const SignedImage expected = test::golden_signed(goldens, "out." + name);
    const SignedImage got = resize_cover_crop(in, expected.size());
    REQUIRE(got.size() == expected.size());
    float worst = 0;
    for (std::size_t i = 0; i < got.chw.size(); ++i) {
      worst = std::max(worst, std::abs(got.chw[i] - expected.chw[i]));
    }
    CHECK(worst <= 6 * 0x1p-24F);
  }
}

TEST_CASE("cover and crop in one step equal the two steps, bit by bit") {
  const SignedImage in = to_signed(to_unit(test::noise_image(29, 43, "steps")));
  for (const ImageSize out : {ImageSize{64, 48}, {48, 64}, {11, 10}, {29, 43}, {29, 20}}) {
    INFO(to_string(out));
    const CoverPlan plan = plan_cover(in.size(), out);
    const auto whole = resize_bilinear(in, plan.resized.width, plan.resized.height);
    CHECK(crop(whole, plan.left, plan.top, out.width, out.height).chw ==
          resize_cover_crop(in, out).chw);
  }
}

TEST_CASE("bilinear keeps straight ramps away from the border") {
  UnitImage ramp(16, 8);
  for (std::size_t i = 0; i < ramp.chw.size(); ++i) ramp.chw[i] = float(i % 16) / 16.0F;
  const UnitImage out = resize_bilinear(ramp, 40, 20);
  for (int x = 2; x < 37; ++x) {
    const double source = (x + 0.5) * 16 / 40 - 0.5;
    CHECK(out.chw[std::size_t(5 * 40 + x)] == Approx(source / 16).margin(1e-6));
  }
  CHECK(out.chw[0] == 0.0F);
  CHECK(out.chw[39] == 15.0F / 16.0F);
}

TEST_CASE("crops stay inside") {
  const ImageU8 image = test::noise_image(9, 7, "crop");
  const ImageU8 part = crop(image, 2, 3, 5, 4);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 15; ++x) REQUIRE(part.row(y)[x] == image.row(y + 3)[x + 6]);
  }
  CHECK_THROWS_AS(crop(image, 5, 0, 5, 1), InputError);
  CHECK_THROWS_AS(crop(image, -1, 0, 5, 1), InputError);
  CHECK_THROWS_AS(crop(to_unit(image), 0, 6, 1, 2), InputError);
}

TEST_CASE("area resize averages boxes and repeats pixels") {
  const ImageU8 image = test::noise_image(8, 6, "area");
  const ImageU8 half = resize_area_u8(image, 4, 3);
  for (int y = 0; y < 3; ++y) {
    for (int x = 0; x < 4; ++x) {
      for (int c = 0; c < 3; ++c) {
        int sum = 0;
        for (int k = 0; k < 4; ++k) sum += image.row(2 * y + k / 2)[3 * (2 * x + k % 2) + c];
        REQUIRE(int{half.row(y)[3 * x + c]} == (sum + 2) / 4);
      }
    }
  }
  const ImageU8 twice = resize_area_u8(image, 16, 12);
  for (int y = 0; y < 12; ++y) {
    for (int x = 0; x < 48; ++x) {
      REQUIRE(twice.row(y)[x] == image.row(y / 2)[3 * (x / 6) + x % 3]);
    }
  }
  CHECK(fit_longest({640, 480}, 320) == ImageSize{320, 240});
  CHECK(fit_longest({968, 1296}, 320) == ImageSize{239, 320});
  CHECK(fit_longest({100, 80}, 320) == ImageSize{100, 80});
  CHECK(fit_longest({10000, 3}, 320) == ImageSize{320, 1});
}

TEST_CASE("range conversions are exact at the ends") {
  ImageU8 image(3, 1);
  image.rgb = {0, 128, 255, 1, 2, 3, 255, 0, 128};
  const UnitImage unit = to_unit(image);
  CHECK(unit.chw[0] == 0.0F);
  CHECK(unit.chw[2] == 1.0F);
  CHECK(unit.chw[1] == static_cast<float>(1.0 / 255.0));
  const SignedImage signed_image = to_signed(unit);
  CHECK(signed_image.chw[0] == -1.0F);
  CHECK(signed_image.chw[2] == 1.0F);
  CHECK(to_u8(to_unit(signed_image)).rgb == image.rgb);
}
