// The closed list of global names that a checkpoint's pickle may mention.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/dtype.h"

namespace vega::pickle {

enum class Role {
  kOrderedDict,
  kSize,              // torch.Size(tuple): the tuple
  kSet,               // set(list), frozenset(list): the list
  kStorage,           // torch.FloatStorage, ...: a type in persistent ids
  kDType,             // torch.float32, ...
  kRebuildTensor,     // torch._utils._rebuild_tensor, _v2
  kRebuildTensorV3,   // with a dtype of its own over an untyped storage
  kRebuildParameter,  // torch._utils._rebuild_parameter: its tensor
  kUnreadTensor,      // quantised, sparse, nested, without values: noted, not read
  kWord               // in arguments of those; called or not, it means nothing here
};

struct Known {
  std::string_view module, name;
  Role role;
  std::optional<DType> dtype;  // of storages and dtypes; nothing: untyped, or `unread`
  std::string_view unread;     // element types and kinds of tensors that are not read, for messages
  std::size_t unit = 1;        // bytes of an element of `unread` storages
};

// Null for any other name.
const Known* find_known(std::string_view module, std::string_view name);

}  // namespace vega::pickle
