#include "nn/weight_table.h"

#include "base/dtype.h"
#include "base/error.h"

namespace vega {

at::Tensor weight_or_none(const WeightTable& weights, std::string_view name) {
  const auto found = weights.find(name);
  return found == weights.end() ? at::Tensor() : found->second;
}

at::Tensor find_weight(const WeightTable& weights, std::string_view name) {
  at::Tensor found = weight_or_none(weights, name);
  if (!found.defined())
    throw InputError(explain("weights", "no " + std::string(name), "a tensor of the model"));
  return found;
}

at::Tensor find_weight(const WeightTable& weights, std::string_view name, at::IntArrayRef shape) {
  at::Tensor found = find_weight(weights, name);
  if (found.sizes() != shape) {
    throw InputError(explain("weights: " + std::string(name), to_string(Shape(found.sizes().vec())),
                             to_string(Shape(shape.vec()))));
  }
  return found;
}

}  // namespace vega
