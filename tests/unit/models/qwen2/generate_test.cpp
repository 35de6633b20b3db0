#include "models/qwen2/generate.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "generate_samples.h"

using namespace vega;
using namespace vega::test;

namespace {

GenerationConfig greedy(std::int64_t limit, double penalty = 1) {
  GenerationConfig config;
  config.max_new_tokens = limit;
  config.sampling.repetition_penalty = penalty;
  return config;
}

Ids answer(const qwen2::Decoder& model, const Prompt& prompt, const GenerationConfig& config) {
  return qwen2::generate(model, {&prompt, 1}, config).at(0).ids;
}

}  // namespace

TEST_CASE("generate: 64 greedy tokens of transformers, from ids and from embeddings") {
  for (const char* name : {"half_b", "seven_b", "odd"}) {
    CAPTURE(name);
    const Qwen2Sample sample(name);
    const qwen2::Decoder model = sample.decoder();
    const Ids ids = numbers_of(sample.notes()["prompt"]),
              want = numbers_of(sample.notes()["greedy"]);
    REQUIRE(want.size() == 64);
    CHECK(answer(model, of_ids(ids), greedy(64)) == want);
    CHECK(answer(model, of_embeddings(model, ids), greedy(64)) == want);
  }
}

TEST_CASE("R047: the penalty sees a prompt's ids, and of embeddings what was generated alone") {
  const double penalty = qwen2_notes()["penalty"].number().value();
  for (const char* name : {"half_b", "seven_b", "odd"}) {
    CAPTURE(name);
    const Qwen2Sample sample(name);
    const qwen2::Decoder model = sample.decoder();
    const Ids ids = numbers_of(sample.notes()["prompt"]);
    CHECK(answer(model, of_ids(ids), greedy(64, penalty)) ==
          numbers_of(sample.notes()["penalised_ids"]));
    CHECK(answer(model, of_embeddings(model, ids), greedy(64, penalty)) ==
          numbers_of(sample.notes()["penalised_embeddings"]));
  }
}

TEST_CASE("generate: an answer is the same alone and among others, greedy and drawn") {
  const Qwen2Sample sample("half_b");
  const Ids ids = numbers_of(sample.notes()["prompt"]);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const qwen2::Decoder model = sample.decoder(dtype);
    for (const bool drawn : {false, true}) {
      GenerationConfig config = greedy(12, 1.1);
      config.sampling.sample = drawn;
      config.sampling.top_p = 0.9;
      config.stop_ids = {7, 100, 200, 300};  // some answers end before others
      std::vector<Prompt> prompts;
      for (std::size_t n = 0; n < 9; ++n) {
        prompts.push_back(
            of_ids({ids.begin(), ids.begin() + 1 + static_cast<std::ptrdiff_t>(4 * n)}));
        prompts.back().key = "q" + std::to_string(n);
      }
      const auto together = qwen2::generate(model, prompts, config);
      REQUIRE(together.size() == prompts.size());
      for (std::size_t n = 0; n < prompts.size(); ++n) {
        CAPTURE(n, drawn, c10::toString(dtype));
        CHECK(answer(model, prompts[n], config) == together[n].ids);
      }
      config.seed = 43;
      const auto again = qwen2::generate(model, prompts, config);
      bool different = false;
      for (std::size_t n = 0; n < prompts.size(); ++n) different |= again[n].ids != together[n].ids;
      CHECK(different == drawn);
    }
  }
}

TEST_CASE("generate: questions share a prefix that is read once") {
  const Qwen2Sample sample("half_b");
  const qwen2::Decoder model = sample.decoder();
  const Ids ids = numbers_of(sample.notes()["prompt"]), want = numbers_of(sample.notes()["greedy"]);
  const KvCache prefix = qwen2_cache(model, std::span(ids).first(30), 30);
  std::vector<Prompt> prompts{of_ids({ids.begin() + 30, ids.end()}), of_ids({5, 6, 7}),
                              of_ids({ids.begin() + 30, ids.end()})};
  for (Prompt& prompt : prompts) prompt.prefix = &prefix;
  const auto answers = qwen2::generate(model, prompts, greedy(64));
  CHECK(answers[0].ids == want);
  CHECK(answers[2].ids == want);
  CHECK(answers[1].ids != want);
  CHECK(prefix.length() == 30);
  // The penalty sees the prefix's ids where they are given.
  prompts[0].prefix_ids = {ids.begin(), ids.begin() + 30};
  CHECK(answer(model, prompts[0], greedy(64, 1.3)) == numbers_of(sample.notes()["penalised_ids"]));
}

TEST_CASE("generate: stop ids, the limit and the caller end an answer") {
  const Qwen2Sample sample("half_b");
  const qwen2::Decoder model = sample.decoder();
  const Ids ids = numbers_of(sample.notes()["prompt"]), want = numbers_of(sample.notes()["greedy"]);
  const std::vector<Prompt> prompts{of_ids(ids)};
  // The first id that has not come before its place.
  std::size_t place = 3;
  while (std::find(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(place), want[place]) !=
         want.begin() + static_cast<std::ptrdiff_t>(place))
    ++place;
  const Ids before(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(place));
  GenerationConfig config = greedy(64);
  config.stop_ids = {511, want[place]};
  Ids streamed;
  const auto stream = [&](std::size_t prompt, std::int64_t id) {
    CHECK(prompt == 0);
    streamed.push_back(id);
    return true;
  };
  const Answer stopped = qwen2::generate(model, prompts, config, stream).at(0);
  CHECK(stopped.ids == before);
  CHECK(stopped.ending == Ending::kStopId);
  CHECK(stopped.stop_id == want[place]);
  CHECK(streamed == before);

  const Answer limited = qwen2::generate(model, prompts, greedy(3)).at(0);
  CHECK(limited.ids == Ids(want.begin(), want.begin() + 3));
  CHECK(limited.ending == Ending::kLimit);
  CHECK(limited.stop_id == -1);

  int count = 0;
  const Answer cut = qwen2::generate(model, prompts, greedy(64), [&](std::size_t, std::int64_t) {
                       return ++count < 5;
                     }).at(0);
  CHECK(cut.ids == Ids(want.begin(), want.begin() + 5));
  CHECK(cut.ending == Ending::kStopped);
  CHECK(qwen2::generate(model, {}, greedy(3)).empty());
}

// transformers 4.57 and 5, _prepare_generated_length: the length of embeddings is taken off, too.
TEST_CASE("generate: max_length counts ids, embeddings and prefix") {
  const Qwen2Sample sample("half_b");
  const qwen2::Decoder model = sample.decoder();
  const Ids ids = numbers_of(sample.notes()["prompt"]), want = numbers_of(sample.notes()["greedy"]);
  const auto count = static_cast<std::int64_t>(ids.size());
  GenerationConfig config = greedy(64);
  config.max_length = count + 5;
  const Ids five(want.begin(), want.begin() + 5);
  CHECK(answer(model, of_ids(ids), config) == five);
  CHECK(answer(model, of_embeddings(model, ids), config) == five);
  const KvCache prefix = qwen2_cache(model, std::span(ids).first(30), 30);
  Prompt behind = of_ids({ids.begin() + 30, ids.end()});
  behind.prefix = &prefix;
  const Answer cut = qwen2::generate(model, {&behind, 1}, config).at(0);
  CHECK(cut.ids == five);
  CHECK(cut.ending == Ending::kLimit);
  config.max_new_tokens = 3;
  CHECK(answer(model, of_ids(ids), config).size() == 3);
  config.max_length = count;  // transformers: an error as well
  CHECK_THROWS_WITH(answer(model, of_ids(ids), config), Catch::Contains("max_length"));
}

TEST_CASE("generate: positions of three components, and where the answer goes on") {
  const Qwen2Sample sample("three");
  const qwen2::Decoder model = sample.decoder();
  const Ids ids = numbers_of(sample.notes()["prompt"]);
  const auto count = static_cast<std::int64_t>(ids.size());
  Prompt prompt = of_ids(ids);
  const Ids plain = answer(model, prompt, greedy(8));
  prompt.positions = at::arange(count, at::kLong).expand({3, count});
  CHECK(answer(model, prompt, greedy(8)) == plain);
  // By hand, with a jump after the prompt.
  prompt.next_position = 400;
  KvCache cache = model.new_cache();
  at::Tensor hidden = model.forward(model.embed(ids), prompt.positions, cache, true);
  Ids want;
  for (std::int64_t n = 0; n < 8; ++n) {
    want.push_back(model.logits(hidden).argmax().item<std::int64_t>());
    hidden = model.forward(model.embed(std::span(want).last(1)),
                           at::full({3, 1}, 400 + n, at::kLong), cache);
  }
  CHECK(answer(model, prompt, greedy(8)) == want);
}

TEST_CASE("generate: NaN logits and prompts without tokens are errors, never an empty text") {
  const Qwen2Sample sample("odd");
  const qwen2::Decoder model = sample.decoder();
  Prompt prompt = of_embeddings(model, {1, 2, 3});
  prompt.embeddings[2][5] = NAN;
  CHECK_THROWS_AS(answer(model, prompt, greedy(4)), ModelError);
  CHECK_THROWS_WITH(answer(model, prompt, greedy(4)),
                    Catch::Contains("prompt 0, generated token 0: got logit 0 is NaN"));
  CHECK_THROWS_AS(answer(model, of_ids({}), greedy(4)), InputError);
  CHECK_THROWS_AS(answer(model, of_ids({131}), greedy(4)), InputError);
  CHECK_THROWS_AS(answer(model, of_ids({1}), greedy(0)), InputError);
  prompt.ids = {1};
  CHECK_THROWS_WITH(answer(model, prompt, greedy(4)), Catch::Contains("ids and embeddings"));
}
