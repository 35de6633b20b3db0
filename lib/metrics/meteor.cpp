#include "metrics/meteor.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

#include "metrics/meteor_align.h"
#include "text/stemmer.h"
#include "text/unicode.h"

namespace vega::metrics {
namespace {

constexpr double kAlpha = 0.85, kBeta = 0.2, kGamma = 0.6, kDelta = 0.75;
constexpr std::array<double, MeteorStatistics::kStages> kStageWeight = {1.0, 0.6, 0.8, 0.6};

// What every stage asks of a word, found once a spelling.
struct Word {
  std::uint32_t number = 0;  // of the spelling
  std::int32_t hash = 0, stem_hash = 0;
  bool function = false;
  std::uint32_t in_table = kNoNumber;      // of the paraphrases
  std::vector<std::int32_t> synonym_sets;  // ascending
  std::uint64_t sets_seen = 0;             // a bit for each of them; many have the same
};

// Whether two words have a set of synonyms in common, remembered: captions are about few things.
class Synonyms {
 public:
  bool operator()(const Word& a, const Word& b) {
    if ((a.sets_seen & b.sets_seen) == 0) return false;
    const std::uint64_t pair = (std::uint64_t{a.number} << 32 | b.number) + 1;
    Known& known = known_[pair_hash(a.number, b.number) >> (64 - kBits)];
    if (known.pair != pair) known = {pair, meet(a.synonym_sets, b.synonym_sets)};
    return known.meet;
  }

 private:
  static constexpr int kBits = 13;
  struct Known {
    std::uint64_t pair = 0;  // 0: none
    bool meet = false;
  };
  static bool meet(const std::vector<std::int32_t>& a, const std::vector<std::int32_t>& b) {
    for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
      if (*i == *j) return true;
      *i < *j ? ++i : ++j;
    }
    return false;
  }
  std::vector<Known> known_ = std::vector<Known>(std::size_t{1} << kBits);
};

// A phrase of a sentence that the table of paraphrases has.
struct PhraseAt {
  Paraphrases::Phrase phrase;
  int first, words;
};

struct Sentence {
  std::vector<const Word*> words;
  std::vector<std::int32_t> hashes, stem_hashes;  // of the words
  // By place, and by number; a bit says that a number may be among them.
  std::vector<PhraseAt> phrases, by_number;
  std::array<std::uint64_t, 64> seen{};

  void clear() {
    words.clear();
    hashes.clear();
    stem_hashes.clear();
    phrases.clear();
    seen.fill(0);
  }
  void add(const Word& word) {
    words.push_back(&word);
    hashes.push_back(word.hash);
    stem_hashes.push_back(word.stem_hash);
  }
  static std::uint32_t bit(Paraphrases::Phrase p) { return (p * 2654435761U) >> 20; }
  bool may_hold(Paraphrases::Phrase p) const {
    return (seen[bit(p) / 64] >> (bit(p) % 64) & 1) != 0;
  }
  void find_phrases(const Paraphrases& table) {
    for (std::size_t first = 0; first < words.size(); ++first) {
      Paraphrases::Phrase phrase = Paraphrases::kNothing;
      for (std::size_t i = first; i < words.size() && words[i]->in_table != kNoNumber; ++i) {
        phrase = table.longer(phrase, words[i]->in_table);
        if (phrase == kNoNumber) break;
        if (table.stands(phrase))
          phrases.push_back({phrase, static_cast<int>(first), static_cast<int>(i + 1 - first)});
      }
    }
    by_number = phrases;
    std::sort(by_number.begin(), by_number.end(), [](const PhraseAt& a, const PhraseAt& b) {
      return a.phrase != b.phrase ? a.phrase < b.phrase : a.first < b.first;
    });
    for (const PhraseAt& p : phrases)
      seen[bit(p.phrase) / 64] |= std::uint64_t{1} << (bit(p.phrase) % 64);
  }
};

using Candidates = std::vector<std::vector<MeteorMatch>>;

void add_word_matches(const Sentence& hypothesis, const Sentence& reference, bool equal,
                      Synonyms& synonyms, Candidates& out) {
  const auto n = hypothesis.words.size(), m = reference.words.size();
  const auto stage = [&](int number, auto matches) {
    for (std::size_t j = 0; j < m; ++j) {
      for (std::size_t i = 0; i < n; ++i) {
        if (matches(i, j))
          out[j].push_back({number, static_cast<int>(i), 1, static_cast<int>(j), 1});
      }
    }
  };
  const auto &a = hypothesis.hashes, &b = reference.hashes;
  stage(0, [&](std::size_t i, std::size_t j) { return a[i] == b[j]; });
  if (equal) return;
  stage(1, [&](std::size_t i, std::size_t j) {
    return hypothesis.stem_hashes[i] == reference.stem_hashes[j] && a[i] != b[j];
  });
  for (std::size_t j = 0; j < m; ++j) {
    if (reference.words[j]->sets_seen == 0) continue;
    for (std::size_t i = 0; i < n; ++i) {
      if (a[i] != b[j] && synonyms(*hypothesis.words[i], *reference.words[j]))
        out[j].push_back({2, static_cast<int>(i), 1, static_cast<int>(j), 1});
    }
  }
}

// Key phrases in `keys`, partners in `others`; `add` gets both places.
template <typename Add>
void each_paraphrase(const Paraphrases& table, const Sentence& keys, const Sentence& others,
                     Add add) {
  for (const PhraseAt& key : keys.phrases) {
    for (const Paraphrases::Phrase partner : table.partners(key.phrase)) {
      if (!others.may_hold(partner)) continue;  // most are not
      auto at = std::lower_bound(
          others.by_number.begin(), others.by_number.end(), partner,
          [](const PhraseAt& o, Paraphrases::Phrase value) { return o.phrase < value; });
      for (; at != others.by_number.end() && at->phrase == partner; ++at) add(key, *at);
    }
  }
}

void add_paraphrases(const Paraphrases& table, const Sentence& hypothesis,
                     const Sentence& reference, Candidates& out) {
  if (table.pairs() == 0) return;
  const auto put = [&](const PhraseAt& h, const PhraseAt& r) {
    out[static_cast<std::size_t>(r.first)].push_back({3, h.first, h.words, r.first, r.words});
  };
  each_paraphrase(table, reference, hypothesis,
                  [&](const PhraseAt& key, const PhraseAt& other) { put(other, key); });
  each_paraphrase(table, hypothesis, reference,
                  [&](const PhraseAt& key, const PhraseAt& other) { put(key, other); });
}

MeteorStatistics statistics_of(const Sentence& hypothesis, const Sentence& reference,
                               const std::vector<MeteorMatch>& matches) {
  MeteorStatistics out;
  const auto count = [](const Sentence& sentence, MeteorStatistics::Side& side) {
    side.words = static_cast<double>(sentence.words.size());
    for (const Word* word : sentence.words) side.function_words += word->function;
  };
  count(hypothesis, out.hypothesis);
  count(reference, out.reference);
  const auto matched = [](const Sentence& sentence, int first, int words, int stage,
                          MeteorStatistics::Side& side) {
    for (int k = 0; k < words; ++k) {
      const bool function = sentence.words[static_cast<std::size_t>(first + k)]->function;
      (function ? side.function : side.content)[static_cast<std::size_t>(stage)] += 1;
    }
    side.matched += words;
  };
  int end = -1, next = 0;
  for (const MeteorMatch& m : matches) {
    matched(hypothesis, m.hypothesis, m.hypothesis_words, m.stage, out.hypothesis);
    matched(reference, m.reference, m.reference_words, m.stage, out.reference);
    if (end == -1 || m.reference != next || m.hypothesis != end) out.chunks += 1;
    end = m.hypothesis + m.hypothesis_words;
    next = m.reference + m.reference_words;
  }
  return out;
}

}  // namespace

bool MeteorStatistics::perfect() const {
  return hypothesis.matched == hypothesis.words && reference.matched == reference.words &&
         chunks == 1;
}

double MeteorStatistics::score() const {
  const auto share = [](const Side& side) {
    double matched = 0;
    for (std::size_t s = 0; s < kStages; ++s) matched += side.content[s] * kStageWeight[s] * kDelta;
    for (std::size_t s = 0; s < kStages; ++s)
      matched += side.function[s] * kStageWeight[s] * (1 - kDelta);
    const double all =
        kDelta * (side.words - side.function_words) + (1 - kDelta) * side.function_words;
    return matched / all;
  };
  const double precision = share(hypothesis), recall = share(reference);
  const double f = 1 / ((1 - kAlpha) / precision + kAlpha / recall);
  const double fragmentation =
      perfect() ? 0 : chunks / ((hypothesis.matched + reference.matched) / 2);
  const double score = f * (1 - kGamma * std::pow(fragmentation, kBeta));
  return score > 0 ? score : 0;  // also where it is not a number
}

void MeteorStatistics::add(const MeteorStatistics& item) {
  const auto sum = [](Side& to, const Side& from) {
    to.words += from.words;
    to.function_words += from.function_words;
    to.matched += from.matched;
    for (std::size_t s = 0; s < kStages; ++s) {
      to.content[s] += from.content[s];
      to.function[s] += from.function[s];
    }
  };
  sum(hypothesis, item.hypothesis);
  sum(reference, item.reference);
  if (!item.perfect()) chunks += item.chunks;
}

struct Meteor::State {
  const MeteorData& data;
  text::EnglishStemmer stem{};
  TextNumbers spellings{};
  std::deque<Word> words{};  // by the number of the spelling
  Synonyms synonyms{};
  Sentence hypothesis{}, reference{};
  Candidates candidates{};

  const Word& word(std::string_view spelling);
  std::vector<std::int32_t> synonym_sets(const std::string& word) const;
  void read(std::string_view text, Sentence& out);
  void read(std::u32string_view text, Sentence& out);
  MeteorStatistics aligned();
};

// The numbers of a word and of the base forms that its ending lets one guess.
std::vector<std::int32_t> Meteor::State::synonym_sets(const std::string& word) const {
  std::vector<std::int32_t> out;
  const auto add = [&](const std::string& headword) {
    return data.synonym_sets.read(headword, out);
  };
  add(word);
  const auto irregular = data.exceptions.find(word);
  if (irregular != data.exceptions.end()) {
    for (const std::string& base : irregular->second) add(base);
  } else if (!word.ends_with("ss") && text::decode_utf8(word).size() > 2) {
    static constexpr std::pair<const char*, const char*> kEndings[] = {
        {"s", ""},      {"ses", "s"},   {"xes", "x"}, {"zes", "z"}, {"ches", "ch"},
        {"shes", "sh"}, {"men", "man"}, {"ies", "y"}, {"s", ""},    {"ies", "y"},
        {"es", "e"},    {"es", ""},     {"ed", "e"},  {"ed", ""},   {"ing", "e"},
        {"ing", ""},    {"er", ""},     {"est", ""},  {"er", "e"},  {"est", "e"}};
    for (const auto& [ending, instead] : kEndings) {
      if (!word.ends_with(ending)) continue;
      if (add(word.substr(0, word.size() - std::string_view(ending).size()) + instead)) break;
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

const Word& Meteor::State::word(std::string_view spelling) {
  const std::uint32_t number = spellings.add(spelling);
  if (number < words.size()) return words[number];
  Word& word = words.emplace_back();
  word.number = number;
  const std::u32string letters = text::decode_utf8(spelling);
  word.hash = text::java_hash(letters);
  word.stem_hash = text::java_hash(text::decode_utf8(stem(spelling)));
  word.function = data.function_words.contains(letters);
  word.synonym_sets = synonym_sets(std::string(spelling));
  for (const std::int32_t set : word.synonym_sets)
    word.sets_seen |= std::uint64_t{1} << ((static_cast<std::uint32_t>(set) * 2654435761U) >> 26);
  word.in_table = data.paraphrases.word(spelling);
  return word;
}

// Text without a mark that the rules of meteor_words() know: letters, digits and blanks of ASCII.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || c == ' ' || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
}

void Meteor::State::read(std::string_view text, Sentence& out) {
  out.clear();
  std::string spelling;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find(' ', i), text.size());
    if (end > i) {
      spelling.assign(text.substr(i, end - i));
      for (char& c : spelling) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      out.add(word(spelling));
    }
    i = end + 1;
  }
  if (data.paraphrases.pairs() > 0) out.find_phrases(data.paraphrases);
}

void Meteor::State::read(std::u32string_view text, Sentence& out) {
  out.clear();
  for (const std::u32string& spelling : meteor_words(text, data.prefixes))
    out.add(word(text::encode_utf8(spelling)));
  if (data.paraphrases.pairs() > 0) out.find_phrases(data.paraphrases);
}

MeteorStatistics Meteor::State::aligned() {
  const std::size_t m = reference.words.size();
  candidates.resize(std::max(candidates.size(), m));
  for (std::size_t j = 0; j < m; ++j) candidates[j].clear();
  const bool equal = hypothesis.hashes == reference.hashes;
  add_word_matches(hypothesis, reference, equal, synonyms, candidates);
  if (!equal) add_paraphrases(data.paraphrases, hypothesis, reference, candidates);
  return statistics_of(
      hypothesis, reference,
      align(std::span(candidates).first(m), static_cast<int>(hypothesis.words.size())));
}

Meteor::Meteor(const MeteorData& data) : state_(new State{data}) {}
Meteor::~Meteor() = default;

namespace {

constexpr std::u32string_view kBars = U"|||";

std::u32string_view trimmed(std::u32string_view text) {
  while (!text.empty() && text.front() <= ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() <= ' ') text.remove_suffix(1);
  return text;
}

std::u32string cleaned_hypothesis(std::string_view text) {
  const std::u32string from = text::decode_utf8(text);
  std::u32string without, out;
  for (std::size_t i = 0; i < from.size();) {
    if (std::u32string_view(from).substr(i, 3) == kBars) {
      i += 3;
    } else {
      without.push_back(from[i++]);
    }
  }
  for (std::size_t i = 0; i < without.size(); ++i) {
    out.push_back(without[i]);
    if (without[i] == ' ' && i + 1 < without.size() && without[i + 1] == ' ') ++i;
  }
  return out;
}

}  // namespace

MeteorStatistics Meteor::item(std::string_view hypothesis,
                              std::span<const std::string> references) {
  State& s = *state_;
  if (is_plain(hypothesis))
    s.read(hypothesis, s.hypothesis);
  else
    s.read(trimmed(cleaned_hypothesis(hypothesis)), s.hypothesis);
  std::optional<MeteorStatistics> best;
  double best_score = 0;
  const auto consider = [&] {
    const MeteorStatistics got = s.aligned();
    const double score = got.score();
    if (!best || score > best_score) best = got, best_score = score;
  };
  for (const std::string& text : references) {
    if (is_plain(text)) {
      s.read(text, s.reference);
      consider();
      continue;
    }
    const std::u32string whole = text::decode_utf8(text);
    std::u32string_view rest = whole;
    for (bool more = true; more;) {
      const std::size_t bars = std::min(rest.find(kBars), rest.size());
      more = bars < rest.size();
      s.read(trimmed(rest.substr(0, bars)), s.reference);
      consider();
      if (more) rest.remove_prefix(bars + kBars.size());
    }
  }
  if (!best) {
    s.read(std::string_view(), s.reference);
    consider();
  }
  return *best;
}

}  // namespace vega::metrics
