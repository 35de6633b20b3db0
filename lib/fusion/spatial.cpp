#include "fusion/spatial.h"

#include <fmt/core.h>

#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "base/json_fields.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr auto kBlocks = "generative_encoder.tower.model.blocks.";
constexpr std::int64_t kUsualBlocks = 30, kPaperBlock = 20, kPaperTimestep = 300;
constexpr auto kSpatialTower = "generative_vision_tower_";
constexpr auto kOnlyWan = "vega computes the branch of Wan2.1-T2V (wan_t2v_online) and no other";

std::int64_t count_blocks(const TensorSet& set) {
  std::int64_t blocks = 0;
  while (set.find(fmt::format("{}{}.modulation", kBlocks, blocks)) != nullptr) ++blocks;
  return blocks;
}

std::string tower_key(const char* name) { return std::string(kSpatialTower) + name; }

std::int64_t read_block(const JsonFields& fields, std::int64_t blocks) {
  const std::string name = tower_key("feat_block_idx");
  const auto block = fields.number(name);
  if (!block || *block == -1) return blocks - 1;
  if (*block != std::floor(*block) || *block < 0 || *block >= static_cast<double>(blocks))
    fields.refuse(name, fmt::format("a block, 0 to {}, or -1 for the last", blocks - 1));
  return static_cast<std::int64_t>(*block);
}

ImageSize read_size(const JsonFields& fields, ImageSize usual) {
  const std::string name = tower_key("size");
  const auto text = fields.text(name);
  if (!text) return usual;
  int width = 0, height = 0, end = 0;
  const bool whole = std::sscanf(text->c_str(), "%d*%d%n", &width, &height, &end) == 2 &&
                     static_cast<std::size_t>(end) == text->size();
  constexpr int kMost = 1 << 14;
  if (!whole || width < 16 || height < 16 || width > kMost || height > kMost || width % 16 != 0 ||
      height % 16 != 0)
    fields.refuse(name, "width*height, multiples of 16, such as \"832*480\"");
  return {width, height};
}

void check_tower(const JsonFields& fields) {
  fields.expect("generative_encoder_tower_type", "wan_t2v_online", kOnlyWan);
  const std::string task = fields.text(tower_key("task")).value_or("t2v-1.3B");
  if (!task.starts_with("t2v-")) fields.deny(tower_key("task"), "t2v-1.3B or t2v-14B", kOnlyWan);
}

}  // namespace

TrainedOn SpatialSettings::trained_on() const {
  return {block, static_cast<double>(timestep), shift, size.width, size.height, "spatial"};
}

SpatialSettings read_spatial_settings(const fs::path& config, const TensorSet& set) {
  SpatialSettings out;
  out.own_blocks = count_blocks(set);
  const std::int64_t all = out.has_dit() ? out.own_blocks : kUsualBlocks;
  out.block = all - 1;
  std::error_code error;
  if (!fs::exists(config, error)) return out;
  const JsonFields fields(config);
  check_tower(fields);
  out.block = read_block(fields, all);
  if (const auto t = fields.number(tower_key("timestep"))) {
    if (*t != std::floor(*t) || *t < 0 || *t > 1000)
      fields.refuse(tower_key("timestep"), "a whole number, 0 to 1000");
    out.timestep = static_cast<std::int64_t>(*t);
  }
  out.shift = fields.positive(tower_key("shift")).value_or(out.shift);
  out.size = read_size(fields, out.size);
  out.model = fields.text("generative_encoder_path").value_or("");
  out.prompt = fields.text(tower_key("prompt_emb_path")).value_or("");
  return out;
}

std::string differences_from_paper(const SpatialSettings& s, const FusionConfig& fusion,
                                   double residual_scale) {
  std::string out;
  const auto differs = [&](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  if (s.block != kPaperBlock) differs(fmt::format("block {} (paper: {})", s.block, kPaperBlock));
  if (s.timestep != kPaperTimestep)
    differs(fmt::format("timestep {} (paper: {})", s.timestep, kPaperTimestep));
  const bool token_gate = fusion.method == FusionMethod::kTokenGated;
  if (!token_gate)
    differs(fmt::format("fusion {} (paper: one gate a token)", name_of(fusion.method)));
  else if (fusion.form == GateForm::kNormed)
    differs("the gate blends normed tokens (paper: the tokens themselves)");
  else if (fusion.form == GateForm::kResidual && residual_scale != 1)
    differs(fmt::format("the gate's blend counts {:.3g} beside the semantic token (paper: 1)",
                        residual_scale));
  return out;
}

}  // namespace vega
