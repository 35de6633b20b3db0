// `vega-fuse tokens` against the modules of lib/fusion put together here.
#include "fuse/tokens.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "composed.h"
#include "fusion/align.h"
#include "store/inspect.h"

using namespace vega;
using namespace vega::test;

namespace {

at::Tensor rows(const at::Tensor& grid) {
  return grid.reshape({grid.size(0), grid.size(1) * grid.size(2), grid.size(3)});
}

// Which cells the generative crop covers, by pixels alone: rows of 378/14 = 27 of 384.
std::vector<std::uint8_t> covered_rows(std::size_t frames) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i < frames * 196; ++i) {
    const std::size_t row = i % 196 / 14;
    out.push_back(row >= 3 && row < 11 ? 1 : 0);
  }
  return out;
}

const char* const kAllParts = "semantic,generative,fused";

}  // namespace

TEST_CASE("every method gives what its modules give") {
  struct Case {
    std::string method, form;
    bool gate;
  };
  for (const auto& c : std::vector<Case>{{"add", "", false},
                                         {"only", "", true},
                                         {"weighted", "", true},
                                         {"concat", "", false},
                                         {"gated", "", true},
                                         {"token_gated", "normed", true},
                                         {"token_gated", "raw", true},
                                         {"token_gated", "residual", true},
                                         {"cross_attention", "", false}}) {
    INFO(c.method << " " << c.form);
    Room room;
    room.write();
    const Weights weights(c.method, c.form);
    room.use(weights);
    set(room.options, "--parts", kAllParts);
    const RunResult result = room.run();
    CHECK(result.done == 1);
    CHECK(verify(room.output()).empty());
    const TokensReader file(room.output());
    const Expected e = compose(weights, room.semantic.values, room.generative.values);
    CHECK(at::equal(part_of(file, TokenPart::kSemantic), e.semantic));
    CHECK(at::equal(part_of(file, TokenPart::kGenerative), e.generative));
    CHECK(at::equal(part_of(file, TokenPart::kFused), e.fused));
    CHECK(file.covered() == covered_rows(3));
    const TokensInfo& info = file.info();
    CHECK(info.method == c.method);
    CHECK(info.form == c.form);
    CHECK(info.align == "reference");
    CHECK(info.view == "mllm");
    CHECK(info.trained);
    CHECK(info.width == kWidth);
    CHECK(info.fingerprint == weights.values.fingerprint);
    CHECK(info.has_gate == c.gate);
    CHECK(file.frames().id == room.generative.ids);
    CHECK(file.thumbs().size() == 3);
    if (!c.gate) {
      CHECK_THROWS_AS(file.gate(), InputError);
      continue;
    }
    // The weight of the semantic stream: of the residual form 1 - r (1 - g), r = its scale.
    at::Tensor share = e.gate;
    if (c.form == "residual") {
      const double r = find_parameter(weights.values.fusion, "residual_scale").item<double>();
      share = 1 - r * (1 - e.gate);
    }
    CHECK(apart(gate_of(file) + 1, share.expand({3, 196}) + 1) < 2e-7);
    if (c.method == "only") CHECK(gate_of(file).abs().max().item<float>() == 0);
  }
}

TEST_CASE("only needs no semantic stream") {
  Room room;
  room.write();
  room.options.semantic.clear();
  const Weights weights("only");
  room.use(weights);
  set(room.options, "--parts", "generative,fused");
  room.run();
  const TokensReader file(room.output());
  const Expected e = compose(weights, {}, room.generative.values);
  CHECK(at::equal(part_of(file, TokenPart::kFused), e.generative));
  CHECK(file.info().semantic_key.empty());
  CHECK(file.covered() == std::vector<std::uint8_t>(3 * 196, 1));  // its own cells
  CHECK_THROWS_AS(file.read(TokenPart::kSemantic, 0, 1), InputError);
}

TEST_CASE("stored as bfloat16: the nearest one; the gate stays float32") {
  Room room;
  room.write();
  const Weights weights("gated");
  room.use(weights);
  set(room.options, "--store-dtype", "bf16");
  set(room.options, "--parts", kAllParts);
  room.run();
  const TokensReader file(room.output());
  const Expected e = compose(weights, room.semantic.values, room.generative.values);
  const auto rounded = [](const at::Tensor& x) { return x.to(at::kBFloat16).to(at::kFloat); };
  CHECK(at::equal(part_of(file, TokenPart::kFused), rounded(e.fused)));
  CHECK(at::equal(part_of(file, TokenPart::kSemantic), rounded(e.semantic)));
  CHECK(at::equal(part_of(file, TokenPart::kGenerative), rounded(e.generative)));
  CHECK(at::equal(gate_of(file), e.gate));
}

TEST_CASE("computed in bfloat16: the modules in bfloat16, near to float32") {
  for (const char* form : {"normed", "raw", "residual"}) {
    INFO(form);
    Room room;
    room.write();
    const Weights weights("token_gated", form);
    room.use(weights);
    set(room.options, "--dtype", "bf16");
    set(room.options, "--parts", kAllParts);
    room.run();
    const TokensReader file(room.output());
    CHECK(file.info().compute_dtype == "bf16");
    const Expected same =
        compose(weights, room.semantic.values, room.generative.values, {at::kCPU, at::kBFloat16});
    CHECK(at::equal(part_of(file, TokenPart::kFused), same.fused));
    const Expected exact = compose(weights, room.semantic.values, room.generative.values);
    // Parameters, input, three layers and the pooling round to 8 bits each, relative 2^-9; errors
    // of a sum of H products stay relative to its terms.
    const at::Tensor a = part_of(file, TokenPart::kFused).to(at::kDouble),
                     b = exact.fused.to(at::kDouble);
    CHECK((a - b).norm().item<double>() / b.norm().item<double>() < 6 * std::ldexp(1.0, -9));
  }
}

TEST_CASE("pixel: generative features where the cell looks, semantic ones where they see nothing") {
  for (const auto& [rows_, columns] : {std::pair<std::int64_t, std::int64_t>{14, 14}, {30, 52}}) {
    for (const char* method : {"token_gated", "token_gated_residual", "raw", "gated", "only", "add",
                               "weighted", "concat", "cross_attention"}) {
      INFO(method << " of " << rows_ << "x" << columns);
      Room room;
      room.generative.rows = rows_, room.generative.columns = columns;
      room.write();
      const bool raw = std::string(method) == "raw";
      const Weights weights(raw ? "token_gated" : method, raw ? "raw" : "");
      room.use(weights);
      set(room.options, "--align", "pixel");
      set(room.options, "--parts", kAllParts);
      room.run();
      const TokensReader file(room.output());
      const auto covered = covered_rows(3);
      CHECK(file.covered() == covered);
      const Grid grid{static_cast<int>(rows_), static_cast<int>(columns)};
      const auto how = align(rescale_cells(room.semantic.cells(), {27, 27}, {14, 14}), {14, 14},
                             room.generative.cells(), grid);
      const at::Tensor resampled = at::stack(
          {at::mm(tensor_from(how.weights, {196, grid.cells()}), rows(room.generative.values)[0]),
           at::mm(tensor_from(how.weights, {196, grid.cells()}), rows(room.generative.values)[1]),
           at::mm(tensor_from(how.weights, {196, grid.cells()}), rows(room.generative.values)[2])});
      const Expected e = compose(weights, room.semantic.values, resampled);
      at::Tensor kept = e.semantic;
      const bool normed = std::string(method) == "token_gated" || std::string(method) == "gated";
      if (normed) {  // in double, by hand
        const at::Tensor x = e.semantic.to(at::kDouble);
        const at::Tensor centred = x - x.mean(-1, true);
        kept = centred / (centred.square().mean(-1, true) + 1e-5).sqrt() *
                   find_parameter(weights.values.fusion, "norm1.weight") +
               find_parameter(weights.values.fusion, "norm1.bias");
      }
      const at::Tensor outside =
          at::tensor(std::vector<std::int64_t>(covered.begin(), covered.end())).reshape({3, 196}) ==
          0;
      const at::Tensor fused = part_of(file, TokenPart::kFused);
      CHECK(at::equal(part_of(file, TokenPart::kSemantic), e.semantic));
      CHECK(at::equal(part_of(file, TokenPart::kGenerative), e.generative));
      CHECK(at::equal(fused.index({~outside}), e.fused.index({~outside})));
      if (normed)
        CHECK(apart(fused.index({outside}), kept.index({outside})) < 1e-6);
      else
        CHECK(at::equal(fused.index({outside}), kept.index({outside})));
      if (!file.info().has_gate) continue;
      CHECK((gate_of(file).index({outside}) == 1).all().item<bool>());
      const at::Tensor weight = e.weight.defined() ? e.weight : e.gate;
      CHECK(at::equal(gate_of(file).index({~outside}),
                      weight.expand({3, 196}).contiguous().index({~outside})));
    }
  }
}

TEST_CASE("the whole frame on both sides: pixel is reference up to the grid") {
  Room room;
  room.generative.view = "stretch";
  room.write();
  room.use(Weights());
  set(room.options, "--align", "pixel");
  room.run();
  const TokensReader file(room.output());
  CHECK(file.covered() == std::vector<std::uint8_t>(3 * 196, 1));
  const at::Tensor pixel = part_of(file, TokenPart::kFused);
  set(room.options, "--align", "reference");
  room.options.output.overwrite = true;
  room.run();
  CHECK(at::equal(pixel, part_of(TokensReader(room.output()), TokenPart::kFused)));
}

TEST_CASE("cells of the tokens, and where the world is behind them") {
  Room room;
  room.write();
  room.write_scene();
  set(room.options, "--objects", "none");
  room.use(Weights());
  room.run();
  const TokensReader file(room.output());
  CHECK(file.info().cell_to_px.size() == 3);
  CHECK(file.info().cell_to_px[0] == rescale_cells(room.semantic.cells(), {27, 27}, {14, 14}));
  const auto positions = file.positions();
  REQUIRE(positions);
  const SceneFile scene = made_scene(room.generative).file;
  REQUIRE(positions->world.size() == scene.patches.world14.size());
  for (std::size_t i = 0; i < positions->world.size(); ++i) {
    const float world = scene.patches.world14[i];
    if (std::isnan(world)) {
      CHECK(std::isnan(positions->world[i]));
      CHECK(positions->voxel[i] == -1);
      continue;
    }
    REQUIRE(positions->world[i] == world);
    // 5.2, fp32 geometry: clamp, shift, divide by 0.1, half to even.
    const float low = i % 3 == 2 ? -5.0F : -15.0F, high = -low;
    const float moved = std::min(std::max(world, low), high) - low;
    REQUIRE(positions->voxel[i] == static_cast<std::int16_t>(std::nearbyint(moved / 0.1F)));
  }
  CHECK_FALSE(file.objects(ObjectKind::kGt).has_value());
  CHECK(file.info().scene_key == scene.header.cache_key);
}

TEST_CASE("without a checkpoint: seeded values, said so") {
  Room room;
  room.write();
  room.options.seed = 11;
  room.run();
  const TokensReader file(room.output());
  CHECK_FALSE(file.info().trained);
  Weights weights;
  weights.values = initial_modules(weights.semantic, weights.generative, weights.fusion, 11);
  CHECK(file.info().fingerprint == weights.values.fingerprint);
  const Expected e = compose(weights, room.semantic.values, room.generative.values);
  CHECK(at::equal(part_of(file, TokenPart::kFused), e.fused));
  CHECK(file.header().seed == 11);
}
