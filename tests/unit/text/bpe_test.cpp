#include "text/bpe.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

using namespace vega::text;
using Ids = std::vector<std::int32_t>;

namespace {

// What the header of Bpe says, word by word.
Ids encode_plainly(const std::vector<Merge>& merges, const std::string& word) {
  Ids ids(word.begin(), word.end());
  for (;;) {
    std::size_t best = merges.size(), place = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i)
      for (std::size_t r = 0; r < best; ++r)
        if (merges[r].left == ids[i] && merges[r].right == ids[i + 1]) best = r, place = i;
    if (best == merges.size()) return ids;
    ids[place] = merges[best].merged;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
}

// Tokens of the letters a, b and c, and merges of them in any order.
std::vector<Merge> random_merges(std::mt19937_64& random, std::vector<std::string>& tokens) {
  tokens.clear();
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  std::vector<std::int32_t> known{'a', 'b', 'c'};
  std::vector<Merge> merges;
  while (merges.size() < 40) {
    const std::int32_t left = known[random() % known.size()],
                       right = known[random() % known.size()];
    const std::string joined =
        tokens[static_cast<std::size_t>(left)] + tokens[static_cast<std::size_t>(right)];
    auto found = std::find(tokens.begin(), tokens.end(), joined);
    if (found == tokens.end()) {
      tokens.push_back(joined);
      found = tokens.end() - 1;
      known.push_back(static_cast<std::int32_t>(tokens.size()) - 1);
    }
    const auto same = [&](const Merge& m) { return m.left == left && m.right == right; };
    if (std::none_of(merges.begin(), merges.end(), same))
      merges.push_back({left, right, static_cast<std::int32_t>(found - tokens.begin())});
  }
  std::shuffle(merges.begin(), merges.end(), random);
  return merges;
}

}  // namespace

TEST_CASE("BPE: short and long words, merges in any order") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> tokens;
    const std::vector<Merge> merges = random_merges(random, tokens);
    const Bpe bpe(tokens, merges, false);
    const auto worker = bpe.worker();
    for (const std::size_t length : {1, 2, 7, 31, 32, 33, 34, 60, 300}) {
      std::string word;
      const char letters = 1 + random() % 3;
      for (std::size_t i = 0; i < length; ++i)
        word += static_cast<char>('a' + random() % static_cast<unsigned>(letters));
      Ids ids;
      bpe.encode(word, *worker, ids);
      INFO(round << " " << word);
      CHECK(ids == encode_plainly(merges, word));
    }
  }
}
