#include "store/file_verbs.h"

#include "base/file_kind.h"
#include "store/inspect.h"

namespace vega {

FileReader h5_reader() {
  return {.kind = "vega HDF5 files",
          .endings = {".h5"},
          .file = "features/rgb-832x480-mllm-14x14/room.h5",
          .folder = "features",
          .fits =
              [](const std::filesystem::path& path, std::span<const std::byte> head) {
                return path.extension() == ".h5" || file_kind(head).name == "an HDF5 file";
              },
          .inspect = inspect,
          .inspect_json = inspect_json,
          .verify = verify};
}

std::vector<Verb> file_verbs(const std::string& program) {
  return file_verbs(program, {h5_reader()});
}

}  // namespace vega
