#include "vlm/frame_questions.h"

#include <c10/core/GradMode.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"
#include "core/device.h"
#include "core/on_device.h"
#include "tasks/pictures.h"
#include "tasks/prompts.h"

namespace vega::vlm {
namespace {

constexpr std::int64_t kAnswerTokens = 16, kFramesAnswerTokens = 100;
constexpr auto kAnswerEnd = "<|im_end|>";

constexpr double kUsable = 0.8;  // of the free memory: allocators leave gaps

std::size_t rows_of(const QwenVl& model, const std::vector<qwen2::Prompt>& prompts,
                    const qwen2::GenerationConfig& config, const BatchOptions& options) {
  if (!options.share_prefix) return 1;
  if (options.rows > 0) return static_cast<std::size_t>(options.rows);
  std::size_t longest = 0;
  for (const qwen2::Prompt& prompt : prompts) longest = std::max(longest, prompt.ids.size());
  const qwen2::Decoder& decoder = model.decoder();
  const double free = static_cast<double>(device_memory(decoder.options().device).free);
  const std::int64_t fit = batch_for_memory(
      decoder.config(), decoder.options().dtype, kUsable * free, /*prefix_tokens=*/0,
      {static_cast<std::int64_t>(longest), config.max_new_tokens});
  return static_cast<std::size_t>(std::min(fit, kMostRows));
}

}  // namespace

qwen2::GenerationConfig released_generation(const std::filesystem::path& folder,
                                            const text::Tokenizer& words, tasks::Task task) {
  qwen2::GenerationConfig config = qwen2::benchmark_generation(folder);
  config.max_new_tokens = tasks::is_about_frames(task) ? kFramesAnswerTokens : kAnswerTokens;
  const auto id = words.id_of(kAnswerEnd);
  if (!id || config.stop_ids == std::vector{std::int64_t{*id}}) return config;
  std::erase_if(config.notes, [](const std::string& note) {  // which of two files counts
    return note.starts_with("generation_config.json stops at");
  });
  config.notes.push_back(
      fmt::format("answers stop at {} ({}) alone, as in the released evaluation", kAnswerEnd, *id));
  config.stop_ids = {*id};
  return config;
}

FrameAsk frame_ask_of(const tasks::Sample& sample) {
  constexpr std::string_view kImageWord = "<image>";
  std::string_view words = sample.user;
  if (words.starts_with(kImageWord)) words.remove_prefix(kImageWord.size());
  if (sample.task != tasks::Task::kSqa3d) return {std::string(words), sample.id_text};
  // Of tasks about scans the sentences about the input come first, as with the other models.
  const std::string& instruction = tasks::released_prompts(sample.task).instruction();
  return {fmt::format("{}{}{}", instruction, instruction.empty() ? "" : "\n", trim(words)),
          sample.id_text};
}

void answer_all(const QwenVl& model, const SeenFrames& frames, std::span<const FrameAsk> asks,
                const qwen2::GenerationConfig& config, const BatchOptions& options,
                const OnReply& on_reply, const OnFailure& on_failure) {
  const c10::NoGradGuard no_grad;
  std::vector<qwen2::Prompt> prompts;
  std::vector<std::size_t> places;  // of each among the questions
  for (std::size_t i = 0; i < asks.size(); ++i) {
    try {
      prompts.push_back(model.prompt(frames, asks[i].question));
      if (!asks[i].key.empty()) prompts.back().key = asks[i].key;
      places.push_back(i);
    } catch (const InputError& error) {  // costs only itself
      on_failure(i, error);
    }
  }
  const std::size_t rows = rows_of(model, prompts, config, options);
  std::size_t next = 0;
  const auto next_prompt = [&]() -> std::optional<qwen2::Prompt> {
    check_stop();
    if (next == prompts.size()) return std::nullopt;
    return std::move(prompts[next++]);
  };
  const auto on_token = [](std::size_t, std::int64_t) {
    check_stop();
    return true;
  };
  const auto on_answer = [&](std::size_t n, qwen2::Answer&& answer) {
    on_reply(places[n], reply_of(std::move(answer), model.words()));
  };
  const auto on_bad = [&](std::size_t n, const InputError& error) { on_failure(places[n], error); };
  on_device(model.options().placement.device, [&] {
    qwen2::generate_stream(model.decoder(), next_prompt, config, {rows}, on_token, on_answer,
                           on_bad);
  });
}

}  // namespace vega::vlm
