#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "base/error.h"

namespace vega {
namespace {

[[noreturn]] void fail_open(const std::filesystem::path& path, const char* what, int reason) {
  throw InputError(explain(path.string(),
                           std::string(what) + " failed (" + std::strerror(reason) + ")",
                           "a readable file", "check the path and its permissions"));
}

// Device, inode, size, times.
using Version = std::array<std::int64_t, 7>;

Version version_of(const struct stat& info) {
  return {static_cast<std::int64_t>(info.st_dev),
          static_cast<std::int64_t>(info.st_ino),
          info.st_size,
          info.st_mtim.tv_sec,
          info.st_mtim.tv_nsec,
          info.st_ctim.tv_sec,
          info.st_ctim.tv_nsec};
}

// Remembers, for each path, which file was mapped last.
struct Mapped {
  std::mutex mutex;
  std::map<std::filesystem::path, Version> versions;
};

Mapped& mapped() {
  static Mapped all;
  return all;
}

}  // namespace

bool MappedFile::is_current(const std::filesystem::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return false;
  const std::lock_guard held(mapped().mutex);
  const auto at = mapped().versions.find(path);
  return at == mapped().versions.end() || at->second == version_of(info);
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  // O_NONBLOCK: a FIFO must not hang the open; it is refused below.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) fail_open(path, "open", errno);
  struct stat info {};
  if (fstat(fd, &info) != 0) {
    const int reason = errno;
    close(fd);
    fail_open(path, "stat", reason);
  }
  if (!S_ISREG(info.st_mode)) {
    close(fd);
    throw InputError(explain(path.string(), "something that is not a plain file", "a readable file",
                             "name the file itself"));
  }
  {
    const std::lock_guard held(mapped().mutex);
    mapped().versions[path] = version_of(info);
  }
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ > 0) {
    void* mapping = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    const int reason = errno;
    if (mapping == MAP_FAILED) {
      close(fd);
      fail_open(path, "mmap", reason);
    }
    data_ = static_cast<const std::byte*>(mapping);
  }
  close(fd);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace vega
