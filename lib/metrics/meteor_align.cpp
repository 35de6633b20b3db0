#include "metrics/meteor_align.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace vega::metrics {
namespace {

constexpr std::size_t kBeam = 40;

// Which words of a sentence are used: up to 64 words, or any number.
class FewWords {
 public:
  explicit FewWords(std::size_t) {}
  bool free(int first, int count) const { return (bits_ & mask(first, count)) == 0; }
  void use(int first, int count) { bits_ |= mask(first, count); }

 private:
  static std::uint64_t mask(int first, int count) {
    return ((std::uint64_t{1} << count) - 1) << first;  // count is at most kFewPhrase
  }
  std::uint64_t bits_ = 0;
};
class ManyWords {
 public:
  explicit ManyWords(std::size_t words) : used_(words, false) {}
  bool free(int first, int count) const {
    for (int k = 0; k < count; ++k)
      if (used_[static_cast<std::size_t>(first + k)]) return false;
    return true;
  }
  void use(int first, int count) {
    for (int k = 0; k < count; ++k) used_[static_cast<std::size_t>(first + k)] = true;
  }

 private:
  std::vector<bool> used_;
};
constexpr std::size_t kFewWords = 64, kFewPhrase = 32;

// The matches of a path, last one first; paths share what they have in common.
struct Taken {
  const MeteorMatch* match;
  int before;  // place in the list of all; -1: none
};

template <typename Used>
struct Path {
  Used hypothesis_used, reference_used;
  int total = 0, chunks = 0, distance = 0;
  int next = 0;  // reference word
  int end = -1;  // behind the last match in the hypothesis; -1: no chunk is open
  int taken = -1;

  bool before(const Path& other) const {
    if (total != other.total) return total > other.total;
    if (chunks != other.chunks) return chunks < other.chunks;
    return distance < other.distance;
  }
  bool free_for(const MeteorMatch& m) const {
    return hypothesis_used.free(m.hypothesis, m.hypothesis_words) &&
           reference_used.free(m.reference, m.reference_words);
  }
  void mark(const MeteorMatch& m) {
    hypothesis_used.use(m.hypothesis, m.hypothesis_words);
    reference_used.use(m.reference, m.reference_words);
  }
  // An exact word counts 1, any other one half, rounded down for each side.
  void take(const MeteorMatch& m, std::vector<Taken>& all) {
    total += m.stage == 0 ? m.hypothesis_words + m.reference_words
                          : m.hypothesis_words / 2 + m.reference_words / 2;
    if (end != -1 && m.hypothesis != end) ++chunks;
    next = m.reference + m.reference_words;
    end = m.hypothesis + m.hypothesis_words;
    all.push_back({&m, taken});
    taken = static_cast<int>(all.size()) - 1;
  }
};

// The best paths first. Equal ones keep their order.
template <typename Used>
void prune(std::vector<Path<Used>>& paths) {
  constexpr std::size_t kFew = 32;
  if (paths.size() <= kFew) {  // by insertion: most are in order already, and nothing is allocated
    for (std::size_t i = 1; i < paths.size(); ++i) {
      for (std::size_t k = i; k > 0 && paths[k].before(paths[k - 1]); --k)
        std::swap(paths[k], paths[k - 1]);
    }
    return;
  }
  std::stable_sort(paths.begin(), paths.end(),
                   [](const auto& a, const auto& b) { return a.before(b); });
  if (paths.size() > kBeam) paths.erase(paths.begin() + kBeam, paths.end());
}

// A reference word's only candidate, none of whose words is in another candidate.
std::vector<const MeteorMatch*> fixed_matches(std::span<const std::vector<MeteorMatch>> candidates,
                                              int hypothesis_words) {
  std::vector<int> hypothesis(static_cast<std::size_t>(hypothesis_words), 0);
  std::vector<int> reference(candidates.size(), 0);
  for (const auto& list : candidates) {
    for (const MeteorMatch& m : list) {
      for (int k = 0; k < m.hypothesis_words; ++k)
        ++hypothesis[static_cast<std::size_t>(m.hypothesis + k)];
      for (int k = 0; k < m.reference_words; ++k)
        ++reference[static_cast<std::size_t>(m.reference + k)];
    }
  }
  std::vector<const MeteorMatch*> out(candidates.size(), nullptr);
  for (std::size_t j = 0; j < candidates.size(); ++j) {
    if (candidates[j].size() != 1) continue;
    const MeteorMatch& m = candidates[j].front();
    bool alone = true;
    for (int k = 0; k < m.hypothesis_words; ++k)
      alone &= hypothesis[static_cast<std::size_t>(m.hypothesis + k)] == 1;
    for (int k = 0; k < m.reference_words; ++k)
      alone &= reference[static_cast<std::size_t>(m.reference + k)] == 1;
    if (alone) out[j] = &m;
  }
  return out;
}

template <typename Used>
std::vector<MeteorMatch> search(std::span<const std::vector<MeteorMatch>> candidates,
                                int hypothesis_words) {
  const auto fixed = fixed_matches(candidates, hypothesis_words);
  Path<Used> start{Used(static_cast<std::size_t>(hypothesis_words)), Used(candidates.size())};
  for (const MeteorMatch* m : fixed) {
    if (m != nullptr) start.mark(*m);
  }
  std::vector<Taken> all;
  std::vector<Path<Used>> paths{start}, following;
  for (std::size_t word = 0; word < candidates.size(); ++word) {
    prune(paths);
    following.clear();
    for (Path<Used>& path : paths) {
      if (!path.reference_used.free(static_cast<int>(word), 1)) {
        if (static_cast<std::size_t>(path.next) <= word) {
          const MeteorMatch& m = *fixed[static_cast<std::size_t>(path.next)];
          path.take(m, all);
          path.distance += std::abs(m.reference - m.hypothesis);
        }
        following.push_back(std::move(path));
        continue;
      }
      for (const MeteorMatch& m : candidates[word]) {
        if (!path.free_for(m)) continue;
        Path<Used> copy = path;
        copy.mark(m);
        copy.take(m, all);
        // The jar adds the distance to the path that was copied, so that it counts for what follows
        // from it.
        path.distance += std::abs(m.reference - m.hypothesis);
        following.push_back(std::move(copy));
      }
      if (path.end != -1) {
        ++path.chunks;
        path.end = -1;
      }
      ++path.next;
      following.push_back(std::move(path));
    }
    paths.swap(following);
  }
  prune(paths);
  for (Path<Used>& path : paths) path.chunks += path.end != -1;
  const auto best = std::min_element(paths.begin(), paths.end(),
                                     [](const auto& a, const auto& b) { return a.before(b); });
  std::vector<MeteorMatch> out;
  for (int t = best->taken; t >= 0; t = all[static_cast<std::size_t>(t)].before)
    out.push_back(*all[static_cast<std::size_t>(t)].match);
  std::reverse(out.begin(), out.end());
  return out;
}

bool short_phrases(std::span<const std::vector<MeteorMatch>> candidates) {
  for (const auto& list : candidates)
    for (const MeteorMatch& m : list)
      if (m.hypothesis_words > static_cast<int>(kFewPhrase) ||
          m.reference_words > static_cast<int>(kFewPhrase))
        return false;
  return true;
}

}  // namespace

std::vector<MeteorMatch> align(std::span<const std::vector<MeteorMatch>> candidates,
                               int hypothesis_words) {
  const bool few = candidates.size() <= kFewWords &&
                   static_cast<std::size_t>(hypothesis_words) <= kFewWords &&
                   short_phrases(candidates);
  return few ? search<FewWords>(candidates, hypothesis_words)
             : search<ManyWords>(candidates, hypothesis_words);
}

}  // namespace vega::metrics
