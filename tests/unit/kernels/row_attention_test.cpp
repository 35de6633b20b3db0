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
std::vector<kernels::KeyValues> cut_rows(const at::Tensor& keys, const at::Tensor& values,
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
  on_all([](at::Device device, at::ScalarType type) {
    for (const auto& [heads, kv, width] :
         {std::array<std::int64_t, 3>{14, 2, 64}, {28, 4, 128}, {3, 3, 10}, {10, 1, 32}}) {
      for (const std::int64_t tokens : {8, 127, 255, 256, 257, 700}) {
        for (const std::int64_t rows : {1, 8}) {
          CAPTURE(heads, kv, width, tokens, rows);
          const auto q = random({rows, heads, width}, 1, 2).to(device, type);
          const auto keys = random({kv, tokens, width}, 2).to(device, type);
          const auto held = random({kv, tokens, width}, 3).to(device, type);
          const auto whole = kernels::row_attention(q, cut_rows(keys, held, {tokens}));
          // Scores of size 2 sqrt(width) / sqrt(width), each a sum of products in lanes.
          check_close(whole,
                      ref::causal_attention(
                          values(q), values(keys), values(held), static_cast<std::size_t>(heads),
                          static_cast<std::size_t>(kv), static_cast<std::size_t>(width)),
                      0, 100 * kUlp);
          const std::int64_t third = tokens / 3;
          CHECK(same_bits(whole, kernels::row_attention(
                                     q, cut_rows(keys, held, {third, 1, tokens - third - 1}))));
          if (device.is_cuda()) continue;
          const int threads = at::get_num_threads();
          at::set_num_threads(1);
          CHECK(same_bits(whole, kernels::row_attention(q, cut_rows(keys, held, {tokens}))));
          at::set_num_threads(threads);
        }
      }
    }
  });
}

TEST_CASE("row_attention: a NaN stays in its query's sight, and what does not fit is refused") {
  const auto q = random({2, 2, 4}, 1), keys = random({1, 5, 4}, 2), held = random({1, 5, 4}, 3);
  auto odd = keys.clone();
  odd.select(1, 4).fill_(NAN);  // the last token, which the first query does not see
  for (const at::Device device : devices()) {
    const auto out =
        kernels::row_attention(q.to(device),
                               std::vector<kernels::KeyValues>{{odd.to(device), held.to(device)}})
            .cpu();
    CHECK_FALSE(at::isnan(out[0]).any().item<bool>());
    CHECK(at::isnan(out[1]).all().item<bool>());
  }

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

TEST_CASE("row_attention: sequences that share a beginning give the bits that each has alone") {
  const std::int64_t heads = 14, kv = 2, width = 64;
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const std::int64_t common : {0, 100, 256, 700}) {
      const auto keys = random({kv, common, width}, 2).to(type),
                 held = random({kv, common, width}, 3).to(type);
      std::vector<std::vector<kernels::KeyValues>> runs;
      for (const std::int64_t own : {1, 300, 20, 5, 600}) {
        runs.emplace_back();
        // The fourth has the same values in other memory.
        if (common > 0)
          runs.back().push_back(own == 5 ? cut_rows(keys, held, {common})[0]
                                         : kernels::KeyValues{keys, held});
        const auto seed = static_cast<unsigned>(own);
        runs.back().push_back(
            {random({kv, own, width}, seed).to(type), random({kv, own, width}, seed + 1).to(type)});
      }
      const auto q = random({static_cast<std::int64_t>(runs.size()), heads, width}, 9, 2).to(type);
      std::vector<kernels::KeyRuns> sequences;
      for (const auto& sequence : runs) {
        sequences.emplace_back();
        for (const auto& run : sequence)
          sequences.back().push_back({run.keys.const_data_ptr(), run.values.const_data_ptr(),
                                      run.keys.size(1), run.keys.stride(0)});
      }
      const auto together = kernels::row_attention(q, kv, sequences);
      for (std::size_t n = 0; n < runs.size(); ++n) {
        CAPTURE(c10::toString(type), common, n);
        const auto row = static_cast<std::int64_t>(n);
        CHECK(same_bits(together.narrow(0, row, 1),
                        kernels::row_attention(q.narrow(0, row, 1), runs[n])));
      }
    }
  }
  const auto q = random({2, 2, 4}, 1);
  CHECK_THROWS_AS(kernels::row_attention(q, 1, std::vector<kernels::KeyRuns>(1)), InputError);
  CHECK_THROWS_AS(kernels::row_attention(q, 1, std::vector<kernels::KeyRuns>(2)), InputError);
}
