// A backbone turns the frames of a scene into grids of feature tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"
#include "media/view.h"
#include "models/cost.h"
#include "models/wan/schedule.h"

namespace vega {

// One point where features are taken. -1: does not apply.
struct Tap {
  std::string name;
  std::int64_t block = -1;
  std::int64_t timestep_asked = -1, timestep_used = -1;
  double sigma = -1;
  std::int64_t grid_h = 0, grid_w = 0, channels = 0;
  // Pixels a side, from the top left, that the grid covers of what the network is given; 0: all.
  std::int64_t covered = 0;
};

class Backbone {
 public:
  virtual ~Backbone() = default;

  // Key of the weights; "" where there are none. May read them whole once; load() is not needed.
  virtual std::string fingerprint() const = 0;
  // Short name for the default tag: "rgb", "Wan2.1-T2V-1.3B".
  virtual std::string name() const = 0;
  virtual const std::vector<Tap>& taps() const = 0;
  // Values of one frame's noise; 0: this backbone takes none.
  virtual std::int64_t noise_size() const { return 0; }

  // What the whole takes, known before any weight is read.
  virtual Cost cost() const { return {}; }

  // Bytes of the tensors of encode() and forward() over `frames` frames at their worst moment on a
  // GPU, frames and noise on the device included, weights not.
  virtual double step_bytes(std::int64_t frames) const {
    return static_cast<double>(frames) * cost().activation_bytes;
  }

  // Reads the weights onto the device. Throws FormatError, DeviceError.
  virtual void load() = 0;

  // Taps (indices into taps(), ascending) that one run over a frame gives together, in the order
  // in which the runs are cheapest: one group a timestep. Without timesteps all of them.
  virtual std::vector<std::vector<std::size_t>> passes(const std::vector<std::size_t>& taps) const {
    return {taps};
  }

  // Makes ready for a group of passes(): folds its timestep into the weights. On the CPU not while
  // something runs; a GPU does it after what it has been given before.
  virtual void begin(const std::vector<std::size_t>& pass) { static_cast<void>(pass); }

  // The type to which encode() rounds pixels before anything else: those that are rounded already
  // give the same bits.
  virtual at::ScalarType pixel_type() const { return at::kFloat; }

  // What all passes over a frame share. Frames do not see each other: pixels (N, 3, H, W) float32
  // or pixel_type() in [-1, 1] of the size given at construction, on the CPU or the device; the
  // result (N, ...) float32 lies on the device. Safe from several threads on the CPU, and so are
  // forward() and run(). A GPU may not be done when any but run() returns.
  virtual at::Tensor encode(const at::Tensor& pixels) const = 0;

  // encoded (N, ...) of encode() and eps (N, noise_size()) float32, both anywhere. One tensor (N,
  // gh, gw, C) float32 on the device for each tap of the pass that has begun.
  virtual std::vector<at::Tensor> forward(const at::Tensor& encoded,
                                          const at::Tensor& eps) const = 0;

  // forward(), with the tensors on the CPU.
  std::vector<at::Tensor> run(const at::Tensor& encoded, const at::Tensor& eps) const;
};

// Everything a backbone may need to know; which fields matter is its own business.
struct BackboneOptions {
  std::string backbone = "wan";
  std::string model, prompt;  // paths
  // wan: a checkpoint of the spatial-reasoning release, whose own transformer takes the place of
  // the model's; empty: the model's.
  std::string spatial;
  at::Device device{at::kCPU};
  at::ScalarType dtype = at::kFloat;
  ImageSize size{832, 480};
  std::vector<std::int64_t> blocks{20};
  std::vector<std::int64_t> timesteps{300};
  double shift = 5;
  wan::Schedule schedule = wan::Schedule::kRelease;
  std::int64_t pool_h = 14, pool_w = 14;  // 0: native grid
  bool bf16_latent_constants = false;
  bool fp8_feed_forward = false;  // wan: wan::Dit::Options; dtype is bfloat16
};

// What a backbone is given and gives where the options leave it open.
struct BackboneDefaults {
  ImageSize size{832, 480};
  bool only_this_size = false;
  std::vector<View> views;  // those that make sense to it, the first by default; empty: all
  std::string pool = "14x14";
  int stride = 16;  // sides of its pictures are multiples of it
  // It takes the view's picture as it is, without covering and cropping: a frame whose picture has
  // another size than the one given is refused.
  bool as_it_is = false;
};

struct BackboneEntry {
  const char* name;
  const char* what;
  // Has weights and computes on --device in --dtype; else on the CPU in float32.
  bool on_device = false;
  bool diffusion = false;  // takes a prompt, blocks, timesteps and noise
  BackboneDefaults defaults{};
  std::unique_ptr<Backbone> (*make)(const BackboneOptions&) = nullptr;
};

// The one table of names.
std::span<const BackboneEntry> backbones();

// Throws UsageError naming the known ones.
const BackboneEntry& backbone_entry(const std::string& name);

// Throws like backbone_entry, and what `make` throws.
std::unique_ptr<Backbone> make_backbone(const BackboneOptions& options);

}  // namespace vega
