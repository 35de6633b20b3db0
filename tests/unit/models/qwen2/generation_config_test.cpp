#include "models/qwen2/generation_config.h"

#include <catch2/catch.hpp>

#include <optional>

#include "base/error.h"
#include "support/support.h"

using namespace vega;
using namespace vega::test;

namespace {

using Ids = std::vector<std::int64_t>;

// A folder with these two files; nothing: the file is absent.
struct Files {
  Files(const std::optional<std::string>& generation, const std::optional<std::string>& config) {
    if (generation) write_text(folder / "generation_config.json", *generation);
    if (config) write_text(folder / "config.json", *config);
  }
  qwen2::GenerationConfig ask() const { return qwen2::ask_generation(folder.path()); }
  qwen2::GenerationConfig benchmark() const { return qwen2::benchmark_generation(folder.path()); }
  TempFolder folder;
};

// What Qwen2-7B-Instruct ships.
constexpr const char* kReleased = R"({"bos_token_id": 151643, "pad_token_id": 151643,
  "do_sample": true, "eos_token_id": [151645, 151643], "repetition_penalty": 1.05,
  "temperature": 0.7, "top_p": 0.8, "top_k": 20, "transformers_version": "4.37.0"})";

}  // namespace

TEST_CASE("R044: the list of generation_config.json stops, and the difference is told") {
  const Files files(kReleased, R"({"eos_token_id": 151643})");
  for (const auto& config : {files.ask(), files.benchmark()}) {
    CHECK(config.stop_ids == Ids{151645, 151643});
    REQUIRE_FALSE(config.notes.empty());
    CHECK(config.notes[0] ==
          "generation_config.json stops at 151645, 151643, config.json names 151643: "
          "generation_config.json counts");
  }
  CHECK(Files(kReleased, R"({"eos_token_id": [151643, 151645]})").ask().notes.empty());
  CHECK(Files(kReleased, std::nullopt).ask().notes.empty());
  const auto alone =
      Files(std::nullopt, R"({"text_config": {"eos_token_id": 9}, "eos_token_id": 8})");
  CHECK(alone.ask().stop_ids == Ids{9});
  CHECK(alone.ask().notes.empty());
  const auto none = Files("{}", "{}").benchmark();
  CHECK(none.stop_ids.empty());
  CHECK(none.notes.at(0).find("end at the limit") != std::string::npos);
}

TEST_CASE("a benchmark takes stop ids, pad id and penalty; a question takes all") {
  const Files files(kReleased, "{}");
  const auto benchmark = files.benchmark();
  CHECK(benchmark.pad_id == 151643);
  CHECK(benchmark.sampling.repetition_penalty == 1.05);
  CHECK_FALSE(benchmark.sampling.sample);
  CHECK(benchmark.describe() ==
        "stop ids 151645, 151643, repetition penalty 1.05, greedy, at most 512 tokens");
  CHECK(benchmark.notes.at(0).find("a benchmark answers greedily: do_sample") != std::string::npos);
  const auto ask = files.ask();
  CHECK(ask.sampling.sample);
  CHECK(ask.describe() ==
        "stop ids 151645, 151643, repetition penalty 1.05, drawn: temperature 0.7, top_k 20, "
        "top_p 0.8, seed 42, at most 512 tokens");
  CHECK(ask.notes.empty());
}

TEST_CASE("what a file leaves out has the defaults of transformers, what is off has no effect") {
  const auto drawn = Files(R"({"do_sample": true})", std::nullopt).ask();
  CHECK(drawn.sampling.temperature == 1);
  CHECK(drawn.sampling.top_k == 50);
  CHECK(drawn.sampling.top_p == 1);
  const auto off = Files(R"({"do_sample": false, "temperature": 0.1, "top_k": 3, "min_p": 0.2,
    "max_new_tokens": 77, "eos_token_id": 1})",
                         std::nullopt)
                       .ask();
  CHECK_FALSE(off.sampling.sample);
  CHECK(off.sampling.top_k == 0);
  CHECK(off.max_new_tokens == 77);
  CHECK(off.notes.empty());
  const auto absent = Files(std::nullopt, std::nullopt).ask();
  CHECK(absent.sampling.repetition_penalty == 1);
  CHECK(absent.pad_id == -1);
}

TEST_CASE("settings that vega does not have are refused for questions and told for benchmarks") {
  for (const char* setting : {R"("num_beams": 4)", R"("no_repeat_ngram_size": 3)",
                              R"("min_new_tokens": 2)", R"("suppress_tokens": [5])",
                              R"("min_p": 0.05, "do_sample": true)", R"("stop_strings": ["."])"}) {
    CAPTURE(setting);
    const Files files("{" + std::string(setting) + R"(, "eos_token_id": 1})", std::nullopt);
    CHECK_THROWS_AS(files.ask(), InputError);
    CHECK_THROWS_WITH(files.ask(), Catch::Contains("generation_config.json") &&
                                       Catch::Contains("settings that vega has"));
    CHECK(files.benchmark().notes.size() == 1);
  }
  for (const char* neutral : {R"("num_beams": 1)", R"("min_length": 0)", R"("suppress_tokens": [])",
                              R"("guidance_scale": null)", R"("renormalize_logits": true)"}) {
    CAPTURE(neutral);
    const Files files("{" + std::string(neutral) + R"(, "eos_token_id": 1})", std::nullopt);
    CHECK(files.ask().notes.empty());
    CHECK(files.benchmark().notes.empty());
  }
}

TEST_CASE("settings of another kind are named") {
  for (const auto& [text, key] :
       {std::pair<std::string, std::string>{R"({"eos_token_id": "<|im_end|>"})", "eos_token_id"},
        {R"({"eos_token_id": [1, -2]})", "eos_token_id"},
        {R"({"eos_token_id": 1, "repetition_penalty": 0})", "repetition_penalty"},
        {R"({"eos_token_id": 1, "do_sample": true, "temperature": -1})", "temperature"},
        {R"({"eos_token_id": 1, "do_sample": true, "top_p": 1.5})", "top_p"},
        {R"({"eos_token_id": 1, "do_sample": "yes"})", "do_sample"}}) {
    CAPTURE(text);
    CHECK_THROWS_AS(Files(text, std::nullopt).ask(), FormatError);
    CHECK_THROWS_WITH(Files(text, std::nullopt).ask(), Catch::Contains(key));
  }
  CHECK_THROWS_AS(Files("[]", std::nullopt).ask(), FormatError);
}

TEST_CASE("max_length counts the prompt, and max_new_tokens comes before it") {
  const auto whole = Files(R"({"max_length": 300, "eos_token_id": 1})", std::nullopt).ask();
  CHECK(whole.max_length == 300);
  CHECK(whole.max_new_tokens == 300);
  CHECK_THAT(whole.describe(), Catch::EndsWith("greedy, at most 300 tokens with the prompt"));
  const auto both =
      Files(R"({"max_length": 300, "max_new_tokens": 20, "eos_token_id": 1})", std::nullopt).ask();
  CHECK(both.max_length == 0);
  CHECK(both.max_new_tokens == 20);
  CHECK_THAT(both.notes.at(0), Catch::Contains("max_new_tokens counts"));
  CHECK_THROWS_AS(Files(R"({"max_length": "long"})", std::nullopt).ask(), FormatError);
  CHECK(Files(R"({"max_length": 300})", std::nullopt).benchmark().max_length == 0);
}
