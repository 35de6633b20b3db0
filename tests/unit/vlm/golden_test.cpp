// Assembly, decoder and grounding against a PyTorch forward that was written from the description
// (tests/golden/export_vlm.py), in float32, for every fusion method and position embedding.
#include <catch2/catch.hpp>

#include "core/device.h"
#include "golden_cases.h"
#include "models/qwen2/generate.h"

using namespace vega;
using namespace vega::vlm;
using test::GoldenCase;

namespace {

// Of bfloat16: the share of the norm that all networks of vega keep, or one step of a number below
// 1 (cosines of nearly orthogonal vectors are sums that cancel).
constexpr double kGoldenHalfBar = 2e-2, kHalfStep = 0x1p-8;

// What is compared, and how near it must be: within `slack` times the file's absolute tolerances,
// or, where `half` is set, within that share of the values' norm.
double slack = 1, half = 0;

bool near(const at::Tensor& got, const at::Tensor& file, const char* of) {
  REQUIRE(got.numel() == file.numel());
  if (file.numel() == 0) return true;
  const at::Tensor want = file.to(at::kDouble).flatten();
  const at::Tensor apart = got.cpu().to(at::kDouble).flatten() - want;
  const double share = apart.norm().item<double>() / want.norm().item<double>();
  const double farthest = apart.abs().max().item<double>();
  UNSCOPED_INFO(of << ": farthest " << farthest << ", share of the norm " << share);
  if (half > 0) return share < half || farthest < kHalfStep;
  return farthest < slack * *test::vlm_json()["tolerances"][of].number();
}

void check_sequence(const GoldenCase& c, const Sequence& s, const at::Tensor& positions) {
  REQUIRE(s.embeddings.size(0) == c.json()["length"].whole());
  const at::Tensor rows = c.tensor("embeddings.index").to(at::kLong);
  CHECK(near(s.embeddings.cpu().index_select(0, rows), c.tensor("embeddings.rows"),
             "embeddings.rows"));
  CHECK(near(s.embeddings.to(at::kDouble).sum(1), c.tensor("embeddings.sum"), "embeddings.sum"));
  if (const Json& image = c.json()["image"]; image.size() == 2 && c.name() != "cut") {
    CHECK(s.image_first == image[0].whole());
    CHECK(s.image_count == image[1].whole());
  }
  if (c.has("labels.spliced")) CHECK(s.labels == c.ids("labels.spliced"));
  if (c.has("positions")) CHECK(test::whole_numbers(positions) == c.ids("positions"));
}

void check_language(const GoldenCase& c, const Vlm& model, const Sequence& s,
                    const at::Tensor& positions) {
  KvCache cache = model.decoder().new_cache();
  const at::Tensor hidden = model.decoder().forward(s.embeddings, positions, cache);
  const at::Tensor rows = c.tensor("logits.index").to(at::kLong);
  CHECK(near(model.decoder().logits(hidden.index_select(0, rows.to(hidden.device()))),
             c.tensor("logits"), "logits"));
  if (!c.has("greedy")) return;
  qwen2::Prompt prompt;
  prompt.embeddings = s.embeddings;
  prompt.positions = positions;
  qwen2::GenerationConfig config;
  config.max_new_tokens = static_cast<std::int64_t>(c.ids("greedy").size());
  const auto answers = qwen2::generate(model.decoder(), {&prompt, 1}, config);
  if (s.embeddings.scalar_type() == at::kFloat)
    CHECK(answers.at(0).ids == c.ids("greedy"));
  else
    CHECK(answers.at(0).ids.size() == c.ids("greedy").size());
}

void check_grounding(const GoldenCase& c, const Vlm& model, VisualScene& scene,
                     const PromptIds& prompt) {
  CHECK(near(model.objects_of(scene, prompt), c.tensor("objects"), "objects"));
  const Grounding got = model.ground(scene, prompt);
  std::vector<float> scores = got.scores;
  if (got.none) scores.push_back(*got.none);
  CHECK(near(at::tensor(scores), c.tensor("scores"), "scores"));
  REQUIRE(got.best >= 0);
  CHECK(got.scores[static_cast<std::size_t>(got.best)] ==
        *std::max_element(got.scores.begin(), got.scores.end()));
  std::vector<std::int64_t> positives;
  for (const Json& place : c.json()["positives"].elements()) positives.push_back(*place.whole());
  CHECK(near(model.head().loss(at::tensor(scores), positives),
             at::tensor(*c.json()["loss"].number(), at::kDouble), "loss"));
}

void check_all(const Placement& placement) {
  std::size_t logits = 0, scores = 0;
  for (const Json& json : test::vlm_json()["cases"].elements()) {
    const GoldenCase c(json);
    INFO(c.name());
    const test::TempFolder folder;
    const auto path = c.write(folder);
    VlmCheckpoint checkpoint = open_checkpoint(path, {.base = folder / "base"});
    const Vlm model(std::move(checkpoint), {placement, c.switches()});
    SceneInput input = c.scene(model.checkpoint().config);
    PromptIds prompt{c.ids("ids"), {}};
    if (c.has("labels")) prompt.labels = c.ids("labels");
    VisualScene scene;
    if (input.semantic.defined()) scene = model.see(std::move(input));
    const Sequence s = model.assemble(scene, prompt, c.coords());
    const at::Tensor positions = model.positions_of(scene, s);
    check_sequence(c, s, positions);
    if (c.has("logits")) {
      check_language(c, model, s, positions);
      ++logits;
    }
    if (c.has("scores")) {
      check_grounding(c, model, scene, prompt);
      ++scores;
    }
  }
  CHECK(logits > 40);
  CHECK(scores > 15);
}

}  // namespace

TEST_CASE("golden: the forward pass of every case") {
  slack = 1, half = 0;
  check_all({});
}

TEST_CASE("golden: every case runs in bfloat16, near float32") {
  half = kGoldenHalfBar;
  check_all({at::kCPU, at::kBFloat16});
}

TEST_CASE("golden: CUDA equals the CPU", "[cuda]") {
  std::string why;
  if (!cuda_available(&why)) return test::note_skip("CUDA: " + why);
  slack = 10, half = 0;
  check_all({at::Device(at::kCUDA, 0), at::kFloat});
}
