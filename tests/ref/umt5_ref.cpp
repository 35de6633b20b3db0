#include "ref/umt5_ref.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ref/wan_ref.h"

namespace vega::ref {
namespace {

at::Tensor rms(const at::Tensor& x, const at::Tensor& weight) {
  return x * at::rsqrt(x.pow(2).mean(-1, true) + 1e-6) * weight;
}

// (length, length) indices into the bucket table, row = query.
at::Tensor bucket_grid(std::int64_t length, std::int64_t buckets) {
  at::Tensor grid = at::empty({length, length}, at::kLong);
  auto* out = grid.mutable_data_ptr<std::int64_t>();
  for (std::int64_t query = 0; query < length; ++query) {
    for (std::int64_t key = 0; key < length; ++key) *out++ = umt5_bucket(key - query, buckets);
  }
  return grid;
}

}  // namespace

std::int64_t umt5_bucket(std::int64_t relative, std::int64_t buckets, std::int64_t max_distance) {
  const std::int64_t half = buckets / 2, exact = half / 2, distance = std::abs(relative);
  const std::int64_t side = relative > 0 ? half : 0;
  if (distance < exact) return side + distance;
  const double step =
      std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
      static_cast<float>(std::log(static_cast<double>(max_distance) / static_cast<double>(exact))) *
      static_cast<float>(half - exact);
  return side + std::min(exact + static_cast<std::int64_t>(step), half - 1);
}

at::Tensor umt5_forward(const std::map<std::string, TensorView>& weights,
                        const umt5::Config& config, const std::vector<std::int64_t>& ids,
                        at::ScalarType dtype, std::int64_t length) {
  const auto w = [&](const std::string& name) {
    return to_tensor(weights.at(name + ".weight"), dtype, at::kCPU);
  };
  const auto n = static_cast<std::int64_t>(ids.size());
  at::Tensor padded = at::zeros({length}, at::kLong);
  padded.slice(0, 0, n).copy_(at::tensor(ids, at::kLong));
  at::Tensor mask = at::full({length}, std::numeric_limits<float>::lowest(), at::kDouble).to(dtype);
  mask.slice(0, 0, n).zero_();
  const at::Tensor grid = bucket_grid(length, config.buckets);

  at::Tensor x = w("token_embedding").index_select(0, padded);
  const auto heads = [&](const at::Tensor& value) {
    return value.view({length, config.heads, -1}).transpose(0, 1);
  };
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const std::string name = "blocks." + std::to_string(layer) + ".";
    at::Tensor y = rms(x, w(name + "norm1"));
    const at::Tensor q = heads(at::linear(y, w(name + "attn.q")));
    const at::Tensor k = heads(at::linear(y, w(name + "attn.k")));
    const at::Tensor v = heads(at::linear(y, w(name + "attn.v")));
    const at::Tensor bias = w(name + "pos_embedding.embedding")
                                .index_select(0, grid.flatten())
                                .view({length, length, config.heads})
                                .permute({2, 0, 1});
    const at::Tensor score = at::matmul(q, k.transpose(1, 2)) + bias + mask;  // not scaled
    y = at::matmul(at::softmax(score, -1), v).transpose(0, 1).reshape({length, -1});
    x = x + at::linear(y, w(name + "attn.o"));
    y = rms(x, w(name + "norm2"));
    y = at::linear(y, w(name + "ffn.fc1")) *
        at::gelu(at::linear(y, w(name + "ffn.gate.0")), "tanh");
    x = x + at::linear(y, w(name + "ffn.fc2"));
  }
  return rms(x, w("norm")).slice(0, 0, n);
}

}  // namespace vega::ref
