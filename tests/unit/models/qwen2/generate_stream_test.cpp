#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "base/error.h"
#include "generate_samples.h"

using namespace vega;
using namespace vega::test;

namespace {

GenerationConfig some_config(std::int64_t limit) {
  GenerationConfig config;
  config.max_new_tokens = limit;
  config.sampling = {.repetition_penalty = 1.1, .sample = true, .temperature = 1.2, .top_p = 0.95};
  for (std::int64_t id = 3; id < 512; id += 13) config.stop_ids.push_back(id);
  return config;
}

// Prompts of many lengths, as ids, as embeddings and behind a prefix.
std::vector<Prompt> some_prompts(const qwen2::Decoder& model, std::mt19937& draw, std::size_t count,
                                 const KvCache* prefix) {
  std::vector<Prompt> prompts(count);
  for (std::size_t n = 0; n < count; ++n) {
    Ids ids(1 + draw() % 40);
    for (auto& id : ids) id = static_cast<std::int64_t>(draw() % 500);
    prompts[n].key = "question " + std::to_string(n);
    if (n % 3 == 1)
      prompts[n].embeddings = model.embed(ids);
    else
      prompts[n].ids = ids;
    if (n % 2 == 1) prompts[n].prefix = prefix;
  }
  return prompts;
}

bool same_texts(const Answer& a, const Answer& b) {
  return a.ids == b.ids && a.stop_id == b.stop_id && a.ending == b.ending;
}

// Results of a stream by the number of the prompt, each of which may come once.
struct Told {
  std::map<std::size_t, Answer> answers;
  std::map<std::size_t, std::string> failures;
  std::map<std::size_t, Ids> streamed;
  std::size_t given = 0, most = 0;  // prompts given so far; the most that grew at a time

  std::size_t ended() const { return answers.size() + failures.size(); }
};

Told told_by(const qwen2::Decoder& model, const std::vector<Prompt>& prompts,
             const GenerationConfig& config, std::size_t rows,
             const qwen2::OnToken& on_token = {}) {
  Told told;
  qwen2::generate_stream(
      model,
      [&]() -> std::optional<Prompt> {
        if (told.given == prompts.size()) return std::nullopt;
        told.most = std::max(told.most, told.given + 1 - told.ended());
        return prompts[told.given++];
      },
      config, {.rows = rows},
      [&](std::size_t prompt, std::int64_t id) {
        told.streamed[prompt].push_back(id);
        return !on_token || on_token(prompt, id);
      },
      [&](std::size_t prompt, Answer&& answer) {
        CHECK(told.streamed[prompt] == answer.ids);
        CHECK(told.answers.emplace(prompt, std::move(answer)).second);
      },
      [&](std::size_t prompt, const InputError& error) {
        CHECK(told.failures.emplace(prompt, error.what()).second);
      });
  return told;
}

// Bytes of tensors on the CPU that this thread took and has not given back.
struct Counted : c10::MemoryReportingInfoBase {
  void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t,
                         c10::Device) override {
    now += bytes;
    most = std::max(most, now);
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t now = 0, most = 0;
};

}  // namespace

TEST_CASE("generate_stream: answers of generate(), whatever the lengths and the rows") {
  const Qwen2Sample sample("half_b");
  const qwen2::Decoder model = sample.decoder();
  Ids first(20);
  for (std::size_t n = 0; n < first.size(); ++n) first[n] = static_cast<std::int64_t>(7 * n + 1);
  const KvCache prefix = qwen2_cache(model, first, 20);
  for (const unsigned seed : {1U, 2U, 3U}) {
    std::mt19937 draw(seed);
    const auto prompts = some_prompts(model, draw, 11, &prefix);
    const GenerationConfig config = some_config(1 + draw() % 30);
    std::vector<Answer> alone;
    for (const Prompt& prompt : prompts)
      alone.push_back(qwen2::generate(model, {&prompt, 1}, config).at(0));
    const auto together = qwen2::generate(model, prompts, config);
    for (const std::size_t rows : {1U, 2U, 5U, 64U}) {
      CAPTURE(seed, rows);
      const Told told = told_by(model, prompts, config, rows);
      REQUIRE(told.answers.size() == prompts.size());
      CHECK(told.failures.empty());
      if (rows <= 5) CHECK(told.most == rows);
      CHECK(told.most >= std::min<std::size_t>(rows, 5));
      for (std::size_t n = 0; n < prompts.size(); ++n) {
        CAPTURE(n);
        CHECK(same_texts(told.answers.at(n), alone[n]));
        CHECK(same_texts(together[n], alone[n]));
      }
    }
  }
}

TEST_CASE("generate_stream: a callback ends its own answer, and what it throws ends the stream") {
  const Qwen2Sample sample("half_b");
  const qwen2::Decoder model = sample.decoder();
  std::mt19937 draw(9);
  const auto prompts = some_prompts(model, draw, 7, nullptr);
  GenerationConfig config = some_config(10);
  config.stop_ids.clear();
  const Told whole = told_by(model, prompts, config, 3);
  Ids counts(prompts.size());
  const Told cut = told_by(model, prompts, config, 3, [&](std::size_t prompt, std::int64_t) {
    return ++counts[prompt] < static_cast<std::int64_t>(2 * prompt + 1);
  });
  for (std::size_t n = 0; n < prompts.size(); ++n) {
    CAPTURE(n);
    const std::size_t length = std::min<std::size_t>(10, 2 * n + 1);
    const Answer& answer = cut.answers.at(n);
    const Ids& all = whole.answers.at(n).ids;
    CHECK(answer.ids == Ids(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(length)));
    CHECK(answer.ending == (2 * n + 1 <= 10 ? Ending::kStopped : Ending::kLimit));
  }
  // An error of the caller's own is nobody's failure.
  CHECK_THROWS_WITH(told_by(model, prompts, config, 3,
                            [](std::size_t prompt, std::int64_t) -> bool {
                              if (prompt == 2) throw InputError("the disk is full");
                              return true;
                            }),
                    "the disk is full");
}

TEST_CASE("generate_stream: a prompt that fails is told for itself and the others go on") {
  const Qwen2Sample sample("half_b");
  const qwen2::Decoder model = sample.decoder();
  std::mt19937 draw(4);
  auto prompts = some_prompts(model, draw, 9, nullptr);
  const GenerationConfig config = some_config(12);
  const Told whole = told_by(model, prompts, config, 4);
  REQUIRE(whole.failures.empty());
  prompts[1] = {};                                                     // no token
  prompts[2].embeddings = at::full({3, sample.config().hidden}, NAN);  // beside its ids
  prompts[4].embeddings = at::full({3, sample.config().hidden}, NAN);
  prompts[4].ids.clear();
  prompts[6] = {.embeddings = at::zeros({3, sample.config().hidden + 1})};
  prompts[7].positions = at::arange(100, at::kLong);
  prompts[8].prefix_ids = {100000};
  for (const std::size_t rows : {1U, 4U}) {
    const Told told = told_by(model, prompts, config, rows);
    CHECK(told.answers.size() == 3);
    for (const std::size_t n : {0U, 3U, 5U})
      CHECK(same_texts(told.answers.at(n), whole.answers.at(n)));
    CHECK_THAT(told.failures.at(1), Catch::Contains("prompt 1") && Catch::Contains("no token"));
    CHECK_THAT(told.failures.at(2), Catch::Contains("ids and embeddings"));
    CHECK_THAT(told.failures.at(4),
               Catch::Contains("prompt 4, generated token 0: got logit 0 is NaN"));
    CHECK_THAT(told.failures.at(6), Catch::Contains("prompt 6"));
    CHECK_THAT(told.failures.at(7), Catch::Contains("positions"));
    CHECK(told.failures.size() == 6);
  }
  // Without on_failure it is thrown, as what it is.
  std::size_t given = 0;
  const auto next = [&]() -> std::optional<Prompt> { return prompts.at(3 + given++); };
  CHECK_THROWS_AS(qwen2::generate_stream(model, next, config, {}, {}, [](auto, auto&&) {}),
                  ModelError);
  CHECK_THROWS_AS(told_by(model, prompts, config, 0), InputError);
}

TEST_CASE("generate_stream: an answer that has ended leaves no memory behind") {
  const Qwen2Sample sample("half_b");
  const qwen2::Decoder model = sample.decoder();
  GenerationConfig config;
  config.max_new_tokens = 6;
  const auto most_of = [&](std::size_t count, std::size_t rows) {
    std::vector<Prompt> prompts(count);
    for (Prompt& prompt : prompts) prompt.embeddings = model.embed(Ids(30, 7));
    const auto counted = std::make_shared<Counted>();
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counted);
    CHECK(told_by(model, prompts, config, rows).answers.size() == count);
    CHECK(counted->now == 0);
    return counted->most;
  };
  const std::int64_t one = most_of(1, 1), cache = model.new_cache(36).bytes();
  CHECK(one > cache);
  CHECK(most_of(12, 1) == one);
  const std::int64_t three = most_of(3, 3);
  CHECK(three >= one + 2 * cache);
  CHECK(most_of(12, 3) == three);
}
