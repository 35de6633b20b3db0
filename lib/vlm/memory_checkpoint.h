// A checkpoint some of whose tensors are in memory: a base with new parts, or a model in training.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <set>
#include <string>

#include "vlm/checkpoint.h"

namespace vega::vlm {

// The checkpoint with these tensors (float32 or another floating type; brought to the CPU, shared
// where they are there) beside its own or in place of them, and without those that are `gone`.
// Its configuration is as given: every view is taken again by it. No file holds such a checkpoint,
// so that its fingerprint is made of its values each time.
// Throws FormatError: a tensor that the configuration names is not there or has another shape.
VlmCheckpoint with_tensors(VlmCheckpoint checkpoint,
                           const std::map<std::string, at::Tensor>& values,
                           const std::set<std::string>& gone = {});

}  // namespace vega::vlm
