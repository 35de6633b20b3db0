// The C++ law of made-up weights against the answers of tests/golden/weights.py.
#include "synth/weight_law.h"

#include <array>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/umt5/names.h"
#include "models/wan/names.h"
#include "support/support.h"

namespace vega {
namespace {

using Parsed = nlohmann::json;
using Shapes = std::map<std::string, Shape>;  // in byte order of the names, as the digests want it
using Bytes = std::span<const std::byte>;

const Parsed& answers() {
  static const Parsed json = Parsed::parse(std::ifstream(test::golden("weights.json")));
  return json;
}

std::vector<float> filled(std::uint64_t seed, const std::string& name, const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  synth::fill_weights(seed, name, shape, 0, values);
  return values;
}

std::vector<std::byte> streamed(std::uint64_t seed, const std::string& name, const Shape& shape,
                                DType dtype) {
  std::vector<std::byte> all;
  synth::stream_weights(seed, name, shape, dtype, [&](Bytes piece) {
    CHECK(!piece.empty());
    CHECK(piece.size() <= (std::size_t{4} << 20));  // bounded, however large the tensor
    all.insert(all.end(), piece.begin(), piece.end());
  });
  return all;
}

template <class T>
std::vector<T> elements(Bytes bytes) {
  std::vector<T> out(bytes.size() / sizeof(T));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

std::string hex_bits(std::span<const float> values) {
  std::string text;
  char digits[9];
  for (const float value : values) {
    std::snprintf(digits, sizeof digits, "%08x", std::bit_cast<std::uint32_t>(value));
    text += digits;
  }
  return text;
}

std::string fnv_hex(Bytes bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const std::byte b : bytes) hash = (hash ^ std::to_integer<unsigned>(b)) * 0x100000001b3U;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

// The nearest number with `digits` binary digits and no exponent below `least`, ties to even: all
// steps are exact in double.
double rounded(double x, int digits, int least) {
  if (x == 0) return x;
  const double step = std::ldexp(1.0, std::max(std::ilogb(x), least) - digits + 1);
  return std::nearbyint(x / step) * step;
}

// SHA-256 (FIPS 180-4), for the digests over whole models.
class Sha256 {
 public:
  Sha256() {
    int found = 0;
    for (int n = 2; found < 64; ++n) {
      bool prime = true;
      for (int d = 2; d * d <= n; ++d) prime = prime && n % d != 0;
      if (!prime) continue;
      if (found < 8) state_[found] = fraction(std::sqrt(static_cast<double>(n)));
      round_[found++] = fraction(std::cbrt(static_cast<double>(n)));
    }
  }

  void add(Bytes data) {
    for (const std::byte b : data) {
      block_[size_++ % 64] = std::to_integer<std::uint8_t>(b);
      if (size_ % 64 == 0) mix();
    }
  }

  std::string hex() {
    const std::uint64_t bits = size_ * 8;
    std::vector<std::byte> tail(1, std::byte{0x80});
    while ((size_ + tail.size()) % 64 != 56) tail.push_back({});
    for (int shift = 56; shift >= 0; shift -= 8) tail.push_back(std::byte(bits >> shift & 255));
    add(tail);
    std::string text;
    char digits[9];
    for (const std::uint32_t word : state_) {
      std::snprintf(digits, sizeof digits, "%08x", word);
      text += digits;
    }
    return text;
  }

 private:
  static std::uint32_t fraction(double x) {
    return static_cast<std::uint32_t>((x - std::floor(x)) * 0x1p32);
  }

  void mix() {
    std::array<std::uint32_t, 64> w;
    for (int i = 0; i < 16; ++i) {
      w[i] = 0;
      for (int j = 0; j < 4; ++j) w[i] = w[i] << 8 | block_[4 * i + j];
    }
    const auto turn = [](std::uint32_t x, int by) { return std::rotr(x, by); };
    for (int i = 16; i < 64; ++i) {
      const std::uint32_t a = w[i - 15], b = w[i - 2];
      w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] +
             (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
    auto s = state_;
    for (int i = 0; i < 64; ++i) {
      const std::uint32_t t1 = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) +
                               ((s[4] & s[5]) ^ (~s[4] & s[6])) + round_[i] + w[i];
      const std::uint32_t t2 = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) +
                               ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
      s = {t1 + t2, s[0], s[1], s[2], s[3] + t1, s[4], s[5], s[6]};
    }
    for (int i = 0; i < 8; ++i) state_[i] += s[i];
  }

  std::array<std::uint32_t, 8> state_{};
  std::array<std::uint32_t, 64> round_{};
  std::array<std::uint8_t, 64> block_{};
  std::uint64_t size_ = 0;
};

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

template <class Specs>
Shapes shapes_of(const Specs& specs) {
  Shapes shapes;
  for (const auto& spec : specs) shapes.emplace(spec.canonical, spec.shape);
  CHECK(shapes.size() == specs.size());
  return shapes;
}

// The tiny presets, written out here once more.
Shapes tiny(const std::string& network) {
  if (network == "umt5") {
    return shapes_of(umt5::tensors({.dim = 64,
                                    .inner = 64,
                                    .heads = 4,
                                    .ffn = 128,
                                    .layers = 3,
                                    .vocabulary = 32,
                                    .buckets = 32}));
  }
  wan::DitConfig dit;
  dit.dim = 256, dit.heads = 2, dit.ffn_dim = 512;
  wan::VaeConfig vae;
  vae.base = 8;
  return shapes_of(network == "dit" ? wan::dit_tensors(dit) : wan::vae_tensors(vae));
}

}  // namespace

TEST_CASE("weights: known answers, bit for bit", "[weights]") {
  REQUIRE(answers()["tensors"].size() > 30);
  for (const Parsed& entry : answers()["tensors"]) {
    const auto name = entry["name"].get<std::string>();
    const auto shape = entry["shape"].get<Shape>();
    const auto seed = entry["seed"].get<std::uint64_t>();
    INFO(name << " seed " << seed);
    std::vector<float> values = filled(seed, name, shape);
    if (name == "prompt.context") {  // goldens hold what VEGA's prompt file would: bf16
      const auto bits = elements<std::uint16_t>(streamed(seed, name, shape, DType::kBF16));
      REQUIRE(bits.size() == values.size());
      for (std::size_t i = 0; i < bits.size(); ++i) {
        REQUIRE(bits[i] == bf16_from_f32(values[i]));
        values[i] = f32_from_bf16(bits[i]);
      }
    }
    const std::span all(values);
    CHECK(hex_bits(all.first(4)) == entry["first"]);
    CHECK(hex_bits(all.last(2)) == entry["last"]);
    CHECK(fnv_hex(std::as_bytes(all)) == entry["fnv1a64"]);
    double sum = 0, magnitude = 0;
    for (const float v : values) sum += v, magnitude += std::abs(v);
    // The stored sum is exact; this one rounds once a step.
    const double slack = static_cast<double>(values.size()) * 0x1p-53 * magnitude;
    CHECK(std::abs(sum - entry["sum"].get<double>()) <= slack + 1e-15);
  }
}

TEST_CASE("weights: names, shapes and counts of the tiny models", "[weights]") {
  for (const char* network : {"dit", "vae", "umt5"}) {
    const Shapes shapes = tiny(network);
    CHECK(shapes.size() == answers()["counts"][network].get<std::size_t>());
    std::size_t listed = 0;
    for (const auto& [name, shape] : shapes) {
      // Of the DiT's blocks, which are alike, the goldens list the first.
      if (name.starts_with("blocks.") && !name.starts_with("blocks.0.") &&
          std::string_view(network) == "dit")
        continue;
      INFO(network << " " << name);
      const Parsed& known = answers()[std::string(network) + "_shapes"];
      REQUIRE(known.contains(name));
      CHECK(known[name].get<Shape>() == shape);
      ++listed;
    }
    CHECK(listed == answers()[std::string(network) + "_shapes"].size());
  }
}

TEST_CASE("weights: every value of every tensor of the tiny models", "[weights]") {
  Sha256 empty;
  REQUIRE(empty.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (const char* network : {"dit", "vae", "umt5"}) {
    Sha256 digest;
    for (const auto& [key, shape] : tiny(network)) {
      const std::string name = std::string(network) + "." + key;
      digest.add(bytes_of(name));
      digest.add(std::as_bytes(std::span<const float>(filled(42, name, shape))));
    }
    INFO(network);
    CHECK(digest.hex() == answers()["digest"][network]);
  }
}

TEST_CASE("weights: the law scales matrices by what they meet", "[weights]") {
  const auto deviation = [](const std::string& name, const Shape& shape) {
    const auto law = synth::weight_law(name, shape);
    CHECK(law.mean == 0);
    return law.deviation;
  };
  CHECK(deviation("dit.blocks.3.ffn.0.weight", {512, 256}) == 1.0 / 16);
  CHECK(deviation("dit.patch_embedding.weight", {256, 16, 1, 2, 2}) == 1.0 / 8);
  CHECK(deviation("vae.encoder.middle.0.residual.2.weight", {16, 16, 3, 3, 3}) == 1.0 / 12);
  CHECK(deviation("vae.encoder.downsamples.5.time_conv.weight", {16, 12, 3, 1, 1}) == 1.0 / 6);
  CHECK(deviation("vae.encoder.head.2.weight", {32, 16, 3, 3, 3}) == 4.0 / 12);
  CHECK(deviation("vae.decoder.head.2.weight", {3, 16, 3, 3, 3}) == 1.0 / 12);
  CHECK(deviation("umt5.token_embedding.weight", {32, 64}) == 1.0);
  CHECK(deviation("prompt.context", {1, 4096}) == 0.3);
  CHECK(synth::weight_law("dit.blocks.0.self_attn.norm_q.weight", {256}).mean == 2);
  CHECK(synth::weight_law("umt5.norm.weight", {64}).mean == 1);

  // The spread is the law's: of n uniform values the mean has the deviation s / sqrt(n), the mean
  // square s^2 sqrt(0.8 / n) (fourth moment 9/5 s^4); five of these are never passed by chance.
  const Shape shape{512, 256};
  const double n = static_cast<double>(element_count(shape)), s = 1.0 / 16;
  double sum = 0, squares = 0;
  for (const float v : filled(7, "dit.blocks.3.ffn.0.weight", shape)) sum += v, squares += v * v;
  CHECK(std::abs(sum / n) < 5 * s / std::sqrt(n));
  CHECK(std::abs(squares / n - s * s) < 5 * s * s * std::sqrt(0.8 / n));
}

TEST_CASE("weights: a value depends on its place alone", "[weights]") {
  const std::string name = "dit.blocks.1.self_attn.q.weight";
  const Shape shape{256, 256};
  const auto whole = filled(42, name, shape);
  for (const std::int64_t first : {0, 1, 2, 3, 4, 4095, 65535 - 6}) {
    for (const std::size_t count : {1, 2, 5, 7}) {
      std::vector<float> part(count);
      synth::fill_weights(42, name, shape, first, part);
      INFO(first << " + " << count);
      CHECK(std::equal(part.begin(), part.end(), whole.begin() + first));
    }
  }
  CHECK(filled(43, name, shape) != whole);
  CHECK(filled(42, "dit.blocks.2.self_attn.q.weight", shape) != whole);
}

TEST_CASE("weights: streamed pieces are the whole, in every element type", "[weights]") {
  const std::string name = "dit.text_embedding.0.weight";
  const Shape shape{3, 700001};  // three pieces, the last one odd
  const auto whole = filled(42, name, shape);
  CHECK(elements<float>(streamed(42, name, shape, DType::kF32)) == whole);
  const auto bf16 = elements<std::uint16_t>(streamed(42, name, shape, DType::kBF16));
  const auto f16 = elements<std::uint16_t>(streamed(42, name, shape, DType::kF16));
  REQUIRE(bf16.size() == whole.size());
  REQUIRE(f16.size() == whole.size());
  std::size_t wrong = 0, subnormal = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    wrong += f32_from_bf16(bf16[i]) != rounded(whole[i], 8, -126);
    wrong += f32_from_f16(f16[i]) != rounded(whole[i], 11, -14);
    subnormal += std::abs(whole[i]) < 0x1p-14F;
  }
  CHECK(wrong == 0);
  CHECK(subnormal > 0);  // the hard part of f16 was met
  CHECK_THROWS_AS(streamed(42, name, shape, DType::kI32), InputError);
  CHECK_THROWS_WITH(streamed(42, name, shape, DType::kF64),
                    Catch::Contains("f64") && Catch::Contains("f32, f16 or bf16"));
}

}  // namespace vega
