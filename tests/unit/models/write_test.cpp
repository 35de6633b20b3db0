// Model folders that are written: both layouts are read back as the same model.
#include "models/wan/write.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "core/tensor.h"
#include "models/wan/checkpoint.h"
#include "models/wan/dit.h"
#include "models/wan/prompt_file.h"
#include "support/own_memory.h"
#include "support/small_wan.h"
#include "support/support.h"

namespace vega {
namespace {
namespace fs = std::filesystem;
using Catch::Contains;

using test::small_dit_config;
using test::small_record;

struct Written {
  test::TempFolder temp;
  test::OwnMemory memory{temp / "memory"};
  WeightTable dit = test::small_dit();
  wan::LinearVae vae = test::small_vae();

  fs::path write(const std::string& name, wan::ModelLayout layout, DType dtype) const {
    wan::write_wan_model(temp / name, layout, small_dit_config(), dit, vae, small_record(), dtype);
    return temp / name;
  }
};

TEST_CASE("both layouts of a written model are read as one model") {
  const Written made;
  const fs::path original = made.write("original", wan::ModelLayout::kOriginal, DType::kF32);
  const fs::path diffusers = made.write("diffusers", wan::ModelLayout::kDiffusers, DType::kF32);
  CHECK(fs::exists(original / "Wan2.1_VAE.pth"));
  CHECK(fs::exists(diffusers / "vae" / "config.json"));
  const wan::Checkpoint a = wan::open_checkpoint(original), b = wan::open_checkpoint(diffusers);
  CHECK(a.layout == "original");
  CHECK(b.layout == "diffusers");
  CHECK(a.fingerprint() == b.fingerprint());
  for (const wan::Checkpoint* c : {&a, &b}) {
    CHECK(c->dit_config.layers == 3);
    CHECK(c->dit_config.text_dim == 8);
    CHECK(c->vae_config.base == 8);
    c->check_finite(2);
    for (const auto& [name, value] : made.dit) {
      INFO(name);
      CHECK(at::equal(float_tensor_from(c->dit.at(name)), value));
    }
    CHECK_FALSE(float_tensor_from(c->vae.at("decoder.conv1.weight")).any().item<bool>());
  }
  const at::Tensor prompt = wan::read_prompt_file(wan::find_prompt({}, original), 8);
  CHECK(prompt.sizes() == at::IntArrayRef({1, 8}));
  CHECK_FALSE(prompt.any().item<bool>());
}

TEST_CASE("stored as bfloat16 the VAE is the same, and the transformer is rounded once") {
  const Written made;
  const fs::path folder = made.write("half", wan::ModelLayout::kDiffusers, DType::kBF16);
  const wan::LinearVae read = wan::read_linear_vae(folder);
  for (const auto& [name, value] : made.vae.weights) {
    INFO(name);
    CHECK(at::equal(read.weights.at(name), value));
  }
  CHECK(at::equal(read.pixel_map, made.vae.pixel_map));
  CHECK(at::equal(read.pixel_mean, made.vae.pixel_mean));
  const wan::Checkpoint c = wan::open_checkpoint(folder);
  for (const auto& [name, value] : made.dit)
    CHECK(at::equal(float_tensor_from(c.dit.at(name)), value.to(at::kBFloat16).to(at::kFloat)));
  // A VAE that was read is written again as it was.
  wan::write_wan_model(made.temp / "again", wan::ModelLayout::kDiffusers, small_dit_config(),
                       made.dit, read, small_record());
  CHECK(wan::open_checkpoint(made.temp / "again").fingerprint() == c.fingerprint());
}

TEST_CASE("tensors keep types of their own, in both layouts, and a VAE that was read its own") {
  Written made;
  const std::string fine = "text_embedding.0.weight", coarse = "blocks.0.norm3.weight";
  made.dit[coarse] = made.dit[coarse].to(at::kHalf).to(at::kFloat);
  wan::StoredTypes types;
  types.others = {{fine, DType::kF32}, {coarse, DType::kF16}};
  made.vae.weights["encoder.conv1.bias"] = at::full({8}, 0.1);  // not a number of bfloat16
  made.vae.types = {{"encoder.conv1.bias", DType::kF32}};
  for (const auto layout : {wan::ModelLayout::kOriginal, wan::ModelLayout::kDiffusers}) {
    const fs::path folder =
        made.temp / std::string(name_in<wan::ModelLayout>(wan::kModelLayouts, layout));
    wan::write_wan_model(folder, layout, small_dit_config(), made.dit, made.vae, small_record(),
                         types);
    const wan::Checkpoint c = wan::open_checkpoint(folder);
    CHECK(c.dit.at(fine).dtype == DType::kF32);
    CHECK(c.dit.at(coarse).dtype == DType::kF16);
    CHECK(c.dit.at("blocks.0.ffn.0.weight").dtype == DType::kBF16);
    for (const std::string& name : {fine, coarse})
      CHECK(at::equal(float_tensor_from(c.dit.at(name)), made.dit.at(name)));
    const wan::LinearVae read = wan::read_linear_vae(folder);
    CHECK(read.types.at("encoder.conv1.bias") == DType::kF32);
    CHECK(read.types.at("encoder.conv1.weight") == DType::kBF16);
    CHECK(at::equal(read.weights.at("encoder.conv1.bias"), at::full({8}, 0.1)));
    wan::write_wan_model(made.temp / "again", layout, small_dit_config(), made.dit, read,
                         small_record(), types);
    CHECK(wan::open_checkpoint(made.temp / "again").fingerprint() == c.fingerprint());
    fs::remove_all(made.temp / "again");
  }
}

TEST_CASE("a model whose text parts speak keeps its prompt") {
  const Written made;
  const at::Tensor rows = test::normal_draws({3, 8}, 7).to(at::kBFloat16).to(at::kFloat);
  wan::write_wan_model(made.temp / "m", wan::ModelLayout::kOriginal, small_dit_config(), made.dit,
                       made.vae, small_record(), DType::kBF16, rows);
  CHECK(at::equal(wan::read_prompt_file(made.temp / "m" / "prompt.h5", 8), rows));
  const at::Tensor fine = test::normal_draws({3, 8}, 7);  // not of bfloat16
  wan::write_wan_model(made.temp / "f", wan::ModelLayout::kOriginal, small_dit_config(), made.dit,
                       made.vae, small_record(), DType::kBF16, fine);
  CHECK(at::equal(wan::read_prompt_file(wan::find_prompt({}, made.temp / "f"), 8), fine));
  CHECK_THROWS_WITH(
      wan::write_wan_model(made.temp / "n", wan::ModelLayout::kOriginal, small_dit_config(),
                           made.dit, made.vae, small_record(), DType::kBF16, rows.t()),
      Contains("(rows, 8)"));
}

TEST_CASE("silent text parts: the prompt does not change a token") {
  const Written made;
  const at::Tensor z = test::normal_draws({1, 16, 4, 6}, 5);
  const WeightViews views = wan::views_of(made.dit);
  const auto tokens = [&](const at::Tensor& prompt) {
    wan::Dit dit(views, small_dit_config(), prompt, {at::kCPU, at::kFloat});
    dit.prepare(299, 2);
    return dit.forward(z, {{2}, std::nullopt})[0];
  };
  const at::Tensor silent = tokens(at::zeros({1, 8}));
  CHECK(at::allclose(silent, tokens(test::normal_draws({3, 8}, 6)), 0, 0));
  CHECK(silent.isfinite().all().item<bool>());
}

TEST_CASE("a record is read back as it was written") {
  const Written made;
  const fs::path folder = made.write("m", wan::ModelLayout::kOriginal, DType::kBF16);
  const auto read = wan::read_model_record(folder);
  REQUIRE(read.has_value());
  wan::ModelRecord wanted = small_record();
  wanted.pixel_map = wan::kPixelFile;
  CHECK(wan::record_text(*read) == wan::record_text(wanted));
  CHECK(read->size == ImageSize{64, 48});
  CHECK(read->view == View::kNative);
  CHECK(read->seeds == std::vector<std::int64_t>{1, 2});
  CHECK_FALSE(wan::read_model_record(made.temp / "none").has_value());
}

TEST_CASE("a record that is damaged, or leads out of the folder, is refused by its key") {
  const test::TempFolder temp;
  const auto refused = [&](const std::string& text, const std::string& key) {
    INFO(text);
    test::write_text(temp / wan::kRecordFile, text);
    CHECK_THROWS_WITH(wan::read_model_record(temp.path()), Contains(key));
  };
  refused("[]", "vega_model.json");
  refused(R"({"schema": "vega.model/2"})", "vega.model/1");
  refused(R"({"schema": "vega.model/1", "block": -1})", "block");
  refused(R"({"schema": "vega.model/1", "timestep": "300"})", "timestep");
  refused(R"({"schema": "vega.model/1", "shift": 0})", "shift");
  refused(R"({"schema": "vega.model/1", "size": "wide"})", "size");
  refused(R"({"schema": "vega.model/1", "view": "wide"})", "view");
  refused(R"({"schema": "vega.model/1", "view": 1})", "view");
  refused(R"({"schema": "vega.model/1", "seeds": 3})", "seeds");
  refused(R"({"schema": "vega.model/1", "seeds": [0.5]})", "seeds");
  refused(R"({"schema": "vega.model/1", "figures": []})", "figures");
  refused(R"({"schema": "vega.model/1", "pixel_map": "../pixels.safetensors"})", "pixel_map");
  refused(R"({"schema": "vega.model/1", "pixel_map": "/etc/passwd"})", "pixel_map");
}

TEST_CASE("tensors that do not make the model are refused by name, and no model is left") {
  Written made;
  const auto refused = [&](const std::string& part) {
    CHECK_THROWS_WITH(made.write("bad", wan::ModelLayout::kOriginal, DType::kBF16), Contains(part));
    CHECK_FALSE(fs::exists(made.temp / "bad" / "config.json"));
  };
  const WeightTable good = made.dit;
  made.dit.erase("blocks.1.ffn.0.weight");
  refused("blocks.1.ffn.0.weight");
  made.dit = good;
  made.dit["blocks.9.norm3.weight"] = at::zeros({24});
  refused("blocks.9.norm3.weight");
  made.dit = good;
  made.dit["patch_embedding.bias"] = at::zeros({25});
  refused("patch_embedding.bias");
  made.dit = good;
  made.dit["head.head.bias"] = at::full({64}, INFINITY);
  refused("head.head.bias");
  made.dit = good;
  made.vae.weights.erase("encoder.conv1.bias");
  refused("encoder.conv1.bias");
}

TEST_CASE("a run stands for its model") {
  const test::TempFolder temp;
  CHECK(wan::model_folder(temp / "none") == temp / "none");
  test::write_text(temp / "config.json", "{}");
  CHECK(wan::model_folder(temp.path()) == temp.path());
  const fs::path run = temp / "run";
  fs::create_directories(run / "model");
  test::write_text(run / "run.json", "{}");
  CHECK_THROWS_WITH(wan::model_folder(run),
                    Contains("a run without a model") && Contains("export"));
  test::write_text(run / "model" / wan::kRecordFile, "{}");
  CHECK(wan::model_folder(run) == run / "model");
}

}  // namespace
}  // namespace vega
