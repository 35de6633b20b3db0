#include "nn/dropout.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include "base/error.h"
#include "base/philox.h"

namespace vega {

at::Tensor dropout_mask(const at::Tensor& x, double p, std::string_view place,
                        const DropoutKey& key) {
  const c10::NoGradGuard no_grad;
  const std::int64_t count = x.numel();
  if (count / 4 > 0xffffffffLL) {
    throw InputError(explain("dropout at " + std::string(place),
                             std::to_string(count) + " elements", "less than 2^34",
                             "use fewer frames a step"));
  }
  const std::uint64_t hash = fnv1a64(key.pass + std::string(place));
  const PhiloxKey philox = philox_key(key.seed);
  at::Tensor mask = at::empty(x.sizes(), at::kFloat);
  auto* out = mask.data_ptr<float>();
  const auto kept = static_cast<float>(1 / (1 - p));
  at::parallel_for(0, (count + 3) / 4, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const auto words =
          philox4x32({static_cast<std::uint32_t>(block), key.step, static_cast<std::uint32_t>(hash),
                      static_cast<std::uint32_t>(hash >> 32)},
                     philox);
      for (std::int64_t i = 0; i < 4 && 4 * block + i < count; ++i) {
        out[4 * block + i] = philox_unit(words[static_cast<std::size_t>(i)]) < p ? 0.0F : kept;
      }
    }
  });
  return mask.to(x.device(), x.scalar_type());
}

at::Tensor dropout(const at::Tensor& x, double p, std::string_view place, const DropoutKey& key) {
  if (p == 0) return x;
  return x * dropout_mask(x, p, place, key);
}

}  // namespace vega
