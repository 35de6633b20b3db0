#include "nn/sampling.h"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "support/support.h"

using namespace vega;

TEST_CASE("R047: the repetition penalty takes each id once, and only those that were seen") {
  const std::vector<float> logits{2, -2, 1};
  std::vector<float> embeddings = logits, ids = logits;
  penalise(embeddings, std::vector<std::int64_t>{1, 1}, 2);  // generated ids alone
  CHECK(embeddings == std::vector<float>{2, -4, 1});
  penalise(ids, std::vector<std::int64_t>{0, 1, 1}, 2);  // the prompt's ids, too
  CHECK(ids == std::vector<float>{1, -4, 1});
  CHECK_THROWS_AS(penalise(ids, std::vector<std::int64_t>{3}, 2), InputError);
}

TEST_CASE("logits that are not finite are an error that names the first") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(check_logits(std::vector<float>{1, nan, infinity}, "here"),
                    Catch::StartsWith("here: got logit 1 is NaN, expected finite logits"));
  CHECK_THROWS_AS(check_logits(std::vector<float>{-infinity, 0}, "here"), ModelError);
  CHECK_NOTHROW(check_logits(std::vector<float>{1, -3e38F}, "here"));
}

TEST_CASE("greedy: the largest logit, of equal ones the smallest id") {
  CHECK(greedy_token(std::vector<float>{1, 3, 2, 3}) == 1);
  CHECK(greedy_token(std::vector<float>{-5}) == 0);
}

TEST_CASE("top-k and top-p leave the tokens and shares that transformers leaves") {
  const Json notes = read_json(test::golden("qwen2.json"), "notes")["warp"];
  std::vector<float> logits;
  for (const Json& one : notes["logits"].elements())
    logits.push_back(static_cast<float>(one.number().value()));
  CHECK(notes["cases"].size() == 6);
  for (const Json& one : notes["cases"].elements()) {
    const SamplingOptions options{.sample = true,
                                  .temperature = one["temperature"].number().value(),
                                  .top_k = one["top_k"].whole().value(),
                                  .top_p = one["top_p"].number().value()};
    CAPTURE(options.temperature, options.top_k, options.top_p);
    // At a cumulated share, the token before and the token after.
    double passed = 0;
    for (std::size_t n = 0; n < one["kept"].size(); ++n) {
      const std::int64_t id = one["kept"][n].whole().value();
      const double share = one["shares"][n].number().value();
      CHECK(sampled_token(logits, options, passed + 1e-6 * share + 1e-8) == id);
      passed += share;
      CHECK(sampled_token(logits, options, passed - 1e-6 * share - 1e-8) == id);
    }
    CHECK(sampled_token(logits, options, 1 - 1e-10) == one["kept"][one["kept"].size() - 1].whole());
  }
}

TEST_CASE("sampled tokens of a large vocabulary follow the distribution") {
  std::vector<float> logits(5000, 0.0F);
  logits[4000] = std::log(5000.0F);  // half of everything together
  const SamplingOptions options{.sample = true};
  int large = 0;
  std::array<int, 2> halves{};
  for (int n = 0; n < 4000; ++n) {
    const std::int64_t id = sampled_token(logits, options, sampling_unit(7, "q", n));
    large += id == 4000;
    if (id != 4000) ++halves[id < 2500 ? 0 : 1];
  }
  CHECK(std::abs(large - 2000) < 160);  // five standard deviations
  CHECK(std::abs(halves[0] - halves[1]) < 240);
}

TEST_CASE("the numbers of a step depend on seed, sequence and step alone") {
  CHECK(sampling_unit(42, "a", 3) == sampling_unit(42, "a", 3));
  std::map<double, int> seen;
  for (const std::uint64_t seed : {0, 1, 42})
    for (const char* key : {"", "a", "b"})
      for (int step = 0; step < 50; ++step) ++seen[sampling_unit(seed, key, step)];
  CHECK(seen.size() == 450);
  CHECK(seen.begin()->first > 0);
  CHECK(seen.rbegin()->first < 1);
}
