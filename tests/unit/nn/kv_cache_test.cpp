#include "nn/kv_cache.h"

#include <ATen/ATen.h>
#include <catch2/catch.hpp>

#include <set>

#include "base/error.h"
#include "nn/causal_attention.h"

using namespace vega;

namespace {

const KvShape kShape{.layers = 2, .heads = 3, .head_dim = 4};

// (heads, tokens, head_dim), every value its own.
at::Tensor sample(std::int64_t tokens, double from) {
  return at::arange(3 * tokens * 4, at::kFloat).view({3, tokens, 4}) + from;
}

void append(KvCache& cache, const at::Tensor& keys) {
  cache.reserve(keys.size(1));
  for (const std::int64_t layer : {0, 1}) cache.write(layer, keys + layer, -(keys + layer));
  cache.advance(keys.size(1));
}

at::Tensor keys_of(const KvCache& cache, std::int64_t layer) {
  std::vector<at::Tensor> all;
  for (const auto& part : cache.parts(layer)) all.push_back(part.keys);
  return at::cat(all, 1);
}

}  // namespace

TEST_CASE("KvCache: tokens come back in order, and no chunk moves") {
  KvCache cache(kShape, 5);
  at::Tensor want = at::empty({3, 0, 4});
  std::vector<const void*> places;
  for (const std::int64_t tokens : {3, 2, 1, 400, 1}) {
    const at::Tensor keys = sample(tokens, static_cast<double>(1000 * tokens));
    append(cache, keys);
    want = at::cat({want, keys}, 1);
    const auto parts = cache.parts(0);
    for (std::size_t n = 0; n < parts.size(); ++n) {
      if (n == places.size()) places.push_back(parts[n].keys.const_data_ptr());
      CHECK(parts[n].keys.const_data_ptr() == places[n]);
    }
  }
  CHECK(cache.length() == 407);
  CHECK(at::equal(keys_of(cache, 0), want));
  CHECK(at::equal(keys_of(cache, 1), want + 1));
  CHECK(at::equal(cache.parts(1)[0].values, -cache.parts(1)[0].keys));
  CHECK(places.size() == 4);  // for 5 tokens; for 256; for 400 at once; for 256
}

TEST_CASE("KvCache: memory taken at once is enough for what was asked") {
  KvCache cache(kShape, 100);
  for (int n = 0; n < 100; ++n) append(cache, sample(1, n));
  CHECK(cache.parts(0).size() == 1);
  CHECK(cache.bytes() == 2 * 2 * 3 * 100 * 4 * 4);
  append(cache, sample(1, 0));
  CHECK(cache.parts(0).size() == 2);
}

TEST_CASE("KvCache: forks share a beginning and grow apart") {
  KvCache prefix(kShape, 10);
  append(prefix, sample(4, 0));
  KvCache a = prefix.fork(3), b = prefix.fork();
  CHECK(a.parts(0)[0].keys.const_data_ptr() == prefix.parts(0)[0].keys.const_data_ptr());
  append(a, sample(3, 100));
  append(b, sample(1, 200));
  append(prefix, sample(2, 300));
  append(a, sample(1, 400));
  const at::Tensor four = sample(4, 0);
  CHECK(at::equal(keys_of(prefix, 0), at::cat({four, sample(2, 300)}, 1)));
  CHECK(at::equal(keys_of(a, 0), at::cat({four, sample(3, 100), sample(1, 400)}, 1)));
  CHECK(at::equal(keys_of(b, 0), at::cat({four, sample(1, 200)}, 1)));
  KvCache c = a.fork(1);  // of a fork
  append(c, sample(1, 500));
  CHECK(keys_of(c, 1).size(1) == 9);
  CHECK(KvCache(kShape, 4).fork(2).length() == 0);
}

TEST_CASE("KvCache: what is written counts once the pass advances, and misfits are refused") {
  KvCache cache(kShape);
  CHECK_THROWS_AS(cache.write(0, sample(1, 0), sample(1, 0)), InputError);  // no room made
  cache.reserve(2);
  cache.write(0, sample(2, 0), sample(2, 0));
  CHECK(cache.length() == 0);
  CHECK(cache.parts(0).empty());
  CHECK(cache.parts(0, 2)[0].keys.size(1) == 2);
  CHECK_THROWS_AS(cache.write(2, sample(1, 0), sample(1, 0)), InputError);
  CHECK_THROWS_AS(cache.write(0, sample(3, 0), sample(3, 0)), InputError);
  CHECK_THROWS_AS(cache.write(0, sample(1, 0), sample(2, 0)), InputError);
  CHECK_THROWS_AS(cache.write(0, sample(1, 0).to(at::kBFloat16), sample(1, 0)), InputError);
  CHECK_THROWS_AS(cache.advance(3), InputError);
  CHECK_THROWS_AS(KvCache({.layers = 0, .heads = 1, .head_dim = 2}), InputError);
}

TEST_CASE("causal_attention: all ways of computing it agree") {
  at::Tensor keys = at::sin(at::arange(2 * 300 * 8, at::kFloat)).view({2, 300, 8});
  const at::Tensor values = at::cos(at::arange(2 * 300 * 8, at::kFloat) * 0.7).view({2, 300, 8});
  const at::Tensor q = at::sin(at::arange(300 * 6 * 8, at::kFloat) * 1.3).view({300, 6, 8}) * 3;
  const at::Tensor whole = causal_attention(q, {{keys, values}});  // the fused kernel
  const auto cut = [&](std::int64_t at) {
    return std::vector<KvCache::Part>{
        {keys.narrow(1, 0, at), values.narrow(1, 0, at)},
        {keys.narrow(1, at, 300 - at), values.narrow(1, at, 300 - at)}};
  };
  for (const std::int64_t rows : {1, 5, 8, 9, 120, 299}) {  // few, and many behind others
    const at::Tensor last = q.narrow(0, 300 - rows, rows);
    const at::Tensor want = whole.narrow(0, 300 - rows, rows);
    CHECK((causal_attention(last, {{keys, values}}) - want).abs().max().item<float>() < 2e-6);
    CHECK((causal_attention(last, cut(77)) - want).abs().max().item<float>() < 2e-6);
  }
  CHECK_THROWS_AS(causal_attention(q, {}), InputError);
  CHECK_THROWS_AS(causal_attention(q, {{keys.narrow(1, 0, 9), values.narrow(1, 0, 9)}}),
                  InputError);
  CHECK_THROWS_AS(causal_attention(q.narrow(1, 0, 5), {{keys, values}}), InputError);
}
