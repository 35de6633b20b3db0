// The next token out of logits: repetition penalty, temperature, top-k, top-p, greedy or drawn.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace vega {

struct SamplingOptions {
  double repetition_penalty = 1;  // 1: none
  bool sample = false;            // false: the largest logit; the rest has no effect
  double temperature = 1;         // more than 0
  std::int64_t top_k = 0;         // 0: all
  double top_p = 1;               // in (0, 1]
};

// Divides the positive and multiplies the other logits of `seen` ids by the penalty, each id once.
// `seen`: the prompt's ids and the generated ones; the generated ones alone where embeddings went
// in. Throws InputError (an id outside of the logits).
void penalise(std::span<float> logits, std::span<const std::int64_t> seen, double penalty);

// Throws ModelError naming the first logit that is NaN or infinite, and `where`.
void check_logits(std::span<const float> logits, std::string_view where);

// The largest logit; of equal ones the smallest id.
std::int64_t greedy_token(std::span<const float> logits);

// A number in (0, 1) for a step of a sequence: Philox with a key of its own for this use. It
// depends on nothing but these three.
double sampling_unit(std::uint64_t seed, std::string_view sequence, std::int64_t step);

// The token at `unit` of the distribution after temperature, top-k and top-p, taken in this order;
// tokens ordered by probability, of equal ones the smallest id first. top_p keeps the fewest tokens
// whose probabilities reach it, at least one. Tokens with the logit of the last of the top k stay.
std::int64_t sampled_token(std::span<const float> logits, const SamplingOptions& options,
                           double unit);

}  // namespace vega
