#include "weights/npy.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "pickles.h"
#include "support/support.h"
#include "zips.h"

using namespace vega;
using namespace vega::test;
using Catch::Contains;

namespace {

std::span<const std::byte> npy_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string npy_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A .npy as numpy lays it out; `version` 2 and 3 have a wider length.
std::string npy(const std::string& dict, const std::string& values, int version = 1) {
  const std::size_t fixed = version == 1 ? 10 : 12;
  std::string text = dict;
  text += std::string((64 - (fixed + text.size() + 1) % 64) % 64, ' ') + "\n";
  std::string head = "\x93NUMPY";
  head += static_cast<char>(version);
  head += '\0';
  return head + le(text.size(), version == 1 ? 2 : 4) + text + values;
}

std::string dict(const std::string& type, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + shape + ", }";
}

template <typename T>
std::string raw(const std::vector<T>& values) {
  return npy_text(std::as_bytes(std::span(values)));
}

std::vector<float> npy_ramp(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.25F);
  return values;
}

// Everything of an array, read in pieces of `piece` bytes.
std::string all_of(const NpyFile& file, const NpyFile::Array& array, std::size_t piece) {
  const auto stream = file.open(array);
  std::string out(TensorView{array.header.dtype, array.header.shape, nullptr}.bytes(), '\0');
  const auto bytes = std::as_writable_bytes(std::span(out));
  for (int turn = 0; turn < 2; ++turn) {
    for (std::size_t at = 0; at < out.size(); at += piece)
      stream->read(bytes.subspan(at, std::min(piece, out.size() - at)));
    std::byte more{};
    CHECK_THROWS_AS(stream->read({&more, 1}), InputError);
    if (turn == 0) stream->rewind();
  }
  return out;
}

std::string problem_of(const std::string& text) {
  try {
    parse_npy_header(npy_bytes(text), "x.npy");
  } catch (const FormatError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a .npy is written as numpy writes it, and read back in pieces") {
  const TempFolder folder;
  const std::vector<float> values = npy_ramp(24);
  NpyWriter writer(folder / "a.npy", DType::kF32, {2, 3, 4});
  writer.write(std::as_bytes(std::span(values).first(10)));
  writer.write(std::as_bytes(std::span(values).subspan(10)));
  writer.publish();
  CHECK(npy_text(read_bytes(folder / "a.npy")) == npy(dict("<f4", "(2, 3, 4)"), raw(values)));
  const NpyFile file(folder / "a.npy");
  REQUIRE(file.arrays().size() == 1);
  CHECK(file.arrays()[0].name.empty());
  CHECK(file.arrays()[0].header.data_begin % 64 == 0);
  CHECK(file.arrays()[0].header.shape == Shape{2, 3, 4});
  CHECK(all_of(file, file.arrays()[0], 12) == raw(values));
}

TEST_CASE("element types and short shapes survive the writer") {
  const TempFolder folder;
  for (const DType dtype :
       {DType::kBool, DType::kU8, DType::kI8, DType::kI16, DType::kU16, DType::kI32, DType::kU32,
        DType::kI64, DType::kU64, DType::kF16, DType::kF32, DType::kF64}) {
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 0}, Shape{1, 2}}) {
      const std::string values(TensorView{dtype, shape, nullptr}.bytes(), '\1');
      NpyWriter writer(folder / "a.npy", dtype, shape);
      writer.write(npy_bytes(values));
      writer.publish();
      const NpyFile file(folder / "a.npy");
      CHECK(file.arrays()[0].header.dtype == dtype);
      CHECK(file.arrays()[0].header.shape == shape);
      CHECK(all_of(file, file.arrays()[0], 7) == values);
    }
  }
}

TEST_CASE("a writer refuses what does not fit, and leaves nothing behind") {
  const TempFolder folder;
  CHECK_THROWS_WITH(NpyWriter(folder / "a.npy", DType::kBF16, {2}), Contains("bf16"));
  {
    NpyWriter writer(folder / "a.npy", DType::kU8, {2});
    CHECK_THROWS_WITH(writer.write(npy_bytes("abc")), Contains("more bytes"));
    writer.write(npy_bytes("a"));
    CHECK_THROWS_WITH(writer.publish(), Contains("1 bytes too few"));
  }
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("headers of all versions are read, in either order of keys and quotes") {
  for (const int version : {1, 2, 3}) {
    const auto text = npy(dict("<f2", "(5,)"), "", version);
    const NpyHeader header = parse_npy_header(npy_bytes(text), "x");
    CHECK(header.dtype == DType::kF16);
    CHECK(header.shape == Shape{5});
    CHECK_FALSE(header.fortran);
    CHECK(header.data_begin == text.size());
  }
  const NpyHeader odd = parse_npy_header(
      npy_bytes(npy(R"({"shape":(2L, 3L),"fortran_order":True,"descr":"|u1"})", "")), "x");
  CHECK(odd.shape == Shape{2, 3});
  CHECK(odd.fortran);
  CHECK(odd.dtype == DType::kU8);
}

TEST_CASE("headers that cannot be used say why, and what to do") {
  CHECK_THAT(problem_of(npy(dict(">f4", "(2,)"), "")),
             Contains("big-endian") && Contains("newbyteorder"));
  CHECK_THAT(problem_of(npy(dict("|O", "(2,)"), "")), Contains("Python objects"));
  CHECK_THAT(problem_of(npy(dict("<V2", "(2,)"), "")),
             Contains("bfloat16") && Contains("astype('float32')"));
  CHECK_THAT(problem_of(npy(dict("<c8", "(2,)"), "")), Contains("'<c8'"));
  CHECK_THAT(problem_of(npy(dict("<U4", "(2,)"), "")), Contains("'<U4'"));
  CHECK_THAT(problem_of(npy(dict("f", "(2,)"), "")), Contains("element type"));
  CHECK_THAT(
      problem_of(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "")),
      Contains("structures"));
  CHECK_THAT(problem_of("PK\3\4 no array"), Contains("a zip archive") && Contains("unpack it"));
  CHECK_THAT(problem_of(npy(dict("<f4", "(2,)"), "", 4)), Contains("version 4"));
  CHECK_THAT(problem_of(npy(dict("<f4", "(-2,)"), "")), Contains("shape that breaks"));
  CHECK_THAT(problem_of(npy(dict("<f4", "(4611686018427387904, 4)"), "")), Contains("fits memory"));
  CHECK_THAT(problem_of(npy("{'descr': '<f4', 'shape': (2,), }", "")), Contains("without descr"));
  CHECK_THAT(problem_of(npy("{'descr': '<f4', 'descr': '<f4', }", "")), Contains("key 'descr'"));
  CHECK_THAT(problem_of(npy("{'descr': '<f4", "")), Contains("breaks at its byte"));
  const auto whole = npy(dict("<f4", "(2,)"), "");
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(problem_of(whole.substr(0, size)).empty());
}

TEST_CASE("a .npy of another length than its shape is refused") {
  const TempFolder folder;
  for (const std::size_t count : {5U, 7U}) {
    write_text(folder / "a.npy", npy(dict("<f4", "(2, 3)"), raw(npy_ramp(count))));
    CHECK_THROWS_WITH(NpyFile(folder / "a.npy"), Contains("24 for shape [2, 3]"));
  }
  write_text(folder / "a.npy", "");
  CHECK_THROWS_WITH(NpyFile(folder / "a.npy"), Contains("an empty file"));
  CHECK_THROWS_AS(NpyFile(folder / "none.npy"), InputError);
}

TEST_CASE("Fortran order comes out in C order, from every container") {
  const TempFolder folder;
  // Value of (i, j, k) is 100 i + 10 j + k.
  std::vector<float> c, fortran;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k) c.push_back(static_cast<float>(100 * i + 10 * j + k));
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) fortran.push_back(static_cast<float>(100 * i + 10 * j + k));
  const auto text = npy(dict("<f4", "(2, 3, 4)", true), raw(fortran));
  write_text(folder / "a.npy", text);
  const NpyFile plain(folder / "a.npy");
  CHECK(all_of(plain, plain.arrays()[0], 20) == raw(c));
  write_text(folder / "a.npz", zip({{"s.npy", text, false}, {"z.npy", text, true}}));
  const NpyFile packed(folder / "a.npz");
  REQUIRE(packed.arrays().size() == 2);
  for (const auto& array : packed.arrays()) CHECK(all_of(packed, array, 48) == raw(c));
  write_text(folder / "b.npz", zip({{"s.npy", text, false, 0, 1}, {"z.npy", text, true, 0, 1}}));
  const NpyFile damaged(folder / "b.npz");
  for (const auto& array : damaged.arrays())
    CHECK_THROWS_WITH(damaged.open(array), Contains("CRC-32"));
}

TEST_CASE("a .npz lists its arrays; those that cannot be read do not stand in the way") {
  const TempFolder folder;
  const auto values = npy_ramp(12);
  write_text(folder / "a.npz", zip({{"feats.npy", npy(dict("<f4", "(3, 4)"), raw(values)), true},
                                    {"names.npy", npy(dict("|O", "(3,)"), "pickle"), true},
                                    {"readme.txt", "hello", false}}));
  const NpyFile file(folder / "a.npz");
  REQUIRE(file.arrays().size() == 2);
  CHECK(file.arrays()[0].name == "feats");
  CHECK(all_of(file, file.arrays()[0], 16) == raw(values));
  CHECK(file.arrays()[1].name == "names");
  CHECK_THROWS_WITH(file.open(file.arrays()[1]),
                    Contains("array 'names'") && Contains("Python objects"));
  write_text(folder / "b.npz", zip({{"readme.txt", "hello", false}}));
  CHECK_THROWS_WITH(NpyFile(folder / "b.npz"), Contains("without a .npy"));
}

TEST_CASE("compressed arrays are inflated piece by piece") {
  const TempFolder folder;
  std::vector<float> values(700'000);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>((i * 2654435761U) % 1000);
  write_text(folder / "a.npz",
             zip({{"x.npy", npy(dict("<f4", "(700, 1000)"), raw(values)), true}}));
  const NpyFile file(folder / "a.npz");
  for (const std::size_t piece : {4000U, 1'000'003U, 2'800'000U})
    CHECK(all_of(file, file.arrays()[0], piece) == raw(values));
}

TEST_CASE("damaged and lying archives are refused before memory is taken") {
  const TempFolder folder;
  const auto good = npy(dict("<f4", "(30, 100)"), raw(npy_ramp(3000)));
  const auto open_all = [&](const std::vector<ZipRecord>& records) -> std::string {
    write_text(folder / "a.npz", zip(records));
    const NpyFile file(folder / "a.npz");
    const auto& array = file.arrays().at(0);
    try {
      const auto stream = file.open(array);
      std::vector<std::byte> out(400);
      for (int row = 0; row < 30; ++row) stream->read(out);
    } catch (const FormatError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(open_all({{"x.npy", good, true}}).empty());
  CHECK_THAT(open_all({{"x.npy", good, true, 0, 1}}), Contains("CRC-32"));
  CHECK_THAT(open_all({{"x.npy", good, false, 0, 1}}), Contains("CRC-32"));
  // The directory promises more, or less, than there is.
  CHECK_THAT(open_all({{"x.npy", good, true, 4}}), Contains("broken compressed data"));
  CHECK_THAT(open_all({{"x.npy", good, true, -4}}), Contains("broken compressed data"));
  const auto shape = npy(dict("<f4", "(30, 101)"), raw(npy_ramp(3000)));
  CHECK_THAT(open_all({{"x.npy", shape, true, 120}}), Contains("broken compressed data"));
  const auto less = npy(dict("<f4", "(30, 99)"), raw(npy_ramp(3000)));
  CHECK_THAT(open_all({{"x.npy", less, true, -120}}), Contains("broken compressed data"));
  // 4 GB out of a few bytes: more than deflate can do.
  CHECK_THAT(open_all({{"x.npy", npy(dict("<f4", "(1000000, 1000)"), ""), true, 4'000'000'000}}),
             Contains("what deflate can do"));
  // Cut anywhere, the archive is an error and nothing else.
  const auto whole = zip({{"x.npy", good, true}});
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    write_text(folder / "cut.npz", whole.substr(0, size));
    CHECK_THROWS_AS(NpyFile(folder / "cut.npz"), InputError);
  }
}

TEST_CASE("Two archives in one file are refused, and so is another compression") {
  const TempFolder folder;
  const auto path = folder / "a.npz";
  const std::string one = zip({{"x.npy", npy(dict("<f4", "(4,)"), raw(npy_ramp(4))), true}});
  write_text(path, one);
  CHECK(NpyFile(path).arrays().size() == 1);
  write_text(path, one + one);
  CHECK_THROWS_WITH(NpyFile(path), Contains("before the end record") && Contains("joined"));
  write_text(path, std::string(512, '\0') + one);  // a head in front, which is no archive
  CHECK_THROWS_AS(NpyFile(path), FormatError);
  // The second one's places count from the start of the file: then only the front is in excess.
  write_text(path, zip({{"x.npy", std::string(100, 'v'), false}, {"y.npy", "w", false}}));
  auto bytes = read_bytes(path);
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto rows = text.find("PK\x01\x02"), second = text.find("PK\x01\x02", rows + 1);
  std::string less = text.substr(0, rows) + text.substr(second);
  const auto end = less.size() - 22;
  less.replace(end + 8, 4, le(1, 2) + le(1, 2)).replace(end + 12, 4, le(end - rows, 4));
  write_text(path, less);
  CHECK_THROWS_WITH(NpyFile(path), Contains("135 bytes before the first record"));

  write_text(path, zip({{.name = "x.npy", .text = "BZh", .method = 12}}));
  const NpyFile other(path);
  CHECK_THROWS_WITH(other.open(other.arrays().at(0)),
                    Contains("12 (bzip2)") && Contains("save it again without compression"));
}
