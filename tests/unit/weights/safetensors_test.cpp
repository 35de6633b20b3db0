#include "weights/safetensors.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>

#include "base/error.h"
#include "support/support.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

// A file with exactly this header text and this many bytes of data (0, 1, 2, ...).
fs::path make(const test::TempFolder& folder, const std::string& header, std::size_t data_bytes,
              std::int64_t lie = 0) {
  std::string text(8, '\0');
  const auto size = static_cast<std::uint64_t>(static_cast<std::int64_t>(header.size()) + lie);
  std::memcpy(text.data(), &size, 8);
  text += header;
  for (std::size_t i = 0; i < data_bytes; ++i) text += static_cast<char>(i);
  const auto path = folder / "model.safetensors";
  test::write_text(path, text);
  return path;
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}";
}

std::string safetensors_message(const fs::path& path) {
  try {
    read_safetensors(path);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

std::vector<std::byte> float_ramp(std::size_t bytes, int seed = 1) {
  std::vector<std::byte> out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(i * 7 + seed);
  return out;
}

}  // namespace

TEST_CASE("safetensors: hostile files are refused, and the message says what and where") {
  test::TempFolder folder;
  const std::string a = entry("a", "F32", "[2]", "[0,8]");
  struct Row {
    std::string header;
    std::size_t data;
    std::vector<std::string> parts;
  };
  const std::vector<Row> rows{
      {"{" + a + "}", 7, {"'a'", "bytes 0 to 8", "7 bytes of data"}},
      {"{" + a + "}", 9, {"1 trailing bytes"}},
      {"{" + a, 8, {"breaks at byte", "JSON"}},
      {"[1,2]", 0, {"does not begin with '{'"}},
      {"", 0, {"does not begin with '{'"}},
      {"{} x", 0, {"breaks at byte"}},
      {"{" + a + "," + a + "}", 8, {"'a'", "twice"}},
      {R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       8,
       {"'dtype'", "twice"}},
      {"{" + a + "," + entry("b", "F32", "[2]", "[4,12]") + "}", 12, {"'b'", "overlap", "begin 8"}},
      {"{" + a + "," + entry("b", "F32", "[2]", "[12,20]") + "}", 20, {"'b'", "hole", "begin 8"}},
      {"{" + entry("b", "F32", "[2]", "[4,12]") + "}", 12, {"'b'", "hole"}},
      {"{" + entry("a", "F32", "[2]", "[8,0]") + "}", 8, {"'a'", "bytes 8 to 0"}},
      {"{" + entry("a", "F32", "[3]", "[0,8]") + "}", 8, {"'a'", "got 8 bytes", "12 bytes"}},
      {"{" + entry("a", "BF16", "[2]", "[0,8]") + "}", 8, {"'a'", "4 bytes", "bf16"}},
      {"{" + entry("a", "F32", "[4294967296,4294967296,4]", "[0,8]") + "}", 8, {"'a'", "overflow"}},
      {"{" + entry("a", "U8", "[9223372036854775807]", "[0,8]") + "}", 8, {"'a'", "overflow"}},
      {"{" + entry("a", "U8", "[18446744073709551615]", "[0,8]") + "}", 8, {"'a'", "shape"}},
      {"{" + entry("a", "U8", "[99999999999999999999999]", "[0,8]") + "}", 8, {"'a'", "shape"}},
      {"{" + entry("a", "U8", "[-8]", "[0,8]") + "}", 8, {"'a'", "-8"}},
      {"{" + entry("a", "U8", "[8.0]", "[0,8]") + "}", 8, {"'a'", "8.0"}},
      {"{" + entry("a", "U8", "[[8]]", "[0,8]") + "}", 8, {"'a'", "[[8]]"}},
      {"{" + entry("a", "U8", "[8]", "[0,8,8]") + "}", 8, {"'a'", "[0,8,8]"}},
      {"{" + entry("a", "U8", "[8]", "[0]") + "}", 8, {"'a'", "data_offsets"}},
      {"{" + entry("a", "U8", "[8]", "[0,18446744073709551615]") + "}", 8, {"'a'"}},
      {"{" + entry("a", "F8_E4M3", "[8]", "[1,9]") + "}", 8, {"'a'", "bytes 1 to 9"}},
      {R"({"a":{"dtype":"U8","shape":[8]}})", 8, {"'a'", "data_offsets"}},
      {R"({"a":{"dtype":8,"shape":[8],"data_offsets":[0,8]}})", 8, {"'a'", "\"dtype\":8"}},
      {R"({"a":5})", 8, {"'a'", "5"}},
      {R"({"a":{"b":{"c":{}}}})", 8, {"'a'", "\"b\""}},
      {R"({"__metadata__":{"k":1}})", 0, {"__metadata__", "'k'"}},
      {"{\"a\xff\":1}", 0, {"breaks at byte"}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.header);
    const auto path = make(folder, row.header, row.data);
    const auto text = safetensors_message(path);
    CHECK_THAT(text, Contains(path.string()));
    for (const auto& part : row.parts) CHECK_THAT(text, Contains(part));
  }
}

TEST_CASE("safetensors: a file of another kind is named, with its remedy") {
  test::TempFolder folder;
  const auto path = folder / "model.safetensors";
  const auto refused = [&](const std::string& text) {
    test::write_text(path, text);
    return safetensors_message(path);
  };
  CHECK_THAT(refused("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"),
             Contains("model.safetensors: got a Git LFS pointer, expected a safetensors file") &&
                 Contains("git lfs pull"));
  CHECK_THAT(refused("<!DOCTYPE html>\n<title>Log in</title>\n"),
             Contains("a web page (HTML)") && Contains("download the file itself"));
  CHECK_THAT(refused("{\"error\": \"not found\"}"), Contains("a JSON text"));
  CHECK_THAT(refused("no"), Contains("a text file that starts with \"no\""));
  CHECK_THAT(refused(""), Contains("an empty file"));
  CHECK_THAT(refused(std::string(64, '\0')), Contains("does not begin with '{'"));
}

TEST_CASE("safetensors: wrong sizes of file and header") {
  test::TempFolder folder;
  const std::string header = "{" + entry("a", "U8", "[4]", "[0,4]") + "}";
  CHECK_THAT(safetensors_message(make(folder, header, 4, 1000)),
             Contains("header size") && Contains("complete"));
  CHECK_THAT(safetensors_message(make(folder, header, 4, INT64_MIN)), Contains("header size"));
  CHECK_THAT(safetensors_message(make(folder, header, 4, -1)), Contains("breaks at byte"));
  const auto good = test::read_bytes(make(folder, header, 4));
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto path = folder / "cut.safetensors";
    test::write_bytes(path, std::span(good).first(size));
    CAPTURE(size);
    CHECK_THAT(safetensors_message(path), Contains("cut.safetensors"));
  }
  CHECK_THROWS_WITH(read_safetensors(folder / "none.safetensors"),
                    Contains("none.safetensors") && Contains("No such file"));
  CHECK_THROWS_AS(read_safetensors(folder.path()), InputError);
}

TEST_CASE("safetensors: unaligned data, empty tensors, padding and metadata are fine") {
  test::TempFolder folder;
  const auto path =
      make(folder,
           "{" + entry("b", "I16", "[1]", "[1,3]") + "," + entry("empty", "F64", "[0,7]", "[3,3]") +
               "," + entry("a", "U8", "[]", "[0,1]") + R"(,"__metadata__":{"k":"v"}}    )",
           3);
  const auto set = read_safetensors(path);
  CHECK(set.names() == std::vector<std::string>{"a", "b", "empty"});
  CHECK(set.at("a").shape.empty());
  CHECK(set.at("b").data[0] == std::byte{1});
  CHECK(set.at("b").data[1] == std::byte{2});
  CHECK(set.at("empty").shape == Shape{0, 7});
  CHECK(set.metadata().at("k") == "v");
  CHECK(set.origin("b") == path);
  CHECK(set.find("c") == nullptr);
  CHECK_THROWS_WITH(set.at("c"), Contains("'c'") && Contains(path.string()));
  CHECK(read_safetensors(make(folder, "{}", 0)).size() == 0);
}

TEST_CASE("safetensors: fields and types that nobody needs are not in the way") {
  test::TempFolder folder;
  const auto path = make(
      folder,
      R"({"__metadata__":null,"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"note":{"x":[1]}},)" +
          entry("q", "F8_E4M3", "[2]", "[2,4]") + "," + entry("f", "F4", "[4]", "[4,6]") + "}",
      6);
  const auto set = read_safetensors(path);
  CHECK(set.names() == std::vector<std::string>{"a"});
  CHECK(set.find("q") == nullptr);
  CHECK(set.unreadable().at("q") == "F8_E4M3");
  CHECK(set.unreadable().at("f") == "F4");
  CHECK_THROWS_WITH(set.at("q"), Contains(path.string()) && Contains("'q'") &&
                                     Contains("F8_E4M3") && Contains("bf16"));
  CHECK_NOTHROW(set.verify("a"));
  TensorSet both;
  both.merge(set);
  CHECK(both.unreadable().size() == 2);
  CHECK_THROWS_WITH(both.merge(set), Contains("a second tensor of this name"));
}

TEST_CASE("safetensors: every type goes round, views outlive the set") {
  test::TempFolder folder;
  std::map<std::string, std::vector<std::byte>> data;
  std::map<std::string, TensorView> in;
  for (int i = 0; i <= static_cast<int>(DType::kF64); ++i) {
    const auto type = static_cast<DType>(i);
    const auto name = "t." + std::string(name_of(type));
    data[name] = float_ramp(6 * size_of(type), i);
    in[name] = {type, {2, 3}, data[name].data()};
  }
  const auto path = folder / "sub" / "m.safetensors";
  write_safetensors(path, in, {{"format", "pt"}});
  TensorSet::Owner owner;
  TensorView kept;
  {
    const auto set = read_safetensors(path);
    CHECK(set.size() == in.size());
    CHECK(set.metadata().at("format") == "pt");
    for (const auto& [name, view] : in) {
      CAPTURE(name);
      const auto& out = set.at(name);
      CHECK(out.dtype == view.dtype);
      CHECK(out.shape == view.shape);
      CHECK(std::memcmp(out.data, view.data, view.bytes()) == 0);
      CHECK(reinterpret_cast<std::uintptr_t>(out.data) % size_of(out.dtype) == 0);
    }
    kept = set.at("t.f64");
    owner = set.owner("t.f64");
  }
  CHECK(std::memcmp(kept.data, data["t.f64"].data(), kept.bytes()) == 0);
  const auto bytes = test::read_bytes(path);
  write_safetensors(path, in, {{"format", "pt"}});
  CHECK(bytes == test::read_bytes(path));
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  CHECK(header % 8 == 0);
}

TEST_CASE("safetensors writer: pieces in any order; wrong use is refused, nothing stays behind") {
  test::TempFolder folder;
  const auto path = folder / "m.safetensors";
  const auto a = float_ramp(40), b = float_ramp(10, 3);
  {
    SafetensorsWriter writer(path, {{"b", DType::kU8, {10}}, {"a", DType::kF32, {10}}});
    writer.write("b", std::span(b).first(3));
    writer.write("a", std::span(a).first(17));
    writer.write("b", std::span(b).subspan(3));
    CHECK_THROWS_WITH(writer.publish(), Contains("'a'") && Contains("17") && Contains("40"));
    CHECK_THROWS_WITH(writer.write("b", std::span(b).first(1)), Contains("'b'") && Contains("11"));
    CHECK_THROWS_WITH(writer.write("c", {}), Contains("'c'"));
    CHECK_FALSE(fs::exists(path));
    writer.write("a", std::span(a).subspan(17));
    writer.publish();
  }
  const auto set = read_safetensors(path);
  CHECK(std::memcmp(set.at("a").data, a.data(), a.size()) == 0);
  CHECK(std::memcmp(set.at("b").data, b.data(), b.size()) == 0);
  { SafetensorsWriter dropped(folder / "x.safetensors", {{"a", DType::kF32, {10}}}); }
  CHECK_THROWS_AS(
      SafetensorsWriter(folder / "x.safetensors", {{"a", DType::kF32, {}}, {"a", DType::kU8, {}}}),
      InputError);
  CHECK_THROWS_AS(SafetensorsWriter(folder / "x.safetensors", {{"__metadata__", DType::kU8, {}}}),
                  InputError);
  CHECK_THROWS_AS(SafetensorsWriter(folder / "x.safetensors", {{"\xff", DType::kU8, {}}}),
                  InputError);
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("safetensors: files of other writers", "[shared]") {
  const auto golden = read_safetensors(test::golden("umt5_tiny.safetensors"));
  CHECK(golden.size() > 0);
  const auto data = test::shared_data();
  if (!data) return test::note_skip("real safetensors files: no shared data");
  const auto vad = read_safetensors(*data / "weights" / "silero_vad_16k.safetensors");
  CHECK(vad.at("stft_conv.weight").shape == Shape{258, 1, 256});
  const auto voices = read_safetensors(*data / "weights" / "voices.safetensors");
  CHECK(voices.at("tokens").dtype == DType::kI64);
  CHECK(voices.at("tokens").shape == Shape{1, 982, 33});
}
