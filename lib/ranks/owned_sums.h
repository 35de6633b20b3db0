// Sums over all ranks that begin while later values are computed, kept by one rank each or by all.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "ranks/buckets.h"

namespace vega {

class Ranks;

// The owner of a sum that all ranks keep.
inline constexpr int kEveryRank = -1;

// Of a bucket, where values of so many bytes are summed. One for each owner fills at a time, so
// that these are small beside the values: a sixteenth of an owner's share, within 1 MiB and
// kBucketBytes. owners: 1 where all ranks keep the sums.
std::int64_t owned_bucket_bytes(std::int64_t all, int owners);

// For one thread at a time. All ranks make it alike and end the same number of rounds. In a round
// each rank gives values, and end_round() adds those of all ranks to the owners' sums. Throws
// RankError.
class OwnedSums {
 public:
  // like: of what shape, type and device the values of each place are; owners: a rank for each, or
  // kEveryRank for all of them.
  // order: all places, as their values are expected within a round, in stages that share no bucket.
  // A bucket begins when all of its values are given and all buckets before it have begun.
  OwnedSums(Ranks& ranks, std::vector<at::Tensor> like, std::vector<int> owners,
            const std::vector<std::vector<std::size_t>>& order);

  // A value of this round, once a place; undefined: nothing. The caller gives it away.
  void give(std::size_t place, at::Tensor value);
  // Ends the round: a value that was not given counts as nothing, and all buckets are waited for.
  void end_round();
  // The sum of all rounds at a place that this rank owns, or every rank; else undefined.
  at::Tensor sum(std::size_t place) const { return sums_[place]; }
  void clear();

  std::size_t bucket_count() const { return buckets_.size(); }
  std::size_t begun() const { return begun_; }  // buckets of this round

 private:
  struct Group {
    int owner = 0;
    std::vector<std::size_t> places;
    std::size_t given = 0;
  };
  struct UnderWay {
    std::size_t group = 0;
    Bucket bucket;
  };
  void begin_next();
  void end_first();

  Ranks& ranks_;
  std::vector<at::Tensor> like_, values_, sums_;
  std::vector<Group> buckets_;
  std::vector<std::size_t> bucket_of_;  // of each place
  std::deque<UnderWay> line_;
  std::size_t begun_ = 0;
};

}  // namespace vega
