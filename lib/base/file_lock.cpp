#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/stop.h"

namespace vega {

FileLock::FileLock(const std::filesystem::path& path) {
  for (;;) {
    descriptor_ = open(path.c_str(), O_RDWR | O_CLOEXEC);  // NFS locks only files open for writing
    if (descriptor_ < 0) descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) return;
    while (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) return;
      check_stop();
      usleep(50000);
    }
    struct stat mine {
    }, named{};
    const bool same = fstat(descriptor_, &mine) == 0 && stat(path.c_str(), &named) == 0 &&
                      mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
    if (same) return;
    close(descriptor_);
    descriptor_ = -1;
  }
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

FolderLock::FolderLock(const std::filesystem::path& folder)
    : descriptor_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  constexpr int kPause_us = 10000, kPatience_us = 5000000;
  for (int waited = 0; descriptor_ >= 0 && waited < kPatience_us; waited += kPause_us) {
    if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    if (errno != EWOULDBLOCK && errno != EINTR) return;
    usleep(kPause_us);
  }
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace vega
