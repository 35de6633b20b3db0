// Losses of a model in training against the PyTorch forward of tests/golden/export_vlm.py, for
// every fusion method, position embedding and grounding head.
#include "train_cases.h"

using namespace vega;
using namespace vega::vlm;
using test::TrainCase;

TEST_CASE("train: losses are those of the golden cases") {
  std::size_t words = 0, grounds = 0;
  for (const Json& json : test::vlm_json()["cases"].elements()) {
    if (!json.contains("loss") || json["loss"].is_null()) continue;
    TrainCase c(json);
    INFO(c.golden.name());
    c.options.placement.dtype = at::kFloat;
    TrainModel model = c.model({Part::kProjector});
    const TrainSample sample = c.sample();
    const PassResult got = model.losses(c.scene(), {&sample, 1});
    REQUIRE(got.samples.size() == 1);
    CHECK(got.tokens == c.golden.json()["length"].whole());
    const double off = std::abs(got.samples[0].loss - *json["loss"].number());
    CHECK(off < *test::vlm_json()["tolerances"]["loss"].number());
    const std::int64_t visual = model.visual_tokens(2);
    CHECK(got.samples[0].targets == model.target_count(sample, visual));
    (c.golden.has("scores") ? grounds : words) += 1;
  }
  CHECK(words >= 20);
  CHECK(grounds >= 20);
}
