#include "ranks/buckets.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "ranks/ranks.h"

namespace vega {

std::vector<std::vector<std::size_t>> bucket_places(const std::vector<at::Tensor>& tensors) {
  std::vector<std::vector<std::size_t>> out;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto size = static_cast<std::int64_t>(tensors[i].nbytes());
    const bool fits = !out.empty() && bytes + size <= kBucketBytes &&
                      tensors[i].dtype() == tensors[out.back().front()].dtype();
    if (!fits) {
      out.emplace_back();
      bytes = 0;
    }
    out.back().push_back(i);
    bytes += size;
  }
  return out;
}

Bucket::Bucket(std::vector<at::Tensor> parts, bool stays) : parts_(std::move(parts)) {
  const at::Tensor& first = parts_.front();
  shared_ = parts_.size() == 1 && (stays || first.is_cpu()) && first.is_contiguous();
  if (shared_) {
    flat_ = first.detach().view({-1});
    return;
  }
  std::vector<at::Tensor> rows;
  for (const at::Tensor& part : parts_) rows.push_back(part.detach().reshape({-1}));
  flat_ = at::cat(rows);
  if (!stays) flat_ = flat_.to(at::kCPU);
}

void Bucket::put_back() {
  if (shared_) return;
  std::int64_t begin = 0;
  for (const at::Tensor& part : parts_) {
    part.copy_(flat_.narrow(0, begin, part.numel()).view(part.sizes()));
    begin += part.numel();
  }
}

namespace {

// Buckets that are under way, a few at a time.
class BucketLine {
 public:
  explicit BucketLine(Ranks& ranks) : ranks_(ranks) {}
  template <typename Begin>
  void add(std::vector<at::Tensor> parts, const Begin& begin) {
    if (line_.size() == kBucketsUnderWay) end_first();
    const bool stays = ranks_.takes(parts.front().device());
    Bucket bucket(std::move(parts), stays);
    bucket.work = begin(bucket.flat());
    line_.push_back(std::move(bucket));
  }
  void end() {
    while (!line_.empty()) end_first();
  }

 private:
  void end_first() {
    Bucket bucket = std::move(line_.front());
    line_.pop_front();
    ranks_.end(*bucket.work);
    bucket.put_back();
  }
  Ranks& ranks_;
  std::deque<Bucket> line_;
};

std::vector<at::Tensor> chosen(const std::vector<at::Tensor>& tensors,
                               const std::vector<std::size_t>& places) {
  std::vector<at::Tensor> out;
  for (const std::size_t place : places) out.push_back(tensors[place]);
  return out;
}

}  // namespace

void Ranks::sum(const std::vector<at::Tensor>& tensors) {
  if (!link_) return;
  const c10::NoGradGuard no_gradients;
  BucketLine line(*this);
  for (const auto& places : bucket_places(tensors))
    line.add(chosen(tensors, places), [&](const at::Tensor& flat) { return begin_sum(flat); });
  line.end();
}

void Ranks::spread(const std::vector<at::Tensor>& tensors, const std::vector<int>& owners) {
  if (!link_) return;
  const c10::NoGradGuard no_gradients;
  struct Sent {
    int owner = 0;
    std::vector<at::Tensor> parts;
  };
  // The first buckets of all owners, then their second ones: ranks send side by side.
  std::vector<std::vector<Sent>> rounds;
  for (int owner = 0; owner < count(); ++owner) {
    std::vector<at::Tensor> own;
    for (std::size_t i = 0; i < tensors.size(); ++i)
      if (owners[i] == owner) own.push_back(tensors[i]);
    std::size_t round = 0;
    for (const auto& places : bucket_places(own)) {
      if (rounds.size() == round) rounds.emplace_back();
      rounds[round++].push_back({owner, chosen(own, places)});
    }
  }
  BucketLine line(*this);
  for (auto& round : rounds)
    for (Sent& sent : round)
      line.add(std::move(sent.parts),
               [&](const at::Tensor& flat) { return begin_spread(flat, sent.owner); });
  line.end();
}

}  // namespace vega
