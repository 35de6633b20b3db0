#include "metrics/ngram_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/parallel.h"
#include "metrics/numbering.h"
#include "text/unicode.h"

namespace vega::metrics {
namespace {

using Tokens = std::span<const std::uint32_t>;

// What stands between single blanks; "" is one empty piece.
template <typename Use>
void each_piece(std::string_view text, Use use) {
  for (;;) {
    const std::size_t end = text.find(' ');
    use(text.substr(0, end));
    if (end == text.npos) return;
    text.remove_prefix(end + 1);
  }
}

// What stands between white space as Python sees it.
template <typename Use>
void each_word(std::string_view text, Use use) {
  const std::u32string points = text::decode_utf8(text);
  for (std::size_t i = 0; i < points.size();) {
    const std::size_t begin = i;
    while (i < points.size() && !text::is_python_space(points[i])) ++i;
    if (i > begin)
      use(text::encode_utf8(std::u32string_view(points).substr(begin, i - begin)));
    else
      ++i;
  }
}

// Whether pieces and words of a text are the same for sure: ASCII, with one blank between words.
bool is_even(std::string_view text) {
  char before = ' ';
  for (const char c : text) {
    if (c < ' ' || c > '~' || (c == ' ' && before == ' ')) return false;
    before = c;
  }
  return before != ' ';
}

std::size_t common_subsequence(Tokens a, Tokens b, std::vector<std::size_t>& row) {
  row.assign(b.size() + 1, 0);
  for (const std::uint32_t t : a) {
    std::size_t diagonal = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = t == b[j] ? diagonal + 1 : std::max(above, row[j]);
      diagonal = above;
    }
  }
  return row.back();
}

// body(first, last) for parts of [0, count).
template <typename Body>
void for_parts(std::size_t count, int threads, Body body) {
  const auto parts = std::max<std::size_t>(1, static_cast<std::size_t>(std::max(1, threads)));
  parallel_for(parts, threads,
               [&](std::size_t part) { body(count * part / parts, count * (part + 1) / parts); });
}

}  // namespace

// Which of the grams of all texts one text has, and where.
class CaptionNgrams::Places {
 public:
  static constexpr std::uint32_t kNone = kNoNumber;
  explicit Places(std::size_t grams) : at_(grams) {}

  void clear() { ++text_; }
  void hold(std::span<const Counted> grams) {
    clear();
    for (std::size_t g = 0; g < grams.size(); ++g)
      put(grams[g].gram, static_cast<std::uint32_t>(g));
  }
  void put(std::uint32_t gram, std::uint32_t place) { at_[gram] = {text_, place}; }
  std::uint32_t of(std::uint32_t gram) const {
    return at_[gram].text == text_ ? at_[gram].place : kNone;
  }
  void grow(std::size_t grams) {
    if (grams > at_.size()) at_.resize(2 * grams);
  }

 private:
  struct At {
    std::uint32_t text = 0, place = 0;
  };
  std::vector<At> at_;
  std::uint32_t text_ = 0;  // the text whose places these are
};

struct CaptionNgrams::Builder {
  CaptionNgrams& out;
  TextNumbers vocabulary{};
  PairNumbers grams{};  // of the gram without its last word, and that word
  Places places{0};
  std::vector<std::uint32_t> starting{};            // the gram that begins at each word
  std::vector<std::uint32_t> last_item{}, items{};  // of each gram

  void add_text(std::string_view text) {
    Text t;
    t.pieces = out.tokens_.size();
    std::string repaired;
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; }))
      text = repaired = text::encode_utf8(text::decode_utf8(text));
    const auto number = [&](std::string_view word) { out.tokens_.push_back(vocabulary.add(word)); };
    each_piece(text, number);
    t.words = t.pieces;
    t.words_end = t.pieces_end = out.tokens_.size();
    if (!is_even(text)) {
      t.words = out.tokens_.size();
      each_word(text, number);
      t.words_end = out.tokens_.size();
    }
    count(t);
    out.texts_.push_back(t);
  }

  void count(Text& t) {
    const Tokens words = out.words(t);
    places.clear();
    starting.assign(words.size(), kNoNumber);
    for (std::size_t n = 1; n <= kMostGram; ++n) {
      t.grams[n - 1] = out.grams_.size();
      for (std::size_t i = 0; i + n <= words.size(); ++i) {
        const std::uint32_t gram = starting[i] = grams.add(starting[i], words[i + n - 1]);
        places.grow(grams.size());
        const std::uint32_t place = places.of(gram);
        if (place != Places::kNone) {
          ++out.grams_[t.grams[0] + place].count;
          continue;
        }
        places.put(gram, static_cast<std::uint32_t>(out.grams_.size() - t.grams[0]));
        out.grams_.push_back({gram, 1});
      }
    }
    t.grams[kMostGram] = out.grams_.size();
  }

  // The grams of a reference of item `item` (from 1).
  void add_document(const Text& t, std::uint32_t item) {
    last_item.resize(grams.size());
    items.resize(grams.size());
    for (const Counted& c : out.grams(t)) {
      items[c.gram] += last_item[c.gram] != item;
      last_item[c.gram] = item;
    }
  }
};

std::span<const std::uint32_t> CaptionNgrams::words(const Text& t) const {
  return Tokens(tokens_).subspan(t.words, t.words_end - t.words);
}
std::span<const std::uint32_t> CaptionNgrams::pieces(const Text& t) const {
  return Tokens(tokens_).subspan(t.pieces, t.pieces_end - t.pieces);
}
std::span<const CaptionNgrams::Counted> CaptionNgrams::grams(const Text& t, std::size_t n) const {
  return std::span(grams_).subspan(t.grams[n - 1], t.grams[n] - t.grams[n - 1]);
}
std::span<const CaptionNgrams::Counted> CaptionNgrams::grams(const Text& t) const {
  return std::span(grams_).subspan(t.grams[0], t.grams[kMostGram] - t.grams[0]);
}
std::span<const CaptionNgrams::Text> CaptionNgrams::references(std::size_t item) const {
  return std::span(texts_).subspan(items_[item] + 1, items_[item + 1] - items_[item] - 1);
}

CaptionNgrams::CaptionNgrams(std::span<const Caption> captions) {
  Builder build{*this};
  items_.push_back(0);
  for (const Caption& caption : captions) {
    build.add_text(caption.hypothesis);
    for (const std::string& reference : caption.references) {
      build.add_text(reference);
      build.add_document(texts_.back(), static_cast<std::uint32_t>(items_.size()));
    }
    items_.push_back(texts_.size());
  }
  build.items.resize(build.grams.size());
  const double log_items = std::log(static_cast<double>(captions.size()));
  std::vector<double> logs;  // of small counts, which most are
  for (int count = 0; count < 1024; ++count) logs.push_back(std::log(std::max(1.0, 1.0 * count)));
  for (const std::uint32_t count : build.items)
    rarity_.push_back(log_items -
                      (count < logs.size() ? logs[count] : std::log(static_cast<double>(count))));
}

std::array<double, kMostGram> bleu_of(const BleuCounts& c) {
  constexpr double kSmall = 1e-9, kTiny = 1e-15;
  std::array<double, kMostGram> out{};
  double product = 1;
  for (std::size_t n = 0; n < kMostGram; ++n) {
    product *=
        (static_cast<double>(c.correct[n]) + kTiny) / (static_cast<double>(c.guesses[n]) + kSmall);
    out[n] = std::pow(product, 1.0 / static_cast<double>(n + 1));
  }
  const double ratio =
      (static_cast<double>(c.words) + kTiny) / (static_cast<double>(c.reference_words) + kSmall);
  if (ratio < 1) {
    for (double& value : out) value *= std::exp(1 - 1 / ratio);
  }
  return out;
}

std::vector<BleuCounts> CaptionNgrams::bleu_counts(int threads) const {
  std::vector<BleuCounts> out(items_.size() - 1);
  for_parts(out.size(), threads, [&](std::size_t begin, std::size_t end) {
    Places places(rarity_.size());
    std::vector<std::uint32_t> most;  // of each gram of the hypothesis, in one reference
    for (std::size_t i = begin; i < end; ++i) {
      const Text& said = texts_[items_[i]];
      BleuCounts& counts = out[i];
      counts.words = static_cast<std::int64_t>(words(said).size());
      places.hold(grams(said));
      most.assign(grams(said).size(), 0);
      std::int64_t closest = -1;
      for (const Text& reference : references(i)) {
        const auto length = static_cast<std::int64_t>(words(reference).size());
        const auto distance = std::abs(length - counts.words),
                   least = std::abs(closest - counts.words);
        if (closest < 0 || distance < least || (distance == least && length < closest))
          closest = length;
        for (const Counted& c : grams(reference)) {
          if (const std::uint32_t at = places.of(c.gram); at != Places::kNone)
            most[at] = std::max(most[at], c.count);
        }
      }
      counts.reference_words = std::max<std::int64_t>(closest, 0);
      for (std::size_t n = 1; n <= kMostGram; ++n) {
        counts.guesses[n - 1] =
            std::max<std::int64_t>(0, counts.words - static_cast<std::int64_t>(n - 1));
        for (std::size_t g = said.grams[n - 1]; g < said.grams[n]; ++g)
          counts.correct[n - 1] += std::min(grams_[g].count, most[g - said.grams[0]]);
      }
    }
  });
  return out;
}

std::vector<double> CaptionNgrams::rouge_l(int threads) const {
  constexpr double kBetaSquared = 1.2 * 1.2;
  std::vector<double> out(items_.size() - 1);
  for_parts(out.size(), threads, [&](std::size_t begin, std::size_t end) {
    std::vector<std::size_t> row;
    for (std::size_t i = begin; i < end; ++i) {
      const Tokens said = pieces(texts_[items_[i]]);
      double precision = 0, recall = 0;
      for (const Text& reference : references(i)) {
        const Tokens written = pieces(reference);
        const auto common = static_cast<double>(common_subsequence(written, said, row));
        precision = std::max(precision, common / static_cast<double>(said.size()));
        recall = std::max(recall, common / static_cast<double>(written.size()));
      }
      if (precision != 0 && recall != 0)
        out[i] = ((1 + kBetaSquared) * precision * recall) / (recall + kBetaSquared * precision);
    }
  });
  return out;
}

std::vector<double> CaptionNgrams::cider_d(int threads) const {
  constexpr double kSigma = 6;
  // A tf-idf vector in the order of its grams, with what is needed of it beside.
  struct Weights {
    std::vector<double> values;
    std::array<double, kMostGram> norm{};
    double bigrams = 0;  // the "length"
  };
  const auto weigh = [&](const Text& text, Weights& out) {
    out.values.clear();
    out.bigrams = 0;
    for (std::size_t n = 1; n <= kMostGram; ++n) {
      double sum = 0;
      for (const Counted& c : grams(text, n)) {
        const double weight = static_cast<double>(c.count) * rarity_[c.gram];
        out.values.push_back(weight);
        sum += weight * weight;
        if (n == 2) out.bigrams += c.count;
      }
      out.norm[n - 1] = std::sqrt(sum);
    }
  };
  std::vector<double> out(items_.size() - 1);
  for_parts(out.size(), threads, [&](std::size_t begin, std::size_t end) {
    Places places(rarity_.size());
    Weights hypothesis, reference;
    std::vector<double> others;  // the weights of the reference, by the grams of the hypothesis
    for (std::size_t i = begin; i < end; ++i) {
      const Text& said = texts_[items_[i]];
      weigh(said, hypothesis);
      places.hold(grams(said));
      std::array<double, kMostGram> sum{};
      for (const Text& written : references(i)) {
        weigh(written, reference);
        others.assign(hypothesis.values.size(), 0);
        for (std::size_t g = 0; g < reference.values.size(); ++g) {
          const std::uint32_t at = places.of(grams_[written.grams[0] + g].gram);
          if (at != Places::kNone) others[at] = reference.values[g];
        }
        const double delta = hypothesis.bigrams - reference.bigrams;
        const double penalty = std::exp(-(delta * delta) / (2 * kSigma * kSigma));
        for (std::size_t n = 0; n < kMostGram; ++n) {
          double value = 0;
          for (std::size_t g = said.grams[n] - said.grams[0]; g < said.grams[n + 1] - said.grams[0];
               ++g)
            value += std::min(hypothesis.values[g], others[g]) * others[g];
          if (hypothesis.norm[n] != 0 && reference.norm[n] != 0)
            value /= hypothesis.norm[n] * reference.norm[n];
          sum[n] += value * penalty;
        }
      }
      const double mean = (sum[0] + sum[1] + sum[2] + sum[3]) / kMostGram;
      out[i] = mean / std::max<double>(1, static_cast<double>(references(i).size())) * 10;
    }
  });
  return out;
}

}  // namespace vega::metrics
