// `vega-fuse tokens` on a GPU: near to the CPU, equal to itself.
#include <catch2/catch.hpp>
#include <cmath>

#include "core/device.h"
#include "fuse_samples.h"

using namespace vega;
using namespace vega::test;

TEST_CASE("fused on CUDA: near to the CPU, and the same for one batch", "[cuda]") {
  std::string why;
  if (!cuda_available(&why)) return note_skip("CUDA: " + why);
  Room room;
  room.generative.ids = {0, 4, 9, 11, 30};  // a batch of 2 leaves one frame and a padded one
  room.semantic.ids = room.generative.ids;
  room.write();
  room.write_scene();
  set(room.options, "--parts", "semantic,generative,fused");
  set(room.options, "--align", GENERATE("reference", "pixel"));
  set(room.options, "--objects", GENERATE("patch14", "patch27"));
  const std::string method =
      GENERATE("token_gated", "token_gated_residual", "gated", "cross_attention");
  INFO(method << " " << name_in<AlignMode>(kAlignModes, room.options.align) << " "
              << name_of(room.options.objects));
  room.use(Weights(method));
  room.run();
  struct Content {
    at::Tensor semantic, generative, fused, gate, objects;
    std::vector<std::uint8_t> covered;
  };
  const auto content = [&] {
    const TokensReader file(room.output());
    const auto objects = file.objects(ObjectKind::kGt);
    return Content{part_of(file, TokenPart::kSemantic),
                   part_of(file, TokenPart::kGenerative),
                   part_of(file, TokenPart::kFused),
                   file.info().has_gate ? gate_of(file) : at::zeros({5, 196}),
                   tensor_from(objects->feature, {3, kWidth}),
                   file.covered()};
  };
  const Content cpu = content();
  const auto run_cuda = [&](const char* dtype, const char* batch) {
    room.options.device.device = "cuda";
    set(room.options, "--dtype", dtype);
    set(room.options, "--batch", batch);
    room.options.output.overwrite = true;
    room.run();
    return content();
  };
  const auto worst = [&](const Content& c) {
    CHECK(c.covered == cpu.covered);
    double most = 0;
    for (const double one : {apart(c.semantic, cpu.semantic), apart(c.generative, cpu.generative),
                             apart(c.fused, cpu.fused), apart(c.gate + 1, cpu.gate + 1),
                             apart(c.objects, cpu.objects)})
      if (!(one <= most)) most = one;  // NaN stays
    return most;
  };
  const Content two = run_cuda("fp32", "2");
  CHECK(worst(two) < 1e-5);  // float32 sums of 12 to 128 products in another order
  CHECK(worst(run_cuda("fp32", "3")) < 1e-5);
  const Content again = run_cuda("fp32", "2");
  CHECK(at::equal(again.fused, two.fused));
  CHECK(at::equal(again.gate, two.gate));
  CHECK(at::equal(again.objects, two.objects));
  // Ten roundings to 8 bits on the way at most, each 2^-9 of the largest value (CPU: 0.010).
  CHECK(worst(run_cuda("bf16", "4")) < 10 * std::ldexp(1.0, -9));
}
