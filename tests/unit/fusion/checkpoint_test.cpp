// Checkpoints of both releases: detection, reading, sharding, fingerprints, refusals.
#include "fusion/checkpoint.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "fusion/checkpoint_config.h"
#include "fusion_samples.h"
#include "support/own_memory.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using Catch::Matchers::Contains;
using test::TempFolder;

namespace {

constexpr std::int64_t kWidth = 12;

// Tensors in memory by full name.
struct Files {
  std::map<std::string, at::Tensor> tensors;

  void add(const std::string& prefix, const Parameters& values) {
    for (const auto& [name, value] : values) tensors[prefix + name] = value;
  }
  std::map<std::string, TensorView> views() const {
    std::map<std::string, TensorView> out;
    for (const auto& [name, value] : tensors) out.emplace(name, view_of(value));
    return out;
  }
  void write(const std::filesystem::path& folder, const std::string& config = {}) const {
    write_safetensors(folder / "model.safetensors", views());
    if (!config.empty()) test::write_text(folder / "config.json", config);
  }
};

FusionConfig config_of(const std::string& method, const std::string& form = "") {
  FusionConfig c;
  set_method(c, method);
  if (!form.empty()) set_form(c, form);
  c.width = kWidth;
  c.heads = 3;
  return c;
}

// Initial values with every constant moved, so that no two tensors are alike.
Parameters values_of(const std::vector<ParameterSpec>& specs, const std::string& prefix) {
  Parameters out = initial_values(specs, prefix, 7);
  double shift = 0;
  for (auto& [name, value] : out) value.add_(shift += 0.01);
  return out;
}

// The scene release: both projectors, fusion, and something of the language model.
Files scene(const FusionConfig& c) {
  Files files;
  files.add(kSemanticPrefix,
            values_of(projector_specs({"mlp2x_gelu", 9, kWidth}), kSemanticPrefix));
  files.add(kGenerativePrefix,
            values_of(projector_specs({"mlp2x_gelu", 6, kWidth}), kGenerativePrefix));
  files.add(kFusionPrefix, values_of(fusion_specs(c), kFusionPrefix));
  files.tensors["model.norm.weight"] = at::ones({kWidth});
  files.tensors["lm_head.weight"] = at::ones({4, kWidth});
  return files;
}

Files spatial(const FusionConfig& c, const MergerConfig& merger) {
  Files files;
  files.add(kSpatialMergerPrefix, values_of(merger_specs(merger), kSpatialMergerPrefix));
  for (auto& [name, value] : values_of(fusion_specs(c), kFusionPrefix)) {
    const std::string there = name == "weight_gen" ? "weight_3d" : name;
    files.tensors[kSpatialFusionPrefix + there] = value;
  }
  files.tensors["generative_encoder.tower.model.head.modulation"] = at::ones({1, 2, 4});
  return files;
}

std::string message_of(const std::filesystem::path& path, const CheckpointChoice& choice = {}) {
  try {
    open_fusion_checkpoint(path, choice);
  } catch (const InputError& error) {
    return error.what();
  }
  return "nothing was refused";
}

const char* const kMethods[] = {"concat",
                                "weighted",
                                "gated",
                                "token_gated",
                                "token_gated_residual",
                                "instruction_token_gated",
                                "cross_attention"};

}  // namespace

TEST_CASE("checkpoint: the scene release's tensors tell every method") {
  for (const std::string method : kMethods) {
    TempFolder folder;
    FusionConfig c = config_of(method);
    c.layers = method == "cross_attention" ? 2 : 1;
    scene(c).write(folder.path(), R"({"fusion_attention_heads": 3, "fusion_dropout": 0.25})");
    const auto checkpoint = open_fusion_checkpoint(folder.path());
    CAPTURE(method);
    CHECK(checkpoint.release == Release::kScene);
    CHECK(checkpoint.has_fusion);
    CHECK(checkpoint.fusion.method == c.method);
    CHECK(checkpoint.fusion.form == c.form);
    CHECK(checkpoint.fusion.width == kWidth);
    CHECK(checkpoint.fusion.layers == c.layers);
    CHECK(checkpoint.fusion.heads == 3);
    CHECK(checkpoint.fusion.dropout == 0.25);
    REQUIRE(checkpoint.semantic);
    CHECK((checkpoint.semantic->type == "mlp2x_gelu" && checkpoint.semantic->in == 9));
    CHECK((checkpoint.generative && checkpoint.generative->in == 6));
    CHECK_FALSE(checkpoint.merger);

    const Fusion fusion = checkpoint.fusion_module();
    const Parameters expected = values_of(fusion_specs(c), kFusionPrefix);
    REQUIRE(fusion.parameters().size() == expected.size());
    for (const auto& [name, value] : expected) {
      CHECK(at::equal(find_parameter(fusion.parameters(), name), value));
    }
    const at::Tensor tokens = checkpoint.generative_projector().forward(at::ones({2, 4, 6}));
    CHECK(fusion.forward(checkpoint.semantic_projector().forward(at::ones({2, 4, 9})), tokens)
              .isfinite()
              .all()
              .item<bool>());
  }
}

TEST_CASE("checkpoint: the spatial-reasoning release's names") {
  for (const std::string method : kMethods) {
    if (method == "instruction_token_gated") continue;  // not in that release
    for (const std::string type : {"mlp", "avg"}) {
      TempFolder folder;
      const FusionConfig c = config_of(method);
      const std::string heads = R"({"generative_fusion_attention_heads": 3, "hidden_size": 12)";
      spatial(c, {type, 5, 7, kWidth})
          .write(folder.path(), heads + R"(, "generative_fusion_method": ")" + method +
                                    R"(", "generative_merger_type": ")" + type + "\"}");
      const auto checkpoint = open_fusion_checkpoint(folder.path());
      CAPTURE(method, type);
      CHECK(checkpoint.release == Release::kSpatial);
      CHECK(checkpoint.fusion.method == c.method);
      CHECK(checkpoint.fusion.form == c.form);
      REQUIRE(checkpoint.merger);
      CHECK(checkpoint.merger->type == type);
      CHECK(checkpoint.merger->in == 5);
      CHECK(checkpoint.merger->hidden == 7);
      const at::Tensor merged = checkpoint.generative_merger().forward(at::ones({2, 4, 6, 5}));
      REQUIRE(merged.sizes() == at::IntArrayRef({2, 2, 3, kWidth}));
      CHECK(checkpoint.fusion_module().forward(merged, merged).sizes() == merged.sizes());
      CHECK_THROWS_WITH(checkpoint.generative_projector(), Contains("model.generative_projector."));
    }
  }
}

TEST_CASE("checkpoint: what tensors cannot tell comes from config.json or the caller") {
  TempFolder folder;
  scene(config_of("only")).write(folder.path(), R"({"use_feat_fusion": true,
      "feature_fusion_method": "only", "mm_projector_type": null})");
  CHECK(open_fusion_checkpoint(folder.path()).fusion.method == FusionMethod::kOnly);
  CHECK(open_fusion_checkpoint(folder.path()).fusion.width == kWidth);
  test::write_text(folder / "config.json", R"({"use_feat_fusion": true})");  // the code's default
  CHECK(open_fusion_checkpoint(folder.path()).fusion.method == FusionMethod::kAdd);
  std::filesystem::remove(folder / "config.json");
  CHECK_THAT(message_of(folder.path()), Contains("without a gate"));
  CHECK(open_fusion_checkpoint(folder.path(), {"only", ""}).fusion.method == FusionMethod::kOnly);

  TempFolder gate;
  scene(config_of("token_gated")).write(gate.path());
  CHECK(open_fusion_checkpoint(gate.path(), {"", "raw"}).fusion.form == GateForm::kRaw);
  CHECK(open_fusion_checkpoint(gate.path(), {"token_gated", ""}).fusion.form == GateForm::kNormed);
  CHECK_THAT(message_of(gate.path(), {"", "residual"}), Contains("residual_scale"));
  CHECK_THAT(message_of(gate.path(), {"gated", ""}), Contains("token_gated/normed"));
  CHECK_THAT(message_of(gate.path(), {"token_gated_residual", ""}), Contains("token_gated/normed"));
  test::write_text(gate / "config.json",
                   R"({"feature_fusion_method": "token_gated", "feature_fusion_form": "raw"})");
  CHECK(open_fusion_checkpoint(gate.path()).fusion.form == GateForm::kRaw);
}

TEST_CASE("checkpoint: keys of config.json that change numbers are honoured, refused or named") {
  TempFolder folder;
  const auto with = [&](const std::string& config) {
    scene(config_of("token_gated")).write(folder.path(), config);
    return message_of(folder.path());
  };
  const std::string fine = "nothing was refused";
  for (const std::string mode : {"average", "max"}) {
    CHECK_THAT(with(R"({"mm_spatial_pool_mode": ")" + mode + "\"}"),
               Contains("config.json: mm_spatial_pool_mode") && Contains(mode) &&
                   Contains("expected bilinear") && Contains("13 x 13"));
  }
  CHECK(with(R"({"mm_spatial_pool_mode": "bilinear", "mm_resampler_type": null})") == fine);
  CHECK_THAT(with(R"({"mm_resampler_type": "perceiver"})"),
             Contains("mm_resampler_type") && Contains("perceiver") && Contains("expected null"));
  for (const std::string key : {"use_feat_fusion", "use_generative_feature"}) {
    CHECK_THAT(with("{\"" + key + "\": false}"),
               Contains("config.json: " + key) && Contains("got false") &&
                   Contains("expected true") && Contains("model.feature_fusion.*") &&
                   Contains("--method token_gated"));
    CHECK_NOTHROW(open_fusion_checkpoint(folder.path(), {"token_gated", ""}));
    CHECK(with("{\"" + key + "\": true}") == fine);
  }
  CHECK(with("\xef\xbb\xbf{\"mm_newline_position\": \"grid\", \"mm_of_tomorrow\": 1}") == fine);
  CHECK_THAT(with(R"({"fusion_dropout": 1})"),
             Contains("fusion_dropout") && Contains("less than 1"));
  with(R"({"vega_initial_values": true, "generative_vision_tower_type": "wan_t2v_online",
           "generative_vision_tower_size": "832*480", "generative_vision_tower_timestep": 300,
           "generative_vision_tower_shift": 5.0, "generative_vision_tower_feat_block_idx": 20})");
  const auto read = open_fusion_checkpoint(folder.path());
  CHECK(read.initial_values);
  CHECK(read.trained_on.block == 20);
  CHECK(read.trained_on.timestep == 300);
  CHECK(read.trained_on.shift == 5);
  CHECK(read.trained_on.width == 832);
  CHECK(read.trained_on.height == 480);
  CHECK(read.trained_on.view == "mllm");
  with(R"({"generative_vision_tower_type": "sd21", "generative_vision_tower_size": [64, 64]})");
  CHECK(open_fusion_checkpoint(folder.path()).trained_on.block == -1);
}

TEST_CASE("checkpoint: every key of projectors and fusion that the release writes is known") {
  const TempFolder folder;
  const auto unknown = [&](const std::string& more) {
    // As training leaves them: settings of all towers, used or not.
    test::write_text(folder / "config.json", R"({
      "use_generative_feature": true, "generative_feat_dim": 1536,
      "generative_projector_type": "mlp2x_gelu", "generative_feature_source": "online",
      "generative_vision_tower_type": "wan_t2v_online",
      "generative_vision_tower_checkpoint": "data/models/Wan2.1-T2V-1.3B",
      "generative_vision_tower_task": "t2v-1.3B", "generative_vision_tower_size": "1280*720",
      "generative_vision_tower_timestep": 300, "generative_vision_tower_shift": 5.0,
      "generative_vision_tower_context_scale": 1.0, "generative_vision_tower_feat_block_idx": 20,
      "generative_vision_tower_condition_on_first_frame": true,
      "generative_vision_tower_weight_name": "w", "generative_vision_tower_model_version": 1.1,
      "generative_vision_tower_input_size": 224, "generative_vision_tower_output_spatial": 14,
      "generative_vision_tower_height": 576, "generative_vision_tower_width": 576,
      "generative_vision_tower_num_frames": 21,
      "generative_vision_tower_num_inference_steps": 1, "generative_vision_tower_pool_kernel": 2,
      "generative_vision_tower_model_name": "vitg", "generative_vision_tower_img_size": 224,
      "generative_vision_tower_tubelet_size": 2, "generative_vision_tower_pretrained": false,
      "generative_vision_tower_clip_checkpoint": "c",
      "generative_vision_tower_sd21_checkpoint": "s",
      "generative_vision_tower_empty_prompt_path": "e",
      "generative_vision_tower_prompt_emb_path": "p", "generative_vision_tower_dtype": "bf16",
      "generative_vision_tower_chunk_size": 32, "generative_vision_tower_cfg_min": 1.2,
      "generative_vision_tower_camera_scale": 2.0, "generative_cache_max_items": -1,
      "generative_profile": true, "use_feat_fusion": true,
      "feature_fusion_method": "token_gated", "fusion_attention_heads": 8, "fusion_dropout": 0.1,
      "fusion_num_layers": 1)" + more + "}");
    return fusion::read_said_config(folder / "config.json", false).unknown;
  };
  CHECK(unknown("").empty());
  CHECK(unknown(R"(, "mm_of_tomorrow": 1, "generative_of_tomorrow": 1, "hidden_size": 64)") ==
        std::vector<std::string>{"mm_of_tomorrow", "generative_of_tomorrow"});
}

TEST_CASE("checkpoint: a base model, with and without `partial`") {
  Files files = scene(config_of("token_gated"));
  std::erase_if(files.tensors, [](const auto& item) {
    return item.first.starts_with(kFusionPrefix) || item.first.starts_with(kGenerativePrefix);
  });
  TempFolder folder;
  files.write(folder.path());
  CHECK_THAT(message_of(folder.path()),
             Contains("without a gate") && Contains("model.feature_fusion.") &&
                 Contains("generative_fusion.") && Contains("initial values"));
  CHECK_THAT(message_of(folder.path(), {"token_gated", ""}), Contains("without a gate"));
  const auto base = open_fusion_checkpoint(folder.path(), {"", "", true});
  CHECK_FALSE(base.has_fusion);
  CHECK(base.fusion.width == kWidth);
  CHECK(base.semantic_projector().forward(at::ones({1, 9})).size(1) == kWidth);
  CHECK_THROWS_WITH(base.fusion_module(), Contains("model.feature_fusion."));
}

TEST_CASE("checkpoint: projector types by their tensors") {
  for (const std::string type : {"linear", "mlp1x_gelu", "mlp3x_gelu", "mlp2x_res2x_gelu"}) {
    Files files = scene(config_of("token_gated"));
    std::erase_if(files.tensors,
                  [](const auto& item) { return item.first.starts_with(kGenerativePrefix); });
    files.add(kGenerativePrefix, values_of(projector_specs({type, 6, kWidth}), kGenerativePrefix));
    TempFolder folder;
    files.write(folder.path(), R"({"generative_projector_type": ")" + type + R"("})");
    const auto checkpoint = open_fusion_checkpoint(folder.path());
    CAPTURE(type);
    REQUIRE(checkpoint.generative);
    CHECK(checkpoint.generative->type == type);
    CHECK(checkpoint.generative_projector().forward(at::ones({1, 6})).size(1) == kWidth);
    test::write_text(folder / "config.json", R"({"generative_projector_type": "mlp9x_gelu"})");
    CHECK_THAT(message_of(folder.path()), Contains("mlp9x_gelu") && Contains(type));
    test::write_text(folder / "config.json", R"({"generative_projector_type": "pooler"})");
    CHECK_THAT(message_of(folder.path()), Contains("13 x 13") && Contains("config.json"));
  }
  Files files = scene(config_of("token_gated"));
  std::erase_if(files.tensors,
                [](const auto& item) { return item.first.starts_with(kGenerativePrefix); });
  TempFolder folder;
  files.write(folder.path(), R"({"generative_projector_type": "identity", "hidden_size": 12})");
  const auto checkpoint = open_fusion_checkpoint(folder.path());
  REQUIRE(checkpoint.generative);
  CHECK(at::equal(checkpoint.generative_projector().forward(at::ones({1, 12})), at::ones({1, 12})));
}

TEST_CASE("checkpoint: shards and element types") {
  const TempFolder cache;
  const test::OwnMemory memory(cache.path());
  const Files files = scene(config_of("token_gated"));
  TempFolder whole, cut, narrow;
  files.write(whole.path());
  std::vector<TensorSpec> specs;
  for (const auto& [name, value] : files.tensors) {
    specs.push_back({name, DType::kF32, value.sizes().vec()});
  }
  ShardedWriter writer(cut.path(), "model", specs, 400);
  for (const auto& [name, value] : files.tensors) writer.write(name, bytes_of(value));
  CHECK(writer.publish().size() > 2);
  Files half = files;
  for (auto& [name, value] : half.tensors) value = value.to(at::kBFloat16);
  half.write(narrow.path());

  const auto a = open_fusion_checkpoint(whole.path()), b = open_fusion_checkpoint(cut.path());
  const auto c = open_fusion_checkpoint(narrow.path());
  CHECK(a.fingerprint() == b.fingerprint());
  CHECK(a.fingerprint() == open_fusion_checkpoint(whole / "model.safetensors").fingerprint());
  CHECK(a.fingerprint() != c.fingerprint());
  const std::string name = "gate_projection.0.weight";
  CHECK(at::equal(find_parameter(a.fusion_module().parameters(), name).to(at::kBFloat16),
                  find_parameter(c.fusion_module({at::kCPU, at::kBFloat16}).parameters(), name)));

  Files other = files;  // what is not of the fusion does not count
  other.tensors["lm_head.weight"] = at::zeros({4, kWidth});
  other.write(whole.path());
  CHECK(open_fusion_checkpoint(whole.path()).fingerprint() == b.fingerprint());
}

TEST_CASE("checkpoint: both releases' names give one fingerprint of one gate") {
  const TempFolder cache;
  const test::OwnMemory memory(cache.path());
  Files main, branch;
  for (const auto& [name, value] : values_of(fusion_specs(config_of("weighted")), kFusionPrefix)) {
    main.tensors[kFusionPrefix + name] = value;
    branch.tensors[kSpatialFusionPrefix + (name == "weight_gen" ? "weight_3d" : name)] = value;
  }
  TempFolder a, b;
  main.write(a.path(), R"({"hidden_size": 12})");
  branch.write(b.path(), R"({"hidden_size": 12})");
  CHECK(open_fusion_checkpoint(a.path()).fingerprint() ==
        open_fusion_checkpoint(b.path()).fingerprint());
  CHECK(open_fusion_checkpoint(b.path()).fusion_module().parameters()[1].first == "weight_gen");
}

TEST_CASE("checkpoint: written initial values read back, with the same fingerprint") {
  const TempFolder cache;
  const test::OwnMemory memory(cache.path());
  for (const auto& c : {config_of("token_gated", "raw"), config_of("token_gated_residual"),
                        config_of("cross_attention"), config_of("only")}) {
    TempFolder folder;
    const ProjectorConfig semantic{"mlp2x_gelu", 9, kWidth}, generative{"linear", 6, kWidth};
    const auto modules = initial_modules(semantic, generative, c, 3);
    write_fusion_checkpoint(folder.path(), semantic, generative, c, modules);
    const auto read = open_fusion_checkpoint(folder.path());
    CHECK(read.fusion.method == c.method);
    CHECK(read.fusion.form == c.form);
    if (c.method == FusionMethod::kCrossAttention) CHECK(read.fusion.heads == 3);
    CHECK(read.fingerprint() == modules.fingerprint);
    read.check_finite();
    const Parameters values = read.generative_projector().parameters();
    CHECK(at::equal(values[0].second, modules.generative[0].second));
  }
}

TEST_CASE("checkpoint: refusals") {
  const auto refused = [](const auto& change, const std::string& config = {}) {
    Files files = scene(config_of("token_gated"));
    change(files.tensors);
    TempFolder folder;
    files.write(folder.path(), config);
    return message_of(folder.path());
  };
  const auto nothing = [](auto&) {};
  const std::string gate = std::string(kFusionPrefix) + "gate_projection.0.weight";
  CHECK_THAT(refused([](auto& t) { t.erase("model.feature_fusion.norm2.bias"); }),
             Contains("no tensor model.feature_fusion.norm2.bias"));
  CHECK_THAT(refused([](auto& t) { t["model.feature_fusion.extra"] = at::ones({1}); }),
             Contains("unknown tensor model.feature_fusion.extra"));
  CHECK_THAT(refused([&](auto& t) {
               t[gate] = at::ones({1, kWidth});
             }),
             Contains("gate_projection.0.weight") && Contains("[1, 12]") && Contains("[1, 24]"));
  CHECK_THAT(refused([&](auto& t) { t[gate] = t[gate].to(at::kInt); }),
             Contains("i32") && Contains("bf16"));
  CHECK_THAT(refused([&](auto& t) { t.erase(gate); }), Contains("fusion method"));
  CHECK_THAT(refused([](auto& t) { t["generative_fusion.norm1.weight"] = at::ones({kWidth}); }),
             Contains("one release"));
  CHECK_THAT(refused([](auto& t) {
               t["model.generative_projector.2.weight"] = at::ones({8, 8});
               t["model.generative_projector.2.bias"] = at::ones({8});
               t["model.generative_projector.0.weight"] = at::ones({8, 6});
               t["model.generative_projector.0.bias"] = at::ones({8});
             }),
             Contains("8 channels") && Contains("12") && Contains("model.generative_projector."));
  CHECK_THAT(refused([](auto& t) { t["model.generative_projector.conv.bias"] = at::ones({1}); }),
             Contains("unknown tensor model.generative_projector.conv.bias"));
  CHECK_THAT(refused(nothing, R"({"hidden_size": 16})"), Contains("hidden_size") && Contains("16"));
  CHECK_THAT(refused(nothing, R"({"generative_feat_dim": 1536})"),
             Contains("generative_feat_dim") && Contains("1536") && Contains("6"));
  CHECK_THAT(refused(nothing, R"({"feature_fusion_method": "gated"})"),
             Contains("config.json") && Contains("gated"));
  CHECK_THAT(refused(nothing, R"({"feature_fusion_method": "magic"})"),
             Contains("config.json") && Contains("magic"));
  CHECK_THAT(refused(nothing, R"({"feature_fusion_method": 3})"),
             Contains("feature_fusion_method"));
  CHECK_THAT(refused(nothing, R"({"fusion_dropout": 1.5})"), Contains("fusion_dropout"));
  CHECK_THAT(refused(nothing, "[]"), Contains("no object"));
  TempFolder empty;
  CHECK_THAT(message_of(empty / "nowhere"), Contains("no such file or folder"));
  CHECK_THROWS_AS(open_fusion_checkpoint(empty.path()), InputError);
}

TEST_CASE("checkpoint: NaN is found and named") {
  Files files = scene(config_of("token_gated"));
  files.tensors["model.feature_fusion.norm1.bias"][3] = NAN;
  files.tensors["lm_head.weight"][0][0] = NAN;  // not ours
  TempFolder folder;
  files.write(folder.path());
  CHECK_THROWS_WITH(open_fusion_checkpoint(folder.path()).check_finite(),
                    Contains("model.feature_fusion.norm1.bias") && Contains("3"));
}
