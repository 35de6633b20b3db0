#include "extract/lazy_backbone.h"

#include "base/error.h"

namespace vega::extract {

Backbone& LazyBackbone::loaded() {
  if (!loaded_) {
    try {
      backbone_->load();
    } catch (const InputError& error) {
      throw ModelError(error.what());
    }
    loaded_ = true;
  }
  return *backbone_;
}

const std::string& LazyBackbone::fingerprint() {
  const std::lock_guard held(mutex_);
  if (!fingerprinted_) {
    try {
      fingerprint_ = backbone_->fingerprint();
    } catch (const InputError& error) {
      throw ModelError(error.what());
    }
    fingerprinted_ = true;
  }
  return fingerprint_;
}

}  // namespace vega::extract
