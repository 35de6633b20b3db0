// The two programs that are compared, cut into stages.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "bench/networks.h"
#include "models/wan/dit.h"
#include "models/wan/flops.h"
#include "models/wan/vae.h"
#include "ref/wan_ref.h"

namespace vega::bench {

inline constexpr std::int64_t kTap = 20, kBlocks = 30, kPool = 14;

using Samples = std::map<std::string, std::vector<Seconds>>;  // by stage

// One workload: a frame size with its inputs on the device.
struct Work {
  ImageSize frame;
  std::int64_t frames = 0, batch = 0;
  std::int64_t t = 0;
  double sigma = 0;
  at::Tensor pixels, eps, latents;  // (F, 3, H, W), (F, 16, h, w) twice, float32
  std::int64_t grid_h() const { return frame.height / wan::kPixelStride; }
  std::int64_t grid_w() const { return frame.width / wan::kPixelStride; }
};

Work make_work(std::int64_t width, std::int64_t height, std::int64_t frames, std::int64_t batch,
               at::Device device);

// This project. Stages: "vae" (with noising), "first" (patch embedding and one pooled block),
// "last" (patch embedding and the measured blocks, the last one pooled).
class Ours {
 public:
  Ours(const RandomWeights& weights, at::Device device, at::ScalarType dtype, std::int64_t t);
  void sample(const Work& work, const Clock& clock, const Mode& mode, bool warm_up,
              Samples& out) const;
  at::Tensor features(const Work& work) const;  // of the first frame, at the last measured block
  std::int64_t last() const { return last_; }
  Seconds dit(Seconds first, Seconds last) const;  // scaled to blocks 0..kTap
  double fold_seconds() const { return fold_seconds_; }

 private:
  wan::VaeEncoder vae_;
  wan::Dit dit_;
  std::int64_t last_;
  double fold_seconds_ = 0;
};

// The released algorithm. Stages: "vae" (with noising), "embed" (time, text, patch), "blocks" (the
// measured ones), "head" (head and pooling).
class Released {
 public:
  Released(const RandomWeights& weights, at::Device device, at::ScalarType dtype, bool cast_once);
  void sample(const Work& work, const Clock& clock, const Mode& mode, bool warm_up,
              Samples& out) const;
  at::Tensor features(const Work& work, std::int64_t tap) const;
  Seconds dit(Seconds embed, Seconds blocks, Seconds head) const;  // scaled to kBlocks

 private:
  ref::WanRef net_;
  at::Tensor prompt_;
  std::int64_t blocks_;
};

}  // namespace vega::bench
