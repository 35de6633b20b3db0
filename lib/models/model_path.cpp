#include "models/model_path.h"

#include "base/error.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

fs::file_type type_of(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::not_found || !error) return type;
  throw InputError(explain(path.string(), "cannot be read (" + error.message() + ")",
                           "the file or folder of a model", "check the path and its permissions"));
}

}  // namespace

bool is_there(const fs::path& path) { return type_of(path) != fs::file_type::not_found; }

bool is_folder(const fs::path& path) { return type_of(path) == fs::file_type::directory; }

}  // namespace vega
