// A network that is opened at once and loaded when it is needed.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "models/backbone.h"

namespace vega::extract {

// A backbone whose weights are read when the first scene needs them.
class LazyBackbone {
 public:
  explicit LazyBackbone(std::unique_ptr<Backbone> backbone) : backbone_(std::move(backbone)) {}
  const Backbone& known() const { return *backbone_; }  // names, taps, cost
  Backbone& loaded();                                   // throws ModelError, DeviceError
  const std::string& fingerprint();                     // from any thread; throws ModelError

 private:
  std::unique_ptr<Backbone> backbone_;
  bool loaded_ = false, fingerprinted_ = false;
  std::mutex mutex_;  // of the fingerprint
  std::string fingerprint_;
};

}  // namespace vega::extract
