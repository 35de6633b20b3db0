#include "weights/torch_file.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "pickles.h"
#include "support/support.h"
#include "zips.h"

using namespace vega;
using namespace vega::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

std::string torch_file_message(const fs::path& path) {
  try {
    read_torch_file(path);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

// Twelve int64 0..11 as storage "0".
std::string counting() {
  std::string out;
  for (int i = 0; i < 12; ++i) out += le(static_cast<std::uint64_t>(i), 8);
  return out;
}

std::vector<std::int64_t> values(const TensorView& view) {
  REQUIRE(view.dtype == DType::kI64);
  std::vector<std::int64_t> out(static_cast<std::size_t>(view.count()));
  std::memcpy(out.data(), view.data, view.bytes());
  return out;
}

const std::string kLong12 = p_storage("LongStorage", "0", 12);

double sum_of_magnitudes(const TensorSet& set) {
  double sum = 0;
  for (const auto& [name, view] : set.tensors()) {
    for (const float value : to_f32(view)) sum += std::abs(double{value});
  }
  return sum;
}

}  // namespace

TEST_CASE("torch file: nesting, strides, offsets, aliases") {
  TempFolder folder;
  const auto path = folder / "m.pth";
  const auto whole = p_tensor(kLong12, 0, {3, 4}, {4, 1});
  const std::string bounds = p_dict({
      {p_text("plain"), whole},
      {p_text("turned"), p_tensor(kLong12, 0, {4, 3}, {1, 4})},
      {p_text("tail"), p_tensor(kLong12, 8, {4}, {1})},
      {p_text("every_second"), p_tensor(kLong12, 1, {2, 3}, {6, 2})},
      {p_text("spread"), p_tensor(kLong12, 5, {2, 2}, {0, 0})},
      {p_text("one_row"), p_tensor(kLong12, 4, {1, 4}, {99, 1})},
      {p_text("scalar"), p_tensor(kLong12, 11, {}, {})},
      {p_text("none"), p_tensor(kLong12, 0, {0, 5}, {5, 1})},
      {p_text("epoch"), p_int(7)},
      {p_text("note"), p_text("hello")},
      {p_text("lr"), std::string("G\x3f\xf0\0\0\0\0\0\0", 9)},
      {p_text("flag"), "\x88"},
      {p_text("nothing"), "N"},
      {p_text("list"), "](N" + whole + "e"},
      {p_text("set"), p_global("__builtin__", "set") + "(](" + p_int(1) + p_int(2) + "etR"},
      {p_text("size"), p_global("torch", "Size") + "(" + p_tuple({1, 2}) + "tR"},
      {p_text("state"), p_global("collections", "OrderedDict") + ")R(" + p_int(3) + whole + "u" +
                            p_dict({{p_text("_metadata"), "}"}}) + "b"},
      {p_text("param"), p_global("torch._utils", "_rebuild_parameter") + "(" + whole + "\x88" +
                            p_global("collections", "OrderedDict") + ")RtR"},
  });
  write_archive(path, p_file(bounds), {{"data/0", counting()}, {"byteorder", "little"}});
  const auto set = read_torch_file(path);
  CHECK(set.names() == std::vector<std::string>{"every_second", "list.1", "none", "one_row",
                                                "param", "plain", "scalar", "spread", "state.3",
                                                "tail", "turned"});
  CHECK(values(set.at("plain")).back() == 11);
  CHECK(set.at("turned").shape == Shape{4, 3});
  CHECK(values(set.at("turned")) ==
        std::vector<std::int64_t>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
  CHECK(values(set.at("tail")) == std::vector<std::int64_t>{8, 9, 10, 11});
  CHECK(values(set.at("every_second")) == std::vector<std::int64_t>{1, 3, 5, 7, 9, 11});
  CHECK(values(set.at("spread")) == std::vector<std::int64_t>{5, 5, 5, 5});
  CHECK(values(set.at("one_row")) == std::vector<std::int64_t>{4, 5, 6, 7});
  CHECK(values(set.at("scalar")) == std::vector<std::int64_t>{11});
  CHECK(set.at("none").bytes() == 0);
  CHECK(set.at("plain").data == set.at("state.3").data);  // mapped, not copied
  CHECK(set.origin("turned") == path);

  write_archive(path, p_file(whole), {{"data/0", counting()}});
  CHECK(read_torch_file(path).names() == std::vector<std::string>{""});
  write_archive(path, p_file(p_dict({{p_text("a"), whole}, {p_text("a"), "N"}})),
                {{"data/0", counting()}});
  CHECK(read_torch_file(path).size() == 0);  // set again, as in Python
}

TEST_CASE("torch file: pickles that would run code are refused by name") {
  TempFolder folder;
  const auto path = folder / "evil.pth";
  const auto flag = folder / "executed";
  const std::vector<std::pair<std::string, std::string>> rows{
      {p_global("os", "system") + "(" + p_text("touch " + flag.string()) + "tR", "os.system"},
      {p_global("posix", "system") + "(" + p_text("touch " + flag.string()) + "tR", "posix.system"},
      {p_global("builtins", "eval") + "(" + p_text("1") + "tR", "builtins.eval"},
      {p_global("__builtin__", "getattr") + "(tR", "__builtin__.getattr"},
      {p_global("torch", "load") + "(tR", "torch.load"},
      {p_global("torch._utils", "_rebuild_device_tensor_from_numpy"), "_from_numpy"},
      {p_global("collections", "OrderedDict.fromkeys"), "OrderedDict.fromkeys"},
      {p_text("subprocess") + p_text("Popen") + "\x93", "subprocess.Popen"},
      {p_global("a\x1b[31m", "b"), "a?[31m.b"},
      {p_dict({{p_text("w"), p_global("numpy", "ndarray")}}), "numpy.ndarray"},
  };
  for (const auto& [body, name] : rows) {
    write_archive(path, p_file(body));
    CHECK_THAT(torch_file_message(path), Contains("evil.pth") && Contains(name) &&
                                             Contains("nothing was executed") &&
                                             Contains("safetensors"));
  }
  CHECK_FALSE(fs::exists(flag));
  for (const std::string body :
       {"(ios\nsystem\n", "(oN", "\x82\x01", "\x81", "\x92", "S'a'\n", "\x97", "\xff"}) {
    write_archive(path, p_file(body));
    CHECK_THAT(torch_file_message(path), Contains("opcode"));
  }
  write_archive(path, p_file(p_global("torch", "float32") + ")R"));
  CHECK_THAT(torch_file_message(path), Contains("torch.float32") && Contains("odd arguments"));
}

TEST_CASE("torch file: broken pickles are refused") {
  TempFolder folder;
  const auto path = folder / "m.pth";
  const auto tensor = [](std::int64_t offset, std::vector<std::int64_t> shape,
                         std::vector<std::int64_t> stride) {
    return p_dict({{p_text("w"), p_tensor(kLong12, offset, shape, stride)}});
  };
  const std::vector<std::pair<std::string, std::vector<std::string>>> rows{
      {tensor(0, {13}, {1}), {"'w'", "[13]", "storage of 12"}},
      {tensor(1, {12}, {1}), {"'w'", "offset 1"}},
      {tensor(0, {2, 2}, {11, 2}), {"'w'", "[11, 2]"}},
      {tensor(INT64_MAX, {2}, {1}), {"'w'", "storage of 12"}},
      {tensor(0, {3, 3}, {INT64_MAX, INT64_MAX}), {"'w'", "storage of 12"}},
      {tensor(0, {1LL << 40, 1LL << 40}, {0, 0}), {"'w'", "overflow"}},
      {tensor(0, {1LL << 40}, {0}), {"'w'", "strided", ".contiguous()"}},
      {tensor(-1, {2}, {1}), {"offset -1"}},
      {tensor(0, {-2}, {1}), {"-2"}},
      {tensor(0, {2}, {-1}), {"-1"}},
      {tensor(0, {2}, {1, 1}), {"[1, 1]"}},
      {p_dict({{p_text("w"), p_tensor(p_storage("LongStorage", "0", 13), 0, {1}, {1})}}),
       {"archive/data/0", "96 bytes", "104"}},
      {p_dict({{p_text("w"), p_tensor(p_storage("LongStorage", "7", 1), 0, {1}, {1})}}),
       {"archive/data/7", "no such record"}},
      {p_dict({{p_text("w"), p_tensor(p_storage("LongStorage", "0", -1), 0, {1}, {1})}}),
       {"odd storage"}},
      {p_dict({{p_text("w"), p_tensor(p_storage("LongStorage", "0", INT64_MAX), 0, {1}, {1})}}),
       {"fits memory"}},
      {p_dict({{p_text("w"), p_tensor(p_storage("float32", "0", 12), 0, {1}, {1})}}),
       {"odd storage"}},
      {p_tuple({1}) + "Q", {"persistent id"}},
      {"h\x05", {"memo"}},
      {"0", {"stack empty"}},
      {"a", {"stack empty"}},
      {"(a", {"stack empty"}},
      {"t", {"no mark"}},
      {"}(Nu", {"no value"}},
      {"N(u", {"a dict"}},
      {p_int(1) + p_int(2) + "a", {"a list"}},
      {"X\xff\xff\xff\xff", {"ends inside"}},
      {std::string("\x8d\xff\xff\xff\xff\xff\xff\xff\xff", 9), {"ends inside"}},
      {"cabc", {"without end"}},
      {std::string("\x80\x00", 2), {"protocol 0", "2 to 5"}},
      {"]q\x01h\x01"
       "a",
       {"nested"}},
  };
  for (const auto& [body, parts] : rows) {
    CAPTURE(body);
    write_archive(path, p_file(body), {{"data/0", counting()}});
    const auto text = torch_file_message(path);
    CHECK_THAT(text, Contains("m.pth"));
    for (const auto& part : parts) CHECK_THAT(text, Contains(part));
  }
}

TEST_CASE("torch file: what a tensor's metadata says is honoured or refused") {
  TempFolder folder;
  const auto path = folder / "m.pt";
  // As _rebuild_tensor_v2 has it, with metadata.
  const auto tensor = [](const std::string& storage, const std::vector<std::int64_t>& shape,
                         const std::vector<std::int64_t>& stride, const std::string& metadata) {
    return p_global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + p_int(1) +
           p_tuple(shape) + p_tuple(stride) + "\x88" + p_global("collections", "OrderedDict") +
           ")R" + metadata + "tR";
  };
  const auto flag = [](const std::string& name, bool on) {
    return p_dict({{p_text(name), on ? "\x88" : "\x89"}});
  };
  const auto read = [&](const std::string& body) {
    write_archive(path, p_file(body), {{"data/0", counting()}});
    return read_torch_file(path);
  };
  CHECK(values(read(tensor(kLong12, {3}, {1}, flag("neg", true))).at("")) ==
        std::vector<std::int64_t>{-1, -2, -3});
  CHECK(values(read(tensor(kLong12, {2, 2}, {1, 4}, flag("neg", true))).at("")) ==
        std::vector<std::int64_t>{-1, -5, -2, -6});
  CHECK(values(read(tensor(kLong12, {3}, {1}, flag("neg", false))).at("")) ==
        std::vector<std::int64_t>{1, 2, 3});
  CHECK(values(read(tensor(kLong12, {3}, {1}, "N")).at("")) == std::vector<std::int64_t>{1, 2, 3});
  const auto floats =
      read(tensor(p_storage("DoubleStorage", "0", 12), {2}, {1}, flag("neg", true)));
  double bits[2];
  std::memcpy(bits, floats.at("").data, sizeof bits);
  CHECK(std::signbit(bits[0]));
  // Over an untyped storage, as _rebuild_tensor_v3 has it.
  const std::string untyped = "(" + p_text("storage") +
                              p_global("torch.storage", "UntypedStorage") + p_text("0") +
                              p_text("cpu") + p_int(96) + "tQ";
  const auto v3 = [&](const std::string& type, const std::string& metadata) {
    return p_global("torch._utils", "_rebuild_tensor_v3") + "(" + untyped + p_int(2) +
           p_tuple({2}) + p_tuple({1}) + "\x89" + p_global("collections", "OrderedDict") + ")R" +
           p_global("torch", type) + metadata + "tR";
  };
  const auto words = read(v3("uint64", flag("neg", true)));
  std::uint64_t word = 0;
  std::memcpy(&word, words.at("").data, 8);
  CHECK(word == std::uint64_t{0} - 2);
  for (const auto& [body, part] : std::vector<std::pair<std::string, std::string>>{
           {tensor(kLong12, {3}, {1}, flag("conj", true)), "metadata 'conj' set"},
           {tensor(kLong12, {3}, {1}, flag("later", true)), "metadata 'later' set"},
           {tensor(kLong12, {3}, {1}, p_dict({{p_text("neg"), p_int(1)}})), "true or false"},
           {tensor(kLong12, {3}, {1}, p_int(1)), "metadata of a tensor"},
           {tensor(p_storage("BoolStorage", "0", 96), {3}, {1}, flag("neg", true)),
            "a negated tensor of bool"}}) {
    write_archive(path, p_file(body), {{"data/0", counting()}});
    CHECK_THAT(torch_file_message(path), Contains("m.pt") && Contains(part));
  }
}

TEST_CASE("torch file: types and kinds of tensors that nobody needs are not in the way") {
  TempFolder folder;
  const auto path = folder / "m.pt";
  const auto good = p_tensor(kLong12, 0, {3}, {1});
  const auto complex = p_tensor(p_storage("ComplexFloatStorage", "0", 12), 0, {3}, {1});
  const std::string none = "(N" + p_int(0) + "t";
  const std::string quantised = p_global("torch._utils", "_rebuild_qtensor") + "(" +
                                p_storage("QInt8Storage", "0", 96) + p_int(0) + p_tuple({2}) +
                                p_tuple({1}) + "(" + p_global("torch", "per_tensor_affine") +
                                p_int(1) + p_int(0) + "t" + "\x89N" + "tR";
  const std::string sparse = p_global("torch._utils", "_rebuild_sparse_tensor") + "(" +
                             p_global("torch.serialization", "_get_layout") + "(" +
                             p_text("torch.sparse_coo") + "tR" + none + "tR";
  write_archive(path,
                p_file(p_dict({{p_text("w"), good},
                               {p_text("c"), complex},
                               {p_text("q"), quantised},
                               {p_text("s"), sparse}})),
                {{"data/0", counting()}});
  const auto set = read_torch_file(path);
  CHECK(set.names() == std::vector<std::string>{"w"});
  CHECK(set.unreadable() == std::map<std::string, std::string>{{"c", "complex64"},
                                                               {"q", "a quantised tensor"},
                                                               {"s", "a sparse tensor"}});
  CHECK_THROWS_WITH(set.at("s"), Contains("'s'") && Contains("a sparse tensor"));
}

TEST_CASE("torch file: pickles of Python 2") {
  TempFolder folder;
  const auto path = folder / "m.pt";
  const auto text = [](const std::string& s) { return "U" + le(s.size(), 1) + s; };
  // OrderedDict([['w', tensor], ['n', 4294967296]]) with texts of bytes and a number as a line.
  const std::string body = p_global("collections", "OrderedDict") + "(](](" + text("w") +
                           p_tensor(kLong12, 0, {3}, {1}) + "e](" + text("n") +
                           "I4294967296\neetR" + p_dict({{text("_metadata"), "}"}}) + "b";
  write_archive(path, p_file(body), {{"data/0", counting()}});
  CHECK(values(read_torch_file(path).at("w")) == std::vector<std::int64_t>{0, 1, 2});
  for (const std::string bad : {"I12x\n", "I\n", "I99999999999999999999\n"}) {
    write_archive(path, p_file(bad));
    CHECK_THAT(torch_file_message(path), Contains("a whole number"));
  }
  write_archive(path, p_file(p_global("collections", "OrderedDict") + "(](](NeetR"));
  CHECK_THAT(torch_file_message(path), Contains("a key but no value"));
}

TEST_CASE("torch file: a flipped bit is found in what is read, and only there") {
  TempFolder folder;
  const auto path = folder / "m.pth";
  write_archive(
      path,
      p_file(p_dict({{p_text("a"), p_tensor(kLong12, 0, {12}, {1})},
                     {p_text("turned"), p_tensor(kLong12, 0, {4, 3}, {1, 4})},
                     {p_text("b"), p_tensor(p_storage("LongStorage", "1", 1), 0, {1}, {1})}})),
      {{"data/0", counting()}, {"data/1", le(7, 8)}});
  const auto good = read_torch_file(path);
  for (const char* name : {"a", "turned", "b"}) CHECK_NOTHROW(good.verify(name));
  auto bytes = read_bytes(path);
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  bytes[all.find(counting()) + 17] ^= std::byte{0x40};
  write_bytes(path, bytes);
  const auto flipped = read_torch_file(path);
  CHECK_NOTHROW(flipped.verify("b"));
  for (const char* name : {"a", "turned", "a"})
    CHECK_THROWS_WITH(flipped.verify(name),
                      Contains("m.pth") && Contains("data/0") && Contains("a wrong CRC-32"));
}

TEST_CASE("torch file: floods end soon") {
  TempFolder folder;
  const auto path = folder / "m.pth";
  write_archive(path, p_file(std::string(2'000'001, 'N')));
  CHECK_THAT(torch_file_message(path), Contains("opcodes"));
  // Each list holds the one before twice: 2^40 visits without a limit.
  std::string body = "]q" + le(0, 1);
  for (int i = 1; i < 40; ++i)
    body += "](h" + le(static_cast<unsigned>(i - 1), 1) + "h" +
            le(static_cast<unsigned>(i - 1), 1) + "eq" + le(static_cast<unsigned>(i), 1);
  write_archive(path, p_file(body));
  CHECK_THAT(torch_file_message(path), Contains("very many places"));
  body.clear();
  for (int i = 0; i < 100000; ++i) body += "]";
  body += std::string(99999, 'a');
  write_archive(path, p_file(body));
  CHECK_THAT(torch_file_message(path), Contains("nested"));
}

TEST_CASE("torch file: an archive that was packed again with compression") {
  TempFolder folder;
  const auto path = folder / "m.pt";
  const std::string pickle = p_file(p_tensor(kLong12, 0, {12}, {1}));
  write_text(path, zip({{"archive/data.pkl", pickle, true},
                        {"archive/byteorder", "little", true},
                        {"archive/data/0", counting(), true}}));
  const auto set = read_torch_file(path);
  REQUIRE(set.size() == 1);
  const auto found = values(set.tensors().begin()->second);
  for (std::size_t i = 0; i < 12; ++i) CHECK(found[i] == static_cast<std::int64_t>(i));
  write_text(path, zip({{"archive/data.pkl", pickle, true},
                        {"archive/byteorder", "big", true},
                        {"archive/data/0", counting(), true}}));
  CHECK_THAT(torch_file_message(path), Contains("'big'"));
}

TEST_CASE("torch file: archives that are not checkpoints") {
  TempFolder folder;
  const auto path = folder / "m.pth";
  write_text(path, "");
  CHECK_THAT(torch_file_message(path), Contains("empty file"));
  write_text(path, "version https://git-lfs.github.com/spec/v1\n");
  CHECK_THAT(torch_file_message(path), Contains("a Git LFS pointer") && Contains("git lfs pull"));
  write_text(path, "<!DOCTYPE html><title>Log in</title>");
  CHECK_THAT(torch_file_message(path),
             Contains("a web page") && Contains("download the file itself"));
  write_text(path, "weights");
  CHECK_THAT(torch_file_message(path), Contains("a text file that starts with \"weights\""));
  {
    ZipWriter zip(path);
    zip.add("readme.txt", "hello");
    zip.publish();
  }
  CHECK_THAT(torch_file_message(path), Contains("without one data.pkl"));
  write_archive(path, p_file("N"), {{"constants.pkl", "x"}});
  CHECK_THAT(torch_file_message(path), Contains("TorchScript"));
  write_archive(path, p_file("N"), {{"byteorder", "big"}});
  CHECK_THAT(torch_file_message(path),
             Contains("byteorder") && Contains("'big'") && Contains("'little'"));
  write_archive(path, p_file("N"));
  CHECK(read_torch_file(path).size() == 0);
  // Any cut is noticed: the directory is at the end.
  const auto good = read_bytes(path);
  for (std::size_t size = 1; size < good.size(); ++size) {
    write_bytes(path, std::span(good).first(size));
    CAPTURE(size);
    CHECK_THAT(torch_file_message(path), Contains("m.pth"));
  }
  auto bad = good;
  const std::string_view text(reinterpret_cast<const char*>(bad.data()), bad.size());
  bad[text.find("\x80\x02N.")] ^= std::byte{1};
  write_bytes(path, bad);
  CHECK_THAT(torch_file_message(path), Contains("CRC-32") && Contains("data.pkl"));
}

TEST_CASE("torch file: random damage never gets past a FormatError") {
  TempFolder folder;
  const auto path = folder / "m.pth";
  write_archive(path, p_file(p_dict({{p_text("w"), p_tensor(kLong12, 0, {3, 4}, {4, 1})}})),
                {{"data/0", counting()}});
  const auto good = read_bytes(path);
  std::uint32_t state = 12345;
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    auto bad = good;
    for (int hit = 0; hit < 2; ++hit) {
      state = state * 1664525U + 1013904223U;
      bad[(state >> 8) % bad.size()] = static_cast<std::byte>(state >> 24);
    }
    write_bytes(path, bad);
    CAPTURE(round);
    refused += torch_file_message(path) != "accepted" ? 1 : 0;
  }
  CHECK(refused > 40);
}

TEST_CASE("torch file: real checkpoints", "[shared]") {
  const auto data = shared_data();
  if (!data) return note_skip("real .pth files: no shared data");
  // Expected values: torch.load(weights_only=True) of torch 2.11, sums in double.
  const auto taef2 = read_torch_file(*data / "weights" / "taef2_encoder.pth");
  CHECK(taef2.size() == 79);
  CHECK(taef2.at("0.weight").dtype == DType::kF16);
  CHECK(taef2.at("1.conv.0.weight").shape == Shape{64, 64, 3, 3});
  std::int64_t count = 0;
  for (const auto& entry : taef2.tensors()) count += entry.second.count();
  CHECK(count == 1338528);
  CHECK(sum_of_magnitudes(taef2) == Approx(44558.18437963724).epsilon(1e-12));

  const auto keyed = read_torch_file(*data / "weights" / "test_with_key.pt");
  CHECK(keyed.names() == std::vector<std::string>{"model_state_dict.test"});
  CHECK(values(keyed.at("model_state_dict.test")) ==
        std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8});

  const auto fortran = read_torch_file(*data / "weights" / "fortran_tensor_3d.pth");
  std::vector<std::int64_t> counted(24);
  std::iota(counted.begin(), counted.end(), 1);
  CHECK(fortran.at("tensor_fortran").shape == Shape{2, 3, 4});
  CHECK(values(fortran.at("tensor_fortran")) == counted);

  const auto legacy = read_torch_file(*data / "weights" / "resnet20.th");
  CHECK(legacy.size() == 97);
  CHECK(legacy.at("state_dict.module.conv1.weight").shape == Shape{16, 3, 3, 3});
  CHECK(sum_of_magnitudes(legacy) == Approx(21349.562590950623).epsilon(1e-12));
  const auto bytes = read_bytes(*data / "weights" / "resnet20.th");
  TempFolder folder;
  for (const std::size_t size :
       {std::size_t{5}, std::size_t{100}, std::size_t{9000}, bytes.size() - 1}) {
    write_bytes(folder / "cut.th", std::span(bytes).first(size));
    CHECK_THAT(torch_file_message(folder / "cut.th"), Contains("cut.th"));
  }
}
