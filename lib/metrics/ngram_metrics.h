// BLEU, ROUGE-L and CIDEr-D as pycocoevalcap computes them. Scores are fractions (CIDEr-D: 0 to
// 10). Source: pycocoevalcap 1.2.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vega::metrics {

// A caption and what people wrote, as text; n-gram metrics split on white space, ROUGE-L on single
// blanks.
struct Caption {
  std::string hypothesis;
  std::vector<std::string> references;
};

struct Scores {
  double corpus = 0;
  std::vector<double> items;
};

constexpr int kMostGram = 4;

// What BLEU is computed from; counts of captions add up to those of a corpus. reference_words: of
// the closest reference length, the shorter of two equally close ones.
struct BleuCounts {
  std::int64_t words = 0, reference_words = 0;
  std::array<std::int64_t, kMostGram> guesses{}, correct{};
};
std::vector<BleuCounts> bleu_counts(std::span<const Caption> captions);
std::array<double, kMostGram> bleu_of(const BleuCounts& counts);  // [n - 1]: BLEU-n

// [n - 1]: BLEU-n. The corpus value is computed from sums, it is no mean of items. The closest
// reference length counts, the shorter of two equally close ones.
std::array<Scores, kMostGram> bleu(std::span<const Caption> captions);

// Precision and recall of the longest common subsequence, each maximised over the references on its
// own; beta 1.2.
Scores rouge_l(std::span<const Caption> captions);

// Document frequencies are those of the references of `captions`. Every score is 0 where there is
// one caption only, since then every n-gram is in all documents.
Scores cider_d(std::span<const Caption> captions);

}  // namespace vega::metrics
