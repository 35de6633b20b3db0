#include "nn/sampling.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/philox.h"

namespace vega {
namespace {

constexpr std::uint32_t kUse = 0x73616d70U;  // "samp": makes this use's keys its own

struct Candidate {
  double score;
  std::int64_t id;
};

// Largest score first, of equal ones the smallest id.
bool before(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.id < b.id;
}

// The tokens that top_k leaves, in order of ids; a score becomes e^(score - largest).
std::vector<Candidate> candidates(std::span<const float> logits, const SamplingOptions& options) {
  std::vector<Candidate> all(logits.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = {static_cast<double>(logits[i]) / options.temperature, static_cast<std::int64_t>(i)};
  const auto k = static_cast<std::size_t>(options.top_k);
  if (k > 0 && k < all.size()) {
    auto ordered = all;
    const auto last = ordered.begin() + static_cast<std::ptrdiff_t>(k) - 1;
    std::nth_element(ordered.begin(), last, ordered.end(), before);
    const double least = last->score;
    std::erase_if(all, [&](const Candidate& c) { return c.score < least; });
  }
  const double most = std::ranges::min_element(all, before)->score;
  for (Candidate& c : all) c.score = std::exp(c.score - most);
  return all;
}

// Puts candidates into order piece by piece: an answer needs few of a large vocabulary.
class Ordered {
 public:
  explicit Ordered(std::vector<Candidate>& all) : all_(all) {}
  const Candidate& operator[](std::size_t i) {
    while (i >= sorted_) {
      const std::size_t next = std::min(all_.size(), std::max<std::size_t>(64, 8 * sorted_));
      const auto at = [&](std::size_t n) { return all_.begin() + static_cast<std::ptrdiff_t>(n); };
      std::partial_sort(at(sorted_), at(next), all_.end(), before);
      sorted_ = next;
    }
    return all_[i];
  }

 private:
  std::vector<Candidate>& all_;
  std::size_t sorted_ = 0;
};

}  // namespace

void penalise(std::span<float> logits, std::span<const std::int64_t> seen, double penalty) {
  if (penalty == 1) return;
  const auto by = static_cast<float>(penalty);
  for (const std::int64_t id : std::set<std::int64_t>(seen.begin(), seen.end())) {
    if (id < 0 || id >= static_cast<std::int64_t>(logits.size()))
      throw InputError(explain("repetition penalty", "id " + std::to_string(id),
                               "ids below " + std::to_string(logits.size())));
    float& logit = logits[static_cast<std::size_t>(id)];
    logit = logit < 0 ? logit * by : logit / by;
  }
}

void check_logits(std::span<const float> logits, std::string_view where) {
  const auto odd = std::ranges::find_if(logits, [](float x) { return !std::isfinite(x); });
  if (odd == logits.end()) return;
  throw ModelError(explain(where,
                           "logit " + std::to_string(odd - logits.begin()) + " is " +
                               (std::isnan(*odd) ? "NaN" : "infinite"),
                           "finite logits",
                           "the weights are damaged, or too large for the type they are computed "
                           "in: fetch the checkpoint again, or compute in fp32"));
}

std::int64_t greedy_token(std::span<const float> logits) {
  return std::ranges::max_element(logits) - logits.begin();
}

double sampling_unit(std::uint64_t seed, std::string_view sequence, std::int64_t step) {
  const std::uint64_t name = fnv1a64(sequence);
  PhiloxKey key = philox_key(seed);
  key[1] ^= kUse;
  return philox_unit(
      philox4x32({static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32),
                  static_cast<std::uint32_t>(name), static_cast<std::uint32_t>(name >> 32)},
                 key)[0]);
}

std::int64_t sampled_token(std::span<const float> logits, const SamplingOptions& options,
                           double unit) {
  auto all = candidates(logits, options);
  double sum = 0;
  for (const Candidate& c : all) sum += c.score;
  Ordered ordered(all);
  std::size_t count = all.size();
  if (options.top_p < 1) {
    double kept = 0;
    for (count = 0; count < all.size() && (count == 0 || kept < options.top_p * sum); ++count)
      kept += ordered[count].score;
    sum = kept;
  }
  double passed = 0;
  for (std::size_t i = 0; i < count; ++i) {
    passed += ordered[i].score;
    if (unit * sum < passed) return ordered[i].id;
  }
  return ordered[count - 1].id;
}

}  // namespace vega
