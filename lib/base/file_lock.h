// Exclusive locks: on a file that exists, for changing it by "write aside, rename"; on a folder,
// for looking at a name in it and renaming over it in one.
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

// The lock of a folder, held for moments only. Who holds it for more than 5 s hangs or was
// suspended: nothing is locked then, nor where the file system knows no such locks (NFS locks no
// folder).
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace vega
