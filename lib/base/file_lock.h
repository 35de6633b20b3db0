// An exclusive lock on a file that exists, for changing it by "write aside, rename".
#pragma once

#include <filesystem>

namespace vega {

// Waits until no other process holds the lock, and makes sure that the locked file is still the one
// under that name (the holder before may have renamed a new one over it). Released by the
// destructor. Where the file system knows no locks, or the file is gone, nothing is locked.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace vega
