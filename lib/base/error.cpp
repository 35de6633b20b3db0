#include "base/error.h"

namespace vega {

std::string explain(std::string_view where, std::string_view got, std::string_view expected,
                    std::string_view remedy) {
  std::string text(where);
  if (!got.empty()) {
    if (!text.empty()) text += ": ";
    text += "got ";
    text += got;
  }
  if (!expected.empty()) {
    text += ", expected ";
    text += expected;
  }
  if (!remedy.empty()) {
    text += "; ";
    text += remedy;
  }
  return text;
}

}  // namespace vega
