#include "score/captions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/parallel.h"
#include "text/ptb_tokenizer.h"

namespace vega::score {
namespace {

constexpr double kUnscored = std::numeric_limits<double>::quiet_NaN();
constexpr double kMostCider = 1000;
constexpr std::size_t kBleuTerms = 2 + 2 * metrics::kMostGram;
constexpr std::size_t kSideTerms = 3 + 2 * metrics::MeteorStatistics::kStages;
constexpr std::size_t kMeteorTerms = 2 * kSideTerms + 1;

void append_bleu(const metrics::BleuCounts& counts, std::vector<double>& out) {
  out.push_back(static_cast<double>(counts.words));
  out.push_back(static_cast<double>(counts.reference_words));
  for (std::size_t n = 0; n < metrics::kMostGram; ++n) {
    out.push_back(static_cast<double>(counts.guesses[n]));
    out.push_back(static_cast<double>(counts.correct[n]));
  }
}

metrics::BleuCounts bleu_from(std::span<const double> sums) {
  metrics::BleuCounts out;
  out.words = std::llround(sums[0]);
  out.reference_words = std::llround(sums[1]);
  for (std::size_t n = 0; n < metrics::kMostGram; ++n) {
    out.guesses[n] = std::llround(sums[2 + 2 * n]);
    out.correct[n] = std::llround(sums[3 + 2 * n]);
  }
  return out;
}

// The numbers of a statistic in one order, for both ways.
template <typename Statistics, typename Use>
void each_number(Statistics& s, Use use) {
  for (auto* side : {&s.hypothesis, &s.reference}) {
    use(side->words);
    use(side->function_words);
    for (auto& value : side->content) use(value);
    for (auto& value : side->function) use(value);
    use(side->matched);
  }
  use(s.chunks);
}

double meteor_from(std::span<const double> sums) {
  metrics::MeteorStatistics out;
  std::size_t at = 0;
  each_number(out, [&](double& value) { value = sums[at++]; });
  return 100 * out.score();
}

std::vector<metrics::MeteorStatistics> meteor_statistics(const metrics::MeteorData& data,
                                                         std::span<const metrics::Caption> captions,
                                                         int threads) {
  std::vector<metrics::MeteorStatistics> out(captions.size());
  const auto parts = static_cast<std::size_t>(std::max(1, threads));  // words are learnt once each
  parallel_for(parts, threads, [&](std::size_t part) {
    metrics::Meteor meteor(data);
    for (std::size_t i = part; i < captions.size(); i += parts)
      out[i] = meteor.item(captions[i].hypothesis, captions[i].references);
  });
  return out;
}

// Puts values of the captions that count back to their places.
class Places {
 public:
  Places(std::size_t all, std::span<const char> counts) : all_(all) {
    for (std::size_t i = 0; i < all; ++i)
      if (counts.empty() || counts[i] != 0) place_.push_back(i);
  }
  const std::vector<std::size_t>& places() const { return place_; }

  std::vector<double> earned(std::span<const double> values, double scale) const {
    std::vector<double> out(all_, kUnscored);
    for (std::size_t k = 0; k < place_.size(); ++k) out[place_[k]] = scale * values[k];
    return out;
  }
  std::vector<double> terms(std::span<const double> rows, std::size_t width) const {
    std::vector<double> out(all_ * width, 0);
    for (std::size_t k = 0; k < place_.size(); ++k)
      std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(k * width), width,
                  out.begin() + static_cast<std::ptrdiff_t>(place_[k] * width));
    return out;
  }

 private:
  std::size_t all_;
  std::vector<std::size_t> place_;
};

}  // namespace

void ptb_tokenise(std::vector<metrics::Caption>& captions) {
  std::vector<std::string> said, written;
  for (const metrics::Caption& caption : captions) {
    said.push_back(caption.hypothesis);
    written.insert(written.end(), caption.references.begin(), caption.references.end());
  }
  said = text::ptb_captions(said);
  written = text::ptb_captions(written);
  auto next = written.begin();
  for (std::size_t i = 0; i < captions.size(); ++i) {
    captions[i].hypothesis = std::move(said[i]);
    for (std::string& reference : captions[i].references) reference = std::move(*next++);
  }
}

std::string one_line(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\r\n")) {
      out += ' ';
      ++i;
    } else if (text.substr(i).starts_with("|||")) {
      out += ' ';
      i += 2;
    } else {
      out += text[i] == '\n' || text[i] == '\r' ? ' ' : text[i];
    }
  }
  return out;
}

std::vector<Measure> CaptionScorer::measures(std::span<const metrics::Caption> all,
                                             std::span<const char> counts, CaptionTotals totals,
                                             int threads) const {
  const Places places(all.size(), counts);
  std::vector<metrics::Caption> some;
  if (places.places().size() < all.size())
    for (const std::size_t i : places.places()) some.push_back(all[i]);
  const auto captions = places.places().size() < all.size() ? std::span(std::as_const(some)) : all;
  const bool corpus = totals == CaptionTotals::kCorpus;
  std::vector<Measure> out;

  const metrics::CaptionNgrams ngrams(captions);
  const auto bleu_counts = ngrams.bleu_counts(threads);
  std::vector<double> rows;
  for (const auto& one : bleu_counts) append_bleu(one, rows);
  for (std::size_t n = 0; n < metrics::kMostGram; ++n) {
    std::vector<double> values;
    for (const auto& one : bleu_counts) values.push_back(metrics::bleu_of(one)[n]);
    Measure bleu = mean("BLEU-" + std::to_string(n + 1), places.earned(values, 100));
    if (corpus)
      bleu.sums = {kBleuTerms, places.terms(rows, kBleuTerms), [n](std::span<const double> sums) {
                     return 100 * metrics::bleu_of(bleu_from(sums))[n];
                   }};
    out.push_back(std::move(bleu));
  }

  if (meteor_.missing.empty()) {
    const auto statistics = meteor_statistics(meteor_.data, captions, threads);
    std::vector<double> values;
    rows.clear();
    for (const auto& one : statistics) {
      values.push_back(one.score());
      metrics::MeteorStatistics added;
      added.add(one);
      each_number(added, [&](double value) { rows.push_back(value); });
    }
    Measure meteor = mean(meteor_.name, places.earned(values, 100));
    if (corpus) meteor.sums = {kMeteorTerms, places.terms(rows, kMeteorTerms), meteor_from};
    out.push_back(std::move(meteor));
  } else {
    Measure none = mean(meteor_.name, std::vector<double>(all.size(), kUnscored));
    none.missing = meteor_.missing;
    out.push_back(std::move(none));
  }
  out.push_back(mean("ROUGE-L", places.earned(ngrams.rouge_l(threads), 100)));
  out.push_back(mean("CIDEr", places.earned(ngrams.cider_d(threads), 100), kMostCider));
  return out;
}

}  // namespace vega::score
