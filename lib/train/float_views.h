// Tensors as they go into a checkpoint and come out of it.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "weights/tensor_set.h"

namespace vega::train {

// Views of tensors as contiguous float32 on the CPU; they are good as long as this object lives.
class FloatViews {
 public:
  void add(const std::string& name, const at::Tensor& tensor);
  const std::map<std::string, TensorView>& views() const { return views_; }

 private:
  std::vector<at::Tensor> held_;
  std::map<std::string, TensorView> views_;
};

// Throws FormatError where a checkpoint at `where` lacks a tensor.
void require_tensors(const std::set<std::string>& names, const TensorSet& set,
                     const std::filesystem::path& where);

}  // namespace vega::train
