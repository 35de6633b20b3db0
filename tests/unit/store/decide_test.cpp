#include "store/decide.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "store/prompt.h"
#include "store_samples.h"
#include "support/support.h"

using namespace vega;
using namespace vega::test;

namespace {

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a rerun computes, skips, adds taps or overwrites") {
  const TempFolder folder;
  const auto path = folder / "a.h5";
  const std::vector<TapInfo> one{sample_tap("b20_t300", DType::kBF16)};
  CHECK(decide(path, sample_header(), one, false).decision == Decision::kCompute);
  CHECK(decide(path, sample_header(), one, true).decision == Decision::kCompute);
  write_sample(path, one);
  CHECK(decide(path, sample_header(), one, false).decision == Decision::kSkip);
  CHECK(decide(path, sample_header(), {}, false).decision == Decision::kSkip);
  CHECK(decide(path, sample_header(), one, true).decision == Decision::kOverwrite);
  CHECK(decide(path, sample_header("{}"), one, true).decision == Decision::kOverwrite);

  const std::vector<TapInfo> more{sample_tap("z", DType::kBF16), one[0],
                                  sample_tap("b10_t300", DType::kBF16)};
  const RerunDecision plan = decide(path, sample_header(), more, false);
  CHECK(plan.decision == Decision::kAddTaps);
  CHECK(plan.missing_taps == std::vector<std::string>{"z", "b10_t300"});
  CHECK(plan.reason == "complete, with the same key, but without z b10_t300");
}

TEST_CASE("a file with another key is refused, option by option") {
  const TempFolder folder;
  const auto path = folder / "a.h5";
  write_sample(path);
  const auto refusal = [&](const FeatureHeader& wanted) {
    return message_of<RefusedError>([&] { decide(path, wanted, {}, false); });
  };
  const auto options = refusal(
      sample_header(R"({"timestep": 500, "block": 20, "noise": {"kind": "zero"}, "extra": true})"));
  CHECK(has(options, "timestep: file has 300, asked 500"));
  CHECK(has(options, "noise.kind: file has v1, asked zero"));
  CHECK(has(options, "extra: file has no such option, asked true"));
  CHECK(has(options, "--overwrite"));
  CHECK_FALSE(has(options, "block:"));
  CHECK_FALSE(has(options, "model:"));

  const auto model = refusal(sample_header(kOptions, "m2"));
  CHECK(has(model, "model: file has fingerprint m1, asked m2"));
  CHECK_FALSE(has(model, "input"));
  const auto input = refusal(sample_header(kOptions, "m1", "i2"));
  CHECK(has(input, "input frames: file has fingerprint i1, asked i2"));
  FeatureHeader other = sample_header();
  other.cache_key = "0";
  CHECK(has(refusal(other), "the options agree"));

  TapInfo tap = sample_tap("b20_t300", DType::kBF16);
  tap.cache_key = "other";
  const auto taps =
      message_of<RefusedError>([&] { decide(path, sample_header(), std::vector{tap}, false); });
  CHECK(has(taps, "tap b20_t300: file has key "));
}

TEST_CASE("an existing file that is no complete one is an error that names the remedy") {
  const TempFolder folder;
  const auto path = folder / "a.h5";
  write_text(path, "garbage");
  CHECK(has(message_of<FormatError>([&] { decide(path, sample_header(), {}, false); }),
            "--overwrite"));
  CHECK(decide(path, sample_header(), {}, true).decision == Decision::kOverwrite);
  write_sample(path);
  auto bytes = read_bytes(path);
  bytes.resize(bytes.size() / 2);
  write_bytes(path, bytes);
  CHECK(
      has(message_of<FormatError>([&] { decide(path, sample_header(), {}, false); }), "truncated"));
}

TEST_CASE("files without taps are decided by schema and key") {
  const TempFolder folder;
  Prompt prompt;
  prompt.header = sample_header();
  prompt.header.cache_key = "k1";
  prompt.rows = 1;
  prompt.width = 2;
  prompt.context = {1, 2};
  write_prompt(folder / "p.h5", prompt);
  CHECK(decide(folder / "p.h5", kPromptSchema, prompt.header, false).decision == Decision::kSkip);
  CHECK_THROWS_AS(decide(folder / "p.h5", kFeaturesSchema, prompt.header, false), FormatError);
  prompt.header.cache_key = "k2";
  CHECK_THROWS_AS(decide(folder / "p.h5", kPromptSchema, prompt.header, false), RefusedError);
}
