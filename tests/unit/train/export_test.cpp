// Exports and imports of models: whole, of PEFT and of LLaVA. Round trips are bit-equal.
#include "train/export.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/publish.h"
#include "core/tensor.h"
#include "step_samples.h"
#include "train/import.h"
#include "vlm/adapter.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using namespace vega::test;
using namespace vega::train;
using namespace vega::vlm;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

void export_to(const fs::path& from, const fs::path& out, ModelLayout layout,
               std::optional<DType> dtype = {}, std::optional<std::int64_t> shard_bytes = {}) {
  ExportOptions options;
  options.inputs = {from.string()};
  options.out = out.string();
  options.layout = layout;
  options.dtype = dtype;
  options.shard_bytes = shard_bytes;
  export_model(options);
}

StepFolder import_from(const fs::path& from, const fs::path& out, const fs::path& base = {}) {
  ImportOptions options;
  options.inputs = {from.string()};
  options.base = base.string();
  options.out = out.string();
  return import_model(options);
}

// Names, types, shapes and bytes.
void check_same_bytes(const TensorSet& got, const TensorSet& expected) {
  CHECK(got.names() == expected.names());
  for (const auto& [name, view] : expected.tensors()) {
    INFO(name);
    REQUIRE(got.find(name) != nullptr);
    const TensorView& other = got.at(name);
    CHECK(other.dtype == view.dtype);
    CHECK(other.shape == view.shape);
    CHECK(std::memcmp(other.data, view.data, view.bytes()) == 0);
  }
}

TrainModelOptions lora_options() {
  TrainModelOptions options;
  options.parts = {Part::kLora, Part::kNewTokens, Part::kGroundHead, Part::kFusion};
  options.lora = LoraConfig{.rank = 4, .alpha = 6, .dropout = 0.25, .rank_stabilised = true};
  return options;
}

}  // namespace

TEST_CASE("export: a whole model in float32 is the step, and comes back as it was") {
  const TempFolder folder;
  const fs::path base = made_base(folder.path());
  const StepFolder step = save_model(drawn_model(base, lora_options()), folder / "run");
  export_to(folder / "run", folder / "hf", ModelLayout::kHf, DType::kF32, 500'000);
  CHECK(fs::exists(folder / "hf/model.safetensors.index.json"));
  const VlmCheckpoint before = open_checkpoint(step.path), after = open_checkpoint(folder / "hf");
  check_equal(after.set, before.set);
  CHECK_FALSE(after.adapted);
  CHECK(after.words().id_of("<ground>") == before.words().id_of("<ground>"));
  const Json config = *parse_json(read_text(folder / "hf/config.json"));
  CHECK(config["torch_dtype"].text_or("") == "float32");
  CHECK(fs::exists(folder / "hf/generation_config.json"));
  const StepFolder back = import_from(folder / "hf", folder / "back");
  CHECK(back.step == 0);
  check_same_bytes(read_step_tensors(back.path, "model"), after.set);
  check_equal(open_checkpoint(folder / "back").set, before.set);
  export_to(folder / "back", folder / "again", ModelLayout::kHf, DType::kF32, 500'000);
  for (const auto& entry : fs::directory_iterator(folder / "hf")) {
    INFO(entry.path());
    CHECK((read_bytes(entry.path()) == read_bytes(folder / "again" / entry.path().filename())));
  }
}

TEST_CASE("export: a whole model in bfloat16 is rounded once") {
  const TempFolder folder;
  const fs::path base = made_base(folder.path());
  const StepFolder step = save_model(drawn_model(base, lora_options()), folder / "run");
  export_to(step.path, folder / "hf", ModelLayout::kHf);
  const TensorSet wide = open_checkpoint(step.path).set;
  const TensorSet narrow = read_sharded(folder / "hf", "model");
  CHECK(narrow.names() == wide.names());
  for (const auto& [name, view] : narrow.tensors()) {
    INFO(name);
    CHECK(view.dtype == DType::kBF16);
    CHECK(at::equal(tensor_from(view), float_tensor_from(wide.at(name)).to(at::kBFloat16)));
  }
  const StepFolder back = import_from(folder / "hf", folder / "back");
  check_same_bytes(read_step_tensors(back.path, "model"), narrow);
}

TEST_CASE("export: an adapter of PEFT, and back, bit by bit") {
  const TempFolder folder;
  const fs::path base = made_base(folder.path());
  const StepFolder step = save_model(drawn_model(base, lora_options()), folder / "run");
  export_to(step.path, folder / "peft", ModelLayout::kPeft);
  const Json config = *parse_json(read_text(folder / "peft/adapter_config.json"));
  CHECK(config["r"].whole() == 4);
  CHECK(config["lora_alpha"].whole() == 6);
  CHECK(config["lora_dropout"].number() == 0.25);
  CHECK(config["use_rslora"].flag() == true);
  CHECK(config["target_modules"].text_or("") ==
        R"(model\.layers\.\d+\.(mlp\.down_proj|mlp\.gate_proj|mlp\.up_proj|self_attn\.k_proj|)"
        R"(self_attn\.o_proj|self_attn\.q_proj|self_attn\.v_proj))");
  CHECK(config["trainable_token_indices"]["embed_tokens"].size() == 2);
  const TensorSet before = open_checkpoint(step.path).set;
  check_equal(open_checkpoint(folder / "peft").set, before);
  const StepFolder back = import_from(folder / "peft", folder / "back");
  check_same_bytes(read_step_tensors(back.path, "model"), read_step_tensors(step.path, "model"));
  check_equal(open_checkpoint(back.path).set, before);
  const SavedStep saved = read_saved_step(back.path), first = read_saved_step(step.path);
  CHECK(saved.new_tokens == first.new_tokens);
  CHECK(saved.lora->alpha == first.lora->alpha);
  CHECK(saved.lora->dropout == first.lora->dropout);
  CHECK(saved.fingerprint == first.fingerprint);
}

TEST_CASE("export: LLaVA's folder, and back") {
  const TempFolder folder;
  const fs::path base = made_base(folder.path());
  const StepFolder step = save_model(drawn_model(base, lora_options()), folder / "run");
  export_to(step.path, folder / "llava-lora", ModelLayout::kLlava);
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors", "config.json",
                           "non_lora_trainables.bin", "tokenizer.json"})
    CHECK(fs::exists(folder / "llava-lora" / name));
  const TensorSet before = open_checkpoint(step.path).set;
  check_equal(open_checkpoint(folder / "llava-lora").set, before);
  const StepFolder back = import_from(folder / "llava-lora", folder / "back");
  check_equal(open_checkpoint(back.path).set, before);
}

TEST_CASE("export: words that training added travel with every layout") {
  const TempFolder folder;
  const fs::path base = made_base(folder.path(), "vlm-tiny-video");
  TrainModelOptions options = lora_options();
  options.parts.push_back(Part::kGenerativeProjector);
  options.new_parts.generative_width = 96;
  options.new_parts.fusion = "token_gated";
  options.new_parts.ground = GroundType::kScore;
  const StepFolder step = save_model(drawn_model(base, options), folder / "run");
  const TensorSet before = open_checkpoint(step.path).set;
  for (const ModelLayout layout : {ModelLayout::kHf, ModelLayout::kLlava}) {
    const std::string name(name_in<ModelLayout>(kModelLayouts, layout));
    INFO(name);
    export_to(step.path, folder / name, layout, DType::kF32);
    check_equal(open_checkpoint(folder / name).set, before);
    import_from(folder / name, folder / ("back-" + name));
    check_equal(open_checkpoint(folder / ("back-" + name)).set, before);
  }
}

TEST_CASE("import: ranks and alphas of single modules stay what they are") {
  const TempFolder folder;
  const fs::path base = made_base(folder.path());
  at::manual_seed(3);
  std::map<std::string, at::Tensor> values;
  std::map<std::string, TensorView> views;
  for (const auto& [linear, rank] : {std::pair("0.self_attn.q_proj", 4), {"1.mlp.up_proj", 2}}) {
    const std::string name = "base_model.model.model.layers." + std::string(linear);
    const std::int64_t out = std::string(linear).find("mlp") == std::string::npos ? 256 : 512;
    values[name + ".lora_A.weight"] = at::randn({rank, 256}).to(at::kBFloat16);
    values[name + ".lora_B.weight"] = at::randn({out, rank}).to(at::kBFloat16);
  }
  for (const auto& [name, value] : values) views[name] = view_of(value);
  fs::create_directory(folder / "x");
  write_safetensors(folder / "x/adapter_model.safetensors", views);
  const Json config{{"peft_type", "LORA"},
                    {"base_model_name_or_path", base.string()},
                    {"r", 4},
                    {"lora_alpha", 8},
                    {"rank_pattern", Json{{"up_proj", 2}}},
                    {"alpha_pattern", Json{{"layers.1.*", 3.5}}}};
  write_text(folder / "x/adapter_config.json", config.dump());
  const TensorSet before = open_checkpoint(folder / "x").set;
  const StepFolder step = import_from(folder / "x", folder / "run");
  check_equal(open_checkpoint(step.path).set, before);
  export_to(step.path, folder / "y", ModelLayout::kPeft, DType::kBF16);
  check_equal(open_checkpoint(folder / "y").set, before);
  check_same_bytes(read_safetensors(folder / "y/adapter_model.safetensors"),
                   read_safetensors(folder / "x/adapter_model.safetensors"));
}

TEST_CASE("export and import refuse what they cannot do, and leave nothing behind") {
  const TempFolder folder;
  const fs::path base = made_base(folder.path());
  TrainModelOptions options;
  options.parts = {Part::kFusion, Part::kGenerativeProjector};
  save_model(drawn_model(base, options), folder / "run");
  CHECK_THROWS_WITH(export_to(folder / "run", folder / "x", ModelLayout::kPeft),
                    Contains("no pairs of LoRA") && Contains("--layout hf"));
  CHECK_THROWS_WITH(export_to(base, folder / "x", ModelLayout::kLlava),
                    Contains("no training") && Contains("--layout llava"));
  CHECK_THROWS_WITH(import_from(folder / "run", folder / "x"), Contains("a training of vega"));
  CHECK_THROWS_WITH(import_from(folder / "nothing", folder / "x"), Contains("no such folder"));
  CHECK_FALSE(fs::exists(folder / "x"));
  export_to(folder / "run", folder / "x", ModelLayout::kHf);
  CHECK_THROWS_AS(export_to(folder / "run", folder / "x", ModelLayout::kHf), RefusedError);
  ExportOptions again;
  again.inputs = {(folder / "run").string()};
  again.out = (folder / "x").string();
  again.overwrite = true;
  again.layout = ModelLayout::kPeft;
  again.shard_bytes = 1000;
  CHECK_THROWS_WITH(export_model(again), Contains("--shard-size") && Contains("--layout peft"));
  again.layout.reset();
  again.shard_bytes.reset();
  const auto first = read_bytes(folder / "x/model.safetensors");
  export_model(again);
  CHECK((read_bytes(folder / "x/model.safetensors") == first));
  write_text(folder / "x/notes.txt", "mine");
  CHECK_THROWS_WITH(export_model(again), Contains("notes.txt"));
  CHECK(read_text(folder / "x/notes.txt") == "mine");
  for (const auto& entry : fs::directory_iterator(folder.path()))
    CHECK(entry.path().string().find(".part-") == std::string::npos);
}
