// The four caption metrics over captions, with what is needed for intervals.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "metrics/ngram_metrics.h"
#include "score/measures.h"
#include "score/meteor_source.h"

namespace vega::score {

// How captions become numbers of the whole set.
enum class CaptionTotals {
  kCorpus,         // BLEU and METEOR from sums over the captions, the others as means
  kMeanOfCaptions  // every metric is the mean of what the captions earn alone
};

class CaptionScorer {
 public:
  explicit CaptionScorer(MeteorSource meteor) : meteor_(std::move(meteor)) {}

  // BLEU-1 to 4, METEOR under the name of its source, ROUGE-L, CIDEr; percent. Captions that do not
  // count (0 in `counts`; empty: all count) are left out before anything is computed and earn NaN.
  std::vector<Measure> measures(std::span<const metrics::Caption> captions,
                                std::span<const char> counts, CaptionTotals totals,
                                int threads) const;

  const MeteorSource& meteor() const { return meteor_; }

 private:
  MeteorSource meteor_;
};

// The captions as the tokeniser of pycocoevalcap has them.
void ptb_tokenise(std::vector<metrics::Caption>& captions);

// Line ends and "|||" become blanks: neither may part a caption.
std::string one_line(std::string_view text);

}  // namespace vega::score
