// Options of `vega-fuse tokens`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusion/align.h"
#include "fusion/objects.h"
#include "run/option_groups.h"
#include "store/tokens_file.h"

namespace vega::fuse {

// What a run is told that needs no resolving: the options have it, and the recipe.
struct FusionSettings {
  std::string tap, semantic_tap;  // empty: the file's default tap
  std::string semantic, scenes;   // folders; empty: none

  std::string checkpoint;                        // empty: none
  std::string base;                              // of a LoRA folder or a run; empty: its own
  std::optional<std::string_view> method, form;  // unset: the checkpoint's
  bool initial_values = false, allow_mismatch = false;
  std::int64_t width = 3584, seed = 42;
  std::string projector = "mlp2x_gelu", pool_mode = "bilinear";
  AlignMode align = AlignMode::kReference;
  ObjectMode objects = ObjectMode::kPatch14;
  std::vector<TokenPart> parts{TokenPart::kFused};
  DType store_dtype = DType::kBF16;

  bool pixel() const { return align == AlignMode::kPixel; }
};

struct TokensOptions : FusionSettings {
  ItemOptions items;
  OutputOptions output{.out = "tokens"};
  RunOptions run;
  DeviceOptions device;
  bool no_thumbs = false;

  void visit(OptionVisitor& v);
};

}  // namespace vega::fuse
