// Checkpoints and JSON made to cost memory or stack. More of them: tests/fuzz/seeds.
#include <zlib.h>

#include <catch2/catch.hpp>
#include <stdexcept>

#include "base/error.h"
#include "base/json.h"
#include "fuzz/hostile.h"
#include "unit/weights/pickles.h"
#include "weights/safetensors.h"
#include "weights/torch_file.h"

using namespace vega;
using namespace vega::test;
using Catch::Matchers::Contains;
using fuzz::little;
using fuzz::repeat;

namespace {

template <typename Call>
std::string message(const Call& call) {
  try {
    call();
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

// An archive whose records data/0, data/1, ... are deflated; data.pkl is stored.
std::string deflated_archive(const std::string& pickle, const std::vector<std::string>& records) {
  std::string out, directory;
  const auto add = [&](const std::string& name, const std::string& data, bool deflate) {
    std::string packed = data;
    if (deflate) {
      uLongf size = compressBound(data.size());
      packed.resize(size);
      REQUIRE(compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                        reinterpret_cast<const Bytef*>(data.data()), data.size(), 9) == Z_OK);
      packed = packed.substr(2, size - 6);  // without zlib's frame
    }
    const auto sum = crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size());
    const std::string middle = little(deflate ? 8 : 0, 2) + little(0, 4) + little(sum, 4) +
                               little(packed.size(), 4) + little(data.size(), 4) +
                               little(name.size(), 2);
    directory += "PK\1\2" + little(20, 4) + little(0, 2) + middle + little(0, 12) +
                 little(out.size(), 4) + name;
    out += "PK\3\4" + little(20, 2) + little(0, 2) + middle + little(0, 2) + name + packed;
  };
  add("archive/data.pkl", pickle, false);
  for (std::size_t i = 0; i < records.size(); ++i) {
    add("archive/data/" + std::to_string(i), records[i], true);
  }
  return out + directory + "PK\5\6" + little(0, 4) + little(records.size() + 1, 2) +
         little(records.size() + 1, 2) + little(directory.size(), 4) + little(out.size(), 4) +
         little(0, 2);
}

}  // namespace

TEST_CASE("torch file: compressed records share one limit") {
  TempFolder folder;
  const auto path = folder / "m.pth";
  const auto read = [&](std::size_t count) {
    std::vector<std::string> records(count, std::string(std::size_t{20} << 20, 0));
    std::vector<std::pair<std::string, std::string>> items;
    for (std::size_t i = 0; i < count; ++i) {
      const auto key = std::to_string(i);
      items.emplace_back(p_text(key),
                         p_tensor(p_storage("FloatStorage", key, 5 << 20), 0, {5 << 20}, {1}));
    }
    write_text(path, deflated_archive(p_file(p_dict(items)), records));
    return message([&] {
      if (read_torch_file(path).size() != count) throw std::logic_error("tensors are missing");
    });
  };
  CHECK(read(3) == "accepted");
  CHECK_THAT(read(4), Contains("m.pth") && Contains("data/3") && Contains("64 MiB in all"));
}

TEST_CASE("torch file: few bytes that ask for many values are refused") {
  TempFolder folder;
  const auto path = folder / "m.pth";
  // One list of arguments, with 64 extents, called again and again: 1 KB a call.
  const std::vector<std::int64_t> ones(64, 1);
  const std::string calls = p_global("torch._utils", "_rebuild_tensor_v2") +
                            std::string("q\0(", 3) + p_storage("FloatStorage", "0", 4) + p_int(0) +
                            p_tuple(ones) + p_tuple(ones) + "tq\1";
  write_archive(path, p_file(calls + repeat(std::string("h\0h\1R", 5), 600'000)));
  CHECK_THAT(message([&] { read_torch_file(path); }),
             Contains("data.pkl") && Contains("more than 96 MiB"));
  // One tensor under a hundred thousand long names.
  const std::string tensor = p_tensor(p_storage("FloatStorage", "0", 1), 0, {1}, {1});
  std::string body = tensor + std::string("q\0}(", 4);
  for (int i = 0; i < 100'000; ++i) {
    body += p_text(std::to_string(i) + std::string(400, 'n')) + std::string("h\0", 2);
  }
  write_archive(path, p_file(body + "u"), {{"data/0", "1234"}});
  CHECK_THAT(message([&] { read_torch_file(path); }), Contains("names of more than 64 MiB"));
}

TEST_CASE("JSON: few bytes that ask for much stack or memory are refused") {
  const auto read = [&](const std::string& text, const JsonLimits& limits = {}) {
    return message([&] { parse_json(text, {"config.json", "a model configuration"}, limits); });
  };
  CHECK(read(repeat("[", 16) + repeat("]", 16)) == "accepted");
  for (const std::string& deep : {repeat("[", 500'000), repeat("{\"a\":", 100'000),
                                  repeat("[", 400'000) + repeat("]", 400'000)}) {
    CHECK_THAT(read(deep), Contains("config.json") && Contains("deeply nested"));
  }
  CHECK_THAT(read("[" + repeat("0,", 500'000) + "0]", {2 << 20, 16, 1 << 20, true, 100'000}),
             Contains("more than 100000 values"));
  CHECK_THAT(read("{\"a\": \"\xff\"}"), Contains("breaks at byte"));
  CHECK_THAT(read("{} {}"), Contains("breaks at byte"));
  CHECK_THAT(read("{\"a\\n\": 1, \"b\": {\"a\\n\": 1}, \"a\\n\": 2}"),
             Contains("'a?'") && Contains("twice"));
}

TEST_CASE("shards: an index with odd names or numbers is refused") {
  TempFolder folder;
  const auto refused = [&](const std::string& map) {
    write_text(folder / "model.safetensors.index.json", "{\"weight_map\":" + map + "}");
    return message([&] { read_sharded(folder.path(), "model"); });
  };
  CHECK_THAT(refused("{\"w\":\"" + std::string(300, 'x') + "\"}"), Contains("same folder"));
  CHECK_THAT(refused("{\"w\":\"a\\nb\"}"), Contains("'a?b'") && Contains("same folder"));
  CHECK_THAT(refused("{\"w\":1e999}"), Contains("breaks at byte"));
}
