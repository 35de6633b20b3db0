#include <catch2/catch.hpp>

#include "base/error.h"
#include "models/umt5/names.h"
#include "models/umt5/prompt.h"
#include "support/support.h"
#include "support/tiny_weights.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"
#include "weights/torch_writer.h"

using namespace vega;

namespace {

std::vector<float> golden_row() {
  const TensorSet set = read_safetensors(test::golden("umt5_tiny.safetensors"));
  return to_f32(set.at("empty"));
}

std::map<std::string, TensorView> renamed_umt5(const test::OwnedTensors& tensors) {
  std::map<std::string, TensorView> out;
  for (const auto& spec : umt5::tensors(test::tiny_umt5_config())) {
    out.emplace(spec.alias, tensors.views().at(spec.canonical));
  }
  return out;
}

}  // namespace

TEST_CASE("the closed form equals transformers' masked 512-token forward, from both layouts") {
  const test::TempFolder folder;
  const auto tensors = test::tiny_umt5();
  write_torch_file(folder / "models_t5_umt5-xxl-enc-bf16.pth", tensors.views(), true);
  const auto expected = golden_row();
  const auto original = umt5::empty_prompt(folder.path());
  CHECK(test::relative_error(original, expected) < 1e-5);
  CHECK(umt5::empty_prompt(folder / "models_t5_umt5-xxl-enc-bf16.pth") == original);

  std::filesystem::create_directories(folder / "hf/text_encoder");
  write_safetensors(folder / "hf/text_encoder/model.safetensors", renamed_umt5(tensors));
  test::write_text(folder / "hf/text_encoder/config.json", "{}");
  CHECK(umt5::empty_prompt(folder / "hf") == original);
  CHECK(umt5::empty_prompt(folder / "hf/text_encoder") == original);
}

TEST_CASE("a text encoder with a missing or misshapen tensor is refused by name") {
  const test::TempFolder folder;
  const auto tensors = test::tiny_umt5();
  auto views = tensors.views();
  views.erase("blocks.1.attn.o.weight");
  write_torch_file(folder / "a.pth", views);
  CHECK_THROWS_WITH(umt5::empty_prompt(folder / "a.pth"),
                    Catch::Contains("blocks.1.attn.o.weight"));
  views = tensors.views();
  views.at("norm.weight").shape = {32};
  write_torch_file(folder / "b.pth", views);
  CHECK_THROWS_WITH(umt5::empty_prompt(folder / "b.pth"),
                    Catch::Contains("norm.weight") && Catch::Contains("[32]"));
  CHECK_THROWS_AS(umt5::empty_prompt(folder / "nothing"), InputError);
  views = tensors.views();
  views.erase("blocks.2.norm1.weight");
  write_torch_file(folder / "c.pth", views);
  CHECK_THROWS_WITH(umt5::empty_prompt(folder / "c.pth"),
                    Catch::Contains("c.pth: got no tensor blocks.2.norm1.weight"));
}

TEST_CASE("a text encoder with anything else is refused by name, but for the tied embedding") {
  const test::TempFolder folder;
  const auto tensors = test::tiny_umt5();
  auto views = tensors.views();
  views.emplace("decoder.spare", views.at("norm.weight"));
  write_torch_file(folder / "extra.pth", views);
  CHECK_THROWS_WITH(umt5::empty_prompt(folder / "extra.pth"),
                    Catch::Contains("extra.pth: got unknown tensor decoder.spare"));
  const std::vector<std::int64_t> numbers(64, 1);
  views = tensors.views();
  views.at("norm.weight") = {DType::kI64, {64}, reinterpret_cast<const std::byte*>(numbers.data())};
  write_torch_file(folder / "type.pth", views);
  CHECK_THROWS_WITH(umt5::empty_prompt(folder / "type.pth"),
                    Catch::Contains("norm.weight") && Catch::Contains("f32, f16 or bf16"));

  auto hf = renamed_umt5(tensors);
  hf.emplace("encoder.embed_tokens.weight", hf.at("shared.weight"));
  write_safetensors(folder / "model.safetensors", hf);
  test::write_text(folder / "config.json", "{}");
  CHECK(umt5::empty_prompt(folder.path()).size() == 64);
}

TEST_CASE("a text encoder that cannot be looked at is an input error that says why") {
  const test::TempFolder folder;
  std::filesystem::create_symlink("loop", folder / "loop");
  CHECK_THROWS_AS(umt5::empty_prompt(folder / "loop"), InputError);
  CHECK_THROWS_WITH(umt5::empty_prompt(folder / "loop"), Catch::Contains("cannot be read"));
}
