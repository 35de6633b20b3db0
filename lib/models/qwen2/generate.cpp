#include "models/qwen2/generate.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "core/check.h"

namespace vega::qwen2 {
namespace {

constexpr const char* kGenerate = "qwen2::generate";

// An answer that grows.
struct Sequence {
  std::size_t prompt = 0;
  std::string key;               // for the random numbers
  std::optional<KvCache> cache;  // until the answer ends
  std::int64_t limit = 0;        // of generated tokens
  std::int64_t next_position = 0;
  std::vector<std::int64_t> seen;  // for the repetition penalty
  Answer answer;
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
  const std::string where = "prompt " + std::to_string(number);
  check_that(ids != (prompt.embeddings.defined() && prompt.embeddings.numel() > 0), kGenerate,
             where, ids ? "ids and embeddings" : "no token", "one of ids and embeddings");
  const at::Tensor embeddings = ids ? model.embed(prompt.ids) : prompt.embeddings;
  check_shape(kGenerate, where, embeddings, {kAny, model.config().hidden});
  const std::int64_t count = embeddings.size(0);
  const std::int64_t first = prompt.prefix ? prompt.prefix->length() : 0;
  std::int64_t limit = config.max_new_tokens;
  if (config.max_length > 0) {
    check_that(first + count < config.max_length, kGenerate, where,
               std::to_string(first + count) + " tokens",
               "fewer than max_length, " + std::to_string(config.max_length) +
                   "; max_new_tokens counts the answer alone");
    limit = std::min(limit, config.max_length - first - count);
  }
  const std::int64_t room = count + limit;
  Sequence sequence{.prompt = number,
                    .key = prompt.key,
                    .cache = prompt.prefix ? prompt.prefix->fork(room) : model.new_cache(room),
                    .limit = limit};
  hidden = model.forward(embeddings,
                         positions_of(prompt, first, count, model.config().three_components()),
                         *sequence.cache, /*last_only=*/true);
  sequence.next_position = prompt.next_position < 0 ? first + count : prompt.next_position;
  sequence.seen = prompt.prefix_ids;
  sequence.seen.insert(sequence.seen.end(), prompt.ids.begin(), prompt.ids.end());
  return sequence;
}

// The next token of a sequence. Throws ModelError (a logit is not finite), InputError (the penalty
// was given an id that the model does not have).
std::int64_t next_token(const Sequence& s, std::span<float> logits,
                        const GenerationConfig& config) {
  const auto step = static_cast<std::int64_t>(s.answer.ids.size());
  check_logits(logits,
               "prompt " + std::to_string(s.prompt) + ", generated token " + std::to_string(step));
  penalise(logits, s.seen, config.sampling.repetition_penalty);
  if (!config.sampling.sample) return greedy_token(logits);
  return sampled_token(logits, config.sampling, sampling_unit(config.seed, s.key, step));
}

// Answers the prompts of a stream; holds those whose answers grow.
class Stream {
 public:
  struct Calls {
    const NextPrompt& next;
    const OnToken& on_token;
    const OnAnswer& on_answer;
    const OnFailure& on_failure;
  };

  Stream(const Decoder& model, const GenerationConfig& config, std::size_t rows, const Calls& calls)
      : model_(model), config_(config), rows_(rows), calls_(calls) {}

  void run() {
    for (;;) {
      while (growing_.size() < rows_ && take_next()) {
      }
      if (growing_.empty()) return;
      grow();
    }
  }

 private:
  // Reads one prompt more and chooses its first token; false: there is none.
  bool take_next() {
    if (ended_) return false;
    std::optional<Prompt> prompt = calls_.next();
    ended_ = !prompt.has_value();
    if (ended_) return false;
    const std::size_t number = count_++;
    at::Tensor hidden;
    try {
      growing_.push_back(start(model_, *prompt, number, config_, hidden));
    } catch (const InputError& error) {
      report(number, error);
      return true;
    }
    prompt.reset();
    choose(growing_.size() - 1, model_.logits(hidden));
    return true;
  }

  // One token more for each.
  void grow() {
    std::vector<std::int64_t> ids, places;
    std::vector<KvCache*> caches;
    for (Sequence& s : growing_) {
      ids.push_back(s.answer.ids.back());
      places.push_back(s.next_position++);
      caches.push_back(&*s.cache);
    }
    at::Tensor positions = at::tensor(places, at::kLong);
    if (model_.config().three_components()) positions = positions.expand({3, positions.size(0)});
    choose(0, model_.logits(model_.step(model_.embed(ids), positions, caches)));
  }

  // The next token of each sequence from `first` on; those that end are gone after it.
  void choose(std::size_t first, const at::Tensor& logits) {
    at::Tensor rows = logits.to(at::kCPU).contiguous();
    float* data = rows.mutable_data_ptr<float>();
    const auto width = static_cast<std::size_t>(rows.size(1));
    for (std::size_t n = first; n < growing_.size(); ++n, data += width)
      choose_one(growing_[n], {data, width});
    std::erase_if(growing_, [](const Sequence& s) { return !s.cache.has_value(); });
  }

  void choose_one(Sequence& s, std::span<float> logits) {
    std::int64_t id = -1;
    try {
      id = next_token(s, logits, config_);
    } catch (const InputError& error) {
      s.cache.reset();
      report(s.prompt, error);
      return;
    }
    if (std::ranges::find(config_.stop_ids, id) != config_.stop_ids.end()) {
      s.answer.stop_id = id;
      finish(s, Ending::kStopId);
      return;
    }
    s.answer.ids.push_back(id);
    s.seen.push_back(id);
    if (calls_.on_token && !calls_.on_token(s.prompt, id))
      finish(s, Ending::kStopped);
    else if (static_cast<std::int64_t>(s.answer.ids.size()) >= s.limit)
      finish(s, Ending::kLimit);
  }

  void finish(Sequence& s, Ending ending) {
    s.cache.reset();
    s.answer.ending = ending;
    calls_.on_answer(s.prompt, std::move(s.answer));
  }

  // Called within a catch clause: rethrows the error where the caller gave no on_failure.
  void report(std::size_t prompt, const InputError& error) const {
    if (!calls_.on_failure) throw;
    calls_.on_failure(prompt, error);
  }

  const Decoder& model_;
  const GenerationConfig& config_;
  std::size_t rows_;
  Calls calls_;
  std::vector<Sequence> growing_;
  std::size_t count_ = 0;  // prompts that have come
  bool ended_ = false;     // no other will come
};

}  // namespace

void generate_stream(const Decoder& model, const NextPrompt& next, const GenerationConfig& config,
                     const StreamOptions& options, const OnToken& on_token,
                     const OnAnswer& on_answer, const OnFailure& on_failure) {
  const c10::NoGradGuard no_grad;
  check_that(config.max_new_tokens > 0, kGenerate, "max_new_tokens",
             std::to_string(config.max_new_tokens), "at least 1");
  check_that(options.rows > 0, kGenerate, "rows", "0", "at least 1");
  Stream(model, config, options.rows, {next, on_token, on_answer, on_failure}).run();
}

std::vector<Answer> generate(const Decoder& model, std::span<const Prompt> prompts,
                             const GenerationConfig& config, const OnToken& on_token) {
  std::vector<Answer> answers(prompts.size());
  std::size_t given = 0;
  const auto next = [&] {
    return given < prompts.size() ? std::optional(prompts[given++]) : std::nullopt;
  };
  const auto keep = [&](std::size_t prompt, Answer&& answer) {
    answers[prompt] = std::move(answer);
  };
  generate_stream(model, next, config, {}, on_token, keep);
  return answers;
}

}  // namespace vega::qwen2
