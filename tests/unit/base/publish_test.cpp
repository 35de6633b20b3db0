#include "base/publish.h"

#include <catch2/catch.hpp>
#include <fstream>

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
