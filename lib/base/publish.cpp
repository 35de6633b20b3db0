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
  std::string remedy = "check the path and its permissions";
  if (reason == ENOSPC || reason == EDQUOT)
    remedy = "free some space or choose another -o, then run again to resume";
  if (reason == EROFS) remedy = "choose a writable -o";
  throw OutputError(explain(
      path.string(), std::string(what) + " failed (" + std::strerror(reason) + ")", "", remedy));
}

// Removes part files of `final_path` that nobody holds.
void remove_dead_parts(const fs::path& final_path) {
  const std::string prefix = final_path.filename().string() + ".part-";
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(final_path.parent_path(), ignored)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    const int fd = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) unlink(entry.path().c_str());
    close(fd);
  }
}

void sync_folder(const fs::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail(folder, "open");
  const int status = fsync(fd);
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

PartFile::PartFile(fs::path final_path) : final_(fs::absolute(final_path)) {
  make_folder(final_.parent_path());
  remove_dead_parts(final_);
  part_ = final_;
  part_ += ".part-" + host_name() + "-" + std::to_string(getpid());
  for (int attempt = 0; attempt < 16; ++attempt) {
    descriptor_ = open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) fail(part_, "create");
    struct stat info {};
    // A sweeping neighbour may have taken the lock between our open and our flock, and unlinked the
    // file: try again.
    if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0 && fstat(descriptor_, &info) == 0 &&
        info.st_nlink > 0) {
      // Only now is it ours to empty.
      if (ftruncate(descriptor_, 0) == 0) return;
      const int reason = errno;
      close(descriptor_);
      errno = reason;
      fail(part_, "truncate");
    }
    close(descriptor_);
    descriptor_ = -1;
  }
  throw OutputError(explain(part_.string(), "a part file locked by another process", "",
                            "wait for it to end, or remove the file when no vega program runs"));
}

PartFile::~PartFile() {
  if (descriptor_ < 0) return;
  unlink(part_.c_str());
  close(descriptor_);
}

void PartFile::publish() {
  if (fsync(descriptor_) != 0) fail(part_, "fsync");
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
