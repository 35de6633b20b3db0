#include "base/publish.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/build_info.h"
#include "base/disk.h"
#include "base/error.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

// Whether a descriptor is (still) that of the file of this name.
bool is_named(int descriptor, const fs::path& path) {
  struct stat mine {
  }, named{};
  return fstat(descriptor, &mine) == 0 && lstat(path.c_str(), &named) == 0 &&
         S_ISREG(named.st_mode) && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

// Removes a part file that no writer holds locked. The file is opened for writing because an
// exclusive lock over NFS needs that. Between `open` and the lock its writer may have published it
// and begun a new part file of the same name: only the file that was locked is removed.
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

// Returns how many entries the folder has.
template <typename Belongs>
std::size_t remove_dead_parts(const fs::path& folder, Belongs belongs) {
  std::size_t entries = 0;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    ++entries;
    if (belongs(at->path().filename().string())) remove_if_dead(at->path());
  }
  return entries;
}

// Which writer of this process lists its folder for dead part files. If all did, n files in one
// folder would cost n n / 2 names. A folder of few files is listed by every writer, one of E files
// by every E / 64th.
class Listings {
 public:
  bool is_due(const fs::path& folder) {
    const std::lock_guard held(mutex_);
    std::size_t& left = left_[folder.native()];
    if (left == 0) return true;
    --left;
    return false;
  }
  void has(const fs::path& folder, std::size_t entries) {
    const std::lock_guard held(mutex_);
    left_[folder.native()] = entries / 64;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> left_;  // writers that do not list, by folder
};

Listings& listings() {
  static Listings all;
  return all;
}

// Locks and empties a part file; false when another process holds it or has just removed it.
bool lock_and_empty(int descriptor, const fs::path& part) {
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) break;  // this file system has no locks
  }
  if (!is_named(descriptor, part)) return false;
  if (ftruncate(descriptor, 0) == 0) return true;
  const int reason = errno;
  unlink(part.c_str());
  close(descriptor);
  errno = reason;
  fail_output(part, "truncate");
}

// Where the bytes of an output go, behind all links.
struct Place {
  fs::path path;
  bool stream = false;
  int descriptor = -1;  // of this process: /dev/stdout, /dev/fd/3
};

[[noreturn]] void refuse(const fs::path& path, const std::string& got) {
  throw OutputError(
      explain(path.string(), got, "a file, a pipe or /dev/null", "choose another output path"));
}

// N of /proc/self/fd/N, however the folder is spelled; -1: another path.
int own_descriptor(const fs::path& path) {
  std::error_code error;
  const fs::path folder = fs::canonical(path.parent_path(), error);
  if (error || folder != fs::canonical("/proc/self/fd", error)) return -1;
  const std::string name = path.filename().string();
  int number = -1;
  const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
  return code == std::errc() && end == name.data() + name.size() ? number : -1;
}

Place follow(const fs::path& named) {
  constexpr int kMostLinks = 40;  // as Linux
  fs::path path = fs::absolute(named);
  for (int link = 0; link < kMostLinks; ++link) {
    if (const int number = own_descriptor(path); number >= 0) {
      const int flags = fcntl(number, F_GETFL);
      if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
        refuse(named, "a descriptor that is not open for writing");
      return {path, true, number};
    }
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))
      return {path};
    if (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode)) return {path, true};
    if (S_ISBLK(info.st_mode)) refuse(named, "a block device");
    if (!S_ISLNK(info.st_mode)) refuse(named, "a socket");
    std::error_code error;
    path = path.parent_path() / fs::read_symlink(path, error);
    if (error) refuse(named, "a link that cannot be read");
  }
  refuse(named, "a loop of links");
}

void write_all(int descriptor, const fs::path& path, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(descriptor, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {  // a pipe that its other end made non-blocking
      pollfd ready{descriptor, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      fail_output(path, "write");
    }
  }
}

void write_through(const Place& place, std::span<const std::byte> bytes) {
  if (place.descriptor >= 0) return write_all(place.descriptor, place.path, bytes);
  // Non-blocking: without a reader the open fails, where it would otherwise wait for ever. A reader
  // that was started together with this program may need a moment: it has 5 s to open the FIFO.
  int fd = -1;
  for (int tries = 0; tries < 500; ++tries) {
    fd = open(place.path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0 || errno != ENXIO) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    errno = ENXIO;
  }
  if (fd < 0 && errno == ENXIO) refuse(place.path, "a FIFO that no program reads");
  if (fd < 0) fail_output(place.path, "open");
  try {
    write_all(fd, place.path, bytes);
  } catch (...) {
    close(fd);
    throw;
  }
  close(fd);
}

}  // namespace

bool is_stream(const fs::path& path) { return follow(path).stream; }

void make_folder(const fs::path& path) {
  if (path.empty()) return;
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    errno = error.value();
    fail_output(path, "mkdir");
  }
}

void sweep_parts(const fs::path& folder) {
  listings().has(fs::absolute(folder), remove_dead_parts(folder, is_part_name));
}

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

PartFile::PartFile(fs::path final_path) {
  Place place = follow(final_path);
  if (place.stream)
    throw OutputError(explain(final_path.string(), "a device, a pipe or a FIFO",
                              "a regular file, or a name that is free",
                              "choose another output path"));
  std::error_code error;
  if (fs::is_directory(place.path, error))
    throw OutputError(
        explain(final_path.string(), "a folder", "a file", "choose another output path"));
  final_ = std::move(place.path);
  make_folder(final_.parent_path());
  const fs::path folder = final_.parent_path();
  if (listings().is_due(folder)) {
    const std::string prefix = final_.filename().string() + ".part-";
    listings().has(folder, remove_dead_parts(folder, [&](const std::string& name) {
                     return name.starts_with(prefix);
                   }));
  }
  part_ = final_;
  part_ += ".part-" + host_name() + "-" + std::to_string(getpid());
  for (int attempt = 0; attempt < 16; ++attempt) {
    descriptor_ = open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) fail_output(part_, "create");
    if (lock_and_empty(descriptor_, part_)) return;
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
  if (sync_file(descriptor_) != 0) fail_output(part_, "fsync");
}

void PartFile::publish() {
  sync();
  if (rename(part_.c_str(), final_.c_str()) != 0) fail_output(final_, "rename");
  close(descriptor_);
  descriptor_ = -1;
  sync_folder(final_.parent_path());
}

void publish_file(const fs::path& path, std::span<const std::byte> bytes) {
  if (const Place place = follow(path); place.stream) return write_through(place, bytes);
  PartFile part(path);
  write_all(part.descriptor(), part.path(), bytes);
  part.publish();
}

void publish_file(const fs::path& path, std::string_view text) {
  publish_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace vega
