#include "kernels/row_attention.h"

#include <algorithm>

#include <ATen/Parallel.h>

#include "base/error.h"
#include "kernel_test.h"
#include "ref/decoder_ref.h"

using namespace vega;
using namespace vega::test;

namespace {

// Keys and values cut into runs, each in a block with room behind it.
std::vector<kernels::KeyValues> cut(const at::Tensor& keys, const at::Tensor& values,
                                    const std::vector<std::int64_t>& lengths) {
  std::vector<kernels::KeyValues> out;
  std::int64_t first = 0;
  for (const std::int64_t length : lengths) {
    const auto roomy = [&](const at::Tensor& from) {
      auto block = at::full({from.size(0), length + 3, from.size(2)}, NAN, from.options());
      block.narrow(1, 0, length).copy_(from.narrow(1, first, length));
      return block.narrow(1, 0, length);
    };
    out.push_back({roomy(keys), roomy(values)});
    first += length;
  }
  return out;
}

}  // namespace

TEST_CASE("row_attention agrees with the oracle and does not see how the runs are cut") {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const auto& [heads, kv, width] :
         {std::array<std::int64_t, 3>{14, 2, 64}, {28, 4, 128}, {3, 3, 10}}) {
      for (const std::int64_t tokens : {8, 255, 256, 257, 700}) {
        for (const std::int64_t rows : {1, 8}) {
          CAPTURE(c10::toString(type), heads, kv, width, tokens, rows);
          const auto q = random({rows, heads, width}, 1, 2).to(type);
          const auto keys = random({kv, tokens, width}, 2).to(type);
          const auto held = random({kv, tokens, width}, 3).to(type);
          const auto whole = kernels::row_attention(q, cut(keys, held, {tokens}));
          // Scores of size 2 sqrt(width) / sqrt(width), each a sum of products in lanes.
          check_close(whole,
                      ref::causal_attention(
                          values(q), values(keys), values(held), static_cast<std::size_t>(heads),
                          static_cast<std::size_t>(kv), static_cast<std::size_t>(width)),
                      0, 100 * kUlp);
          const std::int64_t third = tokens / 3;
          CHECK(same_bits(
              whole, kernels::row_attention(q, cut(keys, held, {third, 1, tokens - third - 1}))));
          const int threads = at::get_num_threads();
          at::set_num_threads(1);
          CHECK(same_bits(whole, kernels::row_attention(q, cut(keys, held, {tokens}))));
          at::set_num_threads(threads);
        }
      }
    }
  }
}

TEST_CASE("row_attention: a NaN stays in its query's sight, and what does not fit is refused") {
  const auto q = random({2, 2, 4}, 1), keys = random({1, 5, 4}, 2), held = random({1, 5, 4}, 3);
  auto odd = keys.clone();
  odd.select(1, 4).fill_(NAN);  // the last token, which the first query does not see
  const auto out = kernels::row_attention(q, std::vector<kernels::KeyValues>{{odd, held}});
  CHECK_FALSE(at::isnan(out[0]).any().item<bool>());
  CHECK(at::isnan(out[1]).all().item<bool>());

  const auto refuse = [](const at::Tensor& a, const at::Tensor& b, const at::Tensor& c) {
    const std::vector<kernels::KeyValues> runs{{b, c}};
    CHECK_THROWS_AS(kernels::row_attention(a, runs), InputError);
  };
  refuse(q, at::zeros({3, 5, 4}), at::zeros({3, 5, 4}));
  refuse(q, keys, at::zeros({1, 4, 4}));
  refuse(q, keys.to(at::kBFloat16), held.to(at::kBFloat16));
  refuse(q, at::zeros({1, 1, 4}), at::zeros({1, 1, 4}));
  refuse(q, at::zeros({1, 4, 5}).transpose(1, 2), held);
  CHECK_THROWS_AS(kernels::row_attention(q, {}), InputError);
}
