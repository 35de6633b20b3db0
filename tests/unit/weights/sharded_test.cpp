#include <catch2/catch.hpp>
#include <cstring>

#include "base/error.h"
#include "support/support.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

const std::vector<TensorSpec> kSpecs{{"z", DType::kF32, {4}},
                                     {"m", DType::kF32, {2}},
                                     {"a", DType::kF32, {8}},
                                     {"b", DType::kU8, {1}}};

std::vector<fs::path> write(const fs::path& folder, std::uint64_t limit) {
  ShardedWriter writer(folder, "model", kSpecs, limit);
  for (const auto& spec : kSpecs) {
    std::vector<std::byte> bytes(TensorView{spec.dtype, spec.shape, nullptr}.bytes(),
                                 static_cast<std::byte>(spec.name[0]));
    writer.write(spec.name, bytes);
  }
  CHECK_THROWS_AS(writer.write("none", {}), InputError);
  return writer.publish();
}

void check_all(const TensorSet& set) {
  REQUIRE(set.size() == kSpecs.size());
  for (const auto& spec : kSpecs) {
    CHECK(set.at(spec.name).shape == spec.shape);
    CHECK(set.at(spec.name).data[0] == static_cast<std::byte>(spec.name[0]));
  }
}

void write_index(const fs::path& folder, const std::string& map) {
  test::write_text(folder / "model.safetensors.index.json", R"({"weight_map":)" + map + "}");
}

const char* const kMap =
    R"({"z":"model-00001-of-00002.safetensors","m":"model-00001-of-00002.safetensors",
        "a":"model-00002-of-00002.safetensors","b":"model-00002-of-00002.safetensors"})";

}  // namespace

TEST_CASE("shards: written by size, read with and without index") {
  test::TempFolder folder;
  const auto files = write(folder.path(), 33);
  REQUIRE(files.size() == 3);
  CHECK(files[0].filename() == "model-00001-of-00002.safetensors");
  CHECK(files[2].filename() == "model.safetensors.index.json");
  const auto set = read_sharded(folder.path(), "model");
  check_all(set);
  CHECK(set.origin("z") == files[0]);
  CHECK(set.origin("a") == files[1]);
  CHECK(sharded_files(folder.path(), "model").size() == 3);

  fs::remove(files[2]);
  check_all(read_sharded(folder.path(), "model"));
  fs::remove(files[0]);
  CHECK_THROWS_WITH(read_sharded(folder.path(), "model"),
                    Contains("model-00001-of-00002.safetensors") && Contains("no such file"));
  fs::remove(files[1]);
  CHECK_THROWS_WITH(read_sharded(folder.path(), "model"), Contains("model*.safetensors"));
}

TEST_CASE("shards: one shard needs no index, and removes an old one") {
  test::TempFolder folder;
  CHECK(write(folder.path(), 1).size() == 5);
  const auto files = write(folder.path(), 1000);
  REQUIRE(files.size() == 1);
  CHECK(files[0].filename() == "model.safetensors");
  CHECK_FALSE(fs::exists(folder / "model.safetensors.index.json"));
}

TEST_CASE("shards: one file beside an index of others is refused with both names") {
  test::TempFolder folder;
  write(folder.path(), 33);
  const float one = 1;
  const std::map<std::string, TensorView> set{
      {"w", {DType::kF32, {1}, reinterpret_cast<const std::byte*>(&one)}}};
  write_safetensors(folder / "model-00003-of-00003.safetensors", set);  // unnamed: left out
  check_all(read_sharded(folder.path(), "model"));
  CHECK(sharded_files(folder.path(), "model").size() == 3);
  write_safetensors(folder / "model.safetensors", set);
  for (const bool read : {true, false}) {
    const auto open = [&] {
      read ? static_cast<void>(read_sharded(folder.path(), "model"))
           : static_cast<void>(sharded_files(folder.path(), "model"));
    };
    CHECK_THROWS_AS(open(), InputError);
    CHECK_THROWS_WITH(open(), Contains("model.safetensors and model.safetensors.index.json") &&
                                  Contains("remove the one"));
  }
  write_index(folder.path(), R"({"w":"model.safetensors"})");  // an index of that one file
  CHECK(read_sharded(folder.path(), "model").size() == 1);
}

TEST_CASE("shards: the same tensor in two files names both") {
  test::TempFolder folder;
  const float one = 1;
  const std::map<std::string, TensorView> set{
      {"w", {DType::kF32, {1}, reinterpret_cast<const std::byte*>(&one)}}};
  write_safetensors(folder / "model-00001-of-00002.safetensors", set);
  write_safetensors(folder / "model-00002-of-00002.safetensors", set);
  CHECK_THROWS_WITH(read_sharded(folder.path(), "model"), Contains("'w'") &&
                                                              Contains("model-00001-of-00002") &&
                                                              Contains("model-00002-of-00002"));
  // A variant beside a plain file is another model, not a shard.
  write_safetensors(folder / "net.safetensors", set);
  write_safetensors(folder / "net.fp16.safetensors", set);
  CHECK(read_sharded(folder.path(), "net").size() == 1);
}

TEST_CASE("shards: a broken index is refused") {
  test::TempFolder folder;
  write(folder.path(), 33);
  const auto refused = [&](const std::vector<std::string>& parts) {
    std::string text = "accepted";
    try {
      read_sharded(folder.path(), "model");
    } catch (const FormatError& error) {
      text = error.what();
    }
    for (const auto& part : parts) CHECK_THAT(text, Contains(part));
  };
  write_index(folder.path(), kMap);
  check_all(read_sharded(folder.path(), "model"));

  std::string map = kMap;
  map.insert(1, R"("ghost":"model-00001-of-00002.safetensors",)");
  write_index(folder.path(), map);
  refused({"'ghost'", "no such tensor in this shard", "model-00001-of-00002.safetensors"});

  write_index(folder.path(), R"({"z":"model-00001-of-00002.safetensors"})");
  refused({"'m'", "does not name"});

  write_index(folder.path(), R"({"z":"model-00007-of-00009.safetensors"})");
  refused({"model-00007-of-00009.safetensors", "no such file", "'z'"});

  for (const char* shard : {"../model.safetensors", "/etc/passwd", "sub/x.safetensors", "..", ""}) {
    write_index(folder.path(), R"({"z":")" + std::string(shard) + R"("})");
    refused({"'z'", "same folder"});
  }
  write_index(folder.path(), R"({"z":1})");
  refused({"'z'", "no text"});
  write_index(folder.path(), R"({"z":"x","z":"x"})");
  refused({"'z'", "twice"});
  write_index(folder.path(), "[]");
  refused({"weight_map"});
  write_index(folder.path(), R"(["x"])");
  refused({"weight_map"});
  write_index(folder.path(), "{}");
  refused({"empty"});
  write_index(folder.path(), "{");
  refused({"breaks at byte"});
  write_index(folder.path(), std::string(100000, '[') + std::string(100000, ']'));
  refused({"nested"});
}
