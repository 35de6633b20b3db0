#include "nn/weight_table.h"

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

}  // namespace vega
