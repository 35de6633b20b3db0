#include "base/publish.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/build_info.h"
#include "base/error.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const fs::path& path, const char* what) {
  const int reason = errno;
  throw OutputError(explain(path.string(),
                            std::string(what) + " failed (" + std::strerror(reason) + ")", "",
                            output_remedy(reason)));
}

// Whether a descriptor is (still) that of the file of this name.
bool is_named(int descriptor, const fs::path& path) {
  struct stat mine {
  }, named{};
  return fstat(descriptor, &mine) == 0 && lstat(path.c_str(), &named) == 0 &&
         S_ISREG(named.st_mode) && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

// Who holds the lock of a part file is its writer. The descriptor is one for writing: over NFS an
// exclusive lock asks for that. Its writer may have published the file, and begun another one of
// that name, since it was opened: what is removed is what is locked.
void remove_if_dead(const fs::path& part) {
  const int fd = open(part.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(fd, part)) unlink(part.c_str());
  close(fd);
}

// NAME.part-<host>-<pid>
bool is_part_name(std::string_view name) {
  const auto mark = name.rfind(".part-"), dash = name.rfind('-');
  if (mark == 0 || mark == name.npos || dash <= mark + 6 || dash + 1 == name.size()) return false;
  return name.find_first_not_of("0123456789", dash + 1) == name.npos;
}

template <typename Belongs>
void remove_dead_parts(const fs::path& folder, Belongs belongs) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (belongs(at->path().filename().string())) remove_if_dead(at->path());
  }
}

// Empties the file when it is ours; false when somebody holds it, or has just removed it.
bool take(int descriptor, const fs::path& part) {
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) break;  // no locks here
  }
  if (!is_named(descriptor, part)) return false;
  if (ftruncate(descriptor, 0) == 0) return true;
  const int reason = errno;
  unlink(part.c_str());
  close(descriptor);
  errno = reason;
  fail(part, "truncate");
}

int sync_file(int descriptor) {
  int status = -1;
  do {
    status = fsync(descriptor);
  } while (status != 0 && errno == EINTR);
  return status;
}

void sync_folder(const fs::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail(folder, "open");
  const int status = sync_file(fd);
  const int reason = errno;
  close(fd);
  if (status != 0 && reason != EINVAL) {
    errno = reason;
    fail(folder, "fsync");
  }
}

}  // namespace

void make_folder(const fs::path& path) {
  if (path.empty()) return;
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    errno = error.value();
    fail(path, "mkdir");
  }
}

void sweep_parts(const fs::path& folder) { remove_dead_parts(folder, is_part_name); }

std::string output_remedy(int reason) {
  const std::string again = ", then run again to resume";
  switch (reason) {
    case 0:
    case ENOSPC:
    case EDQUOT: return "free some space or choose another -o" + again;
    case EFBIG:
      return "raise the limit on the size of files (ulimit -f) or choose another -o" + again;
    case EROFS: return "choose a writable -o";
    case EIO:
      return "the disk or the way to it may be faulty: check it or choose another -o" + again;
    case ENOENT: return "has the folder been removed? make it or choose another -o" + again;
    default: return "check the path and its permissions";
  }
}

PartFile::PartFile(fs::path final_path) : final_(fs::absolute(final_path)) {
  make_folder(final_.parent_path());
  const std::string prefix = final_.filename().string() + ".part-";
  remove_dead_parts(final_.parent_path(),
                    [&](const std::string& name) { return name.starts_with(prefix); });
  part_ = final_;
  part_ += ".part-" + host_name() + "-" + std::to_string(getpid());
  for (int attempt = 0; attempt < 16; ++attempt) {
    descriptor_ = open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) fail(part_, "create");
    if (take(descriptor_, part_)) return;
    close(descriptor_);
    descriptor_ = -1;
    usleep(10000);  // a sweeping neighbour holds it for a moment
  }
  throw OutputError(explain(part_.string(), "a part file locked by another process", "",
                            "wait for it to end, or remove the file when no vega program runs"));
}

PartFile::~PartFile() {
  if (descriptor_ < 0) return;
  unlink(part_.c_str());
  close(descriptor_);
}

void PartFile::sync() {
  if (sync_file(descriptor_) != 0) fail(part_, "fsync");
}

void PartFile::publish() {
  sync();
  if (rename(part_.c_str(), final_.c_str()) != 0) fail(final_, "rename");
  close(descriptor_);
  descriptor_ = -1;
  sync_folder(final_.parent_path());
}

void publish_file(const fs::path& path, std::span<const std::byte> bytes) {
  PartFile part(path);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = write(part.descriptor(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(part.path(), "write");
    done += static_cast<std::size_t>(n);
  }
  part.publish();
}

void publish_file(const fs::path& path, std::string_view text) {
  publish_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace vega
