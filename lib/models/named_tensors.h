// The tensors of a model by name, and the strict reading of a checkpoint against such a list.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "weights/tensor_set.h"

namespace vega {

// Which of its two names a tensor has in a file.
enum class KeyLayout { kCanonical, kAlias };

struct NamedTensor {
  std::string canonical;  // the original repository's
  std::string alias;      // that of diffusers or transformers
  Shape shape;

  const std::string& name(KeyLayout layout) const {
    return layout == KeyLayout::kAlias ? alias : canonical;
  }
};

using WeightViews = std::map<std::string, TensorView>;  // by canonical name

// Exactly the `expected` tensors of `set`, by canonical name; views live as long as the set. Names
// in `tolerated` may be there too and are left out. Throws FormatError that names the file and the
// tensors: missing, extra, of another shape, or of a type other than f32, f16, bf16. `where` is the
// file or folder that was read.
WeightViews take_tensors(const TensorSet& set, const std::vector<NamedTensor>& expected,
                         KeyLayout layout, const std::filesystem::path& where,
                         const std::vector<std::string_view>& tolerated = {});

}  // namespace vega
