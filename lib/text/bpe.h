// Byte-pair encoding: the words of a text to ids, by a list of merges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vega::text {

// Two neighbours that become one token.
struct Merge {
  std::int32_t left, right, merged;
};

// A vocabulary of byte strings and its merges, first come first served. Const calls may come from
// many threads.
class Bpe {
 public:
  // What one call of encode needs: room to work in and the words of before.
  class Worker;

  // tokens: bytes by id; empty: no such id. Each of the 256 single bytes has a token; merges name
  // ids that exist, and of two with the same neighbours the later counts. whole_words: a word that
  // is a token stays whole whatever the merges say (`ignore_merges`).
  Bpe(std::vector<std::string> tokens, std::span<const Merge> merges, bool whole_words);
  ~Bpe();
  Bpe(const Bpe&) = delete;
  Bpe& operator=(const Bpe&) = delete;

  // Appends the ids of one word of fewer than 2^31 bytes: of all pairs that may merge, the one that
  // comes first in the list does, the leftmost where it stands twice, until none is left.
  void encode(std::string_view word, Worker& worker, std::vector<std::int32_t>& out) const;

  std::size_t size() const { return tokens_.size(); }
  std::string_view bytes_of(std::int32_t id) const { return tokens_[static_cast<std::size_t>(id)]; }
  std::optional<std::int32_t> id_of(std::string_view bytes) const;

  // A worker that is free, or a new one; it must not outlive this object.
  std::shared_ptr<Worker> worker() const;

 private:
  struct Entry {
    std::uint64_t pair;
    std::uint32_t rank;
    std::int32_t merged;
  };

  const Entry* find(std::int32_t left, std::int32_t right) const;
  void merge_short(std::string_view word, std::vector<std::int32_t>& out) const;
  void merge_long(std::string_view word, Worker& worker, std::vector<std::int32_t>& out) const;

  std::vector<std::string> tokens_;
  std::vector<Merge> merges_;  // by rank
  std::unordered_map<std::string_view, std::int32_t> ids_;
  std::int32_t byte_ids_[256];
  std::vector<Entry> table_;  // open addressing, a power of two
  int shift_ = 0;
  bool whole_words_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Worker>> free_;
};

}  // namespace vega::text
