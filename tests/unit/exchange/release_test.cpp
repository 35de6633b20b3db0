#include "exchange/release.h"

#include <set>

#include "base/error.h"
#include "exchange_samples.h"
#include "support/options.h"
#include "weights/torch_file.h"

using namespace vega;
using namespace vega::test;
using Catch::Contains;
namespace fs = std::filesystem;
using exchange::ExportOptions;
using exchange::release_model;

namespace {

// A tap of the grid that the release takes.
TapInfo release_tap(const std::string& name, std::int64_t block, double timestep) {
  TapInfo tap = sample_tap(name, DType::kBF16, 3);
  tap.grid_h = tap.grid_w = 14;
  tap.block = block;
  tap.timestep_asked = timestep;
  return tap;
}

ExportOptions as(const fs::path& source, const std::string& id, const fs::path& out) {
  ExportOptions options;
  options.items.inputs = {source.string()};
  options.as = id;
  options.output.out = out.string();
  return options;
}

}  // namespace

TEST_CASE("the ids of the release lead to its folders and files") {
  struct Row {
    const char *id, *path;
    bool halves;
  };
  // Copied from path_dict and model_load_spec of the release's get_generative_features.
  const std::vector<Row> rows{
      {"vae", "uniform_vae_features/s/vae.pt", false},
      {"sd-2-1-base", "uniform_sd2.1_base_features/s/diffusion.pt", false},
      {"svd", "uniform_svd_features/s/svd.pt", false},
      {"ijepa-g", "uniform_ijepa_g_features/s/ijepa.pt", false},
      {"vjepa-g", "uniform_vjepa_g_384_features/s/vjepa.pt", false},
      {"seva_resized_step_1_input16", "uniform_seva_middle_feats_step1_input16_patch14/s/seva.pt",
       true},
      {"seva_resized_pyramid_step_25_input16",
       "uniform_seva_pyramid_feats_step25_input16_patch14/s/seva.pt", true},
      {"vmem_resized_step_50_input16", "uniform_vmem_middle_feats_step50_input16_patch14/s/seva.pt",
       true},
      {"vmem_resized_pyramid_step_50_input16",
       "uniform_vmem_pyramid_feats_step50_input16_patch14/s/seva.pt", true},
      {"seva_onestep_t12_input16",
       "uniform_seva_middle_feats_onestep_t12_input16_patch14/s/seva.pt", false},
      {"vmem_onestep_t0_input16", "uniform_vmem_middle_feats_onestep_t0_input16_patch14/s/seva.pt",
       false},
      {"wan2.1-vace-1.3B-middle20-timestep50",
       "uniform_wan2.1_vace_middle_20_timestep_50_feats/s/vace.pt", false},
      {"wan2.1-vace-1.3B-middle12-timestep300",
       "uniform_wan2.1_vace_middle_12_timestep_300_feats/s/vace.pt", false},
  };
  for (const Row& row : rows) {
    const auto model = release_model(row.id);
    CHECK(model.path("s") == fs::path("data/scannet") / row.path);
    CHECK(model.halves == row.halves);
  }
  CHECK(release_model("wan2.1-vace-1.3B-middle15-timestep300").block == 15);
  CHECK(release_model("wan2.1-vace-1.3B-middle20-timestep250").timestep == 250);
}

TEST_CASE("an unknown id lists the known ones, each with a folder of its own") {
  const std::string text = message_of<UsageError>([] { release_model("wan2.1-t2v"); });
  std::set<std::string> roots;
  std::size_t known = 0;
  for (std::size_t at = text.find("\n  "); at != text.npos;) {
    const auto next = text.find("\n  ", at + 1);
    const auto id = text.substr(at + 3, next == text.npos ? text.npos : next - at - 3);
    if (id.find(' ') == id.npos) {
      roots.insert(release_model(id).root);
      ++known;
    }
    at = next;
  }
  CHECK(known == 22);
  CHECK(roots.size() == 22);
  for (const char* wrong : {"seva_onestep_t_input16", "seva_onestep_tx_input16",
                            "xeva_onestep_t1_input16", "seva_onestep_t1_input16x", "seva", ""})
    CHECK_THROWS_AS(release_model(wrong), UsageError);
}

TEST_CASE("what the release loads: one plain tensor, channels first, the tap that the id names") {
  const TempFolder folder;
  const fs::path source = sample_path(folder);
  const std::vector<TapInfo> taps{release_tap("b20_t300", 20, 300),
                                  release_tap("b15_t300", 15, 300)};
  write_sample(source, taps);
  for (const auto& tap : taps) {
    const std::string id = "wan2.1-vace-1.3B-middle" + std::to_string(tap.block) + "-timestep300";
    const auto lines = run(as(source, id, folder / "r"));
    CHECK(lines.at(0).second ==
          (folder / "r" / release_model(id).path("scene0011_00").string()).string());
    const TensorSet set = read_torch_file(lines.at(0).second);
    REQUIRE(set.names() == std::vector<std::string>{""});
    CHECK(set.at("").shape == Shape{3, 3, 14, 14});
    CHECK(set.at("").dtype == DType::kBF16);
    const auto values = to_f32(set.at(""));
    for (std::size_t f = 0; f < kFrames; ++f) {
      const auto tokens = sample_tokens(tap, f);
      for (std::size_t cell : {0U, 13U, 195U})
        for (std::size_t c = 0; c < 3; ++c)
          CHECK(values[(f * 3 + c) * 196 + cell] == tokens[cell * 3 + c]);
    }
    CHECK(run(as(source, id, folder / "r")) == lines);  // complete already
  }
}

TEST_CASE("files of which the release takes the second half hold the tokens twice") {
  const TempFolder folder;
  const fs::path source = sample_path(folder);
  write_sample(source, {release_tap("b20_t300", 20, 300)});
  const auto once =
      read_torch_file(run(as(source, "seva_onestep_t3_input16", folder / "r"))[0].second);
  const auto twice =
      read_torch_file(run(as(source, "vmem_resized_step_25_input16", folder / "r"))[0].second);
  CHECK(once.at("").shape == Shape{3, 3, 14, 14});
  CHECK(twice.at("").shape == Shape{6, 3, 14, 14});
  auto expected = to_f32(once.at(""));
  expected.insert(expected.end(), expected.begin(), expected.end());
  CHECK(to_f32(twice.at("")) == expected);
}

TEST_CASE("what the release could not use is refused, with the remedy") {
  const TempFolder folder;
  const fs::path source = sample_path(folder);
  write_sample(source);
  CHECK_THAT(error_of<InputError>(as(source, "svd", folder / "r")),
             Contains("2x4") && Contains("14x14") && Contains("--pool 14x14"));
  write_sample(source, {release_tap("b20_t300", 20, 300)});
  auto options = as(source, "wan2.1-vace-1.3B-middle20-timestep400", folder / "r");
  CHECK_THAT(error_of<InputError>(options), Contains("block 20, timestep 300") &&
                                                Contains("timestep 400") &&
                                                Contains("--allow-mismatch"));
  CHECK_FALSE(fs::exists(folder / "r"));
  options.allow_mismatch = true;
  CHECK(run(options).size() == 1);
}
