// The synthetic models of the goldens, made in memory by the law of tests/golden/weights.py (seed
// 42): canonical names, original shapes, float32.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "models/umt5/names.h"
#include "models/wan/config.h"

namespace vega::test {

// Tensors with their storage; views stay valid while this object (or what it was moved into) lives.
class OwnedTensors {
 public:
  OwnedTensors() = default;
  OwnedTensors(OwnedTensors&&) = default;
  OwnedTensors& operator=(OwnedTensors&&) = default;
  OwnedTensors(const OwnedTensors&) = delete;
  OwnedTensors& operator=(const OwnedTensors&) = delete;

  void add(const std::string& name, Shape shape, std::vector<float> values);
  const std::map<std::string, TensorView>& views() const { return views_; }
  operator const std::map<std::string, TensorView>&() const { return views_; }

 private:
  std::deque<std::vector<float>> storage_;
  std::map<std::string, TensorView> views_;
};

// Values of one tensor by its prefixed name; "prompt.context" is rounded to bfloat16.
std::vector<float> weight_values(const std::string& name, const Shape& shape,
                                 std::uint64_t seed = 42);

// The preset wan-tiny: 30 blocks, width 256, 2 heads, FFN 512, VAE base 8.
wan::DitConfig tiny_dit_config();
wan::VaeConfig tiny_vae_config();
umt5::Config tiny_umt5_config();

// `layers`: how many blocks to make (a test that needs few saves the time of the others).
OwnedTensors tiny_dit(std::int64_t layers = 30);
OwnedTensors tiny_vae();  // encoder and decoder, 194 tensors
OwnedTensors tiny_umt5();
std::vector<float> tiny_prompt(std::int64_t rows = 1);  // (rows, 4096), bfloat16 values

}  // namespace vega::test
