// Named parameters of a module: their list, their initial values, their reading.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "nn/named_tensors.h"

namespace vega {

// Where a module computes. Parameters and inputs are cast to `dtype` (float32 or bfloat16; float64
// for tests), as the released modules do.
struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
};

// How a new parameter starts.
enum class Init {
  kZero,        // biases, shifts of norms
  kOne,         // scales of norms
  kNormal,      // matrices: normal, mean 0, deviation 0.02
  kUnitNormal,  // deviation 1
  kXavier,      // packed attention matrix (rows, cols): uniform within sqrt(6 / (rows + cols))
  kValue        // ParameterSpec::value
};

// The epsilon of a layer norm: the default of torch.nn.LayerNorm.
inline constexpr double kLayerNormEps = 1e-5;
// A configuration that asks for a wider layer is damaged.
inline constexpr std::int64_t kMostWidth = 1 << 20;

struct ParameterSpec {
  std::string name;  // below the module's prefix, such as "norm1.weight"
  Shape shape;
  Init init = Init::kZero;
  double value = 0;
};

// Name below the module's prefix, and tensor; in the order of the module's specification.
using Parameters = std::vector<std::pair<std::string, at::Tensor>>;
// The initial values as float32 on the CPU. They depend on `seed`, the full name (prefix and name)
// and the place in the tensor only: normals are noise v1 (base/philox.h) of the full name, frame 0,
// times 0.02; uniforms are uniform_tensor of it.
Parameters initial_values(const std::vector<ParameterSpec>& specs, std::string_view prefix,
                          std::uint64_t seed);

// The tensors of a checkpoint below scope.prefix, by name. `aliases` gives names that the file has
// for names of `specs`. Throws like take_tensors (nn/named_tensors.h).
WeightViews take_parameters(const TensorSet& set, const std::vector<ParameterSpec>& specs,
                            const TensorScope& scope,
                            const std::map<std::string, std::string>& aliases = {});

// Those as float32 on the CPU, each with memory of its own, in the order of `specs`.
Parameters read_values(const std::vector<ParameterSpec>& specs, const WeightViews& views);

// Throws InputError unless the names and shapes are those of `specs`, in order.
void check_parameters(const std::vector<ParameterSpec>& specs, const Parameters& values,
                      std::string_view module);

// Copies on a device, in one element type. They are leaves: requires_grad as asked.
Parameters placed(const Parameters& values, const Placement& placement, bool requires_grad = false);

// The tensor of that name; throws InputError when there is none.
const at::Tensor& find_parameter(const Parameters& values, std::string_view name);

// Fingerprint (weights/model_files.h) of parameters by full name.
std::string fingerprint_of(const Parameters& full_names);

}  // namespace vega
