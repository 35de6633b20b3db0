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

std::map<std::string, TensorView> renamed(const test::OwnedTensors& tensors) {
  std::map<std::string, TensorView> out;
  for (const auto& spec : umt5::tensors(test::tiny_umt5_config())) {
    out.emplace(spec.transformers, tensors.views().at(spec.canonical));
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
  write_safetensors(folder / "hf/text_encoder/model.safetensors", renamed(tensors));
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
}
