#include "metrics/meteor_align.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace vega::metrics {
namespace {

constexpr std::size_t kBeam = 40;

// The matches of a path, last one first; paths share what they have in common.
struct Taken {
  const MeteorMatch* match;
  std::shared_ptr<const Taken> before;
};

struct Path {
  std::vector<bool> hypothesis_used, reference_used;
  int total = 0, chunks = 0, distance = 0;
  int next = 0;  // reference word
  int end = -1;  // behind the last match in the hypothesis; -1: no chunk is open
  std::shared_ptr<const Taken> taken;

  bool before(const Path& other) const {
    if (total != other.total) return total > other.total;
    if (chunks != other.chunks) return chunks < other.chunks;
    return distance < other.distance;
  }
  bool free_for(const MeteorMatch& m) const {
    for (int k = 0; k < m.hypothesis_words; ++k) {
      if (hypothesis_used[static_cast<std::size_t>(m.hypothesis + k)]) return false;
    }
    for (int k = 0; k < m.reference_words; ++k) {
      if (reference_used[static_cast<std::size_t>(m.reference + k)]) return false;
    }
    return true;
  }
  void mark(const MeteorMatch& m) {
    for (int k = 0; k < m.hypothesis_words; ++k)
      hypothesis_used[static_cast<std::size_t>(m.hypothesis + k)] = true;
    for (int k = 0; k < m.reference_words; ++k)
      reference_used[static_cast<std::size_t>(m.reference + k)] = true;
  }
  // An exact word counts 1, any other one half, rounded down for each side.
  void take(const MeteorMatch& m) {
    total += m.stage == 0 ? m.hypothesis_words + m.reference_words
                          : m.hypothesis_words / 2 + m.reference_words / 2;
    if (end != -1 && m.hypothesis != end) ++chunks;
    next = m.reference + m.reference_words;
    end = m.hypothesis + m.hypothesis_words;
    taken = std::make_shared<const Taken>(Taken{&m, taken});
  }
};

// The best paths first. Equal ones keep their order.
void prune(std::vector<Path>& paths) {
  std::stable_sort(paths.begin(), paths.end(),
                   [](const Path& a, const Path& b) { return a.before(b); });
  if (paths.size() > kBeam) paths.erase(paths.begin() + kBeam, paths.end());
}

// A reference word's only candidate, none of whose words is in another candidate.
std::vector<const MeteorMatch*> fixed_matches(
    const std::vector<std::vector<MeteorMatch>>& candidates, int hypothesis_words) {
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

}  // namespace

std::vector<MeteorMatch> align(const std::vector<std::vector<MeteorMatch>>& candidates,
                               int hypothesis_words) {
  const auto fixed = fixed_matches(candidates, hypothesis_words);
  Path start;
  start.hypothesis_used.resize(static_cast<std::size_t>(hypothesis_words));
  start.reference_used.resize(candidates.size());
  for (const MeteorMatch* m : fixed) {
    if (m != nullptr) start.mark(*m);
  }
  std::vector<Path> paths{start}, following;
  for (std::size_t word = 0; word < candidates.size(); ++word) {
    prune(paths);
    following.clear();
    for (Path& path : paths) {
      if (path.reference_used[word]) {
        if (static_cast<std::size_t>(path.next) <= word) {
          const MeteorMatch& m = *fixed[static_cast<std::size_t>(path.next)];
          path.take(m);
          path.distance += std::abs(m.reference - m.hypothesis);
        }
        following.push_back(std::move(path));
        continue;
      }
      for (const MeteorMatch& m : candidates[word]) {
        if (!path.free_for(m)) continue;
        Path copy = path;
        copy.mark(m);
        copy.take(m);
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
  for (Path& path : paths) path.chunks += path.end != -1;
  const auto best = std::min_element(paths.begin(), paths.end(),
                                     [](const Path& a, const Path& b) { return a.before(b); });
  std::vector<MeteorMatch> out;
  for (const Taken* t = best->taken.get(); t != nullptr; t = t->before.get())
    out.push_back(*t->match);
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace vega::metrics
