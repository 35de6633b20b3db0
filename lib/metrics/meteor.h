// METEOR 1.5, English, with exact, stem, synonym and paraphrase matches ("-l en -norm", the task
// "rank" weights). Equal to the released jar, bit for bit, where its data is at hand. Source:
// meteor-1.5.jar (options -l en -norm).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "metrics/meteor_words.h"
#include "metrics/numbering.h"
#include "metrics/paraphrases.h"

namespace vega::metrics {

// Lists of numbers, each under a word.
class WordLists {
 public:
  // The list of a word, empty at first.
  std::uint32_t list(std::string_view word) {
    const std::uint32_t number = words_.add(word);
    if (number == last_.size()) last_.push_back(kNoNumber);
    return number;
  }
  void add(std::uint32_t list, std::int32_t value) {
    values_.push_back({value, last_[list]});
    last_[list] = static_cast<std::uint32_t>(values_.size() - 1);
  }
  // Appends the list of a word in any order. False: the word has none.
  bool read(std::string_view word, std::vector<std::int32_t>& out) const {
    const std::uint32_t number = words_.find(word);
    if (number == kNoNumber) return false;
    for (std::uint32_t at = last_[number]; at != kNoNumber; at = values_[at].before)
      out.push_back(values_[at].value);
    return true;
  }

 private:
  struct Value {
    std::int32_t value;
    std::uint32_t before;  // in the same list
  };
  TextNumbers words_;
  std::vector<std::uint32_t> last_;  // of each list
  std::vector<Value> values_;
};

// What METEOR knows of English.
struct MeteorData {
  MeteorPrefixes prefixes;
  std::set<std::u32string> function_words;
  WordLists synonym_sets;                                                // of a headword
  std::unordered_map<std::string, std::vector<std::string>> exceptions;  // form to base forms
  Paraphrases paraphrases;
};

// The 23 numbers of one alignment; those of a corpus are their sums.
struct MeteorStatistics {
  static constexpr int kStages = 4;  // exact, stem, synonym, paraphrase
  struct Side {
    double words = 0, function_words = 0;
    std::array<double, kStages> content{}, function{};  // matched words, by stage
    double matched = 0;
  };
  Side hypothesis, reference;
  double chunks = 0;

  double score() const;  // 0 to 1
  // Adds an item's; the one chunk of a perfect item is left out.
  void add(const MeteorStatistics& item);
  bool perfect() const;  // every word matches, in one chunk
};

// Scores captions. Not for several threads at once: each has its own, on shared data.
class Meteor {
 public:
  explicit Meteor(const MeteorData& data);
  ~Meteor();

  // The best of the references, the first of equal ones. Texts as they come: UTF-8, any case. No
  // reference counts as one empty one.
  MeteorStatistics item(std::string_view hypothesis, std::span<const std::string> references);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vega::metrics
