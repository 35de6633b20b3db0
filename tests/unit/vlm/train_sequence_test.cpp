// Which beginning questions share, how they are packed, and where their targets are.
#include "vlm/train_sequence.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "vlm/assembly.h"

using namespace vega;
using namespace vega::vlm;
using Catch::Matchers::Contains;

namespace {

constexpr std::int64_t kGround = 90, kCoord = 91, kMany = 1000;

ControlIds control() {
  ControlIds out;
  out.ground = {kGround};
  out.coord = {kCoord};
  return out;
}

// Every token of the text is a target of words.
TrainPrompt words(std::vector<std::int64_t> ids) {
  TrainPrompt out{ids, ids, false};
  for (std::int64_t& label : out.labels)
    if (label == kImageId) label = kIgnoreLabel;
  return out;
}

TrainPrompt grounding_sample(std::vector<std::int64_t> ids) {
  TrainPrompt out = words(std::move(ids));
  out.grounding = true;
  return out;
}

}  // namespace

TEST_CASE("train sequence: the beginning ends where ids, labels or a coordinate say so") {
  const auto shared = [](const std::vector<TrainPrompt>& prompts, std::int64_t most = kMany) {
    return shared_ids(prompts, 20, most, control());
  };
  const TrainPrompt a = words({1, kImageId, 2, 3, 4}), b = words({1, kImageId, 2, 5, 6, 7});
  CHECK(shared({a, b}) == 3);
  CHECK(shared({a, b, words({1, kImageId, 8})}) == 2);
  CHECK(shared({a}) == 0);     // nothing to share
  CHECK(shared({a, a}) == 4);  // one token is left to each
  TrainPrompt masked = b;
  masked.labels[2] = kIgnoreLabel;
  CHECK(shared({a, masked}) == 2);
  CHECK(shared({words({1, kCoord, 3, 4}), words({1, kCoord, 3, 5})}) == 1);
  CHECK(shared({words({2, 3}), words({1, 3})}) == 0);
  // 1 and the visual block are 21 tokens, and 2 the next.
  CHECK(shared({a, b}, 23) == 3);
  CHECK(shared({a, b}, 22) == 0);
}

TEST_CASE("train sequence: tokens, targets and rows of packed questions") {
  const std::vector<TrainPrompt> prompts = {words({1, kImageId, 2, 3, 4}),
                                            words({1, kImageId, 2, 5, 6, 7}),
                                            grounding_sample({1, kImageId, 2, kGround, 8})};
  CHECK(prompts[0].length(20) == 24);
  CHECK(prompts[0].target_count(20, kMany, control().ground) == 3);  // the first has no logits
  CHECK(prompts[0].target_count(20, 23, control().ground) == 2);
  CHECK(prompts[2].target_count(20, kMany, control().ground) == 1);
  CHECK(prompts[2].target_count(20, 22, control().ground) == 0);

  const auto passes = pack(prompts, 20, kMany, kMany, control());
  REQUIRE(passes.size() == 1);
  const PackedPass& pass = passes[0];
  CHECK(pass.prefix_ids == 3);
  CHECK(pass.layout.prefix == 22);
  CHECK(pass.layout.lengths == std::vector<std::int64_t>{2, 3, 2});
  CHECK(pass.queries == std::vector<std::int64_t>{-1, -1, 27});
  // Logits of the row before: of the block's end for 2, of the beginning's end for 3 and 5.
  std::vector<std::vector<std::int64_t>> found;
  for (const WordTarget& word : pass.words)
    found.push_back({word.row, word.target, static_cast<std::int64_t>(word.sample)});
  CHECK(found ==
        std::vector<std::vector<std::int64_t>>{
            {20, 2, 0}, {21, 3, 0}, {22, 4, 0}, {20, 2, 1}, {21, 5, 1}, {24, 6, 1}, {25, 7, 1}});
  CHECK(pass.targets(0) == 3);
  CHECK(pass.targets(1) == 4);
  CHECK(pass.targets(2) == 1);

  // 22 of the beginning and two, then three tokens of questions.
  const auto split = pack(prompts, 20, kMany, 25, control());
  REQUIRE(split.size() == 3);
  CHECK(split[1].samples == std::vector<std::size_t>{1});
  CHECK(split[2].queries == std::vector<std::int64_t>{22});
  CHECK(pack(prompts, 20, kMany, 1, control()).size() == 3);
  // A sequence is cut at the limit.
  const auto cut = pack(prompts, 20, 23, kMany, control());
  CHECK(cut[0].layout.lengths == std::vector<std::int64_t>{1, 1, 1});
  CHECK(cut[0].targets(1) == 2);
  CHECK(pack({}, 20, kMany, kMany, control()).empty());
}

TEST_CASE("train sequence: what a sample must have") {
  TrainSample sample;
  sample.id = "q7";
  sample.task = tasks::Task::kScanRefer;
  sample.prompt = {{1, kImageId, 2}, {1, kIgnoreLabel}};
  CHECK_THROWS_WITH(train_prompt(sample, true, control()),
                    Contains("sample q7: got 2 labels, expected 3"));
  sample.prompt.labels.push_back(2);
  CHECK_THROWS_WITH(train_prompt(sample, true, control()), Contains("no <ground> in its answer"));
  sample.task = tasks::Task::kScanQa;
  CHECK(train_prompt(sample, true, control()).ids.size() == 3);
  const TrainPrompt blind = train_prompt(sample, false, control());
  CHECK(blind.ids == std::vector<std::int64_t>{1, 2});
  CHECK(blind.labels == std::vector<std::int64_t>{1, 2});
}
