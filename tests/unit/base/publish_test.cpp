#include "base/publish.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <fstream>
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
                    Catch::Contains("Is a directory") && Catch::Contains("; "));
  CHECK(fs::exists(folder / "x/inside"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("every reason of a failed write has a remedy") {
  CHECK_THAT(output_remedy(ENOSPC), Catch::Contains("free some space"));
  CHECK_THAT(output_remedy(EFBIG), Catch::Contains("ulimit -f"));
  CHECK_THAT(output_remedy(EROFS), Catch::Contains("writable"));
  for (const int reason : {0, EIO, ENOENT, EACCES, EDQUOT})
    CHECK(output_remedy(reason).size() > 20);
}
