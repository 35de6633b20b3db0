// One scene of `vega-extract features`: selected frames, keys, computing, writing.
#pragma once

#include <filesystem>
#include <string>

#include "extract/context.h"
#include "extract/items.h"
#include "extract/recipe.h"

namespace vega::extract {

// A backbone whose weights are read when the first scene needs them.
class LazyBackbone {
 public:
  explicit LazyBackbone(std::unique_ptr<Backbone> backbone) : backbone_(std::move(backbone)) {}
  const Backbone& known() const { return *backbone_; }  // names, taps, fingerprint
  const Backbone& loaded();
  const std::string& fingerprint();

 private:
  std::unique_ptr<Backbone> backbone_;
  bool loaded_ = false, fingerprinted_ = false;
  std::string fingerprint_;
};

enum class Outcome { kComputed, kTapsAdded, kSkipped };

// Returns after the file was renamed into place, or was found complete. Throws what went wrong;
// nothing stays behind.
Outcome run_scene(const Item& item, const FeatureOptions& options, const Recipe& recipe,
                  LazyBackbone& backbone, const std::filesystem::path& output,
                  const Context& context);

}  // namespace vega::extract
