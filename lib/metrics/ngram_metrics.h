// BLEU, ROUGE-L and CIDEr-D as pycocoevalcap computes them. Scores are fractions (CIDEr-D: 0 to
// 10). Source: pycocoevalcap 1.2.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vega::metrics {

// A caption and what people wrote, as text; n-gram metrics split on white space, ROUGE-L on single
// blanks.
struct Caption {
  std::string hypothesis;
  std::vector<std::string> references;
};

constexpr std::size_t kMostGram = 4;

// What BLEU is computed from; counts of captions add up to those of a corpus, whose BLEU is no mean
// of items. reference_words: of the closest reference length, the shorter of two equally close
// ones.
struct BleuCounts {
  std::int64_t words = 0, reference_words = 0;
  std::array<std::int64_t, kMostGram> guesses{}, correct{};
};
std::array<double, kMostGram> bleu_of(const BleuCounts& counts);  // [n - 1]: BLEU-n

// The n-grams of a set of captions, counted once for all metrics. Immutable after the constructor.
// Results do not depend on `threads`.
class CaptionNgrams {
 public:
  explicit CaptionNgrams(std::span<const Caption> captions);

  std::vector<BleuCounts> bleu_counts(int threads) const;  // of each caption
  // Precision and recall of the longest common subsequence, each maximised over the references on
  // its own; beta 1.2. The score of a set is the mean.
  std::vector<double> rouge_l(int threads) const;
  // Document frequencies are those of the references of the set. Every score is 0 where there is
  // one caption only, since then every n-gram is in all documents. The score of a set is the mean.
  std::vector<double> cider_d(int threads) const;

 private:
  struct Counted {
    std::uint32_t gram, count;
  };
  // Places in tokens_ and grams_; those of n words begin at grams[n - 1].
  struct Text {
    std::size_t words = 0, words_end = 0, pieces = 0, pieces_end = 0;
    std::array<std::size_t, kMostGram + 1> grams{};
  };
  class Places;
  struct Builder;

  std::span<const std::uint32_t> words(const Text& t) const;
  std::span<const std::uint32_t> pieces(const Text& t) const;  // between single blanks
  std::span<const Counted> grams(const Text& t, std::size_t n) const;
  std::span<const Counted> grams(const Text& t) const;
  std::span<const Text> references(std::size_t item) const;

  std::vector<std::uint32_t> tokens_;
  // In the order in which they are met: by length, then by place. Sums of floating-point numbers go
  // in this order, as in the released code.
  std::vector<Counted> grams_;
  std::vector<Text> texts_;         // of each item: the hypothesis, then the references
  std::vector<std::size_t> items_;  // places in texts_, and the end
  std::vector<double> rarity_;      // log of items over items with this gram in a reference
};

}  // namespace vega::metrics
