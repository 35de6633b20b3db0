#include "store/part_store.h"

#include <catch2/catch.hpp>
#include <thread>

#include "base/error.h"
#include "store_samples.h"
#include "support/support.h"

using namespace vega;
using namespace vega::test;
using Catch::Contains;

namespace {

constexpr const char* kSchema = "vega.test/1";

std::vector<std::byte> bytes_of(std::size_t count, int first) {
  std::vector<std::byte> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::byte>(first + i);
  return out;
}

}  // namespace

TEST_CASE("part store: rows come in any order, from any thread, in pieces of any size") {
  const TempFolder folder;
  const auto path = folder / "a.h5";
  const auto all = bytes_of(10 * 2 * sizeof(float), 0);
  constexpr std::size_t kRow = 2 * sizeof(float);
  {
    PartStore store(path, kSchema, sample_header());
    CHECK(store.final_path() == path);
    store.begin_rows("/tensors/a.weight", DType::kF32, {10, 2}, 4);
    store.begin_rows("/tensors/scalar", DType::kI64, {});
    store.begin_rows("/tensors/empty", DType::kF32, {0, 3});
    std::vector<std::thread> workers;
    for (const auto& [first, count] : {std::pair{7, 3}, {0, 1}, {1, 6}}) {
      workers.emplace_back([&, first = first, count = count] {
        const auto at = static_cast<std::size_t>(first) * kRow;
        store.put_rows("/tensors/a.weight", first, count,
                       std::span(all).subspan(at, static_cast<std::size_t>(count) * kRow));
      });
    }
    for (auto& worker : workers) worker.join();
    store.put_rows("/tensors/scalar", 0, 1, bytes_of(8, 1));
    store.file().write_text("/tensors", "note", "whole");
    CHECK_FALSE(std::filesystem::exists(path));
    store.seal({{"end", "now"}});
    CHECK_FALSE(std::filesystem::exists(path));
    store.publish();
  }
  CHECK(entries(folder.path()) == 1);
  const h5::File file = h5::File::open(path);
  CHECK_NOTHROW(require_complete(file, kSchema));
  CHECK(read_header(file).provenance.at("end") == "now");
  CHECK(file.read_dataset("/tensors/a.weight", DType::kF32, {10, 2}) == all);
  CHECK(file.info("/tensors/a.weight").chunk == Shape{4, 2});
  CHECK(file.read_dataset("/tensors/scalar") == bytes_of(8, 1));
  for (const auto& object : file.datasets()) CHECK_NOTHROW(file.check_dataset(object));
  CHECK(file.read_text("/tensors", "note") == "whole");
}

TEST_CASE("part store: wrong calls are refused, and what is not finished leaves nothing") {
  const TempFolder folder;
  {
    PartStore store(folder / "a.h5", kSchema, sample_header());
    store.begin_rows("/x", DType::kU8, {6});
    const auto put = [&](std::int64_t first, std::int64_t count, std::size_t bytes) {
      return message_of<InputError>(
          [&] { store.put_rows("/x", first, count, bytes_of(bytes, 0)); });
    };
    CHECK(put(2, 2, 2).empty());
    CHECK_THAT(put(3, 2, 2), Contains("row 3 twice"));
    CHECK_THAT(put(0, 3, 3), Contains("row 2 twice"));
    CHECK_THAT(put(5, 2, 2), Contains("rows within 6"));
    CHECK_THAT(put(-1, 1, 1), Contains("rows within 6"));
    CHECK_THAT(put(0, 1, 2), Contains("2 bytes"));
    CHECK_THROWS_WITH(store.put_rows("/y", 0, 1, bytes_of(1, 0)), Contains("/y"));
    CHECK_THROWS_WITH(store.begin_rows("/x", DType::kU8, {6}), Contains("begun twice"));
    CHECK(put(0, 2, 2).empty());
    CHECK_THROWS_WITH(store.seal(), Contains("/x: got no row 4, expected all 6 rows"));
    CHECK(put(4, 2, 2).empty());
    store.seal();
    CHECK_THROWS_WITH(store.seal(), Contains("twice"));
    CHECK(entries(folder.path()) == 1);  // the part file
  }
  CHECK(entries(folder.path()) == 0);
}

TEST_CASE("part store: runs of bytes of different lengths, over several chunks") {
  const TempFolder folder;
  const std::size_t large = (std::size_t{1} << 20) + 12345;
  const std::vector<std::vector<std::byte>> runs{
      bytes_of(3, 1), {}, bytes_of(large, 2), bytes_of(large, 9), bytes_of(1, 7)};
  {
    PartStore store(folder / "a.h5", kSchema, sample_header());
    store.write_flat("/frames/jpeg", runs);
    store.write_flat("/frames/none", {{}, {}});
    store.begin_flat("/frames/late", std::vector<std::size_t>{2, 1});
    CHECK_THROWS_WITH(store.put_flat("/frames/late", bytes_of(1, 0)), Contains("1 bytes of run 0"));
    store.put_flat("/frames/late", bytes_of(2, 0));
    CHECK_THROWS_WITH(store.seal(), Contains("/frames/late: got no row 0"));
    store.put_flat("/frames/late", bytes_of(1, 2));
    CHECK_THROWS_WITH(store.put_flat("/frames/late", bytes_of(1, 0)), Contains("one more run"));
    store.finish();
  }
  const h5::File file = h5::File::open(folder / "a.h5");
  CHECK(read_flat(file, "/frames/jpeg", 5) == runs);
  CHECK(read_flat(file, "/frames/jpeg", 5, 3) == runs[3]);
  CHECK(read_flat(file, "/frames/jpeg", 5, 1).empty());
  CHECK(read_flat(file, "/frames/none", 2) == std::vector<std::vector<std::byte>>(2));
  CHECK_THROWS_AS(read_flat(file, "/frames/jpeg", 4), FormatError);
  CHECK_THROWS_AS(split_flat(bytes_of(4, 0), std::vector<std::int64_t>{0, 3, 2, 4}, "here"),
                  FormatError);
  CHECK_THROWS_WITH(split_flat(bytes_of(4, 0), std::vector<std::int64_t>{0, 5}, "here"),
                    Contains("here") && Contains("0 up to 4"));
}
