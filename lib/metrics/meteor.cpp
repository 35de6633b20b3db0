#include "metrics/meteor.h"

#include <algorithm>
#include <cmath>
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
  std::string text;
  std::int32_t hash = 0, stem_hash = 0;
  bool function = false;
  std::vector<std::int32_t> synonym_sets;  // ascending
};

// Phrases of a sentence that the table knows: their places, by number and in the order of their
// first words.
struct PhraseAt {
  Paraphrases::Phrase phrase;
  int first, words;
};

struct Sentence {
  std::vector<const Word*> words;
  std::vector<std::int32_t> hashes, stem_hashes;  // of the words
  std::string text;                               // joined by blanks
  std::vector<std::size_t> word_at;  // in text; the last one: behind the text and a blank
  // That the table of paraphrases knows: by place, and by number; a bit says that a number may be
  // among them.
  std::vector<PhraseAt> phrases, by_number;
  std::array<std::uint64_t, 64> seen{};

  static std::uint32_t bit(Paraphrases::Phrase p) { return (p * 2654435761U) >> 20; }
  bool may_hold(Paraphrases::Phrase p) const {
    return (seen[bit(p) / 64] >> (bit(p) % 64) & 1) != 0;
  }
  void index_phrases() {
    by_number = phrases;
    std::stable_sort(by_number.begin(), by_number.end(),
                     [](const PhraseAt& a, const PhraseAt& b) { return a.phrase < b.phrase; });
    for (const PhraseAt& p : phrases)
      seen[bit(p.phrase) / 64] |= std::uint64_t{1} << (bit(p.phrase) % 64);
  }

  std::string_view phrase(std::size_t first, std::size_t words_of_it) const {
    return std::string_view(text).substr(word_at[first],
                                         word_at[first + words_of_it] - 1 - word_at[first]);
  }
};

bool meet(const std::vector<std::int32_t>& a, const std::vector<std::int32_t>& b) {
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (*i == *j) return true;
    *i < *j ? ++i : ++j;
  }
  return false;
}

std::vector<PhraseAt> known_phrases(const Sentence& sentence, const Paraphrases& table) {
  std::vector<PhraseAt> out;
  const std::size_t n = sentence.words.size();
  for (std::size_t first = 0; first < n; ++first) {
    for (std::size_t words = 1; words <= table.longest() && first + words <= n; ++words) {
      const auto phrase = table.find(sentence.phrase(first, words));
      if (phrase) out.push_back({*phrase, static_cast<int>(first), static_cast<int>(words)});
    }
  }
  return out;
}

using Candidates = std::vector<std::vector<MeteorMatch>>;

void add_word_matches(const Sentence& hypothesis, const Sentence& reference, bool equal,
                      Candidates& out) {
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
    const auto& sets = reference.words[j]->synonym_sets;
    if (sets.empty()) continue;
    for (std::size_t i = 0; i < n; ++i) {
      if (a[i] != b[j] && meet(hypothesis.words[i]->synonym_sets, sets))
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
  text::EnglishStemmer stem;
  std::unordered_map<std::u32string, Word> words;  // references to elements stay

  const Word& word(const std::u32string& spelling);
  std::vector<std::int32_t> synonym_sets(const std::string& word) const;
  Sentence sentence(std::u32string_view text);
  MeteorStatistics aligned(const Sentence& hypothesis, const Sentence& reference) const;
};

// The numbers of a word and of the base forms that its ending lets one guess.
std::vector<std::int32_t> Meteor::State::synonym_sets(const std::string& word) const {
  std::vector<std::int32_t> out;
  const auto add = [&](const std::string& headword) {
    const auto found = data.synonym_sets.find(headword);
    if (found == data.synonym_sets.end()) return false;
    out.insert(out.end(), found->second.begin(), found->second.end());
    return true;
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

const Word& Meteor::State::word(const std::u32string& spelling) {
  const auto [at, is_new] = words.try_emplace(spelling);
  Word& word = at->second;
  if (is_new) {
    word.text = text::encode_utf8(spelling);
    word.hash = text::java_hash(spelling);
    word.stem_hash = text::java_hash(text::decode_utf8(stem(word.text)));
    word.function = data.function_words.contains(spelling);
    word.synonym_sets = synonym_sets(word.text);
  }
  return word;
}

Sentence Meteor::State::sentence(std::u32string_view text) {
  Sentence out;
  for (const std::u32string& spelling : meteor_words(text, data.prefixes)) {
    out.words.push_back(&word(spelling));
    out.hashes.push_back(out.words.back()->hash);
    out.stem_hashes.push_back(out.words.back()->stem_hash);
    out.word_at.push_back(out.text.size());
    out.text += out.words.back()->text;
    out.text += ' ';
  }
  out.word_at.push_back(out.text.size());
  if (data.paraphrases.pairs() > 0) {
    out.phrases = known_phrases(out, data.paraphrases);
    out.index_phrases();
  }
  return out;
}

MeteorStatistics Meteor::State::aligned(const Sentence& hypothesis,
                                        const Sentence& reference) const {
  Candidates candidates(reference.words.size());
  const bool equal =
      std::equal(hypothesis.words.begin(), hypothesis.words.end(), reference.words.begin(),
                 reference.words.end(), [](auto a, auto b) { return a->hash == b->hash; });
  add_word_matches(hypothesis, reference, equal, candidates);
  if (!equal) add_paraphrases(data.paraphrases, hypothesis, reference, candidates);
  return statistics_of(hypothesis, reference,
                       align(candidates, static_cast<int>(hypothesis.words.size())));
}

Meteor::Meteor(const MeteorData& data) : state_(new State{data, {}, {}}) {}
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
  const Sentence said = state_->sentence(trimmed(cleaned_hypothesis(hypothesis)));
  std::optional<MeteorStatistics> best;
  double best_score = 0;
  const auto consider = [&](std::u32string_view reference) {
    const MeteorStatistics got = state_->aligned(said, state_->sentence(trimmed(reference)));
    const double score = got.score();
    if (!best || score > best_score) best = got, best_score = score;
  };
  for (const std::string& text : references) {
    const std::u32string whole = text::decode_utf8(text);
    std::u32string_view rest = whole;
    for (std::size_t bars; (bars = rest.find(kBars)) != rest.npos; rest.remove_prefix(bars + 3))
      consider(rest.substr(0, bars));
    consider(rest);
  }
  if (!best) consider({});
  return *best;
}

}  // namespace vega::metrics
