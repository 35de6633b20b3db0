#include "ranks/owned_sums.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <map>
#include <utility>

#include "ranks/ranks.h"

namespace vega {
namespace {

std::int64_t bytes_of(const std::vector<at::Tensor>& tensors) {
  std::int64_t out = 0;
  for (const at::Tensor& one : tensors) out += static_cast<std::int64_t>(one.nbytes());
  return out;
}

}  // namespace

std::int64_t owned_bucket_bytes(std::int64_t all, int owners) {
  return std::clamp(all / owners / 16, std::int64_t{1} << 20, kBucketBytes);
}

OwnedSums::OwnedSums(Ranks& ranks, std::vector<at::Tensor> like, std::vector<int> owners,
                     const std::vector<std::vector<std::size_t>>& order)
    : ranks_(ranks),
      like_(std::move(like)),
      values_(like_.size()),
      sums_(like_.size()),
      bucket_of_(like_.size()) {
  const bool all_keep = !owners.empty() && owners.front() == kEveryRank;
  const std::int64_t most = owned_bucket_bytes(bytes_of(like_), all_keep ? 1 : ranks.count());
  struct Open {
    Group group;
    std::int64_t bytes = 0;
  };
  std::map<int, Open> open;  // by owner
  const auto close = [&](Open& one) {
    for (const std::size_t place : one.group.places) bucket_of_[place] = buckets_.size();
    buckets_.push_back(std::move(one.group));
    one = {};
  };
  const auto add = [&](std::size_t place) {
    Open& one = open[owners[place]];
    const auto size = static_cast<std::int64_t>(like_[place].nbytes());
    auto& places = one.group.places;
    if (!places.empty() &&
        (one.bytes + size > most || like_[places.front()].dtype() != like_[place].dtype()))
      close(one);
    one.group.owner = owners[place];
    one.group.places.push_back(place);
    one.bytes += size;
    if (one.bytes >= most) close(one);
  };
  for (const auto& stage : order) {
    for (const std::size_t place : stage) add(place);
    for (auto& [owner, one] : open)
      if (!one.group.places.empty()) close(one);
  }
}

void OwnedSums::give(std::size_t place, at::Tensor value) {
  values_[place] = std::move(value);
  ++buckets_[bucket_of_[place]].given;
  while (begun_ < buckets_.size() && buckets_[begun_].given == buckets_[begun_].places.size())
    begin_next();
}

void OwnedSums::begin_next() {
  const c10::NoGradGuard no_gradients;
  if (line_.size() == kBucketsUnderWay) end_first();
  const Group& group = buckets_[begun_];
  std::vector<at::Tensor> parts;
  for (const std::size_t place : group.places) {
    at::Tensor& value = values_[place];
    // -0 is what every number stays the same with, 0 and -0 among them.
    parts.push_back(value.defined() ? std::move(value)
                                    : at::full_like(like_[place].detach(), -0.0));
    value.reset();
  }
  const bool stays = ranks_.takes(parts.front().device());
  UnderWay next{begun_, Bucket(std::move(parts), stays)};
  next.bucket.drop_parts();
  next.bucket.work = group.owner == kEveryRank
                         ? ranks_.begin_sum(next.bucket.flat())
                         : ranks_.begin_sum_at(next.bucket.flat(), group.owner);
  line_.push_back(std::move(next));
  ++begun_;
}

void OwnedSums::end_first() {
  UnderWay first = std::move(line_.front());
  line_.pop_front();
  ranks_.end(*first.bucket.work);
  const Group& group = buckets_[first.group];
  if (group.owner != ranks_.rank() && group.owner != kEveryRank) return;
  std::int64_t begin = 0;
  for (const std::size_t place : group.places) {
    const at::Tensor& like = like_[place];
    const at::Tensor part = first.bucket.flat().narrow(0, begin, like.numel()).view(like.sizes());
    begin += like.numel();
    at::Tensor& sum = sums_[place];
    if (sum.defined())
      sum.add_(part.to(like.device()));
    else
      sum = part.to(like.device());
  }
}

void OwnedSums::end_round() {
  const c10::NoGradGuard no_gradients;
  while (begun_ < buckets_.size()) begin_next();
  while (!line_.empty()) end_first();
  begun_ = 0;
  for (Group& group : buckets_) group.given = 0;
}

void OwnedSums::clear() {
  for (at::Tensor& sum : sums_) sum.reset();
}

}  // namespace vega
