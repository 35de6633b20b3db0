// Low-rank adapters beside linear layers (LoRA), as PEFT computes them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nn/dropout.h"
#include "nn/parameters.h"

namespace vega {

struct LoraConfig {
  std::int64_t rank = 64;
  double alpha = 16;
  double dropout = 0.05;         // of the adapter's input, in training; 0 <= p < 1
  bool rank_stabilised = false;  // PEFT's use_rslora

  double scale() const;  // alpha / rank; rank_stabilised: alpha / sqrt(rank)
};

// The adapter's tensors of a linear called "model.layers.0.self_attn.q_proj".
std::string lora_a_name(std::string_view linear);  // NAME.lora_A.weight, (rank, in)
std::string lora_b_name(std::string_view linear);  // NAME.lora_B.weight, (out, rank)

// A linear that gets an adapter.
struct LoraTarget {
  std::string name;  // full, without ".weight"
  std::int64_t in = 0, out = 0;
};

// lora_A and lora_B of every target, in order. Throws InputError (rank, alpha, dropout).
std::vector<ParameterSpec> lora_specs(const std::vector<LoraTarget>& targets,
                                      const LoraConfig& config);

// Initial values as PEFT draws them, float32 on the CPU, in the order of lora_specs: A uniform
// within 1 / sqrt(in) (Kaiming, a = sqrt 5), of its full name and `seed` alone (base/philox.h,
// uniform_tensor); B zero.
Parameters initial_lora(const std::vector<LoraTarget>& targets, const LoraConfig& config,
                        std::uint64_t seed);

// A linear layer and its adapter, if it has one. Tensors of the table; undefined where it has none.
struct LoraLinear {
  std::string name;           // place of the dropout
  at::Tensor weight, bias;    // (out, in), (out)
  at::Tensor lora_a, lora_b;  // (rank, in), (out, rank)
};

// x weight^T + bias + scale dropout(x) A^T B^T, in x's type; masters are cast. x (L, in).
// Differentiable in x and in what requires a gradient. key: null is without dropout.
at::Tensor lora_linear(const at::Tensor& x, const LoraLinear& linear, const LoraConfig& config,
                       const DropoutKey* key);

}  // namespace vega
