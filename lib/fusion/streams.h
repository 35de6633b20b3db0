// Features of some frames on their way through the modules of a checkpoint: projected, pooled,
// fused.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "fusion/fusion.h"
#include "fusion/projector.h"

namespace vega {

// Absent: the checkpoint has no such module.
struct StreamModules {
  std::optional<Projector> semantic, generative;
  std::optional<Fusion> fusion;
};

// Tokens of the modules' type, on their device. Undefined: there are none.
struct Streams {
  at::Tensor encoded;     // (V, 729, H): projected semantic features, before pooling
  at::Tensor semantic;    // (V, 196, H): those pooled
  at::Tensor generative;  // (V, 196, H)
  at::Tensor fused;       // (V, 196, H)
  at::Tensor gate;        // (V, 196) float32: the share of the semantic stream
};

// semantic (V, 729, C), generative (V, 196, Cg), either of them undefined, on the modules' device.
Streams project(const StreamModules& modules, const at::Tensor& semantic,
                const at::Tensor& generative);

// Adds `fused`, and `gate` where the method has a constant or learned one. The method `only` needs
// no semantic stream.
// uncovered  (V, 196) bool, or undefined: cells that the generative view does not see. There the
//            gate is 1: the semantic token as the method's form has it.
void fuse_streams(const Fusion& fusion, const FusionInputs& inputs, const at::Tensor& uncovered,
                  Streams& streams);

}  // namespace vega
