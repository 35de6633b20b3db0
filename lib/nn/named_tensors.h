// The tensors of a module by name, and the strict reading of a checkpoint against such a list.
#pragma once

#include <functional>
#include <map>
#include <optional>
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

// What part of a file is read, and how strictly.
struct TensorScope {
  std::string where;   // the file or folder, for messages
  std::string prefix;  // stands before every name in the file; what lies outside is not looked at
  std::function<bool(std::string_view)> tolerated;  // names below the prefix that may be there too
};

// Exactly the `expected` tensors below the prefix, by canonical name; views live as long as the
// set. Throws one FormatError that names what is missing, unknown, of another shape, and of a type
// other than f32, f16, bf16, with the remedy.
WeightViews take_tensors(const TensorSet& set, const std::vector<NamedTensor>& expected,
                         KeyLayout layout, const TensorScope& scope);

// What stands before `name` in the file: "" or a text that ends with a dot, such as
// "model.diffusion_model.". Programs that save a module inside another one add such prefixes, and
// those that save it alone drop them. "" where there are several and that is one of them. Nothing
// where no name ends so. Throws FormatError naming two where it cannot tell.
std::optional<std::string> find_prefix(const TensorSet& set, std::string_view name,
                                       const std::string& where);

// "a, b, c and 4 more".
std::string some_of(const std::vector<std::string>& names);

}  // namespace vega
