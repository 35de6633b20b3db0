#include "train/metrics_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "base/error.h"
#include "base/publish.h"

namespace vega::train {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path) {
  const int reason = errno;
  throw OutputError(explain(path.string(), std::strerror(reason), "", output_remedy(reason)));
}

// Bytes of the lines of steps up to `steps`.
off_t kept_bytes(const std::filesystem::path& path, std::int64_t steps) {
  std::ifstream in(path, std::ios::binary);
  off_t out = 0;
  for (std::string line; std::getline(in, line) && !in.eof();) {
    const auto json = parse_json(line);
    const auto step = json ? (*json)["step"].whole() : std::nullopt;
    if (step && *step > steps) break;
    out += static_cast<off_t>(line.size()) + 1;
  }
  return out;
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path path, std::int64_t steps) : path_(std::move(path)) {
  const off_t kept = kept_bytes(path_, steps);
  file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) fail(path_);
  if (ftruncate(file_, kept) != 0) fail(path_);
}

MetricsLog::~MetricsLog() {
  if (file_ >= 0) close(file_);
}

void MetricsLog::add(const Json& line) {
  const std::string text = line.dump() + "\n";
  struct stat before {};
  if (fstat(file_, &before) != 0) fail(path_);
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = write(file_, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      const int reason = errno;
      if (done > 0 && ftruncate(file_, before.st_size) != 0) errno = reason;
      errno = reason;
      fail(path_);
    }
    done += static_cast<std::size_t>(wrote);
  }
}

void MetricsLog::sync() {
  if (fsync(file_) != 0 && errno != EINVAL && errno != EROFS) fail(path_);
}

}  // namespace vega::train
