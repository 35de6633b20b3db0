// `vega-eval profile`: operations against a count of another kind, and what is made of rows.
#include <catch2/catch.hpp>

#include <cmath>
#include <set>

#include "base/error.h"
#include "evaluate/profile_flops.h"
#include "evaluate/profile_report.h"
#include "models/qwen2/names.h"
#include "models/siglip/tower.h"
#include "models/wan/flops.h"
#include "support/qwen2_shapes.h"

using namespace vega;
using namespace vega::evaluate;
using Catch::Contains;

namespace {

// Token by token and tensor by tensor: each matrix of a layer meets each token, two operations a
// weight; each query head meets each key that it may see, twice (scores and sums).
double counted_decoder(const qwen2::Config& config, std::int64_t prefix, std::int64_t rest) {
  std::vector<std::int64_t> ends;  // the last tokens of the passes
  if (prefix > 0) ends.push_back(prefix - 1);
  ends.push_back(prefix + rest - 1);
  double out = 0;
  for (std::int64_t token = 0; token < prefix + rest; ++token) {
    const bool end = std::find(ends.begin(), ends.end(), token) != ends.end();
    for (const auto& tensor : qwen2::decoder_tensors(config)) {
      if (tensor.shape.size() != 2 || tensor.canonical == qwen2::kEmbedding) continue;
      const bool last = tensor.canonical.starts_with("layers." + std::to_string(config.layers - 1));
      const bool into = tensor.canonical.find("q_proj") != std::string::npos ||
                        tensor.canonical.find("k_proj") != std::string::npos ||
                        tensor.canonical.find("v_proj") != std::string::npos;
      if (last && !into && !end) continue;
      for (std::int64_t row = 0; row < tensor.shape[0]; ++row)
        out += 2 * static_cast<double>(tensor.shape[1]);
    }
    for (std::int64_t layer = 0; layer < config.layers; ++layer)
      for (std::int64_t head = 0; head < config.heads; ++head)
        for (std::int64_t seen = 0; seen <= token; ++seen)
          out += 2 * 2 * static_cast<double>(config.head_dim);
  }
  return out;
}

qwen2::Config small_decoder() {
  return {.hidden = 48,
          .layers = 3,
          .heads = 6,
          .kv_heads = 2,
          .head_dim = 16,
          .mlp = 80,
          .vocab = 301};
}

ProfileRow profile_row(ProfileSetting setting, double seconds) {
  ProfileRow row;
  row.setting = setting;
  row.runs[static_cast<std::size_t>(Stage::kLanguage)] = true;
  row.stages[static_cast<std::size_t>(Stage::kLanguage)] = seconds;
  row.median_s = seconds;
  row.low_s = seconds * 0.5;
  row.high_s = seconds * 2;
  row.peak_bytes = 3.25e9;
  row.flops.decoder = 1.5e12;
  row.visual_tokens = 6720;
  row.text_tokens = 40;
  return row;
}

constexpr const char* kCsv =
    "# Cost of one answer (somewhere).\n# More.\nname,latency_ms,memory_gb,tflops,vae_ms,dit_ms\n"
    "no generative branch,51.94,25.7,109.72,,\n\"832x480, cached features\",70.35,26.98,121.17,,\n"
    "832x480,173.87,26.98,204.58,59.2,56.54\n";

Profile made_profile() {
  Profile p;
  p.checkpoint = "model";
  p.device = "A machine";
  p.dtype = "fp32";
  p.frames = 32;
  p.repeats = 5;
  p.rows = {profile_row(ProfileSetting::kNone, 2), profile_row(ProfileSetting::kCached, 3)};
  p.published = read_published_profiles(kCsv);
  return p;
}

}  // namespace

TEST_CASE("profile: operations of the decoder, token by token") {
  const qwen2::Config config = small_decoder();
  for (const auto& [prefix, rest] : {std::pair{0, 1}, {0, 37}, {21, 1}, {30, 12}}) {
    CAPTURE(prefix, rest);
    CHECK(decoder_flops(config, prefix, rest) == counted_decoder(config, prefix, rest));
  }
  CHECK(head_flops(config) == 2.0 * 301 * 48);
  // The true size: 7.6 billion weights, of which the embedding is looked up and the head meets one
  // token.
  CHECK(decoder_flops(test::qwen2_7b(152064), 0, 1) / 2e9 == Approx(6.525).epsilon(1e-3));
}

TEST_CASE("profile: operations of projectors and fusion, by their matrices") {
  CHECK(projector_flops({"mlp2x_gelu", 1152, 3584}, 729) ==
        2.0 * 729 * (1152.0 * 3584 + 3584.0 * 3584));
  CHECK(projector_flops({"linear", 5, 7}, 3) == 2.0 * 3 * 5 * 7);
  FusionConfig config;
  config.width = 64;
  const auto flops = [&](const char* method) {
    set_method(config, method);
    return fusion_flops(config, 2);
  };
  const double tokens = 2.0 * 196, h = 64;
  CHECK(flops("add") == 0);
  CHECK(flops("weighted") == 0);
  CHECK(flops("token_gated") == 2 * tokens * 2 * h);
  CHECK(flops("gated") == 2 * tokens * 2 * h * h);
  CHECK(flops("concat") == 2 * tokens * 2 * h * h);
  CHECK(flops("instruction_token_gated") == 2 * tokens * 2 * h + 2 * (h * h / 2 + h / 2));
  // q, k, v, out, 4H and back; each token of a frame with each, scores and sums.
  CHECK(flops("cross_attention") ==
        2 * tokens * (3 * h * h + h * h + 8 * h * h) + 2 * 2.0 * 2 * 196 * 196 * h);
}

// docs/profile.md has these numbers.
TEST_CASE("profile: operations of VEGA-3D at its true shapes") {
  const double frames = 32;
  const qwen2::Config decoder = test::qwen2_7b();
  const double tower = frames * siglip::cost_of({}, 2).pass_flops;
  const double language = decoder_flops(decoder, 6735, 40) + head_flops(decoder);
  const double semantic = projector_flops({"mlp2x_gelu", 1152, 3584}, frames * 729);
  const double generative =
      projector_flops({"mlp2x_gelu", 1536, 3584}, frames * 196) + fusion_flops({}, frames);
  CHECK(tower / 1e12 == Approx(20.54).margin(0.005));
  CHECK(language / 1e12 == Approx(94.70).margin(0.005));
  const double none = tower + semantic + language, cached = none + generative;
  CHECK(none / 1e12 == Approx(116.0).margin(0.05));
  CHECK(cached / 1e12 == Approx(116.3).margin(0.05));
  const auto online = [&](ImageSize size) {
    const Cost cost = wan::cost_of({}, {}, {.size = size});
    return (cached + frames * (cost.once_flops + cost.pass_flops)) / 1e12;
  };
  CHECK(online({832, 480}) == Approx(239.1).margin(0.05));
  CHECK(online({1280, 720}) == Approx(435.7).margin(0.05));
}

TEST_CASE("profile: the published figures") {
  const PublishedProfiles p = read_published_profiles(kCsv);
  CHECK(p.source == "Cost of one answer (somewhere).");
  REQUIRE(p.rows.size() == 3);
  CHECK(p.rows[1].name == "832x480, cached features");
  CHECK(p.rows[1].latency_ms == 70.35);
  CHECK(std::isnan(p.rows[1].vae_ms));
  CHECK(p.rows[2].dit_ms == 56.54);
  CHECK_THROWS_AS(read_published_profiles(""), FormatError);
  CHECK_THROWS_WITH(read_published_profiles("name,latency_ms\nx,1\n"), Contains("no memory_gb"));
  CHECK_THROWS_WITH(
      read_published_profiles("name,latency_ms,memory_gb,tflops,vae_ms,dit_ms\nx,fast,1,1,,\n"),
      Contains("profiling.csv:2: latency_ms") && Contains("'fast'"));
}

TEST_CASE("profile: table, record and plot have this machine and the paper") {
  const Profile p = made_profile();
  const std::string text = profile_table(p).text();
  CHECK_THAT(text, Contains("no generative branch") && Contains("2000  1000..4000       1.00x") &&
                       Contains("3000  1500..6000       1.50x") && Contains("1.35x") &&
                       Contains("paper: 832x480, cached features") && Contains("59.20"));
  CHECK_THAT(text, Contains("A machine, fp32, 1 thread; 32 frames") &&
                       Contains("6720 visual tokens, 40 of the prompt") && Contains("count two") &&
                       Contains("(somewhere)") && Contains("resident set"));
  const Json json = to_json(p);
  CHECK(json["schema"] == Json("vega.profile/1"));
  CHECK(json["rows"].size() == 2);
  CHECK(json["rows"][1]["latency_ms"] == Json(3000.0));
  CHECK(json["rows"][1]["stages_ms"]["vae"] == Json());
  CHECK(json["rows"][0]["flop"]["total"] == Json(1.5e12));
  CHECK(json["published"]["rows"][2]["vae_ms"] == Json(59.2));
  CHECK(json["published"]["rows"][0]["vae_ms"] == Json());
  // Each column has a name of its own; one run has no median; small costs stay apart.
  std::set<std::string> titles;
  const Table table = profile_table(p);
  for (const TableColumn& column : table.columns()) CHECK(titles.insert(column.title).second);
  CHECK(titles.contains("x baseline"));
  CHECK_THAT(text, Contains("median of 5 runs after 0 of warm-up, and quartiles"));
  Profile once = p;
  once.repeats = 1;
  CHECK_THAT(profile_table(once).text(), Contains("; 1 run after 0 of warm-up\n"));
  once.published.rows.clear();
  once.rows[0].flops.decoder = 6.03e10;
  once.rows[1].flops.decoder = 6.06e10;
  CHECK_THAT(
      draw_page(PageFormat::kSvg, kProfilePage.width, kProfilePage.height, plot_profile(once)),
      Contains("0.0603") && Contains("0.0606"));
  Profile device = p;
  device.on_cpu = false;
  CHECK_THAT(profile_table(device).text(), Contains("the device's allocator"));
  const std::string svg =
      draw_page(PageFormat::kSvg, kProfilePage.width, kProfilePage.height, plot_profile(p));
  CHECK_THAT(svg, Contains("this machine: latency") && Contains("paper: latency") &&
                      Contains("not measured") && Contains("480p cached") &&
                      Contains("no branch") && Contains("TFLOP"));
}
