#include "vlm/questions.h"

#include <c10/core/ScalarType.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/stop.h"
#include "core/device.h"

namespace vega::vlm {
namespace {

constexpr double kUsable = 0.8;  // of the free memory: allocators leave gaps

// Answers that grow at a time.
std::int64_t rows_of(const Vlm& model, const VisualScene& scene, std::span<const PromptIds> prompts,
                     const qwen2::GenerationConfig& config, const BatchOptions& options) {
  if (!options.share_prefix) return 1;
  if (options.rows > 0) return options.rows;
  const qwen2::Decoder& decoder = model.decoder();
  std::size_t longest = 0;
  for (const PromptIds& prompt : prompts) longest = std::max(longest, prompt.ids.size());
  AnswerSize size{static_cast<std::int64_t>(longest), config.max_new_tokens};
  std::int64_t prefix = scene.has_prefix() ? 0 : scene.visual_tokens();
  if (!model.shares_prefix()) {  // each question has the scene to itself
    size.question_tokens += scene.visual_tokens();
    prefix = 0;
  }
  const double free = static_cast<double>(device_memory(decoder.options().device).free);
  const std::int64_t fit =
      batch_for_memory(decoder.config(), decoder.options().dtype, kUsable * free, prefix, size);
  return std::min(fit, kMostRows);
}

class Answering {
 public:
  Answering(const Vlm& model, VisualScene& scene, std::span<const Ask> asks,
            const qwen2::GenerationConfig& config, const BatchOptions& options,
            const OnReply& on_reply, const OnFailure& on_failure)
      : model_(model),
        scene_(scene),
        asks_(asks),
        config_(config),
        options_(options),
        on_reply_(on_reply),
        on_failure_(on_failure) {}

  void run() {
    make_prompts();
    const auto rows =
        static_cast<std::size_t>(rows_of(model_, scene_, prompts_, config_, options_));
    const auto on_token = [](std::size_t, std::int64_t) {
      check_stop();
      return true;
    };
    const auto on_answer = [this](std::size_t n, qwen2::Answer&& answer) {
      on_reply_(given_[n], model_.reply_of(std::move(answer)));
    };
    const auto on_failure = [this](std::size_t n, const InputError& error) {
      on_failure_(given_[n], error);
    };
    qwen2::generate_stream(
        model_.decoder(), [this] { return next(); }, config_, {rows}, on_token, on_answer,
        on_failure);
  }

 private:
  // All at once, for their lengths; a question that cannot be put costs only itself.
  void make_prompts() {
    const PromptMaker& maker = model_.prompts();
    for (std::size_t i = 0; i < asks_.size(); ++i) {
      try {
        prompts_.push_back(maker.evaluation({asks_[i].turn.user, {}}));
        places_.push_back(i);
      } catch (const InputError& error) {
        on_failure_(i, error);
      }
    }
  }

  // The embeddings of a prompt are made when there is room for its answer.
  std::optional<qwen2::Prompt> next() {
    for (; next_ < prompts_.size(); ++next_) {
      check_stop();
      const std::size_t place = places_[next_];
      const Ask& ask = asks_[place];
      qwen2::Prompt prompt;
      try {
        prompt = model_.read(scene_, prompts_[next_], ask.coords, options_.share_prefix).prompt;
      } catch (const InputError& error) {
        on_failure_(place, error);
        continue;
      }
      prompt.key = ask.key.empty() ? scene_.input().key : ask.key;
      given_.push_back(place);
      ++next_;
      return prompt;
    }
    return {};
  }

  const Vlm& model_;
  VisualScene& scene_;
  std::span<const Ask> asks_;
  const qwen2::GenerationConfig& config_;
  const BatchOptions& options_;
  const OnReply& on_reply_;
  const OnFailure& on_failure_;
  std::vector<PromptIds> prompts_;   // those that could be made
  std::vector<std::size_t> places_;  // of each among the questions
  std::size_t next_ = 0;             // of prompts_
  std::vector<std::size_t> given_;   // places of those that the stream took
};

}  // namespace

Turn turn_of(const tasks::Sample& sample) {
  constexpr std::string_view kImageWord = "<image>", kCoordWord = "<coord>";
  Turn out;
  std::string_view rest = sample.user;
  if (rest.starts_with(kImageWord)) {
    out.user.push_back({Piece::Kind::kImage});
    rest.remove_prefix(kImageWord.size());
  }
  const auto add_text = [](Pieces& to, std::string_view text) {
    if (!text.empty()) to.push_back({Piece::Kind::kText, std::string(text)});
  };
  const std::size_t coord =
      sample.task == Task::kScan2Cap ? rest.find(kCoordWord) : std::string_view::npos;
  if (coord != std::string_view::npos) {
    add_text(out.user, rest.substr(0, coord));
    out.user.push_back({Piece::Kind::kCoord});
    rest.remove_prefix(coord + kCoordWord.size());
  }
  add_text(out.user, rest);
  if (tasks::is_grounding(sample.task))
    out.answer.push_back({Piece::Kind::kGround});
  else
    add_text(out.answer, sample.answer);
  return out;
}

Ask ask_of(const tasks::Sample& sample) {
  Ask out{turn_of(sample), {}, sample.id_text};
  const bool placed = std::ranges::any_of(
      out.turn.user, [](const Piece& piece) { return piece.kind == Piece::Kind::kCoord; });
  if (!placed || !sample.box_input) return out;
  const tasks::BoxNumbers& box = *sample.box_input;
  out.coords.push_back(
      {static_cast<float>(box[0]), static_cast<float>(box[1]), static_cast<float>(box[2])});
  return out;
}

void answer_all(const Vlm& model, VisualScene& scene, std::span<const Ask> asks,
                const qwen2::GenerationConfig& config, const BatchOptions& options,
                const OnReply& on_reply, const OnFailure& on_failure) {
  Answering(model, scene, asks, config, options, on_reply, on_failure).run();
}

void ground_all(const Vlm& model, VisualScene& scene, std::span<const Ask> asks,
                const BatchOptions& options, const OnGrounding& on_found,
                const OnFailure& on_failure) {
  static_cast<void>(model.head());  // throws where there is none
  const PromptMaker& maker = model.prompts();
  for (std::size_t i = 0; i < asks.size(); ++i) {
    check_stop();
    Grounding found;
    try {
      found = model.ground(scene, maker.evaluation(asks[i].turn), options.share_prefix);
    } catch (const InputError& error) {
      on_failure(i, error);
      continue;
    }
    on_found(i, std::move(found));
  }
}

std::int64_t batch_for_memory(const qwen2::Config& config, at::ScalarType dtype, double free_bytes,
                              std::int64_t prefix_tokens, const AnswerSize& size) {
  const double token = qwen2::Decoder::token_bytes(config, dtype);
  const auto wide = static_cast<double>(c10::elementSize(dtype));
  // Values of a token that is read: states, q, k, v and sums, and two rows of the feed-forward
  // layer.
  const double pass = wide * static_cast<double>(8 * config.hidden + 2 * config.mlp);
  const auto read = static_cast<double>(std::max(prefix_tokens, size.question_tokens));
  const double left = free_bytes - token * static_cast<double>(prefix_tokens) - pass * read;
  // Keys and values; a row of logits on the device and on the host.
  const double each = token * static_cast<double>(size.question_tokens + size.new_tokens) +
                      2 * sizeof(float) * static_cast<double>(config.vocab);
  return std::max(std::int64_t{1}, static_cast<std::int64_t>(left / each));
}

}  // namespace vega::vlm
