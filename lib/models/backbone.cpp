#include "models/backbone.h"

#include <array>

#include "base/error.h"
#include "core/on_device.h"
#include "core/profile.h"
#include "models/op_groups.h"
#include "models/qwen2_5_vl/backbone.h"
#include "models/rgb.h"
#include "models/siglip/backbone.h"
#include "models/wan/backbone.h"

namespace vega {

std::vector<at::Tensor> Backbone::run(const at::Tensor& encoded, const at::Tensor& eps) const {
  std::vector<at::Tensor> out = forward(encoded, eps);
  for (at::Tensor& tap : out) {
    if (tap.is_cpu()) continue;
    const OpGroup group(op_groups::kDownload, bytes_of({tap, tap}));
    tap = on_device(tap.device(), [&] { return tap.to(at::kCPU); });
  }
  return out;
}

std::span<const BackboneEntry> backbones() {
  // The whole frame squashed is mllm already: stretch, bilinear, would be a picture that SigLIP was
  // never shown, and native leaves parts of the frame out.
  static const BackboneDefaults square{.size = {384, 384},
                                       .only_this_size = true,
                                       .views = {View::kMllm, View::kCenterCrop},
                                       .pool = "native"};
  // 504x392 are 4:3, most scans and videos.
  static const BackboneDefaults spatial{.size = {504, 392},
                                        .views = {View::kSpatial},
                                        .pool = "native",
                                        .stride = 28,
                                        .as_it_is = true};
  static const std::array<BackboneEntry, 4> table{{
      {.name = "wan",
       .what = "Wan2.1 text-to-video, per-frame mode, as VEGA-3D uses it",
       .on_device = true,
       .diffusion = true,
       .make = wan::make_wan},
      {.name = "rgb", .what = "mean colour of each cell: the null baseline", .make = make_rgb},
      {.name = "siglip",
       .what = "SigLIP so400m/14-384, 26 of 27 layers: the semantic tokens",
       .on_device = true,
       .defaults = square,
       .make = siglip::make_siglip},
      {.name = "qwen2.5-vl",
       .what = "the vision tower of Qwen2.5-VL: the semantic tokens of VEGA-3D's spatial model",
       .on_device = true,
       .defaults = spatial,
       .make = qwen2_5_vl::make_qwen_tower},
  }};
  return table;
}

const BackboneEntry& backbone_entry(const std::string& name) {
  std::string known;
  for (const auto& entry : backbones()) {
    if (name == entry.name) return entry;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw UsageError(explain("--backbone", "'" + name + "'", "one of " + known));
}

std::unique_ptr<Backbone> make_backbone(const BackboneOptions& options) {
  return backbone_entry(options.backbone).make(options);
}

}  // namespace vega
