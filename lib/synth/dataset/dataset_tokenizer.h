// The tokeniser of a made-up data set: a byte-level BPE learnt from its own training texts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/options.h"
#include "synth/dataset/annotations.h"

namespace vega::synth {

inline constexpr WholeRange kVocabulary{256, 65536};

// Texts of the conversations of all tasks (vlm/prompt.h) about the rooms to train with, or about
// all rooms where there are none. In the order of rooms and texts.
std::vector<std::string> conversation_texts(const std::vector<DatasetRoom>& rooms);

// tokenizer.json with at most `vocabulary` tokens, and Qwen2's control words and <image> behind
// them; where a room has questions of VSI-Bench's kind, those of Qwen2.5-VL too. A checkpoint adds
// <ground> and <coord> (vega-synth model --tokenizer).
// Returns the number of tokens. Throws OutputError.
std::size_t write_tokenizer(const std::filesystem::path& folder,
                            const std::vector<DatasetRoom>& rooms, std::size_t vocabulary);

}  // namespace vega::synth
