#include "metrics/ngram_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "text/unicode.h"

namespace vega::metrics {
namespace {

using Token = std::uint32_t;
using Tokens = std::vector<Token>;

// Numbers for the words of all captions.
class Vocabulary {
 public:
  // Words between white space.
  Tokens words(std::string_view text) {
    const std::u32string points = text::decode_utf8(text);
    Tokens out;
    for (std::size_t i = 0; i < points.size();) {
      if (text::is_python_space(points[i])) {
        ++i;
        continue;
      }
      const std::size_t begin = i;
      while (i < points.size() && !text::is_python_space(points[i])) ++i;
      out.push_back(number(points.substr(begin, i - begin)));
    }
    return out;
  }
  // What stands between single blanks; "" is one empty token.
  Tokens between_blanks(std::string_view text) {
    const std::u32string points = text::decode_utf8(text);
    Tokens out;
    for (std::size_t begin = 0;;) {
      const std::size_t end = std::min(points.find(U' ', begin), points.size());
      out.push_back(number(points.substr(begin, end - begin)));
      if (end == points.size()) return out;
      begin = end + 1;
    }
  }

 private:
  Token number(const std::u32string& word) {
    return numbers_.try_emplace(word, static_cast<Token>(numbers_.size() + 1)).first->second;
  }
  std::unordered_map<std::u32string, Token> numbers_;
};

// Up to four words; 0 where there are fewer.
using Gram = std::array<Token, kMostGram>;
struct GramHash {
  std::size_t operator()(const Gram& gram) const {
    std::uint64_t h = 0x9E3779B97F4A7C15ULL;
    for (const Token t : gram) h = (h ^ t) * 0xD6E8FEB86659FD93ULL, h ^= h >> 32;
    return static_cast<std::size_t>(h);
  }
};

std::size_t order_of(const Gram& gram) {
  std::size_t n = 0;
  while (n < kMostGram && gram[n] != 0) ++n;
  return n - 1;
}

// Numbers of grams, by open addressing: captions are short, and most look-ups miss.
class GramPlaces {
 public:
  explicit GramPlaces(std::size_t most) {
    std::size_t size = 8;
    while (size < 2 * most) size *= 2;
    slots_.resize(size);
  }
  // The number of a gram, `next` where it is new.
  std::size_t add(const Gram& gram, std::size_t next) {
    if (2 * (held_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[at(gram)];
    if (slot.gram[0] == 0) {
      slot = {gram, next};
      ++held_;
    }
    return slot.number;
  }
  static constexpr std::size_t kNone = ~std::size_t{0};
  std::size_t find(const Gram& gram) const {
    const Slot& slot = slots_[at(gram)];
    return slot.gram[0] == 0 ? kNone : slot.number;
  }

 private:
  struct Slot {
    Gram gram{};
    std::size_t number = 0;
  };
  std::size_t at(const Gram& gram) const {
    std::size_t i = GramHash{}(gram) & (slots_.size() - 1);
    while (slots_[i].gram[0] != 0 && slots_[i].gram != gram) i = (i + 1) & (slots_.size() - 1);
    return i;
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.gram[0] != 0) slots_[at(slot.gram)] = slot;
  }
  std::vector<Slot> slots_;
  std::size_t held_ = 0;
};

// Counts, in the order in which the grams are met: by length, then by place. Sums of floating-point
// numbers go in this order, as in the released code.
struct Counts {
  std::vector<std::pair<Gram, int>> in_order;
  GramPlaces place;

  explicit Counts(const Tokens& words) : place(kMostGram * words.size()) {
    in_order.reserve(kMostGram * words.size());
    for (std::size_t n = 1; n <= kMostGram; ++n) {
      for (std::size_t i = 0; i + n <= words.size(); ++i) {
        Gram gram{};
        std::copy_n(words.begin() + static_cast<std::ptrdiff_t>(i), n, gram.begin());
        const std::size_t number = place.add(gram, in_order.size());
        if (number == in_order.size()) in_order.emplace_back(gram, 0);
        ++in_order[number].second;
      }
    }
  }
  int of(const Gram& gram) const {
    const std::size_t number = place.find(gram);
    return number == GramPlaces::kNone ? 0 : in_order[number].second;
  }
};

BleuCounts counts_of(const Tokens& words, const std::vector<Tokens>& references) {
  BleuCounts out;
  out.words = static_cast<std::int64_t>(words.size());
  for (std::size_t n = 0; n < kMostGram; ++n)
    out.guesses[n] = std::max<std::int64_t>(0, out.words - static_cast<std::int64_t>(n));
  std::int64_t closest = -1;
  std::vector<Counts> of_references;
  for (const Tokens& reference : references) {
    const auto length = static_cast<std::int64_t>(reference.size());
    const auto distance = std::abs(length - out.words);
    if (closest < 0 || distance < std::abs(closest - out.words) ||
        (distance == std::abs(closest - out.words) && length < closest))
      closest = length;
    of_references.emplace_back(reference);
  }
  out.reference_words = std::max<std::int64_t>(closest, 0);
  for (const auto& [gram, count] : Counts(words).in_order) {
    int most = 0;
    for (const Counts& reference : of_references) most = std::max(most, reference.of(gram));
    out.correct[order_of(gram)] += std::min(count, most);
  }
  return out;
}

std::size_t common_subsequence(const Tokens& a, const Tokens& b) {
  std::vector<std::size_t> row(b.size() + 1, 0);
  for (const Token t : a) {
    std::size_t diagonal = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = t == b[j] ? diagonal + 1 : std::max(above, row[j]);
      diagonal = above;
    }
  }
  return row.back();
}

// A tf-idf vector in the order of its grams, with what is needed of it beside.
struct Weights {
  std::vector<double> values;
  std::array<double, kMostGram> norm{};
  double bigrams = 0;  // the "length"
};

// rarity_of(g): how rare the g-th gram of `counts` is.
template <typename RarityOf>
Weights weights_of(const Counts& counts, RarityOf rarity_of) {
  Weights out;
  for (std::size_t g = 0; g < counts.in_order.size(); ++g) {
    const auto& [gram, count] = counts.in_order[g];
    const std::size_t n = order_of(gram);
    const double weight = static_cast<double>(count) * rarity_of(g);
    out.values.push_back(weight);
    out.norm[n] += weight * weight;
    if (n == 1) out.bigrams += count;
  }
  for (double& norm : out.norm) norm = std::sqrt(norm);
  return out;
}

// Captions and references as counts, and in how many items a gram of the references stands.
class CiderItems {
 public:
  explicit CiderItems(std::span<const Caption> captions) : numbers_(captions.size()) {
    Vocabulary vocabulary;
    for (const Caption& caption : captions) {
      items_.push_back({Counts(vocabulary.words(caption.hypothesis)), {}, {}});
      for (const std::string& text : caption.references)
        add_reference(items_.back(), Counts(vocabulary.words(text)));
    }
    log_items_ = std::log(static_cast<double>(captions.size()));
    for (const int count : documents_)
      rarity_.push_back(log_items_ - std::log(std::max(1.0, static_cast<double>(count))));
  }

  // 0 to 10, of one item.
  double score(std::size_t i) const {
    const Item& item = items_[i];
    const Weights hypothesis = weights_of(item.hypothesis, [&](std::size_t g) {
      const std::size_t number = numbers_.find(item.hypothesis.in_order[g].first);
      return number == GramPlaces::kNone ? log_items_ : rarity_[number];
    });
    std::array<double, kMostGram> sum{};
    for (std::size_t r = 0; r < item.references.size(); ++r) {
      const auto value =
          similarity(item.hypothesis, hypothesis, item.references[r], item.numbers[r]);
      for (std::size_t n = 0; n < kMostGram; ++n) sum[n] += value[n];
    }
    double mean = (sum[0] + sum[1] + sum[2] + sum[3]) / kMostGram;
    mean /= std::max<double>(1, static_cast<double>(item.references.size()));
    return mean * 10;
  }

 private:
  struct Item {
    Counts hypothesis;
    std::vector<Counts> references;
    std::vector<std::vector<std::size_t>> numbers;  // of the grams of each reference
  };

  void add_reference(Item& item, Counts counts) {
    auto& numbers = item.numbers.emplace_back();
    for (const auto& entry : counts.in_order) {
      const Gram& gram = entry.first;
      const std::size_t number = numbers_.add(gram, documents_.size());
      if (number == documents_.size()) documents_.push_back(0);
      numbers.push_back(number);
      const bool seen = std::any_of(item.references.begin(), item.references.end(),
                                    [&](const Counts& other) { return other.of(gram) > 0; });
      if (!seen) ++documents_[number];
    }
    item.references.push_back(std::move(counts));
  }

  std::array<double, kMostGram> similarity(const Counts& said, const Weights& hypothesis,
                                           const Counts& written,
                                           const std::vector<std::size_t>& numbers) const {
    constexpr double kSigma = 6;
    const Weights reference =
        weights_of(written, [&](std::size_t g) { return rarity_[numbers[g]]; });
    const double delta = hypothesis.bigrams - reference.bigrams;
    const double penalty = std::exp(-(delta * delta) / (2 * kSigma * kSigma));
    std::array<double, kMostGram> out{};
    for (std::size_t g = 0; g < hypothesis.values.size(); ++g) {
      const Gram& gram = said.in_order[g].first;
      const std::size_t at = written.place.find(gram);
      const double other = at == GramPlaces::kNone ? 0 : reference.values[at];
      out[order_of(gram)] += std::min(hypothesis.values[g], other) * other;
    }
    for (std::size_t n = 0; n < kMostGram; ++n) {
      if (hypothesis.norm[n] != 0 && reference.norm[n] != 0)
        out[n] /= hypothesis.norm[n] * reference.norm[n];
      out[n] *= penalty;
    }
    return out;
  }

  std::vector<Item> items_;
  GramPlaces numbers_;  // of the grams of all references
  std::vector<int> documents_;
  std::vector<double> rarity_;  // by number
  double log_items_ = 0;        // of a gram that no reference has
};

}  // namespace

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

std::vector<BleuCounts> bleu_counts(std::span<const Caption> captions) {
  std::vector<BleuCounts> out;
  for (const Caption& caption : captions) {
    Vocabulary vocabulary;
    const Tokens words = vocabulary.words(caption.hypothesis);
    std::vector<Tokens> references;
    for (const std::string& text : caption.references) references.push_back(vocabulary.words(text));
    out.push_back(counts_of(words, references));
  }
  return out;
}

std::array<Scores, kMostGram> bleu(std::span<const Caption> captions) {
  std::array<Scores, kMostGram> out;
  BleuCounts sum;
  for (const BleuCounts& counts : bleu_counts(captions)) {
    sum.words += counts.words;
    sum.reference_words += counts.reference_words;
    const auto values = bleu_of(counts);
    for (std::size_t n = 0; n < kMostGram; ++n) {
      sum.guesses[n] += counts.guesses[n];
      sum.correct[n] += counts.correct[n];
      out[n].items.push_back(values[n]);
    }
  }
  const auto values = bleu_of(sum);
  for (std::size_t n = 0; n < kMostGram; ++n) out[n].corpus = captions.empty() ? 0 : values[n];
  return out;
}

Scores rouge_l(std::span<const Caption> captions) {
  constexpr double kBetaSquared = 1.2 * 1.2;
  Scores out;
  double sum = 0;
  for (const Caption& caption : captions) {
    Vocabulary vocabulary;
    const Tokens words = vocabulary.between_blanks(caption.hypothesis);
    double precision = 0, recall = 0;
    for (const std::string& text : caption.references) {
      const Tokens reference = vocabulary.between_blanks(text);
      const auto common = static_cast<double>(common_subsequence(reference, words));
      precision = std::max(precision, common / static_cast<double>(words.size()));
      recall = std::max(recall, common / static_cast<double>(reference.size()));
    }
    const double value = precision != 0 && recall != 0 ? ((1 + kBetaSquared) * precision * recall) /
                                                             (recall + kBetaSquared * precision)
                                                       : 0;
    out.items.push_back(value);
    sum += value;
  }
  out.corpus = captions.empty() ? 0 : sum / static_cast<double>(captions.size());
  return out;
}

Scores cider_d(std::span<const Caption> captions) {
  const CiderItems items(captions);
  Scores out;
  double sum = 0;
  for (std::size_t i = 0; i < captions.size(); ++i) {
    out.items.push_back(items.score(i));
    sum += out.items.back();
  }
  out.corpus = captions.empty() ? 0 : sum / static_cast<double>(captions.size());
  return out;
}

}  // namespace vega::metrics
