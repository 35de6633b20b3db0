// Lists, keys and shards.
#include "run/items.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "base/error.h"
#include "support/support.h"

namespace vega {
namespace {

using Catch::Contains;

std::vector<Item> gather(const std::vector<std::string>& inputs, const std::string& list = "",
                         const std::string& key = "", const std::string& shard = "") {
  return gather_items({inputs, list, shard, key, ""}).items;
}

std::vector<std::string> keys_of(const std::vector<Item>& items) {
  std::vector<std::string> keys;
  for (const Item& item : items) keys.push_back(item.key);
  return keys;
}
using Keys = std::vector<std::string>;

TEST_CASE("inputs have keys: the line's own, --key, or the folder's name") {
  CHECK(keys_of(gather({"a/b", "c/"}, "", "", "")) == Keys{"b", "c"});
  CHECK(keys_of(gather({"a/b c"}, "", "", "")) == Keys{"b_c"});
  CHECK(keys_of(gather({"a/b"}, "", "mine", "")) == Keys{"mine"});

  const test::TempFolder folder;
  test::write_text(folder / "list", "x/one\n\nkey-2\tx/one\r\nx/th ree\n");
  const auto items = gather({}, (folder / "list").string(), "", "");
  CHECK(keys_of(items) == Keys{"one", "key-2", "th_ree"});
  CHECK(items[1].path == "x/one");
  CHECK(items[2].path == "x/th ree");
}

TEST_CASE("a shard takes the lines whose number modulo n is i") {
  const std::vector<std::string> five{"a", "b", "c", "d", "e"};
  CHECK(keys_of(gather(five, "", "", "0/1")).size() == 5);
  CHECK(keys_of(gather(five, "", "", "0/2")) == Keys{"a", "c", "e"});
  CHECK(keys_of(gather(five, "", "", "1/2")) == Keys{"b", "d"});
  CHECK(keys_of(gather(five, "", "", "6/7")).empty());
  for (const std::string bad : {"2/2", "1", "a/2", "0/0", "-1/2", "0/2x", "/", "0/"}) {
    CHECK_THROWS_AS(gather(five, "", "", bad), UsageError);
    CHECK_THROWS_WITH(gather(five, "", "", bad), Contains(bad) && Contains("i/n"));
  }
}

TEST_CASE("inputs that contradict each other are refused") {
  const test::TempFolder folder;
  test::write_text(folder / "list", "x/one\n");
  const std::string list = (folder / "list").string();
  CHECK_THROWS_AS(gather({}, "", "", ""), UsageError);
  CHECK_THROWS_AS(gather({"a"}, list, "", ""), UsageError);
  CHECK_THROWS_WITH(gather({"a/x", "b/x"}, "", "", ""), Contains("'a/x' and 'b/x'"));
  CHECK_THROWS_AS(gather({"a/x", "b/x"}, "", "", ""), UsageError);
  // Two of one key are refused also where they fall into different shards.
  CHECK_THROWS_AS(gather({"a/x", "b/x"}, "", "", "0/2"), UsageError);
  CHECK_THROWS_AS(gather({"a", "b"}, "", "key", ""), UsageError);
  CHECK_THROWS_AS(gather({"a"}, "", "k/y", ""), UsageError);
  test::write_text(folder / "list", "k y\tx/one\n");
  CHECK_THROWS_AS(gather({}, list, "", ""), UsageError);
  CHECK_THROWS_AS(gather({}, (folder / "none").string(), "", ""), InputError);
  CHECK_THROWS_AS(gather({}, folder.path().string(), "", ""), InputError);
}

TEST_CASE("a byte order mark and blanks around a line are no part of it") {
  const test::TempFolder folder;
  test::write_text(folder / "list", "\xef\xbb\xbfx/one  \n \t \n key \t x/th ree\t\r\n  x/two\n");
  const auto items = gather({}, (folder / "list").string());
  CHECK(keys_of(items) == Keys{"one", "key", "two"});
  CHECK(items[0].path == "x/one");
  CHECK(items[1].path == "x/th ree");
  CHECK(items[2].path == "x/two");
  CHECK(keys_of(gather({}, (folder / "list").string(), "", "1/2")) == Keys{"two"});
}

TEST_CASE("a line of a list has a path") {
  const test::TempFolder folder;
  for (const char* line : {"k\t\n", "k\t  \n"}) {
    test::write_text(folder / "list", line);
    CHECK_THROWS_WITH(gather({}, (folder / "list").string()), Contains("an empty path"));
  }
}

TEST_CASE("a faulty line of a list is named by its number") {
  const test::TempFolder folder;
  const std::string list = (folder / "list").string();
  const auto said = [&](const std::string& text) -> std::string {
    test::write_text(list, text);
    try {
      gather({}, list);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK_THAT(said("a/x\n\nk1\t\n"), Contains("list, line 3: got an empty path"));
  CHECK_THAT(said("a/x\nk 2\ta/y\n"), Contains("list, line 2: key: got 'k 2'"));
  CHECK_THAT(said("\ta/x\n"), Contains("list, line 1: key: got ''"));
  CHECK_THAT(said("a/x\n../k\ta/y\n"), Contains("list, line 2: key: got '../k'"));
  CHECK_THAT(said("k\xc2\xa0\ta/y\n"), Contains("got 'k\\u00a0'"));
  CHECK_THAT(said("a/x\ra/y\ra/z"),
             Contains("list, line 1") && Contains("a control character in 'a/x\\x0da/y\\x0da/z'"));
  CHECK_THAT(said("a/x\n\x1b[31mb\n"), Contains("line 2") && Contains("'\\x1b[31mb'"));
  CHECK(said("a/x\r\na/y\r\n") == "accepted");
}

TEST_CASE("a list that is no text in UTF-8 is refused by its kind") {
  const test::TempFolder folder;
  const std::string list = (folder / "list").string();
  const auto said = [&](const std::string& text) -> std::string {
    test::write_text(list, text);
    try {
      gather({}, list);
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string zero(1, '\0');
  CHECK_THAT(said("\xff\xfe" + ("a" + zero + "\n" + zero)),
             Contains("UTF-16") && Contains("save it as UTF-8"));
  CHECK_THAT(said("a" + zero + "/" + zero + "b" + zero + "\n" + zero), Contains("UTF-16"));
  CHECK_THAT(said("\x1f\x8b\x08"), Contains("a gzip archive"));
  CHECK_THAT(said("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
             Contains("a Git LFS pointer"));
  CHECK_THAT(said("a/x" + zero + "a/y" + zero), Contains("zero bytes"));
  CHECK(said("\xef\xbb\xbf"
             "caf\xc3\xa9/x\n") == "accepted");
}

TEST_CASE("one input is alone, a list of one is not") {
  const test::TempFolder folder;
  test::write_text(folder / "list", "x/one\n");
  CHECK(gather_items({{"a"}, "", "", "", ""}).alone);
  CHECK_FALSE(gather_items({{"a", "b"}, "", "", "", ""}).alone);
  CHECK_FALSE(gather_items({{}, (folder / "list").string(), "", "", ""}).alone);
}

struct SlurmTask {
  SlurmTask(const char* id, const char* min, const char* max, const char* step, const char* count) {
    const char* values[] = {id, min, max, step, count};
    for (int i = 0; i < 5; ++i) {
      if (values[i] != nullptr) setenv(kNames[i], values[i], 1);
    }
  }
  ~SlurmTask() {
    for (const char* name : kNames) unsetenv(name);
  }
  static constexpr const char* kNames[] = {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN",
                                           "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP",
                                           "SLURM_ARRAY_TASK_COUNT"};
};

TEST_CASE("--shard auto is the place of a task in its SLURM array") {
  const std::vector<std::string> five{"a", "b", "c", "d", "e"};
  const auto mine = [&] { return keys_of(gather(five, "", "", "auto")); };
  {
    const SlurmTask task("1", "0", "1", "1", "2");
    CHECK(mine() == Keys{"b", "d"});
  }
  {  // --array=10-16:3 has tasks 10, 13, 16
    const SlurmTask task("13", "10", "16", "3", "3");
    CHECK(mine() == Keys{"b", "e"});
  }
  {  // --array=10-17:3: MAX may be what was asked for, not the last task
    const SlurmTask task("16", "10", "17", "3", "3");
    CHECK(mine() == Keys{"c"});
  }
  {  // --array=1,5,6
    const SlurmTask task("5", "1", "6", "1", "3");
    CHECK_THROWS_WITH(mine(), Contains("3 tasks from 1 to 6") && Contains("a regular array"));
  }
  {
    const SlurmTask task("4", "1", "7", "2", "4");  // 4 is none of 1, 3, 5, 7
    CHECK_THROWS_AS(mine(), UsageError);
  }
  {
    const SlurmTask task("1", "0", "1", "0", "2");
    CHECK_THROWS_AS(mine(), UsageError);
  }
  {
    const SlurmTask task("1", "0", "1", "1", nullptr);
    CHECK_THROWS_WITH(mine(), Contains("SLURM_ARRAY_TASK_COUNT") && Contains("--shard i/n"));
  }
  CHECK_THROWS_AS(mine(), UsageError);
}

}  // namespace
}  // namespace vega
