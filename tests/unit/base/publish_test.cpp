#include "base/publish.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/support.h"

using namespace vega;
namespace fs = std::filesystem;

TEST_CASE("a published file appears whole, an abandoned one not at all") {
  const test::TempFolder folder;
  {
    PartFile part(folder / "a/b.bin");
    CHECK(fs::exists(part.path()));
    CHECK_FALSE(fs::exists(folder / "a/b.bin"));
  }
  CHECK(fs::is_empty(folder / "a"));
  publish_file(folder / "a/b.bin", std::string_view("hello"));
  CHECK(test::read_bytes(folder / "a/b.bin").size() == 5);
}

TEST_CASE("dead part files of the same name are swept, living ones are not") {
  const test::TempFolder folder;
  test::write_text(folder / "x.part-ghost-1", "left behind");
  PartFile other(folder / "y");
  publish_file(folder / "x", std::string_view("1"));
  CHECK_FALSE(fs::exists(folder / "x.part-ghost-1"));
  CHECK(fs::exists(other.path()));
}

TEST_CASE("in a folder of many files one of some writers looks for dead part files") {
  const test::TempFolder folder;
  for (int n = 0; n < 200; ++n) test::write_text(folder / ("file" + std::to_string(n)), "");
  publish_file(folder / "x", std::string_view("1"));
  test::write_text(folder / "x.part-ghost-1", "left behind");
  int writers = 0;
  for (; fs::exists(folder / "x.part-ghost-1") && writers < 100; ++writers)
    publish_file(folder / "x", std::string_view("1"));
  CHECK(writers == 200 / 64 + 1);
  test::write_text(folder / "x.part-ghost-1", "left behind");
  sweep_parts(folder.path());
  CHECK_FALSE(fs::exists(folder / "x.part-ghost-1"));
}

TEST_CASE("a part file that is being written is not touched by a second writer") {
  const test::TempFolder folder;
  PartFile first(folder / "x");
  test::write_text(first.path(), "half");
  CHECK_THROWS_AS(PartFile(folder / "x"), OutputError);
  CHECK(test::read_bytes(first.path()).size() == 4);
  first.publish();
  CHECK(test::read_bytes(folder / "x").size() == 4);
}

TEST_CASE("a folder that cannot be made is an OutputError that names it") {
  const test::TempFolder folder;
  test::write_text(folder / "file", "");
  CHECK_THROWS_AS(publish_file(folder / "file/inside", std::string_view("1")), OutputError);
}

TEST_CASE("a sweep removes what dead writers left in a folder, and nothing else") {
  const test::TempFolder folder;
  for (const char* name : {"x.h5.part-node-7-123", "y.part-vm-1"})
    test::write_text(folder / name, "");
  const std::vector<std::string> kept{"x.h5",      ".part-vm-1",   "x.part-vm",     "x.part-vm-",
                                      "x.part--1", "x.part-vm-1a", "x.part-vm-1.h5"};
  for (const auto& name : kept) test::write_text(folder / name, "");
  fs::create_directory(folder / "z.part-vm-1");
  fs::create_symlink(folder / "x.h5", folder / "link.part-vm-1");
  const PartFile living(folder / "living");
  sweep_parts(folder.path());
  CHECK_FALSE(fs::exists(folder / "x.h5.part-node-7-123"));
  CHECK_FALSE(fs::exists(folder / "y.part-vm-1"));
  for (const auto& name : kept) CHECK(fs::exists(folder / name));
  CHECK(fs::exists(folder / "z.part-vm-1"));
  CHECK(fs::is_symlink(folder / "link.part-vm-1"));
  CHECK(fs::exists(living.path()));
  sweep_parts(folder / "nowhere");
}

TEST_CASE("a file that cannot take its name leaves no part file") {
  const test::TempFolder folder;
  fs::create_directories(folder / "x/inside");
  CHECK_THROWS_WITH(publish_file(folder / "x", std::string_view("1")),
                    Catch::Contains("a folder") && Catch::Contains("; "));
  CHECK(fs::exists(folder / "x/inside"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("through a link its target is replaced, and the link stays") {
  const test::TempFolder folder;
  fs::create_directories(folder / "data");
  test::write_text(folder / "data/old", "old");
  fs::create_symlink("data/old", folder / "link");
  fs::create_symlink(folder / "link", folder / "twice");
  fs::create_symlink("data/free", folder / "dangling");
  fs::create_symlink("loop", folder / "loop");
  {
    const PartFile part(folder / "twice");
    CHECK(part.path().parent_path() == folder / "data");
    CHECK(part.final_path() == folder / "data/old");
  }
  publish_file(folder / "twice", std::string_view("new"));
  CHECK(test::read_text(folder / "data/old") == "new");
  publish_file(folder / "dangling", std::string_view("made"));
  CHECK(test::read_text(folder / "data/free") == "made");
  for (const char* link : {"link", "twice", "dangling"}) CHECK(fs::is_symlink(folder / link));
  CHECK_THROWS_WITH(publish_file(folder / "loop", std::string_view("1")),
                    Catch::Contains("a loop of links"));
  CHECK(fs::is_symlink(folder / "loop"));
}

namespace {

// What reading a descriptor gives now.
std::string drained(int descriptor) {
  std::array<char, 64> text{};
  const ssize_t n = read(descriptor, text.data(), text.size());
  return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(0, n))};
}

// A device like /dev/null (3) or /dev/full (7). Root could replace the real one, so it gets its
// own; nothing where it may not make one.
std::optional<fs::path> device(const test::TempFolder& folder, unsigned minor) {
  if (geteuid() != 0) return minor == 3 ? "/dev/null" : "/dev/full";
  fs::path path = folder / ("device" + std::to_string(minor));
  if (mknod(path.c_str(), S_IFCHR | 0666, makedev(1, minor)) != 0) return std::nullopt;
  return path;
}

mode_t kind_of(const fs::path& path) {
  struct stat info {};
  REQUIRE(lstat(path.c_str(), &info) == 0);
  return info.st_mode & S_IFMT;
}

}  // namespace

TEST_CASE("a FIFO, a device or an open descriptor is written to, never replaced") {
  const test::TempFolder folder;
  const fs::path fifo = folder / "fifo", link = folder / "link";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  fs::create_symlink("fifo", link);
  CHECK_THROWS_WITH(publish_file(fifo, std::string_view("1")), Catch::Contains("no program reads"));
  const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  publish_file(link, std::string_view("through"));
  CHECK(drained(reader) == "through");
  close(reader);
  CHECK(kind_of(fifo) == S_IFIFO);
  CHECK(fs::is_symlink(link));

  std::array<int, 2> ends{};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  const fs::path own = "/dev/fd/" + std::to_string(ends[1]);
  CHECK(is_stream(own));
  publish_file(own, std::string_view("to a descriptor"));
  CHECK(drained(ends[0]) == "to a descriptor");
  CHECK_THROWS_WITH(is_stream("/dev/fd/" + std::to_string(ends[0])),
                    Catch::Contains("not open for writing"));
  for (const int end : ends) close(end);
  CHECK_THROWS_AS(is_stream(own), OutputError);

  // Bytes follow what the descriptor has written already: its file is not replaced.
  const fs::path log = folder / "log";
  const int out = open(log.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(write(out, "manifest\n", 9) == 9);
  publish_file("/proc/self/fd/" + std::to_string(out), std::string_view("report\n"));
  close(out);
  CHECK(test::read_text(log) == "manifest\nreport\n");

  if (const auto null = device(folder, 3)) {
    publish_file(*null, std::string_view("nothing"));
    CHECK_THROWS_AS(PartFile(*null), OutputError);
    CHECK(kind_of(*null) == S_IFCHR);
  }
  if (const auto full = device(folder, 7)) {
    CHECK_THROWS_AS(publish_file(*full, std::string_view("1")), OutputError);
    CHECK(kind_of(*full) == S_IFCHR);
  }
}

TEST_CASE("what cannot hold a whole file is refused before any work") {
  const test::TempFolder folder;
  REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const fs::path bound = folder / "s";
  REQUIRE(bound.string().size() < sizeof address.sun_path);
  std::strcpy(address.sun_path, bound.c_str());
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  for (const fs::path& path : {folder / "fifo", bound}) {
    CHECK_THROWS_AS(PartFile(path), OutputError);
    CHECK(fs::exists(path));
    CHECK_FALSE(fs::is_regular_file(path));
  }
  CHECK_THROWS_WITH(publish_file(bound, std::string_view("1")), Catch::Contains("a socket"));
  CHECK(kind_of(bound) == S_IFSOCK);
  close(listener);
}

TEST_CASE("every reason of a failed write has a remedy") {
  CHECK_THAT(output_remedy(ENOSPC), Catch::Contains("free some space"));
  CHECK_THAT(output_remedy(EFBIG), Catch::Contains("ulimit -f"));
  CHECK_THAT(output_remedy(EROFS), Catch::Contains("writable"));
  for (const int reason : {0, EIO, ENOENT, EACCES, EDQUOT})
    CHECK(output_remedy(reason).size() > 20);
}
