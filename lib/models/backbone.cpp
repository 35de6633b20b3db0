#include "models/backbone.h"

#include <array>

#include "base/error.h"
#include "models/rgb.h"
#include "models/wan/backbone.h"

namespace vega {

std::span<const BackboneEntry> backbones() {
  static constexpr std::array kTable{
      BackboneEntry{"wan", "Wan2.1 text-to-video, per-frame mode, as VEGA-3D uses it", true,
                    wan::make_wan},
      BackboneEntry{"rgb", "mean colour of each cell: the null baseline", false, make_rgb},
  };
  return kTable;
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
