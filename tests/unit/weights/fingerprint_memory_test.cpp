#include "weights/fingerprint_memory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/mapped_file.h"
#include "support/own_memory.h"
#include "support/support.h"

using namespace vega;
namespace fs = std::filesystem;

namespace {

const std::string kPrint = xxh3_hex("a model");

std::optional<std::string> recall(const std::vector<fs::path>& files, const char* kind = "wan/1") {
  return FingerprintMemory(files, kind).recall();
}

void remember(const std::vector<fs::path>& files, const std::string& print = kPrint,
              const char* kind = "wan/1") {
  FingerprintMemory(files, kind).remember(print);
}

// Other bytes in the same file, which keeps its size and its mtime.
void rewrite(const fs::path& path, std::int64_t at, const std::string& text) {
  struct stat before {};
  REQUIRE(stat(path.c_str(), &before) == 0);
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  REQUIRE(pwrite(file, text.data(), text.size(), at) == static_cast<ssize_t>(text.size()));
  const timespec times[2] = {before.st_atim, before.st_mtim};
  REQUIRE(futimens(file, times) == 0);
  close(file);
}

// All times of the file are those of `other`.
void take_times(const fs::path& path, const fs::path& other) {
  fs::last_write_time(path, fs::last_write_time(other));
}

}  // namespace

TEST_CASE("fingerprint memory: by files, kind and content; broken memories do not matter") {
  test::TempFolder folder;
  const test::OwnMemory home(folder / "cache");
  const auto a = folder / "a.bin", b = folder / "b.bin";
  test::write_text(a, "aaaa");
  test::write_text(b, "bb");
  const std::vector<fs::path> files{a, b};
  CHECK_FALSE(recall(files));
  remember(files);
  CHECK(recall(files) == kPrint);
  CHECK_FALSE(recall(files, "wan/2"));
  CHECK_FALSE(recall({b, a}));
  CHECK_FALSE(recall({a}));
  remember({a}, xxh3_hex("other"));
  CHECK(recall(files) == kPrint);

  fs::last_write_time(a, fs::last_write_time(a) + std::chrono::seconds(1));
  CHECK_FALSE(recall(files));
  remember(files);
  test::write_text(b, "bbb");
  CHECK_FALSE(recall(files));

  const auto memory = folder / "cache/vega/fingerprints.json";
  REQUIRE(fs::exists(memory));
  for (const std::string broken :
       {"", "{", "[]", R"({"schema":1})", R"({"schema":"vega.fingerprints/2","entries":5})",
        R"({"schema":"vega.fingerprints/2","entries":[["x"],5,["a","b"]]})"}) {
    test::write_text(memory, broken);
    CHECK_FALSE(recall(files));
    remember(files);
    CHECK(recall(files) == kPrint);
  }
  fs::remove(b);
  CHECK_FALSE(recall(files));
  CHECK_NOTHROW(remember(files));
}

TEST_CASE("fingerprint memory: another model of equal name, size and time is another model") {
  test::TempFolder folder;
  const test::OwnMemory home(folder / "cache");
  for (const char* name : {"1", "2"}) {
    fs::create_directory(folder / name);
    test::write_text(folder / name / "x.bin", name);
    test::write_text(folder / name / "y.bin", name);
  }
  for (const char* name : {"1/y.bin", "2/x.bin", "2/y.bin"})
    take_times(folder / name, folder / "1/x.bin");
  const fs::path current = folder / "current";
  fs::create_directory_symlink("1", current);
  const std::vector<fs::path> files{current / "x.bin"};
  remember(files);
  CHECK(recall({folder / "1/x.bin"}) == kPrint);  // the same file, reached without the link

  // The link leads elsewhere; the other model under the old name (as a container's next layer);
  // another file under that name with the old times (cp -p, rsync -t); two shards that were
  // swapped.
  fs::remove(current);
  fs::create_directory_symlink("2", current);
  CHECK_FALSE(recall(files));
  fs::rename(folder / "1", folder / "old");
  fs::rename(folder / "2", folder / "1");
  CHECK_FALSE(recall({folder / "1/x.bin"}));
  fs::rename(folder / "1", folder / "2");
  fs::rename(folder / "old", folder / "1");
  const std::vector<fs::path> shards{folder / "1/x.bin", folder / "1/y.bin"};
  remember(shards);
  CHECK(recall(shards) == kPrint);
  fs::rename(shards[0], folder / "aside");
  fs::rename(shards[1], shards[0]);
  fs::rename(folder / "aside", shards[1]);
  CHECK_FALSE(recall(shards));
  remember(shards);
  fs::copy_file(folder / "2/x.bin", folder / "copy");
  take_times(folder / "copy", shards[0]);
  fs::rename(folder / "copy", shards[0]);
  CHECK_FALSE(recall(shards));

  // Written in place, size and mtime as before, perhaps within one tick of the clock.
  for (int i = 0; i < 50; ++i) {
    remember(shards);
    REQUIRE(recall(shards) == kPrint);
    rewrite(shards[1], 0, i % 2 == 0 ? "a" : "b");
    REQUIRE_FALSE(recall(shards));
  }
}

TEST_CASE("fingerprint memory: of large files headers and samples count, and their age") {
  test::TempFolder folder;
  const test::OwnMemory home(folder / "cache");
  const std::vector<fs::path> files{folder / "large.bin"};
  constexpr std::int64_t kSize = std::int64_t{40} << 20;
  test::write_text(files[0], "header");
  fs::resize_file(files[0], kSize);  // a hole: no space on the disk
  const auto now = fs::last_write_time(files[0]);
  fs::last_write_time(files[0], now + std::chrono::hours(1));
  remember(files);
  CHECK_FALSE(recall(files));  // a time to come: the next version may have it too
  fs::last_write_time(files[0], now);
  constexpr int kMostTries = 1200;  // of 0.1 s, where a machine hangs
  for (int i = 0; i < kMostTries && !recall(files); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    remember(files);
  }
  CHECK(recall(files) == kPrint);
  rewrite(files[0], 3, "x");
  CHECK_FALSE(recall(files));
}

TEST_CASE("fingerprint memory: what was mapped under a path must still be there") {
  test::TempFolder folder;
  const test::OwnMemory home(folder / "cache");
  const std::vector<fs::path> files{folder / "a.bin"};
  test::write_text(files[0], "one");
  test::write_text(folder / "next.bin", "two");
  remember({folder / "next.bin"}, xxh3_hex("next"));
  const MappedFile mapped(files[0]);
  CHECK(MappedFile::is_current(files[0]));
  fs::rename(folder / "next.bin", files[0]);
  CHECK_FALSE(MappedFile::is_current(files[0]));
  remember(files);  // of the mapped bytes: must not become that of the next file
  CHECK_FALSE(recall(files));
  const MappedFile again(files[0]);
  CHECK_FALSE(recall(files));
}

TEST_CASE("fingerprint memory: files that change while they are read are not remembered") {
  test::TempFolder folder;
  const test::OwnMemory home(folder / "cache");
  const std::vector<fs::path> files{folder / "a.bin"};
  test::write_text(files[0], "one");
  int made = 0;
  const auto changed = remembered_fingerprint(files, "wan/1", [&] {
    ++made;
    rewrite(files[0], 0, "two");
    return kPrint;
  });
  CHECK(changed == kPrint);
  CHECK_FALSE(recall(files));
  for (int i = 0; i < 2; ++i) {
    CHECK(remembered_fingerprint(files, "wan/1", [&] { return ++made, kPrint; }) == kPrint);
  }
  CHECK(made == 2);  // the second time was remembered
}

TEST_CASE("fingerprint memory: several writers, or no place to write") {
  test::TempFolder folder;
  const std::vector<fs::path> files{folder / "a.bin"};
  test::write_text(files[0], "aaaa");
  {
    const test::OwnMemory home(folder / "cache");
    std::vector<std::thread> writers;
    for (int t = 0; t < 4; ++t) {
      writers.emplace_back([&, t] {
        for (int i = 0; i < 5; ++i) remember(files, kPrint, ("kind " + std::to_string(t)).c_str());
      });
    }
    for (auto& writer : writers) writer.join();
    for (int t = 0; t < 4; ++t)
      CHECK(recall(files, ("kind " + std::to_string(t)).c_str()) == kPrint);
  }
  test::write_text(folder / "occupied", "a file where a folder should be");
  const test::OwnMemory home(folder / "occupied");
  CHECK_NOTHROW(remember(files));
  CHECK_FALSE(recall(files));
}

TEST_CASE("a known fingerprint is looked up once, also for copies; a failure is not kept") {
  const KnownFingerprint known;
  const auto fail = []() -> std::string { throw InputError("no file"); };
  CHECK_THROWS_AS(known.get(fail), InputError);
  int looked = 0;
  const auto look_up = [&] {
    ++looked;
    return kPrint;
  };
  const KnownFingerprint copy = known;
  CHECK(known.get(look_up) == kPrint);
  CHECK(copy.get(look_up) == kPrint);
  CHECK(looked == 1);
}
