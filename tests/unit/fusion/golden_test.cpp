// Fusion, projectors, merger and pooling against PyTorch modules: forward and gradients.
#include <catch2/catch.hpp>

#include "fusion/pool.h"
#include "fusion_samples.h"

using namespace vega;
using test::distance;
using test::golden_tensor;

namespace {

// The file holds fp64 results rounded to fp32. The exporter asserts that PyTorch in fp32 is nearer
// than 2e-6; twice that leaves room for another order of sums. In fp64 only the file's rounding
// (2^-24) is left, and the fixed positions of cross-attention, which are fp32 numbers on both
// sides.
constexpr double kBar = 4e-6, kDoubleBar = 6e-8, kPositionBar = 3e-7;

double bar_of(at::ScalarType type, const std::string& label) {
  if (type == at::kFloat) return kBar;
  return label.starts_with("fusion.cross") ? kPositionBar : kDoubleBar;
}

// A gradient against the file. Where it is zero in exact arithmetic (a shift of all keys moves no
// softmax) its size is compared with the largest gradient's.
void check_gradient(const std::string& label, const std::string& name, const at::Tensor& got,
                    double largest, double bar) {
  if (!test::fusion_golden().find(label + "." + name)) {  // unused: PyTorch gives none either
    CHECK((!got.defined() || got.abs().sum().item<double>() == 0));
    return;
  }
  const at::Tensor expected = golden_tensor(label + "." + name);
  CAPTURE(label, name, bar);
  if (expected.norm().item<double>() < 1e-9 * largest) {
    CHECK((!got.defined() || got.norm().item<double>() < bar * largest));
    return;
  }
  REQUIRE(got.defined());
  CHECK(distance(got, expected) < bar);
}

double largest_gradient(const std::string& label) {
  double largest = 0;
  for (const auto& [name, view] : test::fusion_golden().tensors()) {
    if (!name.starts_with(label + ".d")) continue;
    largest = std::max(largest, golden_tensor(name).norm().item<double>());
  }
  return largest;
}

void check_gradients(const std::string& label, const Parameters& values, const at::Tensor& s,
                     double bar) {
  const double largest = largest_gradient(label);
  REQUIRE(largest > 0);
  check_gradient(label, "d.s", s.grad(), largest, bar);
  for (const auto& [name, value] : values) {
    check_gradient(label, "dp." + name, value.grad(), largest, bar);
  }
}

// A bfloat16 run is as far from the exact result as PyTorch's own, half as much again at most.
void check_half(const std::string& label, const at::Tensor& got) {
  const at::Tensor exact = golden_tensor(label + ".out");
  const double theirs = distance(golden_tensor(label + ".out.bf16"), exact);
  CAPTURE(label, theirs);
  CHECK(got.scalar_type() == at::kBFloat16);
  CHECK(distance(got, exact) <= 1.5 * theirs);
}

const char* const kProjectors[] = {"linear", "mlp1x_gelu", "mlp2x_gelu", "mlp3x_gelu",
                                   "mlp2x_res2x_gelu"};

}  // namespace

TEST_CASE("fusion: every method and form equals PyTorch, forward and gradients") {
  for (const auto& item : test::fusion_cases()) {
    for (const auto type : {at::kFloat, at::kDouble}) {
      const std::string at = item.place();
      const double bar = bar_of(type, at);
      CAPTURE(at, c10::toString(type));
      const Fusion fusion = item.module(type);
      const at::Tensor s = test::leaf(golden_tensor(at + ".s"), type);
      const at::Tensor g = test::leaf(golden_tensor(at + ".g"), type);
      FusionInputs inputs;
      const bool asks = test::fusion_golden().find(at + ".c") != nullptr;
      if (asks) inputs.instruction = test::leaf(golden_tensor(at + ".c"), type);
      FusionTrace trace;
      const at::Tensor out = fusion.forward(s, g, inputs, &trace);
      REQUIRE(out.sizes() == s.sizes());
      CHECK(out.scalar_type() == type);
      CHECK(distance(out, golden_tensor(at + ".out")) < bar);
      if (test::fusion_golden().find(at + ".gate")) {
        REQUIRE(trace.gate.defined());
        CHECK(trace.gate.scalar_type() == at::kFloat);
        CHECK_FALSE(trace.gate.requires_grad());
        CHECK(trace.gate.sizes() == s.sizes().slice(0, static_cast<std::size_t>(s.dim()) - 1));
        CHECK(distance(trace.gate, golden_tensor(at + ".gate")) < std::max(bar, 1e-7));
      }
      (out * golden_tensor(at + ".up").to(type)).sum().backward();
      check_gradients(at, fusion.parameters(), s, bar);
      check_gradient(at, "d.g", g.grad(), largest_gradient(at), bar);
      if (asks) check_gradient(at, "d.c", inputs.instruction.grad(), largest_gradient(at), bar);
    }
  }
}

TEST_CASE("fusion: bfloat16 is as near as PyTorch's") {
  for (const auto& item : test::fusion_cases()) {
    const std::string at = item.place();
    FusionInputs inputs;
    if (test::fusion_golden().find(at + ".c")) inputs.instruction = golden_tensor(at + ".c");
    const at::Tensor out = item.module(at::kBFloat16, false)
                               .forward(golden_tensor(at + ".s"), golden_tensor(at + ".g"), inputs);
    if (item.method == "only") {
      CHECK(at::equal(out, golden_tensor(at + ".g").to(at::kBFloat16)));
    } else {
      check_half(at, out);
    }
  }
}

TEST_CASE("fusion: frames are independent, and grids are rows of cells") {
  for (const auto& item : test::fusion_cases()) {
    if (item.label == "cross.spatial") continue;  // 2 x 5: not square as a row
    const at::Tensor s = golden_tensor(item.place() + ".s"), g = golden_tensor(item.place() + ".g");
    const Fusion fusion = item.module(at::kFloat, false);
    const at::Tensor both = fusion.forward(s, g);
    const at::Tensor second = fusion.forward(s.slice(0, 1), g.slice(0, 1));
    CAPTURE(item.label);
    CHECK(distance(second, both.slice(0, 1)) < 1e-6);
    const std::int64_t width = item.width;
    const at::Tensor row = fusion.forward(s.reshape({2, -1, width}), g.reshape({2, -1, width}));
    CHECK(at::equal(row.reshape(both.sizes()), both));
  }
}

TEST_CASE("projectors: every type equals PyTorch, forward and gradients") {
  for (const std::string type : kProjectors) {
    const std::string at = "projector." + type;
    const ProjectorConfig config{type, 10, 7};
    const Parameters values = test::golden_parameters(at, projector_specs(config));
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      CAPTURE(at, c10::toString(dtype));
      const Projector projector(config, values, {at::kCPU, dtype}, true);
      const at::Tensor s = test::leaf(golden_tensor(at + ".s"), dtype);
      const at::Tensor out = projector.forward(s);
      CHECK(distance(out, golden_tensor(at + ".out")) < bar_of(dtype, at));
      (out * golden_tensor(at + ".up").to(dtype)).sum().backward();
      check_gradients(at, projector.parameters(), s, bar_of(dtype, at));
    }
    check_half(
        at, Projector(config, values, {at::kCPU, at::kBFloat16}).forward(golden_tensor(at + ".s")));
  }
}

TEST_CASE("merger: both types equal PyTorch, forward and gradients; an odd row is cut") {
  for (const std::string type : {"mlp", "avg"}) {
    const std::string at = "merger." + type;
    const MergerConfig config{type, 6, 9, 5};
    const Parameters values = test::golden_parameters(at, merger_specs(config));
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      CAPTURE(at, c10::toString(dtype));
      const Merger merger(config, values, {at::kCPU, dtype}, true);
      const at::Tensor s = test::leaf(golden_tensor(at + ".s"), dtype);
      const at::Tensor out = merger.forward(s);
      REQUIRE(out.sizes() == at::IntArrayRef({2, 2, 3, 5}));
      CHECK(distance(out, golden_tensor(at + ".out")) < bar_of(dtype, at));
      (out * golden_tensor(at + ".up").to(dtype)).sum().backward();
      check_gradients(at, merger.parameters(), s, bar_of(dtype, at));
    }
    check_half(at,
               Merger(config, values, {at::kCPU, at::kBFloat16}).forward(golden_tensor(at + ".s")));
  }
}

TEST_CASE("pooling: bilinear between cell centres equals PyTorch") {
  struct Item {
    const char* label;
    Grid from, to;
  };
  for (const auto& item : {Item{"pool.27", {27, 27}, {14, 14}}, Item{"pool.up", {3, 5}, {7, 6}},
                           Item{"pool.odd", {9, 4}, {5, 2}}}) {
    const std::string at = item.label;
    const at::Tensor in = golden_tensor(at + ".in");
    const at::Tensor out = resize_tokens(in, item.from, item.to);
    CAPTURE(at);
    // A position up to n cells in fp32 has an error of n 2^-24, so has the weight made of it.
    const auto n = static_cast<double>(std::max(item.from.rows, item.from.columns));
    CHECK(distance(out, golden_tensor(at + ".out")) < n * 0x1p-23);
    const at::Tensor axes = in.reshape({2, item.from.rows, item.from.columns, 3});
    CHECK(at::equal(resize_tokens(axes, item.from, item.to).reshape(out.sizes()), out));
    // Rounded once from fp32: at most PyTorch's distance from the exact value.
    const at::Tensor half = resize_tokens(in.to(at::kBFloat16), item.from, item.to);
    const double theirs = distance(golden_tensor(at + ".out.bf16"), golden_tensor(at + ".out"));
    CHECK(distance(half, golden_tensor(at + ".out")) <= 1.01 * theirs);
  }
  CHECK(pooled_grid({27, 27}) == Grid{14, 14});
  CHECK(pooled_grid({28, 30}) == Grid{14, 15});
}
