// Exclusive locks between processes. A lock on a file is for changing it by "write a new file,
// rename it over the old one". A lock on a folder is for looking up a name in it and renaming a
// file to that name as one step.
#pragma once

#include <filesystem>

namespace vega {

// Waits until no other process holds the lock, and makes sure that the locked file is still the one
// of that name (the process that held it before may have renamed a new file over it). The
// destructor releases it. Where the file system has no locks, or the file is gone, nothing is
// locked.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

// The lock of a folder, held for moments only. Waits at most 5 s for the lock. If another process
// still holds it (it hangs or is suspended), continues without the lock, as it does where the file
// system cannot lock folders (NFS).
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
