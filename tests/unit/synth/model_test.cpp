// Made-up checkpoints: what is written is what the readers expect, and what the law says.
#include "synth/model.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "models/umt5/names.h"
#include "models/umt5/prompt.h"
#include "models/wan/checkpoint.h"
#include "models/wan/names.h"
#include "models/wan/prompt_file.h"
#include "store/prompt.h"
#include "support/own_memory.h"
#include "support/support.h"
#include "synth/weight_law.h"
#include "weights/safetensors.h"

namespace vega {
namespace {
namespace fs = std::filesystem;

synth::ModelOptions options(const fs::path& folder, const std::string& preset,
                            const std::string& layout) {
  synth::ModelOptions o;
  o.folder = folder, o.preset = preset, o.layout = layout;
  o.progress = ProgressMode::kOff;
  return o;
}

// Relative paths of all files below a folder, sorted.
std::vector<std::string> files_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) names.push_back(fs::relative(entry.path(), folder).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void check_same_prompt(const Prompt& a, const Prompt& b) {
  CHECK(a.header.key == b.header.key);
  CHECK(a.header.cache_key == b.header.cache_key);
  CHECK(a.header.seed == b.header.seed);
  CHECK(a.text == b.text);
  CHECK(a.rows == b.rows);
  CHECK(a.context == b.context);
}

// Equal bytes; of HDF5 files equal content, since they hold the times of their groups.
void check_same_files(const fs::path& a, const fs::path& b) {
  REQUIRE_FALSE(files_in(a).empty());
  REQUIRE(files_in(a) == files_in(b));
  for (const std::string& name : files_in(a)) {
    INFO(name);
    if (name.ends_with(".h5"))
      check_same_prompt(read_prompt(a / name), read_prompt(b / name));
    else
      CHECK(test::read_bytes(a / name) == test::read_bytes(b / name));
  }
}

bool same_bytes(const TensorView& a, const TensorView& b) {
  return a.dtype == b.dtype && a.shape == b.shape && std::memcmp(a.data, b.data, a.bytes()) == 0;
}

// True when the tensor holds the law's values, in its own element type.
bool follows_law(const std::string& name, const TensorView& view, std::uint64_t seed) {
  std::size_t at = 0;
  bool same = true;
  synth::stream_weights(seed, name, view.shape, view.dtype, [&](std::span<const std::byte> piece) {
    same = same && at + piece.size() <= view.bytes() &&
           std::memcmp(view.data + at, piece.data(), piece.size()) == 0;
    at += piece.size();
  });
  return same && at == view.bytes();
}

void check_law(const wan::Checkpoint& model, std::uint64_t seed, DType dtype) {
  std::size_t wrong = 0;
  for (const auto& [prefix, views] : {std::pair{"dit.", &model.dit}, {"vae.", &model.vae}}) {
    for (const auto& [name, view] : *views) {
      const bool good = view.dtype == dtype && follows_law(prefix + name, view, seed);
      if (!good && ++wrong == 1) FAIL_CHECK(prefix << name << " is not what the law says");
    }
  }
  CHECK(wrong == 0);
  CHECK(model.dit.size() == 825);
  CHECK(model.vae.size() == 194);
}

std::vector<float> values_of(const at::Tensor& tensor) {
  REQUIRE(tensor.scalar_type() == at::kFloat);
  REQUIRE(tensor.is_contiguous());
  const float* first = tensor.const_data_ptr<float>();
  return {first, first + tensor.numel()};
}

}  // namespace

TEST_CASE("model: wan-tiny is one model in two layouts", "[model]") {
  const test::TempFolder home;
  const test::OwnMemory memory(home.path());
  const test::TempFolder temp;
  const auto made = synth::write_model(options(temp / "m", "wan-tiny", "both"));
  REQUIRE(made == std::vector<fs::path>{temp / "m" / "original", temp / "m" / "diffusers"});
  const auto original = wan::open_checkpoint(made[0]), diffusers = wan::open_checkpoint(made[1]);
  CHECK(original.layout == "original");
  CHECK(diffusers.layout == "diffusers");
  for (const auto* model : {&original, &diffusers}) {
    const wan::DitConfig& c = model->dit_config;
    CHECK(c.dim == 256);
    CHECK(c.heads == 2);
    CHECK(c.ffn_dim == 512);
    CHECK(c.layers == 30);
    CHECK(c.text_dim == 4096);
    CHECK(model->vae_config.base == 8);
    CHECK_NOTHROW(model->check_finite(29));
  }
  check_law(original, 42, DType::kF32);
  CHECK(std::equal(original.dit.begin(), original.dit.end(), diffusers.dit.begin(),
                   diffusers.dit.end(), [](const auto& a, const auto& b) {
                     return a.first == b.first && same_bytes(a.second, b.second);
                   }));
  CHECK(original.fingerprint() == diffusers.fingerprint());
  CHECK(original.fingerprint().size() == 32);
  // The transformer comes in two shards, as the real one does in several.
  const std::vector<std::string> names = files_in(made[1] / "transformer");
  CHECK(std::count_if(names.begin(), names.end(),
                      [](const std::string& name) { return name.ends_with(".safetensors"); }) == 2);

  const auto golden = read_safetensors(test::golden("wan_tiny_d.safetensors"));
  const auto prompt = to_f32(golden.at("prompt.context"));
  for (const fs::path& folder : made) {
    for (const char* name : {"prompt.pt", "prompt.h5"}) {
      INFO(folder << " " << name);
      const at::Tensor read = wan::read_prompt_file(folder / name, 4096);
      CHECK(read.size(0) == 1);
      CHECK(values_of(read) == prompt);
    }
    CHECK(wan::find_prompt({}, folder) == folder / "prompt.h5");
  }

  // A second run, in the folder itself, gives the same files.
  CHECK(synth::write_model(options(temp / "n", "wan-tiny", "original")) ==
        std::vector<fs::path>{temp / "n"});
  check_same_files(made[0], temp / "n");
}

TEST_CASE("model: half precision checkpoints open, with rounded values", "[model]") {
  const test::TempFolder home;
  const test::OwnMemory memory(home.path());
  const test::TempFolder temp;
  auto half = options(temp / "f16", "wan-tiny", "diffusers");
  half.dtype = DType::kF16, half.seed = 7;
  auto brain = options(temp / "bf16", "wan-tiny", "original");
  brain.dtype = DType::kBF16, brain.seed = 7;
  for (const auto& o : {half, brain}) {
    INFO(name_of(o.dtype));
    synth::write_model(o);
    const auto model = wan::open_checkpoint(o.folder);
    check_law(model, 7, o.dtype);
    CHECK_NOTHROW(model.check_finite(29));
  }
  // Roundings of one model are not one model.
  CHECK(wan::open_checkpoint(half.folder).fingerprint() !=
        wan::open_checkpoint(brain.folder).fingerprint());
}

TEST_CASE("model: umt5-tiny gives the prompt of transformers in both layouts", "[model]") {
  const test::TempFolder temp;
  const auto made = synth::write_model(options(temp / "a", "umt5-tiny", "both"));
  REQUIRE(made.size() == 2);
  const auto golden = read_safetensors(test::golden("umt5_tiny.safetensors"));
  const auto expected = to_f32(golden.at("empty"));
  const auto original = umt5::empty_prompt(made[0]);
  CHECK(test::relative_error(original, expected) < 1e-5);
  CHECK(umt5::empty_prompt(made[1]) == original);

  synth::write_model(options(temp / "b", "umt5-tiny", "both"));
  check_same_files(temp / "a", temp / "b");
  auto other = options(temp / "c", "umt5-tiny", "original");
  other.seed = 43;
  CHECK(umt5::empty_prompt(synth::write_model(other)[0]) != original);
}

TEST_CASE("model: umt5-tiny in half precision holds the rounded law", "[model]") {
  const test::TempFolder temp;
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    INFO(name_of(dtype));
    auto o = options(temp / std::string(name_of(dtype)), "umt5-tiny", "diffusers");
    o.dtype = dtype;
    const fs::path folder = synth::write_model(o).at(0) / "text_encoder";
    const TensorSet set = read_sharded(folder, "model");
    const auto specs = umt5::tensors({.dim = 64,
                                      .inner = 64,
                                      .heads = 4,
                                      .ffn = 128,
                                      .layers = 3,
                                      .vocabulary = 32,
                                      .buckets = 32});
    for (const auto& spec : specs) {
      INFO(spec.alias);
      const TensorView& view = set.at(spec.alias);
      CHECK(view.dtype == dtype);
      CHECK(view.shape == spec.shape);
      CHECK(follows_law("umt5." + spec.canonical, view, 42));
    }
    CHECK(set.size() == specs.size());
    CHECK(umt5::empty_prompt(o.folder).size() == 64);
  }
}

TEST_CASE("model: what is there stays there", "[model]") {
  const test::TempFolder temp;
  const auto o = options(temp / "m", "umt5-tiny", "diffusers");
  fs::create_directory(o.folder);
  CHECK_NOTHROW(synth::write_model(o));  // an empty folder is as good as none
  const auto before = files_in(o.folder);
  test::write_text(o.folder / "text_encoder" / "config.json", "mine");
  CHECK_THROWS_AS(synth::write_model(o), RefusedError);
  CHECK_THROWS_WITH(synth::write_model(o),
                    Catch::Contains(o.folder.string()) && Catch::Contains("--overwrite"));
  CHECK(test::read_bytes(o.folder / "text_encoder" / "config.json").size() == 4);
  auto again = o;
  again.overwrite = true;
  synth::write_model(again);
  CHECK(test::read_bytes(o.folder / "text_encoder" / "config.json").size() > 4);
  CHECK(files_in(o.folder) == before);
}

TEST_CASE("model: unknown presets, layouts and element types are refused", "[model]") {
  const test::TempFolder temp;
  const fs::path folder = temp / "m";
  CHECK_THROWS_AS(synth::write_model(options(folder, "wan-99b", "both")), UsageError);
  CHECK_THROWS_WITH(
      synth::write_model(options(folder, "wan-99b", "both")),
      Catch::Contains("'wan-99b'") && Catch::Contains("wan-tiny, wan-1.3b, umt5-tiny"));
  CHECK_THROWS_AS(synth::write_model(options(folder, "wan-tiny", "gguf")), UsageError);
  CHECK_THROWS_WITH(synth::write_model(options(folder, "wan-tiny", "gguf")),
                    Catch::Contains("'gguf'") && Catch::Contains("original, diffusers or both"));
  CHECK_FALSE(fs::exists(folder));
  auto whole = options(folder, "umt5-tiny", "original");
  whole.dtype = DType::kI32;
  CHECK_THROWS_AS(synth::write_model(whole), InputError);
  CHECK((!fs::exists(folder) || files_in(folder).empty()));
}

}  // namespace vega
