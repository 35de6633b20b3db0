#include "models/qwen2/step_graph.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "base/error.h"
#include "base/log.h"

namespace vega::qwen2 {
namespace {

// Room that every table has.
constexpr std::int64_t kLeastRuns = 4, kLeastTokens = 1024;

std::int64_t rounded_up(std::int64_t count) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(count)));
}

// Rows [0, rows) of a tensor that stays where it is.
void bring(const at::Tensor& to, const at::Tensor& from) {
  to.narrow(0, 0, from.size(0)).copy_(from);
}

}  // namespace

StepGraphs::Kind& StepGraphs::kind_for(const at::Tensor& embeddings, const RopeTable& rope,
                                       std::span<const kernels::KeyRuns> runs,
                                       std::int64_t tokens) {
  std::int64_t words = kernels::table_words(kLeastRuns);
  bool packed = true;
  for (const auto& mine : runs) {
    words =
        std::max(words, kernels::table_words(rounded_up(static_cast<std::int64_t>(mine.size()))));
    packed &= kernels::is_packed(mine, embeddings.element_size());
  }
  const std::int64_t rows = rounded_up(embeddings.size(0));
  Kind& kind = kinds_[rows];
  kernels::DeviceTable& table = kind.inputs.table;
  const bool fits = table.words.defined() && table.words.size(1) >= words &&
                    table.most_tokens >= tokens && (packed || !table.packed);
  if (fits) return kind;
  if (table.words.defined()) words = std::max(words, table.words.size(1));
  tokens = std::max({rounded_up(tokens), kLeastTokens, table.most_tokens});
  kind = {};
  const auto fresh = [&](const at::Tensor& like) {
    return at::zeros({rows, like.size(1)}, like.options().device(device_));
  };
  kind.inputs = {
      .embeddings = fresh(embeddings),
      .rope = {fresh(rope.cos), fresh(rope.sin)},
      .table = {.words = at::zeros({rows, words}, at::TensorOptions(device_).dtype(at::kLong)),
                .most_tokens = tokens,
                .packed = packed}};
  return kind;
}

void StepGraphs::run(Kind& kind, const Work& work) {
  if (!kind.ran || plain_) {  // the first run also sets libraries up, which no recording may
    kind.out = work(kind.inputs);
    kind.ran = true;
    return;
  }
  if (!kind.graph) {
    try {
      kind.graph = std::make_unique<DeviceGraph>(device_, [&] { kind.out = work(kind.inputs); });
      if (!recorded_) log_info("decoding on {}: steps run as CUDA graphs", device_.str());
      recorded_ = true;
      log_debug("CUDA graph of a step of up to {} answers and {} tokens",
                kind.inputs.embeddings.size(0), kind.inputs.table.most_tokens);
    } catch (const DeviceError& error) {
      plain_ = true;
      log_warn("decoding on {}: steps run plainly, without CUDA graphs: {}", device_.str(),
               error.what());
      kind.out = work(kind.inputs);
      return;
    }
  }
  kind.graph->replay();
}

at::Tensor StepGraphs::step(const at::Tensor& embeddings, const RopeTable& rope,
                            std::span<KvCache* const> caches, const Work& work) {
  const std::lock_guard lock(mutex_);
  std::vector<kernels::KeyRuns> runs;
  std::int64_t tokens = 0;
  for (KvCache* cache : caches) {
    cache->reserve(1);
    runs.push_back(cache->runs(0, 1));
    tokens = std::max(tokens, cache->length() + 1);
  }
  Kind& kind = kind_for(embeddings, rope, runs, tokens);
  at::Tensor words = at::zeros(kind.inputs.table.words.sizes(), at::kLong);
  const std::int64_t each = words.size(1);
  for (std::size_t n = 0; n < caches.size(); ++n)
    kernels::fill_table_row(
        runs[n], caches[n]->length() + 1,
        {words.mutable_data_ptr<std::int64_t>() + static_cast<std::int64_t>(n) * each,
         static_cast<std::size_t>(each)});
  bring(kind.inputs.embeddings, embeddings);
  bring(kind.inputs.rope.cos, rope.cos);
  bring(kind.inputs.rope.sin, rope.sin);
  kind.inputs.table.words.copy_(words);
  run(kind, work);
  for (KvCache* cache : caches) cache->advance(1);
  return kind.out.narrow(0, 0, embeddings.size(0)).clone();
}

}  // namespace vega::qwen2
