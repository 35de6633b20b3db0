#include "models/config_keys.h"

#include <string>

#include "base/log.h"
#include "base/printable.h"
#include "nn/named_tensors.h"

namespace vega {

void warn_unread(const JsonFields& fields) {
  auto names = fields.unread();
  std::erase_if(names, [](const std::string& name) { return name.starts_with('_'); });
  if (!names.empty())
    log_warn("{}: keys that vega does not know, and does without: {}", fields.path().string(),
             printable(some_of(names)));
}

}  // namespace vega
