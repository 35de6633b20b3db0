#include "weights/fingerprint_memory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/publish.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostMemoryBytes = 16 << 20;
constexpr std::size_t kMostRemembered = 1000;
constexpr const char* kSchema = "vega.fingerprints/2";

constexpr std::int64_t kWhole = 32 << 20, kEdge = 1 << 20, kSample = 4096, kSamples = 256;
constexpr std::int64_t kSettled_s = 2;

// Nothing without a home.
std::optional<fs::path> memory_path() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && cache[0] == '/')
    return fs::path(cache) / "vega" / "fingerprints.json";
  if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/')
    return fs::path(home) / ".cache" / "vega" / "fingerprints.json";
  return std::nullopt;
}

// A file held open, so that its bytes and its inode are of one version.
class Opened {
 public:
  explicit Opened(const fs::path& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Opened() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  bool status(struct stat& info) const {
    return descriptor_ >= 0 && fstat(descriptor_, &info) == 0 && S_ISREG(info.st_mode);
  }

  // False where a byte of [at, at + count) cannot be read.
  bool add_bytes(Hasher& hasher, std::int64_t at, std::int64_t count) {
    for (const std::int64_t end = at + count; at < end;) {
      buffer_.resize(static_cast<std::size_t>(std::min(end - at, kEdge)));
      const ssize_t n = pread(descriptor_, buffer_.data(), buffer_.size(), at);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      hasher.bytes(std::span(buffer_).first(static_cast<std::size_t>(n)));
      at += n;
    }
    return true;
  }

 private:
  int descriptor_;
  std::vector<std::byte> buffer_;
};

bool add_content(Hasher& hasher, Opened& file, std::int64_t size) {
  if (size <= kWhole) return file.add_bytes(hasher, 0, size);
  bool all = file.add_bytes(hasher, 0, kEdge) && file.add_bytes(hasher, size - kEdge, kEdge);
  for (std::int64_t i = 0; all && i < kSamples; ++i)
    all = file.add_bytes(hasher, (size - kSample) / (kSamples - 1) * i, kSample);
  return all;
}

// Whether a file cannot get other bytes any more without another time.
bool is_settled(const struct stat& info) {
  if (info.st_size <= kWhole) return true;  // its bytes were all looked at
  return std::max(info.st_mtim.tv_sec, info.st_ctim.tv_sec) + kSettled_s < std::time(nullptr);
}

struct Remembered {
  std::string key, fingerprint;
};

bool is_hash(const std::string* text) {
  return text != nullptr && text->size() == 32 &&
         text->find_first_not_of("0123456789abcdef") == std::string::npos;
}

// {"schema": ..., "entries": [[key, fingerprint], ...]}, oldest first. Empty when missing or
// broken.
std::vector<Remembered> load_memory(const fs::path& path) {
  std::vector<Remembered> entries;
  std::error_code error;
  if (!fs::exists(path, error)) return entries;
  try {
    const Json json = read_json(path, "fingerprints", {.bytes = kMostMemoryBytes});
    if (json["schema"].text_or("") != kSchema) return entries;
    for (const Json& entry : json["entries"].elements()) {
      const std::string *key = entry[0].text(), *fingerprint = entry[1].text();
      if (is_hash(key) && is_hash(fingerprint)) entries.push_back({*key, *fingerprint});
    }
  } catch (const Error& failure) {
    log_debug("fingerprints are not remembered: {}", failure.what());
  }
  return entries;
}

}  // namespace

FingerprintMemory::FingerprintMemory(std::span<const fs::path> files, std::string_view kind)
    : files_(files), kind_(kind), before_(identify()) {}

std::optional<FingerprintMemory::Identity> FingerprintMemory::identify() const {
  Hasher hasher;
  hasher.field(kind_).number(static_cast<long long>(files_.size()));
  bool settled = true;
  for (const auto& path : files_) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    Opened file(path);
    struct stat info {};
    if (error || !file.status(info) || !MappedFile::is_current(path)) return std::nullopt;
    hasher.field(real.string());
    for (const auto number :
         {static_cast<long long>(info.st_dev), static_cast<long long>(info.st_ino),
          static_cast<long long>(info.st_size)})
      hasher.number(number);
    for (const auto& time : {info.st_mtim, info.st_ctim})
      hasher.number(time.tv_sec).number(time.tv_nsec);
    if (!add_content(hasher, file, info.st_size)) return std::nullopt;
    settled &= is_settled(info);
  }
  return Identity{hasher.hex(), settled};
}

std::optional<std::string> FingerprintMemory::recall() const {
  const auto path = memory_path();
  if (!path || !before_) return std::nullopt;
  for (const auto& entry : load_memory(*path)) {
    if (entry.key == before_->key) return entry.fingerprint;
  }
  return std::nullopt;
}

void FingerprintMemory::remember(std::string_view fingerprint) const {
  const auto path = memory_path();
  if (!path || !before_ || !before_->settled) return;
  if (const auto now = identify(); !now || now->key != before_->key) return;
  static std::mutex alone;  // part files are told apart by process only
  const std::lock_guard lock(alone);
  auto entries = load_memory(*path);
  std::erase_if(entries, [&](const Remembered& entry) { return entry.key == before_->key; });
  entries.push_back({before_->key, std::string(fingerprint)});
  Json list = Json::list();
  const std::size_t excess = entries.size() - std::min(entries.size(), kMostRemembered);
  for (const Remembered& entry : std::span(entries).subspan(excess))
    list.push(Json::list({entry.key, entry.fingerprint}));
  try {
    publish_file(*path, Json{{"schema", kSchema}, {"entries", list}}.dump(1));
  } catch (const OutputError& error) {
    log_debug("fingerprints are not remembered: {}", error.what());
  }
}

std::string KnownFingerprint::get(const std::function<std::string()>& look_up) const {
  const std::lock_guard lock(state_->mutex);
  if (!state_->text) state_->text = look_up();
  return *state_->text;
}

std::string remembered_fingerprint(std::span<const fs::path> files, std::string_view kind,
                                   const std::function<std::string()>& make) {
  const FingerprintMemory memory(files, kind);
  if (auto known = memory.recall()) return *known;
  std::string made = make();
  memory.remember(made);
  return made;
}

}  // namespace vega
