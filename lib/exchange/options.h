// Options of `vega-extract export` and `vega-extract import`, and what resolve() makes of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "exchange/layout.h"
#include "exchange/outgoing.h"
#include "exchange/release.h"
#include "media/view.h"
#include "run/option_groups.h"

namespace vega::exchange {

struct ExportOptions {
  ItemOptions items;
  OutputOptions output{.out = "export"};
  RunOptions run;
  Format format = Format::kTorch;
  std::optional<Layout> layout;  // unset: vhwc; vchw with --as
  std::string tap, as;
  bool all_taps = false, allow_mismatch = false;

  void visit(OptionVisitor& v);
};

struct ExportRecipe {
  std::filesystem::path out;
  Format format = Format::kTorch;
  Layout layout = Layout::kVhwc;
  std::optional<ReleaseModel> release;
  std::string tap;  // empty: the file's default, or the one that `release` names
  bool all_taps = false, allow_mismatch = false, overwrite = false;
};

// Throws UsageError: options that contradict each other.
ExportRecipe resolve(const ExportOptions& options);

// Empty or unset: the file itself says it.
struct ImportRecipe {
  std::string name;  // of the array
  std::optional<Layout> layout;
  std::string frames;  // FILE|DIR
  std::optional<View> view;
  std::optional<ImageSize> size, frame_size, depth_size;
  std::int64_t patch = 0;  // pixels a side of a token; 0: the tokens fill the picture
  std::string cell_to_px;
  std::string tap;
  std::int64_t block = -1, timestep = -1;
  std::optional<DType> store_dtype;
  std::filesystem::path out;
  std::string tag;
  bool overwrite = false;
};

struct ImportOptions {
  ItemOptions items;
  OutputOptions output{.out = "features"};
  RunOptions run;
  ImportRecipe recipe;  // but for what `output` says

  void visit(OptionVisitor& v);
};

// Throws UsageError: options that contradict each other. What is missing and a file does not say
// itself is found when it is opened.
ImportRecipe resolve(const ImportOptions& options);

}  // namespace vega::exchange
