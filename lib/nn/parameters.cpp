#include "nn/parameters.h"

#include <ATen/ATen.h>

#include <cmath>
#include <span>

#include "base/error.h"
#include "base/philox.h"
#include "core/tensor.h"
#include "weights/model_files.h"

namespace vega {
namespace {

constexpr double kDeviation = 0.02;

std::span<float> floats_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

at::Tensor start_of(const ParameterSpec& spec, const std::string& full_name, std::uint64_t seed) {
  at::Tensor out = at::zeros(spec.shape, at::kFloat);
  switch (spec.init) {
    case Init::kZero: break;
    case Init::kOne: out.fill_(1); break;
    case Init::kNormal:
      noise_v1(seed, full_name, 0, floats_of(out));
      out.mul_(kDeviation);
      break;
    case Init::kUnitNormal: noise_v1(seed, full_name, 0, floats_of(out)); break;
    case Init::kXavier: {
      const double bound = std::sqrt(6.0 / static_cast<double>(spec.shape[0] + spec.shape[1]));
      uniform_tensor(seed, full_name, 0, bound, 0, floats_of(out));
      break;
    }
    case Init::kValue: out.fill_(spec.value); break;
  }
  return out;
}

}  // namespace

Parameters initial_values(const std::vector<ParameterSpec>& specs, std::string_view prefix,
                          std::uint64_t seed) {
  Parameters out;
  for (const auto& spec : specs) {
    out.emplace_back(spec.name, start_of(spec, std::string(prefix) + spec.name, seed));
  }
  return out;
}

WeightViews take_parameters(const TensorSet& set, const std::vector<ParameterSpec>& specs,
                            const TensorScope& scope,
                            const std::map<std::string, std::string>& aliases) {
  std::vector<NamedTensor> expected;
  for (const auto& spec : specs) {
    const auto alias = aliases.find(spec.name);
    expected.push_back({spec.name, alias != aliases.end() ? alias->second : spec.name, spec.shape});
  }
  return take_tensors(set, expected, KeyLayout::kAlias, scope);
}

Parameters read_values(const std::vector<ParameterSpec>& specs, const WeightViews& views) {
  Parameters out;
  for (const auto& spec : specs) {
    const auto found = views.find(spec.name);
    if (found == views.end()) throw InputError(explain("parameters", "no " + spec.name));
    out.emplace_back(spec.name, owned_float_from(found->second));
  }
  return out;
}

void check_parameters(const std::vector<ParameterSpec>& specs, const Parameters& values,
                      std::string_view module) {
  const std::string where(module);
  if (values.size() != specs.size()) {
    throw InputError(explain(where, std::to_string(values.size()) + " parameters",
                             std::to_string(specs.size())));
  }
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto& [name, value] = values[i];
    if (name != specs[i].name) throw InputError(explain(where, name, specs[i].name));
    if (!value.defined() || value.sizes() != at::IntArrayRef(specs[i].shape)) {
      throw InputError(explain(
          where + ": " + name,
          value.defined() ? "shape " + to_string(value.sizes().vec()) : std::string("nothing"),
          to_string(specs[i].shape)));
    }
  }
}

Parameters placed(const Parameters& values, const Placement& placement, bool requires_grad) {
  Parameters out;
  for (const auto& [name, value] : values) {
    at::Tensor leaf = value.detach().to(placement.device, placement.dtype, false, true);
    out.emplace_back(name, leaf.requires_grad_(requires_grad));
  }
  return out;
}

const at::Tensor& find_parameter(const Parameters& values, std::string_view name) {
  for (const auto& [key, value] : values) {
    if (key == name) return value;
  }
  throw InputError(explain("parameters", "no " + std::string(name), "a parameter of the module"));
}

std::string fingerprint_of(const Parameters& full_names) {
  std::map<std::string, TensorView> views;
  Parameters held;
  for (const auto& [name, value] : full_names) {
    held.emplace_back(name, value.detach().cpu().contiguous());
    views.emplace(name, view_of(held.back().second));
  }
  return fingerprint(views);
}

}  // namespace vega
