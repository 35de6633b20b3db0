#include "models/qwen2/decoder.h"

#include <catch2/catch.hpp>

#include <iostream>

#include "base/error.h"
#include "core/device.h"
#include "qwen2_samples.h"
#include "support/cuda.h"

using namespace vega;
using namespace vega::test;

namespace {

constexpr double kDecoderBar = 2e-5;  // absolute, of logits up to 9: float32 in another order
constexpr double kDecoderHalfBar =
    3e-2;  // relative: bfloat16 has 8 bits, through two or three layers

double largest(const at::Tensor& got, const at::Tensor& want) {
  return (got - want).abs().max().item<double>();
}

at::Tensor prompt_logits(const qwen2::Decoder& model, const Json& notes) {
  const auto ids = numbers_of(notes["prompt"]);
  KvCache cache = model.new_cache();
  at::Tensor positions = qwen2_positions(model.config(), 0, static_cast<std::int64_t>(ids.size()));
  if (notes.contains("positions")) {
    for (int n = 0; n < 3; ++n)
      positions[n].copy_(at::tensor(numbers_of(notes["positions"][static_cast<std::size_t>(n)])));
  }
  return model.logits(model.forward(model.embed(ids), positions, cache)).to(at::kCPU);
}

at::Tensor some(const at::Tensor& logits) { return logits.slice(1, 0, logits.size(1), 11); }

}  // namespace

TEST_CASE("Qwen2: logits of transformers, head widths and counts of 0.5B and 7B, tied and not") {
  for (const char* name : {"half_b", "seven_b", "odd", "three"}) {
    CAPTURE(name);
    const Qwen2Sample sample(name);
    const at::Tensor logits = prompt_logits(sample.decoder(), sample.notes());
    const at::Tensor want = qwen2_golden(std::string(name) + ".some");
    const double error = largest(some(logits), want);
    const at::Tensor half = some(prompt_logits(sample.decoder(at::kBFloat16), sample.notes()));
    const double half_error = ((half - want).norm() / want.norm()).item<double>();
    std::cout << "Qwen2 " << name << ": " << error << ", bf16 " << half_error << "\n";
    CHECK(logits.scalar_type() == at::kFloat);
    CHECK(error < kDecoderBar);
    CHECK(half_error < kDecoderHalfBar);
    if (std::string(name) != "three")
      CHECK(largest(logits[-1], qwen2_golden(std::string(name) + ".last")) < kDecoderBar);
  }
}

TEST_CASE("Qwen2: three equal position components are one position") {
  const Qwen2Sample sample("three");
  qwen2::Config plain = sample.config();
  plain.rope_sections = {};
  const qwen2::Decoder three = sample.decoder();
  const qwen2::Decoder one(sample.set(), plain, {.where = "three"}, {});
  const auto ids = numbers_of(sample.notes()["prompt"]);
  const auto count = static_cast<std::int64_t>(ids.size());
  KvCache a = three.new_cache(), b = one.new_cache();
  CHECK(at::equal(three.forward(three.embed(ids), qwen2_positions(three.config(), 0, count), a),
                  one.forward(one.embed(ids), qwen2_positions(plain, 0, count), b)));
}

TEST_CASE("Qwen2: with a cache, however the tokens are cut, as without one") {
  for (const char* name : {"half_b", "odd", "three"}) {
    CAPTURE(name);
    const Qwen2Sample sample(name);
    const qwen2::Decoder model = sample.decoder();
    const auto ids = numbers_of(sample.notes()["prompt"]);
    const auto count = static_cast<std::int64_t>(ids.size());
    const at::Tensor all = model.embed(ids);
    KvCache whole = model.new_cache();
    const at::Tensor want = model.forward(all, qwen2_positions(model.config(), 0, count), whole);
    CHECK(whole.length() == count);
    // One by one; few and many behind others; a chunk that is full in the middle.
    for (const std::vector<std::int64_t>& cuts :
         {std::vector<std::int64_t>(static_cast<std::size_t>(count), 1),
          {20, 17},
          {5, 3, 29},
          {36, 1}}) {
      KvCache cache = model.new_cache(7);
      std::vector<at::Tensor> parts;
      std::int64_t first = 0;
      for (const std::int64_t cut : cuts) {
        parts.push_back(model.forward(all.narrow(0, first, cut),
                                      qwen2_positions(model.config(), first, cut), cache));
        first += cut;
      }
      CHECK(cache.length() == count);
      CHECK(largest(at::cat(parts), want) < kDecoderBar);
    }
    KvCache again = model.new_cache();
    const at::Tensor last =
        model.forward(all, qwen2_positions(model.config(), 0, count), again, /*last_only=*/true);
    CHECK(last.size(0) == 1);
    CHECK(largest(last[0], want[-1]) < kDecoderBar);
  }
}

namespace {

// Logits of one step of seven sequences together, and of each alone.
void compare_rows(at::ScalarType dtype, at::Device device) {
  const Qwen2Sample sample("half_b");
  const qwen2::Decoder model = sample.decoder(dtype, device);
  const auto ids = numbers_of(sample.notes()["prompt"]);
  const std::vector<std::size_t> lengths{3, 37, 12, 1, 30, 9, 21};
  std::vector<KvCache> together, alone;
  std::vector<std::int64_t> tokens, places;
  for (const std::size_t length : lengths) {
    const at::Tensor text = model.embed(std::span(ids).first(length));
    const auto count = static_cast<std::int64_t>(length);
    KvCache cache = model.new_cache(count + 4);
    model.forward(text, qwen2_positions(model.config(), 0, count), cache);
    alone.push_back(cache.fork(4));
    together.push_back(std::move(cache));
    tokens.push_back(ids[length % ids.size()]);
    places.push_back(count);
  }
  std::vector<KvCache*> caches;
  for (KvCache& cache : together) caches.push_back(&cache);
  const at::Tensor embeddings = model.embed(tokens);
  const at::Tensor logits = model.logits(model.step(embeddings, at::tensor(places), caches));
  for (std::size_t n = 0; n < lengths.size(); ++n) {
    const auto row = static_cast<std::int64_t>(n);
    const at::Tensor one =
        model.forward(embeddings.narrow(0, row, 1), at::tensor({places[n]}, at::kLong), alone[n]);
    CHECK(at::equal(model.logits(one)[0], logits[row]));
    CHECK(alone[n].length() == together[n].length());
  }
}

}  // namespace

TEST_CASE("Qwen2: sequences of a step have the bits that they have alone") {
  compare_rows(at::kFloat, at::kCPU);
  compare_rows(at::kBFloat16, at::kCPU);
}

TEST_CASE("Qwen2: what does not fit is refused by name") {
  const Qwen2Sample sample("odd");
  const qwen2::Decoder model = sample.decoder();
  KvCache cache = model.new_cache();
  const std::vector<std::int64_t> wrong{1, 131};
  CHECK_THROWS_WITH(model.embed(wrong), Catch::Contains("token 1: got id 131, expected 0 to 130"));
  CHECK_THROWS_AS(model.forward(at::zeros({2, 61}), at::arange(2), cache), InputError);
  CHECK_THROWS_AS(model.forward(at::zeros({2, 60}), at::arange(3), cache), InputError);
  CHECK_THROWS_AS(model.forward(at::zeros({0, 60}), at::arange(0), cache), InputError);
  CHECK_THROWS_AS(model.forward(at::zeros({2, 60}, at::kBFloat16), at::arange(2), cache),
                  InputError);
  KvCache* const twice[] = {&cache, &cache};
  CHECK_THROWS_WITH(model.step(at::zeros({2, 60}), at::arange(2), twice),
                    Catch::Contains("one cache twice"));
  KvCache half = sample.decoder(at::kBFloat16).new_cache();
  KvCache* const other[] = {&cache, &half};
  CHECK_THROWS_WITH(model.step(at::zeros({2, 60}), at::arange(2), other),
                    Catch::Contains("number 1 of another shape, type or device"));
  CHECK_THROWS_AS(model.logits(at::zeros({2, 59})), InputError);
  CHECK(cache.length() == 0);
}

TEST_CASE("Qwen2: CUDA keeps the bars, and rows are alone in float32, few in bfloat16", "[cuda]") {
  if (!has_cuda("Qwen2")) return;
  const at::Device cuda(at::kCUDA, 0);
  compare_rows(at::kFloat, cuda);
  compare_rows(at::kBFloat16, cuda);  // up to 8
  {  // a device reads caches by address: one of the host is refused before
    const Qwen2Sample sample("half_b");
    const qwen2::Decoder model = sample.decoder(at::kFloat, cuda);
    KvCache here = sample.decoder().new_cache(1);
    KvCache* const caches[] = {&here};
    CHECK_THROWS_AS(model.step(model.embed(std::vector<std::int64_t>{1}), at::arange(1), caches),
                    InputError);
  }
  for (const char* name : {"half_b", "seven_b", "odd", "three"}) {
    CAPTURE(name);
    const Qwen2Sample sample(name);
    const at::Tensor want = qwen2_golden(std::string(name) + ".some");
    const at::Tensor logits = prompt_logits(sample.decoder(at::kFloat, cuda), sample.notes());
    const at::Tensor half = prompt_logits(sample.decoder(at::kBFloat16, cuda), sample.notes());
    CHECK(largest(some(logits), want) < 2 * kDecoderBar);
    CHECK(((some(half) - want).norm() / want.norm()).item<double>() < kDecoderHalfBar);
  }
}
