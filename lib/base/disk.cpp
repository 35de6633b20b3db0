#include "base/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/publish.h"

namespace vega {
namespace fs = std::filesystem;

void fail_output(const fs::path& path, const char* what) {
  const int reason = errno;
  throw OutputError(explain(path.string(),
                            std::string(what) + " failed (" + std::strerror(reason) + ")", "",
                            output_remedy(reason)));
}

int sync_file(int descriptor) {
  int status = -1;
  do {
    status = fsync(descriptor);
  } while (status != 0 && errno == EINTR);
  return status;
}

void sync_folder(const fs::path& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail_output(folder, "open");
  const int status = sync_file(descriptor);
  const int reason = errno;
  close(descriptor);
  if (status != 0 && reason != EINVAL) {
    errno = reason;
    fail_output(folder, "fsync");
  }
}

}  // namespace vega
