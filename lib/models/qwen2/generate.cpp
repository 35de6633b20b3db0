#include "models/qwen2/generate.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/check.h"

namespace vega::qwen2 {
namespace {

constexpr const char* kGenerate = "qwen2::generate";
constexpr std::size_t kMostRows = 64;  // answers whose tokens are computed in one step

// An answer that grows.
struct Sequence {
  std::size_t prompt = 0;
  KvCache cache;
  std::int64_t next_position = 0;
  std::vector<std::int64_t> seen;  // for the repetition penalty
  Answer answer;
  bool done = false;
};

at::Tensor positions_of(const Prompt& prompt, std::int64_t first, std::int64_t count, bool three) {
  if (prompt.positions.defined()) return prompt.positions;
  const at::Tensor line = at::arange(first, first + count, at::kLong);
  return three ? line.expand({3, count}) : line;
}

// Reads a prompt; `hidden` becomes (1, H), that of its last token.
Sequence start(const Decoder& model, const Prompt& prompt, std::size_t number,
               const GenerationConfig& config, at::Tensor& hidden) {
  const bool ids = !prompt.ids.empty();
  check_that(ids != (prompt.embeddings.defined() && prompt.embeddings.size(0) > 0), kGenerate,
             "prompt " + std::to_string(number), ids ? "ids and embeddings" : "no token",
             "one of ids and embeddings");
  const at::Tensor embeddings = ids ? model.embed(prompt.ids) : prompt.embeddings;
  const std::int64_t count = embeddings.size(0), room = count + config.max_new_tokens;
  Sequence sequence{.prompt = number,
                    .cache = prompt.prefix ? prompt.prefix->fork(room) : model.new_cache(room)};
  const std::int64_t first = sequence.cache.length();
  hidden = model.forward(embeddings,
                         positions_of(prompt, first, count, model.config().three_components()),
                         sequence.cache, /*last_only=*/true);
  sequence.next_position = prompt.next_position < 0 ? first + count : prompt.next_position;
  sequence.seen = prompt.prefix_ids;
  sequence.seen.insert(sequence.seen.end(), prompt.ids.begin(), prompt.ids.end());
  return sequence;
}

// Takes the next token of each row's logits into its answer.
class Chooser {
 public:
  Chooser(const GenerationConfig& config, std::span<const Prompt> prompts, const OnToken& on_token)
      : config_(config), prompts_(prompts), on_token_(on_token) {}

  void choose(Sequence& s, std::span<float> logits) const {
    const auto step = static_cast<std::int64_t>(s.answer.ids.size());
    check_logits(
        logits, "prompt " + std::to_string(s.prompt) + ", generated token " + std::to_string(step));
    penalise(logits, s.seen, config_.sampling.repetition_penalty);
    const std::int64_t id =
        config_.sampling.sample
            ? sampled_token(logits, config_.sampling,
                            sampling_unit(config_.seed, prompts_[s.prompt].key, step))
            : greedy_token(logits);
    if (std::ranges::find(config_.stop_ids, id) != config_.stop_ids.end()) {
      s.answer.stop_id = id;
      finish(s, Ending::kStopId);
      return;
    }
    s.answer.ids.push_back(id);
    s.seen.push_back(id);
    if (on_token_ && !on_token_(s.prompt, id))
      finish(s, Ending::kStopped);
    else if (step + 1 >= config_.max_new_tokens)
      finish(s, Ending::kLimit);
  }

 private:
  static void finish(Sequence& s, Ending ending) {
    s.answer.ending = ending;
    s.done = true;
  }

  const GenerationConfig& config_;
  std::span<const Prompt> prompts_;
  const OnToken& on_token_;
};

void choose_all(const Chooser& chooser, std::span<Sequence*> sequences, const at::Tensor& logits) {
  at::Tensor rows = logits.to(at::kCPU).contiguous();
  float* data = rows.mutable_data_ptr<float>();
  const auto width = static_cast<std::size_t>(rows.size(1));
  for (std::size_t n = 0; n < sequences.size(); ++n)
    chooser.choose(*sequences[n], {data + n * width, width});
}

// One token more for each of these.
void grow(const Decoder& model, const Chooser& chooser, std::span<Sequence*> sequences) {
  std::vector<std::int64_t> ids, places;
  std::vector<KvCache*> caches;
  for (Sequence* s : sequences) {
    ids.push_back(s->answer.ids.back());
    places.push_back(s->next_position++);
    caches.push_back(&s->cache);
  }
  at::Tensor positions = at::tensor(places, at::kLong);
  if (model.config().three_components()) positions = positions.expand({3, positions.size(0)});
  const at::Tensor hidden = model.step(model.embed(ids), positions, caches);
  choose_all(chooser, sequences, model.logits(hidden));
}

}  // namespace

std::vector<Answer> generate(const Decoder& model, std::span<const Prompt> prompts,
                             const GenerationConfig& config, const OnToken& on_token) {
  const c10::NoGradGuard no_grad;
  check_that(config.max_new_tokens > 0, kGenerate, "max_new_tokens",
             std::to_string(config.max_new_tokens), "at least 1");
  const Chooser chooser(config, prompts, on_token);
  std::vector<Sequence> sequences;
  sequences.reserve(prompts.size());
  for (std::size_t n = 0; n < prompts.size(); ++n) {
    at::Tensor hidden;
    sequences.push_back(start(model, prompts[n], n, config, hidden));
    Sequence* one = &sequences.back();
    choose_all(chooser, {&one, 1}, model.logits(hidden));
  }
  for (;;) {
    std::vector<Sequence*> growing;
    for (Sequence& s : sequences) {
      if (!s.done) growing.push_back(&s);
    }
    if (growing.empty()) break;
    for (std::size_t first = 0; first < growing.size(); first += kMostRows)
      grow(model, chooser,
           std::span(growing).subspan(first, std::min(kMostRows, growing.size() - first)));
  }
  std::vector<Answer> answers;
  for (Sequence& s : sequences) answers.push_back(std::move(s.answer));
  return answers;
}

}  // namespace vega::qwen2
