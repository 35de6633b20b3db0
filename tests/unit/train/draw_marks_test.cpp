// Marks against pictures that Pillow drew on (tests/golden/export_spatial_train.py).
#include "train/draw_marks.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "../models/qwen2_5_vl/qwen2_5_vl_samples.h"
#include "tasks/picture_marks.h"

using namespace vega;

TEST_CASE("marks: every pixel is Pillow's") {
  const Json all = read_json(test::golden("spatial_train.json"), "the notes of the exporter");
  REQUIRE(all["marks"].size() == 9);
  for (const Json& one : all["marks"].elements()) {
    INFO(one["spar_info"].text_or(""));
    const auto marks = tasks::spar_marks(one["spar_info"], one["sizes"].size());
    for (std::size_t n = 0; n < one["sizes"].size(); ++n) {
      const Json& size = one["sizes"][n];
      ImageU8 image = test::qwen_vl_picture(fmt::format("marks{}", n),
                                            static_cast<int>(size[std::size_t{0}].whole().value()),
                                            static_cast<int>(size[std::size_t{1}].whole().value()));
      train::draw_marks(marks, n, image);
      std::uint64_t hash = 0xCBF29CE484222325U;
      for (const std::uint8_t byte : image.rgb) hash = (hash ^ byte) * 0x100000001B3U;
      CHECK(fmt::format("{:016x}", hash) == one["hashes"][n].text_or(""));
    }
  }
}
