#include "text/bpe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <queue>
#include <utility>

namespace vega::text {
namespace {

constexpr std::size_t kShortWord = 32;  // bytes: up to here the quadratic way is the faster one
constexpr std::size_t kCacheSlots = std::size_t{1} << 14;
constexpr std::size_t kKeptParts = std::size_t{1} << 20;
constexpr std::uint32_t kNoRank = std::numeric_limits<std::uint32_t>::max();

std::uint64_t pair_of(std::int32_t left, std::int32_t right) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
         static_cast<std::uint32_t>(right);
}

std::uint64_t spread(std::uint64_t key) { return key * 0x9E3779B97F4A7C15ULL; }

// A part of a long word, in a list that goes both ways.
struct Part {
  std::int32_t id;             // -1: joined to the one before
  std::int32_t before, after;  // -1: none
};

// Places of a long word where a merge may apply, the first merge first, then from the left. A merge
// gets no new places once its first one was taken: what comes of it are longer tokens than its own
// two. So each list is sorted once, and all of it takes the time of sorting.
class Places {
 public:
  explicit Places(std::size_t merges) : list_of_(merges, -1) {}

  bool empty() const { return ranks_.empty(); }

  void add(std::uint32_t rank, std::int32_t place) {
    std::int32_t& index = list_of_[rank];
    if (index < 0) {
      if (free_.empty()) {
        free_.push_back(static_cast<std::int32_t>(lists_.size()));
        lists_.emplace_back();
      }
      index = free_.back();
      free_.pop_back();
      ranks_.push(rank);
    }
    List& list = lists_[static_cast<std::size_t>(index)];
    list.sorted = list.sorted && (list.places.empty() || list.places.back() <= place);
    list.places.push_back(place);
  }

  std::pair<std::uint32_t, std::int32_t> take() {
    const std::uint32_t rank = ranks_.top();
    List& list = lists_[static_cast<std::size_t>(list_of_[rank])];
    if (!list.sorted)
      std::sort(list.places.begin() + static_cast<std::ptrdiff_t>(list.taken), list.places.end());
    list.sorted = true;
    const std::int32_t place = list.places[list.taken++];
    if (list.taken == list.places.size()) {
      list.places.clear();
      list.taken = 0;
      free_.push_back(list_of_[rank]);
      list_of_[rank] = -1;
      ranks_.pop();
    }
    return {rank, place};
  }

 private:
  struct List {
    std::vector<std::int32_t> places;
    std::size_t taken = 0;
    bool sorted = true;
  };

  std::vector<List> lists_;
  std::vector<std::int32_t> list_of_;  // of a merge; -1: none
  std::vector<std::int32_t> free_;     // lists that are empty
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ranks_;
};

}  // namespace

// Short words of before with their ids; a word displaces what has its slot. And room for long
// words.
class Bpe::Worker {
 public:
  explicit Worker(std::size_t merges) : places(merges) {}

  struct Slot {
    std::uint8_t size = 0, count = 0;  // bytes, ids; 0: empty
    std::array<char, kShortWord - 2> word;
    std::array<std::int32_t, 8> ids;
  };

  Slot& slot_of(std::string_view word) {
    return slots_[std::hash<std::string_view>{}(word) % kCacheSlots];
  }

  // Whether it may serve again: not after an exception, and not with the memory of a huge word.
  bool is_fit() const { return places.empty() && parts.capacity() <= kKeptParts; }

  Places places;
  std::vector<Part> parts;

 private:
  std::vector<Slot> slots_ = std::vector<Slot>(kCacheSlots);
};

Bpe::Bpe(std::vector<std::string> tokens, std::span<const Merge> merges, bool whole_words)
    : tokens_(std::move(tokens)),
      merges_(merges.begin(), merges.end()),
      byte_ids_{},
      whole_words_(whole_words) {
  ids_.reserve(tokens_.size());
  for (std::size_t id = 0; id < tokens_.size(); ++id)
    if (!tokens_[id].empty()) ids_.emplace(tokens_[id], static_cast<std::int32_t>(id));
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    byte_ids_[byte] = ids_.at(std::string_view(&c, 1));
  }
  table_.assign(std::bit_ceil(2 * merges.size() + 2), {0, kNoRank, 0});
  shift_ = 64 - std::countr_zero(table_.size());
  std::uint32_t rank = 0;
  for (const Merge& merge : merges) {
    const std::uint64_t pair = pair_of(merge.left, merge.right);
    std::size_t at = spread(pair) >> shift_;
    while (table_[at].rank != kNoRank && table_[at].pair != pair)
      at = (at + 1) & (table_.size() - 1);
    table_[at] = {pair, rank++, merge.merged};
  }
}

Bpe::~Bpe() = default;

std::optional<std::int32_t> Bpe::id_of(std::string_view bytes) const {
  const auto found = ids_.find(bytes);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const Bpe::Entry* Bpe::find(std::int32_t left, std::int32_t right) const {
  const std::uint64_t pair = pair_of(left, right);
  for (std::size_t at = spread(pair) >> shift_; table_[at].rank != kNoRank;
       at = (at + 1) & (table_.size() - 1))
    if (table_[at].pair == pair) return &table_[at];
  return nullptr;
}

std::shared_ptr<Bpe::Worker> Bpe::worker() const {
  std::unique_ptr<Worker> worker;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      worker = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!worker) worker = std::make_unique<Worker>(merges_.size());
  return {worker.release(), [this](Worker* done) {
            std::unique_ptr<Worker> kept(done);
            if (!kept->is_fit()) return;
            const std::lock_guard lock(mutex_);
            free_.push_back(std::move(kept));
          }};
}

void Bpe::encode(std::string_view word, Worker& worker, std::vector<std::int32_t>& out) const {
  if (whole_words_)
    if (const auto id = id_of(word)) return out.push_back(*id);
  if (word.size() > kShortWord) return merge_long(word, worker, out);
  if (word.size() > std::tuple_size_v<decltype(Worker::Slot::word)>) return merge_short(word, out);
  Worker::Slot& slot = worker.slot_of(word);
  if (slot.size == word.size() && std::memcmp(slot.word.data(), word.data(), word.size()) == 0) {
    out.insert(out.end(), slot.ids.begin(), slot.ids.begin() + slot.count);
    return;
  }
  const std::size_t begin = out.size();
  merge_short(word, out);
  const std::size_t count = out.size() - begin;
  if (count == 0 || count > slot.ids.size()) return;
  slot.size = static_cast<std::uint8_t>(word.size());
  slot.count = static_cast<std::uint8_t>(count);
  std::copy(word.begin(), word.end(), slot.word.begin());
  std::copy(out.end() - static_cast<std::ptrdiff_t>(count), out.end(), slot.ids.begin());
}

void Bpe::merge_short(std::string_view word, std::vector<std::int32_t>& out) const {
  std::int32_t ids[kShortWord];
  const Entry* merges[kShortWord];  // of each id with the one after it
  std::size_t count = word.size();
  for (std::size_t i = 0; i < count; ++i) ids[i] = byte_ids_[static_cast<unsigned char>(word[i])];
  for (std::size_t i = 0; i + 1 < count; ++i) merges[i] = find(ids[i], ids[i + 1]);
  while (count > 1) {
    std::size_t best = count;
    std::uint32_t rank = kNoRank;
    for (std::size_t i = 0; i + 1 < count; ++i)
      if (merges[i] != nullptr && merges[i]->rank < rank) best = i, rank = merges[i]->rank;
    if (best == count) break;
    ids[best] = merges[best]->merged;
    --count;
    for (std::size_t i = best + 1; i < count; ++i) ids[i] = ids[i + 1];
    for (std::size_t i = best + 1; i + 1 < count; ++i) merges[i] = merges[i + 1];
    if (best + 1 < count) merges[best] = find(ids[best], ids[best + 1]);
    if (best > 0) merges[best - 1] = find(ids[best - 1], ids[best]);
  }
  out.insert(out.end(), ids, ids + count);
}

void Bpe::merge_long(std::string_view word, Worker& worker, std::vector<std::int32_t>& out) const {
  std::vector<Part>& parts = worker.parts;
  const auto part = [&](std::int32_t i) -> Part& { return parts[static_cast<std::size_t>(i)]; };
  parts.clear();
  for (const char c : word) {
    const auto i = static_cast<std::int32_t>(parts.size());
    parts.push_back({byte_ids_[static_cast<unsigned char>(c)], i - 1, i + 1});
  }
  parts.back().after = -1;
  // Whether the part at `place` and the one after it may become one.
  const auto consider = [&](std::int32_t place) {
    if (place < 0 || part(place).after < 0) return;
    if (const Entry* entry = find(part(place).id, part(part(place).after).id))
      worker.places.add(entry->rank, place);
  };
  for (std::size_t i = 0; i < word.size(); ++i) consider(static_cast<std::int32_t>(i));
  while (!worker.places.empty()) {
    const auto [rank, place] = worker.places.take();
    const Merge& merge = merges_[rank];
    Part& left = part(place);
    // What has changed since it was considered does not count.
    if (left.id != merge.left || left.after < 0 || part(left.after).id != merge.right) continue;
    Part& right = part(left.after);
    left.id = merge.merged;
    left.after = right.after;
    right.id = -1;
    if (left.after >= 0) part(left.after).before = place;
    consider(left.before);
    consider(place);
  }
  for (std::int32_t i = 0; i >= 0; i = part(i).after) out.push_back(part(i).id);
}

}  // namespace vega::text
