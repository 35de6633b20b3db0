#include "models/backbone.h"

#include <array>

#include "base/error.h"
#include "models/rgb.h"
#include "models/wan/backbone.h"

namespace vega {

std::span<const BackboneEntry> backbones() {
  static constexpr std::array kTable{
      BackboneEntry{"wan", "Wan2.1 text-to-video, per-frame mode, as VEGA-3D uses it",
                    wan::make_wan},
      BackboneEntry{"rgb", "mean colour of each cell: the null baseline", make_rgb},
  };
  return kTable;
}

std::unique_ptr<Backbone> make_backbone(const BackboneOptions& options) {
  std::string known;
  for (const auto& entry : backbones()) {
    if (options.backbone == entry.name) return entry.make(options);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw UsageError(explain("--backbone", "'" + options.backbone + "'", "one of " + known));
}

}  // namespace vega
