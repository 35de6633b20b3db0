// Numbers 0, 1, 2, ... for texts and for pairs of numbers, in the order in which they first come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace vega::metrics {

inline constexpr std::uint32_t kNoNumber = std::numeric_limits<std::uint32_t>::max();

// A hash of a pair that spreads over all 64 bits.
inline std::uint64_t pair_hash(std::uint32_t a, std::uint32_t b) {
  std::uint64_t h = ((std::uint64_t{a} << 32) | b) * 0xD6E8FEB86659FD93ULL;
  h ^= h >> 32;
  return h * 0x9E3779B97F4A7C15ULL;
}

class TextNumbers {
 public:
  TextNumbers() { at_.push_back(0); }

  // The number of a text, which is new where the text is. Throws std::length_error beyond 4 GB of
  // texts.
  std::uint32_t add(std::string_view text);
  std::uint32_t find(std::string_view text) const;  // kNoNumber: not among them
  std::size_t size() const { return at_.size() - 1; }
  std::string_view text(std::uint32_t number) const {
    return std::string_view(texts_).substr(at_[number], at_[number + 1] - at_[number]);
  }

 private:
  struct Slot {
    std::uint32_t hash = 0, number = kNoNumber;
  };
  std::size_t slot(std::string_view text, std::uint32_t hash) const;
  void grow();

  std::vector<Slot> slots_ = std::vector<Slot>(64);  // open addressing, at most half full
  std::vector<std::uint32_t> at_;                    // size() + 1 offsets into texts_
  std::string texts_;
};

class PairNumbers {
 public:
  // Throws std::length_error where 32 bits do not suffice.
  std::uint32_t add(std::uint32_t a, std::uint32_t b) {
    const std::uint64_t key = (std::uint64_t{a} << 32) | b;
    std::size_t at = slot(key);
    if (slots_[at].number != kNoNumber) return slots_[at].number;
    if (size_ == kNoNumber) throw std::length_error("too many pairs");
    if (2 * (size_ + 1) > slots_.size()) {
      grow();
      at = slot(key);
    }
    slots_[at] = {key, static_cast<std::uint32_t>(size_)};
    return static_cast<std::uint32_t>(size_++);
  }
  std::size_t size() const { return size_; }
  // use(a, b, number) for each pair, in no order.
  template <typename Use>
  void each(Use use) const {
    for (const Slot& s : slots_)
      if (s.number != kNoNumber)
        use(static_cast<std::uint32_t>(s.key >> 32), static_cast<std::uint32_t>(s.key), s.number);
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t number = kNoNumber;
  };
  std::size_t slot(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = static_cast<std::size_t>(pair_hash(static_cast<std::uint32_t>(key >> 32),
                                                        static_cast<std::uint32_t>(key)) >>
                                              32) &
                     mask;
    while (slots_[at].number != kNoNumber && slots_[at].key != key) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& s : old)
      if (s.number != kNoNumber) slots_[slot(s.key)] = s;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(64);  // open addressing, at most half full
  std::size_t size_ = 0;
};

}  // namespace vega::metrics
