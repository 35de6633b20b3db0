// Marks against pictures that Pillow (tests/golden/export_spatial_train.py) and OpenCV
// (tests/golden/export_labelled_marks.py) drew on.
#include "train/draw_marks.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "../models/qwen2_5_vl/qwen2_5_vl_samples.h"
#include "base/error.h"
#include "media/png.h"
#include "tasks/picture_marks.h"

using namespace vega;

namespace {

ImageSize size_in(const Json& pair) {
  return {static_cast<int>(pair[std::size_t{0}].whole().value()),
          static_cast<int>(pair[std::size_t{1}].whole().value())};
}

std::string hash_of(const ImageU8& image) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const std::uint8_t byte : image.rgb) hash = (hash ^ byte) * 0x100000001B3U;
  return fmt::format("{:016x}", hash);
}

// The pictures that OpenCV drew on.
ImageU8 ground(std::size_t number, ImageSize size) {
  ImageU8 out(size.width, size.height);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x)
      for (int c = 0; c < 3; ++c)
        out.row(y)[3 * x + c] = static_cast<std::uint8_t>(
            (3 * x + 5 * y + 85 * c + 40 * static_cast<int>(number) + (x * y >> 5)) & 255);
  return out;
}

ImageU8 drawn(const Json& record, std::size_t picture) {
  ImageU8 image = ground(picture, size_in(record["sizes"][picture]));
  train::draw_marks(tasks::spar_marks(record["spar_info"], record["sizes"].size()), picture, image);
  return image;
}

}  // namespace

TEST_CASE("marks: every pixel is Pillow's") {
  const Json all = read_json(test::golden("spatial_train.json"), "the notes of the exporter");
  REQUIRE(all["marks"].size() == 9);
  for (const Json& one : all["marks"].elements()) {
    INFO(one["spar_info"].text_or(""));
    const auto marks = tasks::spar_marks(one["spar_info"], one["sizes"].size());
    for (std::size_t n = 0; n < one["sizes"].size(); ++n) {
      const ImageSize size = size_in(one["sizes"][n]);
      ImageU8 image = test::qwen_vl_picture(fmt::format("marks{}", n), size.width, size.height);
      train::draw_marks(marks, n, image);
      CHECK(hash_of(image) == one["hashes"][n].text_or(""));
    }
  }
}

TEST_CASE("marks: every pixel of those with labels is OpenCV's") {
  const Json all = read_json(test::golden("labelled_marks.json"), "the notes of the exporter");
  REQUIRE(all["marks"].size() == 8);
  for (const Json& one : all["marks"].elements()) {
    for (std::size_t n = 0; n < one["sizes"].size(); ++n) {
      INFO(one["spar_info"].text_or("") << " picture " << n);
      const ImageU8 image = drawn(one, n);
      CHECK(hash_of(image) != hash_of(ground(n, image.size())));
      CHECK(hash_of(image) == one["hashes"][n].text_or(""));
    }
  }
}

TEST_CASE("marks: the stored picture of OpenCV, pixel by pixel") {
  const Json all = read_json(test::golden("labelled_marks.json"), "the notes of the exporter");
  const auto index = [&](std::size_t n) {
    return static_cast<std::size_t>(all["shown"][n].whole().value());
  };
  const ImageU8 image = drawn(all["marks"][index(0)], index(1));
  const ImageU8 want =
      decode_png(test::read_bytes(test::golden("labelled_marks.png")), "labelled_marks.png");
  REQUIRE(image.size() == want.size());
  int other = 0;
  for (std::size_t i = 0; i < want.rgb.size(); ++i) other += image.rgb[i] != want.rgb[i];
  CHECK(other == 0);
}

TEST_CASE("marks: a label of other letters is refused") {
  tasks::PictureMark mark;
  mark.style = tasks::PictureMark::Style::kLetters;
  mark.label = "object?";
  ImageU8 image(40, 40);
  CHECK_THROWS_WITH(train::draw_marks({&mark, 1}, 0, image), Catch::Matchers::Contains("'?'"));
}
