#include "models/wan/checkpoint.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "models/wan/names.h"
#include "models/wan/prompt_file.h"
#include "support/support.h"
#include "support/tiny_weights.h"
#include "weights/safetensors_writer.h"
#include "weights/torch_writer.h"

using namespace vega;
namespace fs = std::filesystem;

namespace {

using Views = std::map<std::string, TensorView>;

struct TinyCheckpoint {
  test::OwnedTensors dit = test::tiny_dit(2), vae = test::tiny_vae();
  static const TinyCheckpoint& get() {
    static const TinyCheckpoint tiny;
    return tiny;
  }
};

constexpr auto kConfig =
    R"({"_class_name": "WanModel", "model_type": "t2v", "dim": 256, "ffn_dim": 512,
  "freq_dim": 256, "in_dim": 16, "out_dim": 16, "num_heads": 2, "num_layers": 2, "text_len": 512, "eps": 1e-6})";

void write_original(const fs::path& folder, const Views& dit, const Views& vae,
                    const std::string& config = kConfig) {
  fs::create_directories(folder);
  test::write_text(folder / "config.json", config);
  write_safetensors(folder / "diffusion_pytorch_model.safetensors", dit);
  write_torch_file(folder / "Wan2.1_VAE.pth", vae, true);
}

wan::DitConfig two_blocks() {
  auto config = test::tiny_dit_config();
  config.layers = 2;
  return config;
}

Views renamed(const Views& views, const std::vector<NamedTensor>& specs) {
  Views out;
  for (const auto& spec : specs) out.emplace(spec.alias, views.at(spec.canonical));
  return out;
}

void write_diffusers(const fs::path& folder) {
  fs::create_directories(folder / "vae");
  fs::create_directories(folder / "transformer");
  test::write_text(
      folder / "transformer/config.json",
      R"({"_class_name": "WanTransformer3DModel", "attention_head_dim": 128, "ffn_dim": 512,
    "num_attention_heads": 2, "num_layers": 2, "image_dim": null, "patch_size": [1, 2, 2]})");
  test::write_text(
      folder / "vae/config.json",
      R"({"_class_name": "AutoencoderKLWan", "patch_size": null, "is_residual": false})");
  const auto dit = renamed(TinyCheckpoint::get().dit, wan::dit_tensors(two_blocks()));
  std::vector<TensorSpec> specs;
  for (const auto& [name, view] : dit) specs.push_back({name, view.dtype, view.shape});
  ShardedWriter shards(folder / "transformer", "diffusion_pytorch_model", specs, 4 << 20);
  for (const auto& [name, view] : dit) shards.write(name, {view.data, view.bytes()});
  CHECK(shards.publish().size() > 2);
  write_safetensors(folder / "vae/diffusion_pytorch_model.safetensors",
                    renamed(TinyCheckpoint::get().vae, wan::vae_tensors(test::tiny_vae_config())));
}

bool same(const WeightViews& a, const WeightViews& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, view] : a) {
    const auto other = b.find(name);
    if (other == b.end() || other->second.shape != view.shape) return false;
    if (to_f32(view) != to_f32(other->second)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("the released key sets: 825 tensors of the transformer, 194 of the autoencoder") {
  CHECK(wan::dit_tensors({}).size() == 825);
  CHECK(wan::vae_tensors({}).size() == 194);
  std::int64_t dit = 0, vae = 0, encoder = 0;
  for (const auto& spec : wan::dit_tensors({})) dit += element_count(spec.shape);
  for (const auto& spec : wan::vae_tensors({})) {
    vae += element_count(spec.shape);
    if (spec.canonical.starts_with("encoder.")) encoder += element_count(spec.shape);
  }
  CHECK(dit == 1418996800);
  CHECK(vae == 126892531);
  CHECK(encoder == 53595872);
}

TEST_CASE("both layouts of one model, sharded or not, are one model") {
  const test::TempFolder folder;
  write_original(folder / "a", TinyCheckpoint::get().dit, TinyCheckpoint::get().vae);
  write_diffusers(folder / "b");
  const auto a = wan::open_checkpoint(folder / "a"), b = wan::open_checkpoint(folder / "b");
  CHECK(a.layout == "original");
  CHECK(b.layout == "diffusers");
  CHECK(same(a.dit, b.dit));
  CHECK(same(a.vae, b.vae));
  CHECK(a.fingerprint() == b.fingerprint());
  CHECK(a.vae_config.base == 8);
  CHECK(b.dit_config.layers == 2);
  a.check_finite(1);
}

TEST_CASE("missing, extra and misshapen tensors are errors that name them") {
  const test::TempFolder folder;
  Views dit = TinyCheckpoint::get().dit, vae = TinyCheckpoint::get().vae;
  dit.erase("blocks.1.ffn.2.bias");
  write_original(folder / "missing", dit, vae);
  CHECK_THROWS_WITH(wan::open_checkpoint(folder / "missing"),
                    Catch::Contains("blocks.1.ffn.2.bias"));
  dit = TinyCheckpoint::get().dit;
  dit.emplace("blocks.9.spare", dit.at("head.head.bias"));
  write_original(folder / "extra", dit, vae);
  CHECK_THROWS_WITH(wan::open_checkpoint(folder / "extra"), Catch::Contains("blocks.9.spare"));
  dit = TinyCheckpoint::get().dit;
  dit.at("head.head.bias").shape = {8, 8};
  write_original(folder / "shape", dit, vae);
  CHECK_THROWS_WITH(wan::open_checkpoint(folder / "shape"), Catch::Contains("head.head.bias") &&
                                                                Catch::Contains("[8, 8]") &&
                                                                Catch::Contains("[64]"));
  vae.erase("encoder.head.2.weight");
  write_original(folder / "vae", TinyCheckpoint::get().dit, vae);
  CHECK_THROWS_WITH(wan::open_checkpoint(folder / "vae"), Catch::Contains("encoder.head.2.weight"));
}

TEST_CASE("other models are refused by what they are") {
  const test::TempFolder folder;
  write_original(folder / "vace", TinyCheckpoint::get().dit, TinyCheckpoint::get().vae,
                 R"({"_class_name": "VaceWanModel"})");
  CHECK_THROWS_WITH(wan::open_checkpoint(folder / "vace"), Catch::Contains("VaceWanModel"));
  write_original(folder / "broken", TinyCheckpoint::get().dit, TinyCheckpoint::get().vae, "{");
  CHECK_THROWS_AS(wan::open_checkpoint(folder / "broken"), FormatError);
  CHECK_THROWS_AS(wan::open_checkpoint(folder / "absent"), InputError);
  write_diffusers(folder / "wan22");
  test::write_text(folder / "wan22/vae/config.json",
                   R"({"_class_name": "AutoencoderKLWan", "patch_size": 2})");
  CHECK_THROWS_WITH(wan::open_checkpoint(folder / "wan22"), Catch::Contains("Wan2.2"));
}

TEST_CASE("an epsilon must be positive, a path must be readable") {
  const test::TempFolder folder;
  for (const std::string eps : {"0", "-0.5", "\"small\""}) {
    const std::string config = R"({"_class_name": "WanModel", "eps": )" + eps + "}";
    write_original(folder / "eps", TinyCheckpoint::get().dit, TinyCheckpoint::get().vae, config);
    CHECK_THROWS_WITH(wan::open_checkpoint(folder / "eps"),
                      Catch::Contains("config.json: eps") && Catch::Contains(eps) &&
                          Catch::Contains("a positive number"));
  }
  fs::create_symlink("loop", folder / "loop");
  CHECK_THROWS_AS(wan::open_checkpoint(folder / "loop"), InputError);
  CHECK_THROWS_WITH(wan::open_checkpoint(folder / "loop"),
                    Catch::Contains("loop") && Catch::Contains("symbolic links"));
}

TEST_CASE("hostile configurations cost neither stack nor memory") {
  const test::TempFolder folder;
  const auto refused = [&](const std::string& field, const std::string& part) {
    write_original(folder / "bad", TinyCheckpoint::get().dit, TinyCheckpoint::get().vae,
                   R"({"_class_name": "WanModel", )" + field + "}");
    CHECK_THROWS_WITH(wan::open_checkpoint(folder / "bad"), Catch::Contains(part));
  };
  const std::size_t deep = 300'000;
  refused("\"dim\": " + std::string(deep, '[') + std::string(deep, ']'), "deeply nested");
  refused(R"("num_layers": 16000000)", "16000000 layers");
  refused("\"dim\": \"" + std::string(100'000, 'x') + "\"", "xxx...");
}

TEST_CASE("configurations that would make another network are refused with both values") {
  const test::TempFolder folder;
  const auto original = [&](const std::string& field) {
    std::string config = kConfig;
    config.insert(config.size() - 1, field.empty() ? "" : ", " + field);
    write_original(folder / "o", TinyCheckpoint::get().dit, TinyCheckpoint::get().vae, config);
    return wan::open_checkpoint(folder / "o").dit_config.layers;
  };
  CHECK(original(R"("patch_size": [1, 2, 2], "window_size": [-1, -1], "qk_norm": true)") == 2);
  CHECK(original(R"("of_tomorrow": 1)") == 2);  // named in a warning
  CHECK_THROWS_WITH(original(R"("patch_size": [1, 4, 4])"), Catch::Contains("patch_size") &&
                                                                Catch::Contains("[1,4,4]") &&
                                                                Catch::Contains("[1,2,2]"));
  CHECK_THROWS_WITH(original(R"("qk_norm": false)"), Catch::Contains("qk_norm: got false"));
  CHECK_THROWS_WITH(original(R"("window_size": [7, 7])"), Catch::Contains("window_size"));
  CHECK_THROWS_WITH(original(R"("image_dim": 1280)"), Catch::Contains("image_dim"));
  write_diffusers(folder / "d");
  const auto vae = [&](const std::string& field) {
    test::write_text(folder / "d/vae/config.json",
                     R"({"_class_name": "AutoencoderKLWan", )" + field + "}");
    wan::open_checkpoint(folder / "d");
  };
  CHECK_NOTHROW(vae(R"("base_dim": 8, "dim_mult": [1, 2, 4, 4], "attn_scales": [])"));
  CHECK_THROWS_WITH(vae(R"("latents_mean": [0, 0])"),
                    Catch::Contains("latents_mean") && Catch::Contains("-0.7571"));
  CHECK_THROWS_WITH(vae(R"("num_res_blocks": 3)"), Catch::Contains("num_res_blocks: got 3"));
}

TEST_CASE("one prefix before all names is taken off") {
  const test::TempFolder folder;
  const Views plain_dit = TinyCheckpoint::get().dit, plain_vae = TinyCheckpoint::get().vae;
  Views dit, vae;
  for (const auto& [name, view] : plain_dit) dit["model.diffusion_model." + name] = view;
  for (const auto& [name, view] : plain_vae) vae["state_dict." + name] = view;
  write_original(folder / "plain", TinyCheckpoint::get().dit, TinyCheckpoint::get().vae);
  write_original(folder / "wrapped", dit, vae);
  const auto a = wan::open_checkpoint(folder / "plain"),
             b = wan::open_checkpoint(folder / "wrapped");
  CHECK(a.fingerprint() == b.fingerprint());
  CHECK_NOTHROW(b.check_finite(1));
  dit.erase("model.diffusion_model.blocks.1.ffn.2.bias");
  write_original(folder / "wrapped", dit, vae);
  CHECK_THROWS_WITH(wan::open_checkpoint(folder / "wrapped"),
                    Catch::Contains("no tensor model.diffusion_model.blocks.1.ffn.2.bias"));
}

TEST_CASE("a flipped bit in the autoencoder's file is found before it computes") {
  const test::TempFolder folder;
  write_original(folder / "m", TinyCheckpoint::get().dit, TinyCheckpoint::get().vae);
  const fs::path file = folder / "m/Wan2.1_VAE.pth";
  auto bytes = test::read_bytes(file);
  const Views vae = TinyCheckpoint::get().vae;
  const TensorView& view = vae.at("encoder.conv1.weight");
  const auto place = std::search(bytes.begin(), bytes.end(), view.data, view.data + 64);
  REQUIRE(place != bytes.end());
  *(place + 8) ^= std::byte{1};  // the last bit of a number: finite still
  test::write_bytes(file, bytes);
  CHECK_THROWS_WITH(wan::open_checkpoint(folder / "m").check_finite(1),
                    Catch::Contains("Wan2.1_VAE.pth") && Catch::Contains("a wrong CRC-32"));
}

TEST_CASE("weights that are not finite are found where they are used, and only there") {
  const test::TempFolder folder;
  Views dit = TinyCheckpoint::get().dit;
  std::vector<float> bad = to_f32(dit.at("blocks.1.self_attn.q.bias"));
  bad[5] = std::numeric_limits<float>::quiet_NaN();
  dit.at("blocks.1.self_attn.q.bias").data = reinterpret_cast<const std::byte*>(bad.data());
  write_original(folder / "nan", dit, TinyCheckpoint::get().vae);
  const auto checkpoint = wan::open_checkpoint(folder / "nan");
  checkpoint.check_finite(0);
  CHECK_THROWS_WITH(checkpoint.check_finite(1),
                    Catch::Contains("blocks.1.self_attn.q.bias") && Catch::Contains("5"));
}

TEST_CASE("prompts are read from a tensor, a dict, and refused with the remedy") {
  const test::TempFolder folder;
  std::vector<std::uint16_t> row(4096, 0x3f80);
  const TensorView view{DType::kBF16, {1, 4096}, reinterpret_cast<const std::byte*>(row.data())};
  write_torch_tensor(folder / "bare.pt", view);
  write_torch_file(folder / "dict.pt", Views{{"context", view}});
  CHECK(wan::read_prompt_file(folder / "bare.pt", 4096).sum().item<float>() == 4096.0F);
  CHECK(wan::read_prompt_file(folder / "dict.pt", 4096).size(0) == 1);
  CHECK_THROWS_AS(wan::read_prompt_file(folder / "bare.pt", 64), FormatError);
  CHECK_THROWS_WITH(wan::find_prompt("", folder.path()), Catch::Contains("vega-extract prompt"));
  // Padded to 512 rows, as diffusers' encode_prompt returns it; a zero row between others stays.
  std::vector<std::uint16_t> padded(std::size_t{512} * 4096);
  std::copy(row.begin(), row.end(), padded.begin());
  padded[2 * 4096 + 9] = 0x4000;
  const TensorView many{
      DType::kBF16, {1, 512, 4096}, reinterpret_cast<const std::byte*>(padded.data())};
  write_torch_file(folder / "padded.pt", Views{{"prompt_embeds", many}});
  const at::Tensor read = wan::read_prompt_file(folder / "padded.pt", 4096);
  CHECK(read.sizes() == at::IntArrayRef{3, 4096});
  CHECK(read[1].abs().sum().item<float>() == 0);
  CHECK(read[2].sum().item<float>() == 2);
  std::fill(padded.begin(), padded.end(), std::uint16_t{0});
  write_torch_tensor(folder / "zero.pt", many);
  CHECK(wan::read_prompt_file(folder / "zero.pt", 4096).size(0) == 1);
  // The release's own name is found in the model's folder, after vega's.
  write_torch_tensor(folder / "wan_prompt_embedding.pt", view);
  CHECK(wan::find_prompt("", folder.path()) == folder / "wan_prompt_embedding.pt");
  write_torch_tensor(folder / "prompt.pt", view);
  CHECK(wan::find_prompt("", folder.path()) == folder / "prompt.pt");
  row[7] = 0x7fc0;
  write_torch_tensor(folder / "nan.pt", view);
  CHECK_THROWS_AS(wan::read_prompt_file(folder / "nan.pt", 4096), InputError);
}
