#include "bench/networks.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "models/wan/names.h"
#include "synth/weight_law.h"

namespace vega::bench {
namespace {

void fill(std::map<std::string, TensorView>& views, std::vector<at::Tensor>& storage,
          const std::string& prefix, const std::vector<NamedTensor>& specs,
          at::Generator& generator) {
  for (const NamedTensor& spec : specs) {
    if (spec.canonical.starts_with("decoder.")) continue;
    const auto [mean, std] = synth::weight_law(prefix + spec.canonical, spec.shape);
    const double half = std * std::sqrt(3.0);
    at::Tensor values =
        at::empty(spec.shape, at::kFloat).uniform_(mean - half, mean + half, generator);
    views[spec.canonical] = {DType::kF32, spec.shape,
                             reinterpret_cast<const std::byte*>(values.const_data_ptr<float>())};
    storage.push_back(std::move(values));
  }
}

}  // namespace

RandomWeights random_weights(std::int64_t blocks) {
  RandomWeights out;
  at::Generator generator = at::detail::createCPUGenerator(42);
  out.dit_config.layers = blocks;
  fill(out.dit, out.storage, "dit.", wan::dit_tensors(out.dit_config), generator);
  fill(out.vae, out.storage, "vae.", wan::vae_tensors(out.vae_config), generator);
  out.prompt = at::empty({1, out.dit_config.text_dim}).normal_(0, 0.3, generator);
  return out;
}

}  // namespace vega::bench
