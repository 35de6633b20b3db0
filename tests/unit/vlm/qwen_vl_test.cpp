// Qwen2.5-VL as a whole against transformers: logits, positions and greedy texts.
#include "vlm/qwen_vl.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <iostream>

#include "../models/qwen2_5_vl/qwen2_5_vl_samples.h"
#include "base/error.h"
#include "core/device.h"
#include "support/cuda.h"
#include "support/own_memory.h"
#include "vlm/frame_questions.h"

using namespace vega;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

// transformers itself is up to 5.5e-5 (of logits up to 10) from float64 in float32, which is
// 1.1e-5 of their length at most, and 3.3e-2 in bfloat16 (qwen2_5_vl.json).
constexpr double kBar = 2e-5, kHalfBar = 5e-2;
constexpr qwen2_5_vl::PixelBounds kBounds{3136, 30000};

struct Bench {
  test::TempFolder folder;
  test::OwnMemory memory{folder / "memory"};
  std::vector<fs::path> tied = test::write_tiny_qwen_vl(folder / "tied", true);
  std::vector<fs::path> own = test::write_tiny_qwen_vl(folder / "own", false);
};

const Bench& bench() {
  static const Bench one;
  return one;
}

vlm::QwenVl open_model(const fs::path& folder, const Placement& placement = {}) {
  return {qwen2_5_vl::open_checkpoint(folder),
          text::Tokenizer::open(folder),
          {.placement = placement, .bounds = kBounds}};
}

// Those of `answers` in the exporter: three of one size and one of another.
std::vector<UnitImage> pictures_of(const vlm::QwenVl& model) {
  std::vector<UnitImage> out;
  for (const char* name : {"room0", "room1", "room2"})
    out.push_back(model.prepare(test::qwen_vl_picture(name, 96, 40)));
  out.push_back(model.prepare(test::qwen_vl_picture("room3", 40, 50)));
  return out;
}

std::vector<std::int64_t> qwen_numbers(const Json& list) {
  std::vector<std::int64_t> out;
  for (const Json& one : list.elements()) out.push_back(one.whole().value());
  return out;
}

qwen2::GenerationConfig greedy_text(double penalty) {
  qwen2::GenerationConfig config;
  config.max_new_tokens = 64;
  config.sampling.repetition_penalty = penalty;
  return config;
}

std::vector<std::int64_t> qwen_ids(const vlm::QwenVl& model, const vlm::SeenFrames& seen,
                                   const std::string& question, double penalty) {
  return model.answer(seen, question, greedy_text(penalty)).answer.ids;
}

// Logits of the prompt's last tokens: those behind the pictures.
at::Tensor last_logits(const vlm::QwenVl& model, const vlm::SeenFrames& seen,
                       const std::string& question) {
  const qwen2::Prompt prompt = model.prompt(seen, question);
  KvCache cache = prompt.prefix->fork();
  const qwen2::Decoder& decoder = model.decoder();
  return decoder.logits(decoder.forward(decoder.embed(prompt.ids), prompt.positions, cache))
      .to(at::kCPU);
}

void check_logits(at::ScalarType dtype, at::Device device, double bar) {
  for (const char* kind : {"tied", "own"}) {
    CAPTURE(kind);
    const Json& notes = test::qwen_vl_notes()[kind];
    const auto& folders = std::string(kind) == "tied" ? bench().tied : bench().own;
    const vlm::QwenVl model = open_model(folders[0], {device, dtype});
    const vlm::SeenFrames seen = model.see("room", pictures_of(model));
    const at::Tensor got =
        last_logits(model, seen, notes["answers"][0]["question"].text_or("")).slice(1, 0, 270, 5);
    const at::Tensor all = test::qwen_vl_golden(std::string("logits.") + kind);
    const at::Tensor want = all.narrow(0, all.size(0) - got.size(0), got.size(0));
    const double error = ((got - want).norm() / want.norm()).item<double>();
    std::cout << "Qwen2.5-VL logits, " << kind << ": " << error << "\n";
    CHECK(got.size(0) > 30);
    CHECK(error < bar);
  }
}

void check_answers(at::Device device) {
  for (const char* kind : {"tied", "own"}) {
    const Json& notes = test::qwen_vl_notes()[kind];
    for (const fs::path& folder : std::string(kind) == "tied" ? bench().tied : bench().own) {
      const vlm::QwenVl model = open_model(folder, {device, at::kFloat});
      const vlm::SeenFrames seen = model.see("room", pictures_of(model));
      for (const Json& row : notes["answers"].elements()) {
        const std::string question = row["question"].text_or("");
        CAPTURE(folder.string(), question);
        CHECK(qwen_ids(model, seen, question, 1.0) == qwen_numbers(row["greedy"]));
        CHECK(qwen_ids(model, seen, question, 1.05) == qwen_numbers(row["penalised"]));
      }
    }
  }
}

}  // namespace

TEST_CASE("Qwen2.5-VL: ids and positions of a prompt are those of transformers") {
  const Json& notes = test::qwen_vl_notes()["tied"];
  const vlm::QwenVl model = open_model(bench().tied[0]);
  const vlm::SeenFrames seen = model.see("room", pictures_of(model));
  CHECK(seen.frames() == 4);
  std::int64_t visual = 0;
  for (std::size_t n = 0; n < 4; ++n) {
    CHECK(seen.grids()[n][0] == notes["grids"][n][0].whole().value());
    CHECK(seen.grids()[n][1] == notes["grids"][n][1].whole().value());
    visual += seen.grids()[n][0] * seen.grids()[n][1];
  }
  CHECK(seen.visual_tokens() == visual);
  const qwen2::Prompt prompt = model.prompt(seen, notes["answers"][0]["question"].text_or(""));
  const auto before = prompt.prefix_ids.size();
  CHECK(static_cast<std::int64_t>(before + prompt.ids.size()) == notes["tokens"].whole().value());
  const std::vector<std::int64_t> tail = qwen_numbers(notes["prompt_tail"]);
  CHECK(std::equal(prompt.ids.rbegin(), prompt.ids.rbegin() + 30, tail.rbegin()));
  CHECK(prompt.prefix->length() == static_cast<std::int64_t>(before));
  for (std::int64_t n = 0; n < 3; ++n) {
    const auto all = qwen_numbers(notes["positions"][static_cast<std::size_t>(n)]);
    for (std::size_t i = 0; i < prompt.ids.size(); ++i)
      CHECK(prompt.positions[n][static_cast<std::int64_t>(i)].item<std::int64_t>() ==
            all[before + i]);
  }
  CHECK(prompt.next_position - notes["tokens"].whole().value() == notes["delta"].whole().value());
}

TEST_CASE("Qwen2.5-VL: logits, with a tied head and one of its own") {
  check_logits(at::kFloat, at::kCPU, kBar);
  check_logits(at::kBFloat16, at::kCPU, kHalfBar);
}

TEST_CASE("Qwen2.5-VL: 64 greedy tokens, also with the repetition penalty over the whole prompt") {
  check_answers(at::kCPU);
}

TEST_CASE("Qwen2.5-VL: questions about the same frames do not see each other") {
  const vlm::QwenVl model = open_model(bench().own[0]);
  const vlm::SeenFrames seen = model.see("room", pictures_of(model));
  const auto first = qwen_ids(model, seen, "What is red?", 1.05);
  qwen_ids(model, seen, "Is the door open?", 1.05);
  CHECK(qwen_ids(model, seen, "What is red?", 1.05) == first);
  // Control words in a question are text.
  const qwen2::Prompt text = model.prompt(seen, "a<|im_end|>b");
  CHECK(text.ids.size() == model.prompt(seen, "").ids.size() + 12);
}

TEST_CASE("Qwen2.5-VL: questions that are answered together are answered as alone") {
  const vlm::QwenVl model = open_model(bench().tied[0]);
  const vlm::SeenFrames seen = model.see("room", pictures_of(model));
  std::vector<vlm::FrameAsk> asks;
  for (const char* text :
       {"What is red?", "Is the door open?", "\xff", "How many chairs?", "Where?"})
    asks.push_back({text, text});
  const qwen2::GenerationConfig config = greedy_text(1.05);
  std::vector<std::vector<std::int64_t>> alone;
  for (const vlm::FrameAsk& ask : asks)
    alone.push_back(ask.key == "\xff" ? std::vector<std::int64_t>{}
                                      : qwen_ids(model, seen, ask.question, 1.05));
  for (const std::int64_t rows : {0, 1, 3}) {
    CAPTURE(rows);
    std::vector<std::vector<std::int64_t>> got(asks.size());
    std::size_t failed = asks.size();
    vlm::answer_all(
        model, seen, asks, config, {.rows = rows},
        [&](std::size_t i, vlm::Reply&& reply) { got[i] = reply.answer.ids; },
        [&](std::size_t i, const std::exception&) { failed = i; });
    CHECK(got == alone);
    CHECK(failed == 2);  // no UTF-8: it costs only itself
  }
}

TEST_CASE("Qwen2.5-VL: the frames stand for <image>, and the blanks of an answer are kept") {
  tasks::Sample sample;
  sample.user = "<image>These are frames of a video.\nHow many?";
  sample.id_text = "7";
  const vlm::FrameAsk ask = vlm::frame_ask_of(sample);
  CHECK(ask.question == "These are frames of a video.\nHow many?");
  CHECK(ask.key == "7");
  const text::Tokenizer words = text::Tokenizer::open(bench().tied[0]);
  qwen2::Answer answer;
  for (const char c : std::string(" 4.\n")) answer.ids.push_back(c);
  const vlm::Reply reply = vlm::reply_of(std::move(answer), words);
  CHECK(reply.text == "4.");
  CHECK(reply.said == " 4.\n");
}

TEST_CASE("Qwen2.5-VL: what cannot be asked is refused") {
  const vlm::QwenVl model = open_model(bench().tied[0]);
  CHECK_THROWS_AS(model.see("room", {}), InputError);
  CHECK_THROWS_AS(model.prepare(ImageU8(2000, 4)), InputError);
  const fs::path folder = bench().folder / "wrong";
  fs::copy(bench().tied[0], folder);
  Json config = read_json(folder / "config.json", "config");
  config.set("image_token_id", 256 + 13);
  test::write_text(folder / "config.json", config.dump());
  CHECK_THROWS_WITH(open_model(folder), Contains("image_token_id") && Contains("268"));
  config.set("image_token_id", 256 + 12);
  config.set("max_position_embeddings", 60);
  test::write_text(folder / "config.json", config.dump());
  const vlm::QwenVl small = open_model(folder);
  CHECK_THROWS_WITH(small.see("room", pictures_of(small)),
                    Contains("max_position_embeddings") && Contains("--frames"));
  fs::remove(folder / "tokenizer.json");
  CHECK_THROWS_AS(open_model(folder), InputError);
}

TEST_CASE("Qwen2.5-VL: CUDA keeps the bars and the texts", "[cuda]") {
  if (!test::has_cuda("Qwen2.5-VL")) return;
  const at::Device cuda(at::kCUDA, 0);
  check_logits(at::kFloat, cuda, kBar);
  check_logits(at::kBFloat16, cuda, kHalfBar);
  check_answers(cuda);
}
