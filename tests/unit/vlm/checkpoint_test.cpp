// Checkpoints are read strictly: every tensor and every key is used, known, or named in an error.
#include "vlm/checkpoint.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/json_fields.h"
#include "tiny_model.h"
#include "vlm/checkpoint_config.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using namespace vega::vlm;
using Catch::Matchers::Contains;

namespace {

// Writes the checkpoint anew as one file, without the tensors that `drop` names and with one more.
void rewrite(const std::filesystem::path& path, const std::string& drop, const std::string& extra) {
  const TensorSet set = read_sharded(path, "model");
  std::map<std::string, TensorView> views;
  for (const auto& [name, view] : set.tensors())
    if (drop.empty() || !name.starts_with(drop)) views.emplace(name, view);
  const std::vector<float> ones(4, 1);
  if (!extra.empty())
    views.emplace(extra,
                  TensorView{DType::kF32, {4}, reinterpret_cast<const std::byte*>(ones.data())});
  write_safetensors(path / "whole.part", views);
  for (const auto& entry : std::filesystem::directory_iterator(path))
    if (entry.path().filename().string().starts_with("model")) std::filesystem::remove(entry);
  std::filesystem::rename(path / "whole.part", path / "model.safetensors");
}

std::string refusal(const std::filesystem::path& path) {
  try {
    open_checkpoint(path);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("checkpoint: tensors that are unknown or missing are named") {
  const test::TempFolder folder;
  for (const char* extra :
       {"model.extra.weight", "model.layers.2.mlp.up_proj.weight", "optimizer.step",
        "model.vision_tower.other", "model.image_newline.more", "ground_head_obj.1.weight",
        "model.world_position_embedding.mlp.0.weight", "model.mm_projector.4.weight",
        "model.feature_fusion.norm3.weight", "model.vision_tower.vision_tower.vision_model.x"}) {
    const auto path = test::tiny_checkpoint(folder);
    rewrite(path, "", extra);
    INFO(extra);
    CHECK_THAT(refusal(path), Contains(std::string(extra).substr(std::string(extra).rfind('.'))));
    std::filesystem::remove_all(path);
  }
  for (const char* drop :
       {"model.image_newline", "model.mm_projector.", "model.generative_projector.2.bias",
        "model.feature_fusion.", "ground_head_zero_target", "ground_head_query.3.bias",
        "model.layers.1.self_attn.q_proj.bias", "model.norm.weight"}) {
    const auto path = test::tiny_checkpoint(folder);
    rewrite(path, drop, "");
    INFO(drop);
    const std::string name = std::string(drop).starts_with("ground_head")
                                 ? std::string(drop).substr(11)
                                 : std::string(drop);
    CHECK_THAT(refusal(path), Contains(name.substr(name.find('.') + 1)));
    std::filesystem::remove_all(path);
  }
  const auto path = test::tiny_checkpoint(folder);
  rewrite(path, "model.vision_tower.", "");
  CHECK_FALSE(open_checkpoint(path).tower.has_value());  // features come from files then
}

// The release's default, where the key is absent.
TEST_CASE("checkpoint: flat visual tokens have no newlines") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder, "vlm-tiny-3d");
  CHECK(open_checkpoint(path).config.newlines == Newlines::kGrid);
  for (const Json& flat : {Json("flat"), Json(nullptr)}) {
    test::change_config(path, {{"mm_patch_merge_type", flat}});
    CHECK(open_checkpoint(path).config.newlines == Newlines::kNone);
    const Vlm model(open_checkpoint(path), {});
    CHECK(model.see(test::tiny_scene()).visual_tokens() == 2 * 196);
  }
}

TEST_CASE("checkpoint: keys that change numbers are honoured or refused, a null is absent") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder);
  const std::string original = test::read_text(path / "config.json");
  const auto with = [&](const Json& changes) {
    test::write_text(path / "config.json", original);
    test::change_config(path, changes);
    return refusal(path);
  };
  CHECK(with({{"model_type", "llava_qwen"}}).empty());
  CHECK_THAT(with({{"mm_patch_merge_type", "unires"}}), Contains("mm_patch_merge_type"));
  CHECK_THAT(with({{"mm_newline_position", "column"}}), Contains("mm_newline_position"));
  CHECK_THAT(with({{"mm_use_im_start_end", true}}), Contains("mm_use_im_start_end"));
  CHECK_THAT(with({{"mm_spatial_pool_mode", "average"}}), Contains("mm_spatial_pool_mode"));
  CHECK_THAT(with({{"world_position_embedding_type", "avg-mrope"}}), Contains("mrope in metres"));
  CHECK_THAT(with({{"world_position_embedding_type", "avg-discrete-mrope"}}),
             Contains("heads of 128"));
  CHECK_THAT(with({{"object_feature_type", "pooled"}}), Contains("object_feature_type"));
  CHECK_THAT(with({{"object_feature_type", nullptr}}), Contains("object_feature_type"));
  CHECK_THAT(with({{"ground_head_type", "dot"}}), Contains("ground_head_type"));
  CHECK_THAT(with({{"ground_head_type", "mlp"}}), Contains("ground_head"));
  CHECK_THAT(with({{"ground_token_ids", nullptr}}), Contains("ground_token_ids"));
  CHECK_THAT(with({{"coord_token_ids", Json::list({400})}}), Contains("400"));
  CHECK_THAT(with({{"add_faster_video", true}}),
             Contains("config.json: add_faster_video") && Contains("expected false"));
  CHECK(with({{"add_faster_video", false}, {"faster_token_stride", 10}}).empty());
  CHECK_THAT(with({{"voxel_size", 0}}), Contains("voxel_size"));
  CHECK_THAT(with({{"max_xyz_range", Json::list({15, -20, 5})}}), Contains("max_xyz_range"));
  CHECK_THAT(with({{"feature_fusion_method", "concat"}}),
             Contains("feature_fusion_method") || Contains("method concat"));
  CHECK_THAT(with({{"model_type", "llava_llama"}}), Contains("llava_llama"));
  CHECK_THAT(with({{"rope_theta", nullptr}}), Contains("rope_theta"));
  // As the release stores None.
  CHECK(with({{"mm_newline_position", nullptr}, {"tokenizer_model_max_length", nullptr}}).empty());
  test::write_text(path / "config.json", original);
  test::change_config(path,
                      {{"ground_head_type", nullptr}, {"world_position_embedding_type", nullptr}});
  const VlmCheckpoint c = open_checkpoint(path);
  CHECK_FALSE(c.config.ground);
  CHECK_FALSE(c.config.position);
  CHECK_FALSE(c.needs().positions);
}

TEST_CASE("checkpoint: without mm_newline_position one newline ends the visual tokens") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder, "vlm-tiny-video");
  CHECK(open_checkpoint(path).config.newlines == Newlines::kGrid);
  test::change_config(path, {{"mm_newline_position", nullptr}});
  CHECK(open_checkpoint(path).config.newlines == Newlines::kOneToken);
}

TEST_CASE("checkpoint: keys of released checkpoints that change nothing give no warning") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder, "vlm-tiny-3d");
  const auto unread = [&](const Json& changes) {
    test::change_config(path, changes);
    const JsonFields fields(path / "config.json");
    read_config(fields);
    return fields.unread();
  };
  const std::vector<std::string> none;
  CHECK(unread({{"ground_head_hidden_size", 1024}, {"ground_loss_scale", 1.0}}) == none);
  CHECK(unread({{"use_feat_fusion", true}}) == none);
  CHECK(unread({{"use_generative_feature", false}}) == none);
  CHECK(unread({{"ground_head_depth", 3}}) == std::vector<std::string>{"ground_head_depth"});
}

TEST_CASE("checkpoint: a tokeniser of another model is named, with both ids") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder);
  const std::string key = "config.json: ground_token_ids: got 12 for <ground>, expected ";
  test::change_config(path, {{"ground_token_ids", Json::list({12})}});
  // A tokeniser without the word: the id is another token's.
  const std::string taken = refusal(path);
  CHECK_THAT(taken, Contains(key + "an id that is free in the tokeniser of " + path.string()) &&
                        Contains("there it is '") && Contains("; put the tokeniser"));
  CHECK_THAT(taken, !Contains("control word"));
  // One that has it.
  Json words = *parse_json(test::read_text(path / "tokenizer.json"));
  Json added = words["added_tokens"];
  Json ground = added[0];
  ground.set("content", "<ground>");
  ground.set("id", 260);
  added.push(ground);
  words.set("added_tokens", added);
  test::write_text(path / "tokenizer.json", words.dump());
  CHECK_THAT(refusal(path), Contains(key + "260, the id that the tokeniser of " + path.string()) &&
                                Contains("; put the tokeniser"));
  // Of 64 bits: no row has it.
  test::change_config(path, {{"ground_token_ids", Json::list({(std::int64_t{1} << 32) + 260})}});
  CHECK_THAT(refusal(path), Contains("4294967556") && Contains("4294967557 or more"));
  test::change_config(path, {{"ground_token_ids", Json::list({260})}});
  CHECK(open_checkpoint(path).words().id_of("<ground>") == 260);
}

TEST_CASE("checkpoint: the family hangs on keys, not on the folder's name") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder, "vlm-tiny-3d");
  const auto renamed = folder / "llama-yi-mixtral-llava-lora";
  std::filesystem::rename(path, renamed);
  const VlmCheckpoint c = open_checkpoint(renamed);
  CHECK(c.family == Family::kVideo3d);
  CHECK(c.view() == "center_crop");
  CHECK(c.needs().positions);
  CHECK_FALSE(c.needs().generative);
  // VEGA-3D's code writes the key, true or false, and squashes the frames of all its models.
  test::change_config(renamed, {{"use_generative_feature", false}});
  const VlmCheckpoint retrained = open_checkpoint(renamed);
  CHECK(retrained.family == Family::kVideo3d);
  CHECK(retrained.view() == "mllm");
  test::change_config(renamed, {{"use_generative_feature", nullptr}});
  CHECK(open_checkpoint(renamed).view() == "center_crop");
}

TEST_CASE("checkpoint: a folder without a tokeniser is read; words are then asked for in vain") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder);
  const auto words = folder / "words";
  std::filesystem::create_directory(words);
  std::filesystem::rename(path / "tokenizer.json", words / "tokenizer.json");
  CHECK_THROWS_WITH(open_checkpoint(path).words(), Contains("no tokenizer.json"));
  CHECK(open_checkpoint(path, {.tokenizer = words}).words().id_of("<ground>") == 260);
  CHECK_THROWS_AS(open_checkpoint(folder / "nowhere"), InputError);
}
