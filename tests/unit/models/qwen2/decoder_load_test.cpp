#include <catch2/catch.hpp>

#include "base/error.h"
#include "models/qwen2/decoder.h"
#include "qwen2_samples.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using namespace vega::test;
namespace fs = std::filesystem;

namespace {

using Tensors = std::map<std::string, TensorView>;

TensorSet set_of(const Tensors& tensors) {
  TensorSet set;
  for (const auto& [name, view] : tensors) set.add(name, view, nullptr, "memory");
  return set;
}

at::Tensor logits_of(const qwen2::Decoder& model) {
  KvCache cache = model.new_cache();
  const std::vector<std::int64_t> ids{3, 1, 4, 1, 5, 9, 2, 6, 5};
  return model.logits(model.forward(model.embed(ids), at::arange(9, at::kLong), cache));
}

// The same tensors in another type, in memory of their own.
class Converted {
 public:
  Converted(const Tensors& from, at::ScalarType type) {
    for (const auto& [name, view] : from) {
      memory_.push_back(tensor_from(view).to(type));
      tensors[name] = view_of(memory_.back());
    }
  }
  Tensors tensors;

 private:
  std::vector<at::Tensor> memory_;
};

// In shards of at most so many bytes; the files written, the index last.
std::vector<fs::path> write_shards(const fs::path& folder, const Tensors& tensors,
                                   std::uint64_t bytes) {
  std::vector<TensorSpec> specs;
  for (const auto& [name, view] : tensors) specs.push_back({name, view.dtype, view.shape});
  ShardedWriter writer(folder, "model", specs, bytes);
  for (const auto& [name, view] : tensors) writer.write(name, {view.data, view.bytes()});
  return writer.publish();
}

}  // namespace

TEST_CASE("Qwen2 checkpoints: one file, shards, other prefixes and types give the same model") {
  Qwen2Sample sample("odd");
  const at::Tensor want = logits_of(sample.decoder());
  const auto open = [&](const TensorSet& set, const qwen2::Source& source) {
    return qwen2::Decoder(set, sample.config(), source, {});
  };
  const TempFolder folder;
  fs::create_directory(folder / "one");
  write_safetensors(folder / "one/model.safetensors", sample.tensors());
  fs::create_directory(folder / "many");
  CHECK(write_shards(folder / "many", sample.tensors(), 60000).size() > 3);
  for (const char* name : {"one", "many"}) {
    const qwen2::Decoder model = open(read_sharded(folder / name, "model"), {.where = name});
    CHECK(model.copied_bytes() == 0);  // all of it lies in the mapped files
    CHECK(at::equal(logits_of(model), want));
  }
  // Inside a larger model, with tensors of others beside it; with the buffers of old files.
  Tensors larger;
  for (const auto& [name, view] : sample.tensors())
    larger[name == "lm_head.weight" ? name : "model.language_model." + name.substr(6)] = view;
  const float other = 1;
  const TensorView one{DType::kF32, {1}, reinterpret_cast<const std::byte*>(&other)};
  larger["model.visual.patch_embed.weight"] = one;
  larger["model.language_model.layers.0.self_attn.rotary_emb.inv_freq"] = one;
  CHECK(at::equal(
      logits_of(open(set_of(larger), {"x", "model.language_model.", "lm_head.weight", {}})), want));
  larger["model.language_model.image_newline"] = one;
  CHECK_THROWS_WITH(open(set_of(larger), {"x", "model.language_model.", "lm_head.weight", {}}),
                    Catch::Contains("unknown tensor model.language_model.image_newline"));
  CHECK(at::equal(logits_of(open(set_of(larger),
                                 {"x", "model.language_model.", "lm_head.weight",
                                  [](std::string_view name) { return name == "image_newline"; }})),
                  want));
  // Without any prefix, as the bare model is saved.
  Tensors bare;
  for (const auto& [name, view] : sample.tensors())
    bare[name.starts_with("model.") ? name.substr(6) : name] = view;
  CHECK(at::equal(logits_of(open(set_of(bare), {"x", "", "lm_head.weight", {}})), want));
}

TEST_CASE("Qwen2 checkpoints: what is stored in another type is converted") {
  Qwen2Sample sample("odd");
  const Converted half(sample.tensors(), at::kBFloat16), wide(half.tensors, at::kFloat),
      sixteen(sample.tensors(), at::kHalf);
  const auto open = [&](const Tensors& tensors, at::ScalarType dtype) {
    return qwen2::Decoder(set_of(tensors), sample.config(), {.where = "x"}, {.dtype = dtype});
  };
  const qwen2::Decoder kept = open(half.tensors, at::kBFloat16),
                       cut = open(wide.tensors, at::kBFloat16),
                       widened = open(half.tensors, at::kFloat);
  CHECK(kept.copied_bytes() == 0);
  CHECK(static_cast<double>(cut.copied_bytes()) ==
        qwen2::Decoder::weight_bytes(sample.config(), at::kBFloat16));
  CHECK(at::equal(logits_of(kept), logits_of(cut)));
  CHECK(at::equal(logits_of(widened), logits_of(open(wide.tensors, at::kFloat))));
  CHECK((logits_of(open(sixteen.tensors, at::kFloat)) - logits_of(sample.decoder()))
            .abs()
            .max()
            .item<float>() < 0.05F);
}

TEST_CASE("R051: no head where the embedding is not one: tensor and key are named") {
  Qwen2Sample sample("odd");
  auto tensors = sample.tensors();
  tensors.erase("lm_head.weight");
  const auto open = [&](bool tied) {
    qwen2::Config config = sample.config();
    config.tied = tied;
    return qwen2::Decoder(set_of(tensors), config, {.where = "folder"}, {});
  };
  CHECK_THROWS_AS(open(false), FormatError);
  CHECK_THROWS_WITH(open(false), Catch::StartsWith("folder: got no tensor lm_head.weight") &&
                                     Catch::Contains("tie_word_embeddings"));
  CHECK_NOTHROW(open(true));
  // A head beside an embedding that is said to be one: equal or refused.
  tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"];
  CHECK(at::equal(logits_of(open(true)), logits_of(open(false))));
  tensors["lm_head.weight"] = sample.tensors()["lm_head.weight"];
  CHECK_THROWS_WITH(open(true), Catch::Contains("lm_head.weight") &&
                                    Catch::Contains("model.embed_tokens.weight") &&
                                    Catch::Contains("tie_word_embeddings is true"));
}

TEST_CASE(
    "R054: one file beside an index is refused, a missing shard too, a foreign one is passed") {
  Qwen2Sample sample("odd");
  const TempFolder folder;
  const auto files = write_shards(folder.path(), sample.tensors(), 60000);
  const at::Tensor want = logits_of(sample.decoder());
  const auto open = [&] {
    return qwen2::Decoder(read_sharded(folder.path(), "model"), sample.config(), {.where = "x"},
                          {});
  };
  // A shard that the index does not name, from another saving.
  write_safetensors(folder / "model-00001-of-00009.safetensors", sample.tensors());
  CHECK(at::equal(logits_of(open()), want));
  write_safetensors(folder / "model.safetensors", sample.tensors());
  CHECK_THROWS_WITH(open(), Catch::Contains("model.safetensors and model.safetensors.index.json"));
  fs::remove(folder / "model.safetensors");
  fs::remove(files[1]);
  CHECK_THROWS_AS(open(), FormatError);
  CHECK_THROWS_WITH(open(), Catch::Contains(files[1].filename().string()) &&
                                Catch::Contains("model.safetensors.index.json"));
}

TEST_CASE("Qwen2 checkpoints: tensors that are missing, of another shape or type are named") {
  Qwen2Sample sample("odd");
  const auto refused = [&](const Tensors& tensors, const char* word) {
    CAPTURE(word);
    const auto open = [&] {
      return qwen2::Decoder(set_of(tensors), sample.config(), {.where = "x"}, {});
    };
    CHECK_THROWS_AS(open(), FormatError);
    CHECK_THROWS_WITH(open(), Catch::Contains(word));
  };
  Tensors tensors = sample.tensors();
  tensors.erase("model.layers.1.mlp.up_proj.weight");
  refused(tensors, "no tensor model.layers.1.mlp.up_proj.weight");
  tensors = sample.tensors();
  tensors["model.norm.weight"].shape = {59};
  refused(tensors, "model.norm.weight of memory with shape [59], not [60]");
  tensors = sample.tensors();
  tensors["lm_head.weight"].shape = {130, 60};
  refused(tensors, "lm_head.weight");
  tensors = sample.tensors();
  tensors["model.layers.0.self_attn.q_proj.weight"].dtype = DType::kI32;
  refused(tensors, "q_proj.weight of memory in i32");
  tensors = sample.tensors();
  tensors["model.layers.3.input_layernorm.weight"] = tensors["model.norm.weight"];
  refused(tensors, "unknown tensor model.layers.3.input_layernorm.weight");
}

TEST_CASE("a model that does not fit the memory is refused before a tensor is looked at") {
  qwen2::Config config = Qwen2Sample("odd").config();
  config.hidden = 1 << 20;
  config.mlp = 1 << 22;  // 3 * 2^42 values a layer
  const auto open = [&](at::ScalarType dtype, std::int64_t tokens) {
    return qwen2::Decoder(TensorSet{}, config, {.where = "folder"},
                          {.dtype = dtype, .cache_tokens = tokens});
  };
  CHECK_THROWS_AS(open(at::kFloat, 0), InputError);
  CHECK_THROWS_WITH(open(at::kFloat, 0), Catch::StartsWith("folder: got ") &&
                                             Catch::Contains("GiB of weights in fp32") &&
                                             Catch::Contains("available on cpu") &&
                                             Catch::Contains("compute in bf16"));
  // Weights that fit, and keys and values that do not.
  Qwen2Sample sample("odd");
  CHECK_THROWS_WITH(qwen2::Decoder(sample.set(), sample.config(), {.where = "folder"},
                                   {.dtype = at::kBFloat16, .cache_tokens = std::int64_t{1} << 50}),
                    Catch::Contains("of keys and values of 1125899906842624 tokens") &&
                        Catch::Contains("ask for fewer tokens"));
  const qwen2::Config odd = sample.config();
  CHECK(qwen2::Decoder::token_bytes(odd, at::kFloat) == 2 * 3 * 6 * 10 * 4);
  double values = 0;
  for (const auto& [name, view] : sample.tensors()) values += static_cast<double>(view.count());
  CHECK(qwen2::Decoder::weight_bytes(odd, at::kBFloat16) == 2 * values);
}
