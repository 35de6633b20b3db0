#include "train/float_views.h"

#include <ATen/ATen.h>

#include "base/error.h"
#include "core/tensor.h"

namespace vega::train {

void FloatViews::add(const std::string& name, const at::Tensor& tensor) {
  held_.push_back(tensor.detach().to(at::kCPU, at::kFloat).contiguous());
  views_.emplace(name, view_of(held_.back()));
}

void require_tensors(const std::set<std::string>& names, const TensorSet& set,
                     const std::filesystem::path& where) {
  for (const std::string& name : names)
    if (set.find(name) == nullptr)
      throw FormatError(explain(where.string(), "no tensor " + name, "what the run trains",
                                "remove this checkpoint: the one before it is taken then"));
}

}  // namespace vega::train
