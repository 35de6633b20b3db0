// Strict reading of checkpoints: what is wrong is named, all of it at once.
#include "nn/named_tensors.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "nn/parameters.h"

using namespace vega;
using Catch::Matchers::Contains;

namespace {

const float kZeros[64] = {};

TensorView view(Shape shape, DType type = DType::kF32) {
  return {type, std::move(shape), reinterpret_cast<const std::byte*>(kZeros)};
}

TensorSet set_of(const std::vector<std::pair<std::string, TensorView>>& tensors) {
  TensorSet set;
  for (const auto& [name, one] : tensors) set.add(name, one, nullptr, "dir/a.safetensors");
  return set;
}

const std::vector<NamedTensor> kExpected{
    {"w", "weight", {2, 3}}, {"b", "bias", {2}}, {"s", "scale", {}}};

std::string message(const TensorSet& set, KeyLayout layout, const TensorScope& scope) {
  try {
    take_tensors(set, kExpected, layout, scope);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("tensors are taken by canonical name, whatever their name and prefix in the file") {
  const auto plain = set_of({{"w", view({2, 3})}, {"b", view({2})}, {"s", view({})}});
  CHECK(take_tensors(plain, kExpected, KeyLayout::kCanonical, {"dir", "", {}}).size() == 3);
  const auto inside = set_of({{"x.weight", view({2, 3})},
                              {"x.bias", view({2}, DType::kBF16)},
                              {"x.scale", view({}, DType::kF16)},
                              {"other", view({9})}});
  const auto views = take_tensors(inside, kExpected, KeyLayout::kAlias, {"dir", "x.", {}});
  CHECK(views.at("b").dtype == DType::kBF16);
  CHECK(find_prefix(inside, "weight", "dir") == "x.");
  CHECK(find_prefix(plain, "w", "dir") == "");
  CHECK(find_prefix(plain, "none", "dir") == std::nullopt);
  CHECK(find_prefix(set_of({{"ema.w", view({2})}, {"w", view({2})}}), "w", "dir") == "");
  CHECK(find_prefix(set_of({{"xw", view({2})}}), "w", "dir") == std::nullopt);
  CHECK_THROWS_WITH(find_prefix(set_of({{"a.w", view({2})}, {"b.w", view({2})}}), "w", "dir"),
                    Contains("a.w and b.w"));
}

TEST_CASE("everything that is wrong is named in one error") {
  auto set = set_of({{"x.weight", view({3, 2})}, {"x.extra", view({1})}, {"outside", view({1})}});
  set.add_unreadable("x.scale", "F8_E4M3", "dir/b.safetensors");
  const auto text = message(set, KeyLayout::kAlias, {"dir", "x.", {}});
  CHECK_THAT(text, Contains("dir: got no tensor x.bias") &&
                       Contains("tensor x.weight of a.safetensors with shape [3, 2], not [2, 3]") &&
                       Contains("tensor x.scale of b.safetensors in F8_E4M3") &&
                       Contains("unknown tensor x.extra") && Contains("all 3 tensors") &&
                       !Contains("outside"));
  const auto tolerant = [](std::string_view name) { return name == "extra"; };
  CHECK_THAT(message(set, KeyLayout::kAlias, {"dir", "x.", tolerant}), !Contains("extra"));
}

TEST_CASE("each fault of a checkpoint has its remedy") {
  const auto with = [](Shape weight, DType type, bool bias, bool extra) {
    std::vector<std::pair<std::string, TensorView>> tensors{{"w", view(std::move(weight), type)},
                                                            {"s", view({})}};
    if (bias) tensors.emplace_back("b", view({2}));
    if (extra) tensors.emplace_back("c", view({2}));
    return message(set_of(tensors), KeyLayout::kCanonical, {"dir", "", {}});
  };
  CHECK(with({2, 3}, DType::kF32, true, false) == "accepted");
  CHECK_THAT(with({0}, DType::kF32, true, false),
             Contains("ZeRO-3") && Contains("zero_to_fp32.py") && Contains("shape [0]"));
  CHECK_THAT(with({2, 2}, DType::kF32, true, false), Contains("different models"));
  CHECK_THAT(with({2, 3}, DType::kI8, true, false),
             Contains("w of a.safetensors in i8") && Contains("quantised repacks"));
  CHECK_THAT(with({2, 3}, DType::kF32, false, false), Contains("fetch the checkpoint again"));
  CHECK_THAT(with({2, 3}, DType::kF32, false, true), Contains("another key layout"));
  CHECK_THAT(with({2, 3}, DType::kF32, true, true), Contains("remove them"));
}

TEST_CASE("parameters are a flat list, read strictly and in the order of their specification") {
  const std::vector<ParameterSpec> specs{{"w", {2, 3}, Init::kOne}, {"b", {2}, Init::kZero}};
  const auto set = set_of({{"m.b3", view({2})}, {"m.w", view({2, 3}, DType::kBF16)}});
  const auto views = take_parameters(set, specs, {"dir", "m.", {}}, {{"b", "b3"}});
  const Parameters values = read_values(specs, views);
  REQUIRE(values.size() == 2);
  CHECK(values[0].first == "w");
  CHECK(values[0].second.scalar_type() == at::kFloat);
  CHECK(values[1].second.sizes() == at::IntArrayRef{2});
  CHECK_NOTHROW(check_parameters(specs, values, "m"));
  CHECK_THROWS_WITH(take_parameters(set, specs, {"dir", "m.", {}}),
                    Contains("no tensor m.b") && Contains("unknown tensor m.b3"));
}
