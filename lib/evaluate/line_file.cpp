#include "evaluate/line_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/disk.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/publish.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
LineFile::LineFile(fs::path path) : path_(std::move(path)) {
  make_folder(path_.parent_path());
  descriptor_ = open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail_output(path_, "open");
  try {
    while (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK)
        throw InputError(explain(path_.string(), "a file that another process writes",
                                 "one process a shard", "wait for it to end"));
      if (errno != EINTR) break;  // this file system has no locks
    }
    mend();
    sync_folder(path_.parent_path());
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

LineFile::~LineFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void LineFile::mend() {
  const std::string all = bytes_of_lines(path_);
  if (all.empty() || all.back() == '\n') return;
  const std::size_t start = all.rfind('\n') == all.npos ? 0 : all.rfind('\n') + 1;
  const auto record = parse_json(std::string_view(all).substr(start));
  if (record && record->is_object()) return append("");
  mended_ = all.size() - start;
  if (ftruncate(descriptor_, static_cast<off_t>(start)) != 0) fail_output(path_, "truncate");
  log_info("{}: an unfinished last line of {} bytes is removed", path_.string(), mended_);
}

void LineFile::append(std::string_view line) {
  struct stat before {};
  if (fstat(descriptor_, &before) != 0) fail_output(path_, "stat");
  const std::string text = std::string(line) + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = write(descriptor_, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      const int reason = errno;
      if (ftruncate(descriptor_, before.st_size) != 0)
        log_warn("{}: its last line is unfinished; the next run removes it", path_.string());
      errno = reason;
      fail_output(path_, "write");
    }
  }
  int status = -1;
  do {
    status = fdatasync(descriptor_);
  } while (status != 0 && errno == EINTR);
  if (status != 0 && errno != EINVAL) fail_output(path_, "fsync");
}

bool is_being_written(const fs::path& path) {
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  const bool locked = flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(file);
  return locked;
}

std::string bytes_of_lines(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw InputError(explain(path.string(), "a file that cannot be read", "lines of JSON"));
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace vega::evaluate
