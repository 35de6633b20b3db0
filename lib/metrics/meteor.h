// METEOR 1.5, English, with exact, stem, synonym and paraphrase matches ("-l en -norm", the task
// "rank" weights). Equal to the released jar, bit for bit, where its data is at hand. Source:
// meteor-1.5.jar (options -l en -norm).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "metrics/meteor_words.h"
#include "metrics/paraphrases.h"

namespace vega::metrics {

// What METEOR knows of English.
struct MeteorData {
  MeteorPrefixes prefixes;
  std::set<std::u32string> function_words;
  std::unordered_map<std::string, std::vector<std::int32_t>> synonym_sets;  // of a headword
  std::unordered_map<std::string, std::vector<std::string>> exceptions;     // form to base forms
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
