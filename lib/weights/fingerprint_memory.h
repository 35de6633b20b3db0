// The memory of fingerprints: ${XDG_CACHE_HOME:-~/.cache}/vega/fingerprints.json. It saves reading
// all weights again to tell which model they are. A missing or broken memory is ignored and
// rewritten; where it cannot be written, a line is logged at debug level. Several processes may use
// it at once (at worst an entry is forgotten).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vega {

// One model: what identifies its files, and `kind`, what was hashed ("wan/1"). Of each file: real
// path, device, inode, size, mtime and ctime in ns, and a digest of its bytes: all of them up to
// 32 MiB, else the first and the last MiB (where the formats keep their headers) and 256 runs of
// 4 KiB spread evenly between. A model that was swapped, copied over with its old times, or moved
// behind a link is another one.
class FingerprintMemory {
 public:
  // Looks at the files. Make it before the weights are read: `remember` compares.
  FingerprintMemory(std::span<const std::filesystem::path> files, std::string_view kind);

  // Nothing when these files are not known, one is missing, or one is not the file that this
  // process has mapped under that path.
  std::optional<std::string> recall() const;

  // Keeps the fingerprint (32 hex digits), unless the files changed since the constructor looked. A
  // file of more than 32 MiB must be older than two seconds as well: the file system's clock may
  // give two versions the same time.
  void remember(std::string_view fingerprint) const;

 private:
  struct Identity {
    std::string key;
    bool settled = false;
  };
  std::optional<Identity> identify() const;

  std::span<const std::filesystem::path> files_;  // of the caller
  std::string kind_;
  std::optional<Identity> before_;
};

// A fingerprint of weights that the process has mapped, which is looked up once. Copies share it.
class KnownFingerprint {
 public:
  // From any thread. What look_up throws goes on, and the next call looks up again.
  std::string get(const std::function<std::string()>& look_up) const;

 private:
  struct State {
    std::mutex mutex;
    std::optional<std::string> text;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// The remembered fingerprint, else that of `make`, which is remembered.
std::string remembered_fingerprint(std::span<const std::filesystem::path> files,
                                   std::string_view kind, const std::function<std::string()>& make);

}  // namespace vega
