// One scene of `vega-extract features`: selected frames, keys, computing, writing.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "extract/context.h"
#include "extract/items.h"
#include "extract/recipe.h"

namespace vega::extract {

// The model itself is at fault: no scene of the run can be computed.
class ModelError : public InputError {
 public:
  using InputError::InputError;
};

// A backbone whose weights are read when the first scene needs them.
class LazyBackbone {
 public:
  explicit LazyBackbone(std::unique_ptr<Backbone> backbone) : backbone_(std::move(backbone)) {}
  const Backbone& known() const { return *backbone_; }  // names, taps, fingerprint
  const Backbone& loaded();                             // throws ModelError, DeviceError
  const std::string& fingerprint();                     // throws ModelError

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
