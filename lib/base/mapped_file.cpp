#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"

namespace vega {
namespace {

[[noreturn]] void fail_open(const std::filesystem::path& path, const char* what, int reason) {
  throw InputError(explain(path.string(),
                           std::string(what) + " failed (" + std::strerror(reason) + ")",
                           "a readable file", "check the path and its permissions"));
}

}  // namespace

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
