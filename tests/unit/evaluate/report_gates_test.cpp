#include "evaluate/report_gates.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "base/error.h"
#include "media/decode.h"
#include "media/jpeg.h"
#include "store/tokens_file.h"
#include "support/support.h"
#include "viz/colormap.h"

using namespace vega;
using namespace vega::evaluate;
using Catch::Matchers::Contains;

namespace {

constexpr std::size_t kGateFrames = 6, kGateCells = 196;

// White frames of 280x210; the upper half of the cells has gate 0, the lower one 1; the last column
// is not covered.
void write_gate_tokens(const std::filesystem::path& path, const std::string& key, bool gate,
                       bool thumbs) {
  FileHeader header;
  header.key = key;
  header.cache_key = "0";
  FrameTable frames;
  TokensInfo info;
  info.width = 2;
  info.parts = {TokenPart::kFused};
  info.has_gate = gate;
  info.method = gate ? "token_gated" : "add";
  info.align = "pixel", info.view = "mllm", info.trained = false;
  ImageU8 white(140, 105);
  std::fill(white.rgb.begin(), white.rgb.end(), std::uint8_t{255});
  for (std::size_t f = 0; f < kGateFrames; ++f) {
    frames.id.push_back(static_cast<std::int64_t>(10 * f));
    frames.size_color.push_back({210, 280});
    if (thumbs) frames.thumb_jpeg.push_back(encode_jpeg(white));
    info.cell_to_px.push_back({20, 0, 9.5, 0, 15, 7});
  }
  TokensWriter writer(path, header, frames, info);
  writer.put(TokenPart::kFused, 0, kGateFrames,
             std::vector<float>(kGateFrames * kGateCells * 2, 0.5F));
  if (gate) {
    std::vector<float> values(kGateFrames * kGateCells);
    std::vector<std::uint8_t> covered(kGateFrames * kGateCells);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = i % kGateCells < kGateCells / 2 ? 0.0F : 1.0F;
      covered[i] = i % 14 < 13 ? 1 : 0;
    }
    writer.put_gate(0, kGateFrames, values);
    writer.put_covered(covered);
  }
  writer.finish();
}

ImageU8 picture_in(const std::string& html) {
  const std::string head = "src=\"data:image/jpeg;base64,";
  const std::size_t from = html.find(head) + head.size(), to = html.find('"', from);
  std::vector<std::byte> bytes;
  unsigned bits = 0, held = 0;
  for (const char c : html.substr(from, to - from)) {
    if (c == '=') break;
    const unsigned digit = c >= 'A' && c <= 'Z'   ? unsigned(c - 'A')
                           : c >= 'a' && c <= 'z' ? unsigned(c - 'a' + 26)
                           : c >= '0' && c <= '9' ? unsigned(c - '0' + 52)
                           : c == '+'             ? 62U
                                                  : 63U;
    bits = bits << 6 | digit;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(std::byte(bits >> held & 255));
  }
  return decode_image(bytes, "figure");
}

}  // namespace

TEST_CASE("gates of the scenes of cases come first; a fusion without a gate says so") {
  const test::TempFolder folder;
  write_gate_tokens(folder / "a.h5", "a", true, true);
  write_gate_tokens(folder / "b.h5", "b", true, false);
  write_gate_tokens(folder / "c.h5", "c", false, true);
  const std::string some = gate_figures(folder.path(), {}, {"nowhere", "b", "a"}, 4);
  CHECK_THAT(some, Contains("Gate of b over 4 of its frames, mean 0.500") && Contains("Gate of a"));
  CHECK_THAT(some, Contains("initial values, never trained"));
  CHECK(some.find("Gate of b") < some.find("Gate of a"));
  CHECK(some.find("Gate of c") == some.npos);
  const std::string all = gate_figures(folder.path(), {}, {}, 2);
  CHECK(all.find("Gate of a") != all.npos);
  CHECK(all.find("c: its fusion") == all.npos);
  CHECK_THAT(gate_figures(folder.path(), {}, {"c"}, 2),
             Contains("c: its fusion (add) has no gate"));
  const test::TempFolder empty;
  CHECK_THROWS_WITH(gate_figures(empty.path(), {}, {"a"}, 2), Contains("vega-fuse tokens"));
}

TEST_CASE("a gate's colours go from generative to semantic over the picture") {
  const test::TempFolder folder;
  write_gate_tokens(folder / "a.h5", "a", true, true);
  const ImageU8 page = picture_in(gate_figures(folder.path(), {}, {"a"}, 1));
  // The first tile: 300 pixels wide below the head; its places by what blending over white gives.
  const auto near_colour = [&](double gate) {
    const Color full = color_at(Colormap::kViridis, gate);
    const auto mixed = [](std::uint8_t c) { return 0.45 * 255 + 0.55 * c; };
    int found = 0;
    for (int y = 0; y < page.height; ++y)
      for (int x = 0; x < page.width; ++x) {
        const Color p = pixel(page, x, y);
        if (std::abs(p.r - mixed(full.r)) < 8 && std::abs(p.g - mixed(full.g)) < 8 &&
            std::abs(p.b - mixed(full.b)) < 8)
          ++found;
      }
    return found;
  };
  const int cells = 4 * 7 * 13;  // of four frames, half of the covered ones
  const double cell = (300.0 / 14) * (225.0 / 14);
  CHECK(near_colour(0) > 0.8 * cells * cell);
  CHECK(near_colour(0) < 1.2 * cells * cell);
  CHECK(near_colour(1) > 0.8 * cells * cell);
  CHECK(near_colour(1) < 1.2 * cells * cell);
}
