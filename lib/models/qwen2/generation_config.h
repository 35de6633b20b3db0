// How a decoder's answers are drawn and where they end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nn/sampling.h"

namespace vega::qwen2 {

struct GenerationConfig {
  std::vector<std::int64_t> stop_ids;  // each ends an answer; none: only the limit does
  std::int64_t pad_id = -1;            // -1: none stated
  SamplingOptions sampling;
  std::int64_t max_new_tokens = 512;
  // Tokens of prompt and answer together, prefix and embeddings included; 0: no such limit.
  std::int64_t max_length = 0;
  std::uint64_t seed = 42;
  // What a user should see: where two files disagree and which one counts, what is left out.
  std::vector<std::string> notes;

  // Stop ids, penalty and sampling on one line, for logs and run.json.
  std::string describe() const;
};

// Both read generation_config.json of the folder, where there is one, and the ids that config.json
// (or its text_config) states; the former's stop ids count where both name some.
// Throw FormatError, InputError (a setting that changes answers and that vega does not have).

// For benchmarks: stop ids, pad id and repetition penalty; greedy. Other settings of the file that
// would change an answer are named in `notes`.
GenerationConfig benchmark_generation(const std::filesystem::path& folder);

// For free questions: also sampling, temperature, top_k, top_p and the limit: max_new_tokens, or
// max_length where that is all the file has.
GenerationConfig ask_generation(const std::filesystem::path& folder);

}  // namespace vega::qwen2
