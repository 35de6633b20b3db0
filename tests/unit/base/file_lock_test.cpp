#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/publish.h"
#include "support/support.h"

using namespace vega;

namespace {

// Whether somebody holds the lock of a file or folder.
bool is_locked(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDONLY);
  const bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
  close(fd);
  return locked;
}

}  // namespace

TEST_CASE("who waits for a file gets the one that was renamed over it meanwhile") {
  const test::TempFolder folder;
  const auto path = folder / "x";
  publish_file(path, std::string_view("old"));
  std::optional<FileLock> first(path);
  std::atomic<std::size_t> seen{0};
  std::thread second([&] {
    const FileLock lock(path);
    if (is_locked(path)) seen = test::read_bytes(path).size();
  });
  publish_file(path, std::string_view("newer"));
  first.reset();
  second.join();
  CHECK(seen == 5);
  CHECK_FALSE(is_locked(path));
}

TEST_CASE("a folder is locked while the object lives; one that is not there is nothing") {
  const test::TempFolder folder;
  {
    const FolderLock lock(folder.path());
    CHECK(is_locked(folder.path()));
  }
  CHECK_FALSE(is_locked(folder.path()));
  const FolderLock nothing(folder / "nowhere");
  const FileLock none(folder / "nowhere");
}
