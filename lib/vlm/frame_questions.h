// Many questions about the frames of one video: what comes before them is read once, and their
// answers grow together.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "models/qwen2/generation_config.h"
#include "tasks/sample.h"
#include "vlm/questions.h"
#include "vlm/qwen_vl.h"

namespace vega::vlm {

// How the released evaluation has a benchmark's questions answered: greedily, with the repetition
// penalty of the folder, 16 tokens at most (about posed frames of a scene 100), and one stop id,
// that of "<|im_end|>", whatever generation_config.json names besides. Throws as
// qwen2::benchmark_generation.
qwen2::GenerationConfig released_generation(const std::filesystem::path& folder,
                                            const text::Tokenizer& words, tasks::Task task);

struct FrameAsk {
  std::string question;
  std::string key = {};  // names the question for drawn answers; empty: the key of the frames
};

// The words of a sample behind "<image>", which stands for the frames; the sample's id. Of SQA3D
// the sentences about the input, a line, then those words without blanks in front.
FrameAsk frame_ask_of(const tasks::Sample& sample);

// As answer_all of vlm/questions.h: answers do not depend on `options.rows` nor on the other
// questions, in float32 bit for bit on the CPU. share_prefix = false gives each question a row of
// its own, one after the other; what was seen is shared all the same.
// Throws Stopped, DeviceError.
void answer_all(const QwenVl& model, const SeenFrames& frames, std::span<const FrameAsk> asks,
                const qwen2::GenerationConfig& config, const BatchOptions& options,
                const OnReply& on_reply, const OnFailure& on_failure);

}  // namespace vega::vlm
