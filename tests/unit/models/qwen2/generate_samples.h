// Names and prompts that the tests of generate() and generate_stream() share.
#pragma once

#include "models/qwen2/generate.h"
#include "qwen2_samples.h"

namespace vega::test {

using qwen2::Answer;
using qwen2::Ending;
using qwen2::GenerationConfig;
using qwen2::Prompt;

inline Prompt of_ids(const Ids& ids) {
  Prompt prompt;
  prompt.ids = ids;
  return prompt;
}

inline Prompt of_embeddings(const qwen2::Decoder& model, const Ids& ids) {
  Prompt prompt;
  prompt.embeddings = model.embed(ids);
  return prompt;
}

}  // namespace vega::test
