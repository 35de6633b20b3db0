// Semantic and generative tokens made one stream: every method of both releases and the paper's
// formula. Forward passes record gradients where inputs or parameters ask for it (plain LibTorch
// autograd: call backward() on what follows).
// Source: VEGA-3D feature_fusion.py (branches main and spatial-reasoning); docs/fusion.md.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/token_gate.h"
#include "nn/dropout.h"
#include "nn/parameters.h"

namespace vega {

// n1 = LayerNorm(S), n2 = LayerNorm(G), eps 1e-5, affine; [a;b] channels side by side.
enum class FusionMethod {
  kAdd,                    // S + G
  kOnly,                   // G
  kConcat,                 // Linear([n1;n2])
  kWeighted,               // a/(a+b) S + b/(a+b) G, two learned scalars
  kGated,                  // g n1 + (1-g) n2, g = sigmoid(Linear([n1;n2])) a channel
  kTokenGated,             // one g a token; GateForm says what is blended
  kInstructionTokenGated,  // normed token gate with the question in the gate's logit
  kCrossAttention          // S attends to G: pre-norm blocks of attention and MLP
};

// Whether its blend is a share of S for each token: without one there is no gate to store.
bool has_gate(FusionMethod method);

// What a token gate blends: g S + (1-g) G (raw, the paper), g n1 + (1-g) n2 (normed, the main
// release), or S + r (g S + (1-g) G - S) (residual, the spatial-reasoning release).
using kernels::GateForm;

struct FusionConfig {
  FusionMethod method = FusionMethod::kTokenGated;
  GateForm form = GateForm::kNormed;   // token gate only
  std::int64_t width = 3584;           // H
  std::int64_t layers = 1, heads = 8;  // cross-attention
  double dropout = 0.1;                // cross-attention, in training; 0 <= p < 1
};

// add | only | concat | weighted | gated | token_gated | instruction_token_gated | context_gated (=
// the former) | cross_attention | token_gated_residual (= token_gated, form residual). Throws
// UsageError naming them. `name_of` gives the main release's names.
void set_method(FusionConfig& config, std::string_view method);
// raw | normed | residual. Throws UsageError; also when the method is no token gate.
void set_form(FusionConfig& config, std::string_view form);
std::string name_of(FusionMethod method);
std::string name_of(GateForm form);

// Names below `model.feature_fusion.` (or `generative_fusion.`, where `weight_gen` is called
// `weight_3d`), shapes, initial values. Throws InputError (width, heads, layers, dropout).
std::vector<ParameterSpec> fusion_specs(const FusionConfig& config);

struct FusionInputs {
  at::Tensor instruction;  // instruction gate: (H) or (V, H); undefined: the term is left out
  // Dropout, in training: masks by this key, whose places are names of the network. None: off.
  std::optional<DropoutKey> dropout;
};

// What a forward pass can tell, float32, without gradient, (V, L) or (V, gh, gw) like the inputs.
struct FusionTrace {
  // g: 1 is all semantic. Mean over channels for kGated. Undefined for methods without gate (add,
  // concat, cross-attention); constant for weighted a/(a+b) and only (0).
  at::Tensor gate;
  // Share of the semantic stream in the output: g, but 1 - r (1-g) for the residual form.
  at::Tensor semantic_weight;
};

class Fusion {
 public:
  // `values` as fusion_specs lists them (initial_values or read_values). Throws InputError.
  Fusion(FusionConfig config, const Parameters& values, const Placement& placement = {},
         bool requires_grad = false);
  // Over tensors as they are, of the placement's type: gradients flow into what they are made of.
  static Fusion over(FusionConfig config, Parameters values, const Placement& placement);

  // semantic, generative: (V, L, H) or (V, gh, gw, H), same shape, any floating type, on the
  // placement's device. Returns that shape in the placement's type. Cross-attention over (V, L, H)
  // needs a square L, as the release does. V = 0 and L = 0 give empty results.
  // Throws InputError (shapes, device, an instruction for a method that has no use for it).
  at::Tensor forward(const at::Tensor& semantic, const at::Tensor& generative,
                     const FusionInputs& inputs = {}, FusionTrace* trace = nullptr) const;

  // The result for cells that the generative view does not see: the semantic tokens (V, L, H) as if
  // the gate were 1, normalised where the method blends normalised streams.
  at::Tensor semantic_alone(const at::Tensor& semantic) const;

  const FusionConfig& config() const { return config_; }
  const Placement& placement() const { return placement_; }
  // Leaves, in the order of fusion_specs: gradients are in their grad().
  const Parameters& parameters() const { return values_; }

 private:
  FusionConfig config_;
  Placement placement_;
  Parameters values_;
};

}  // namespace vega
