// Hostile .npz files of instance masks.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "base/error.h"
#include "scan/proposals.h"
#include "support/support.h"
#include "weights/zip_writer.h"

namespace vega::scan {
namespace {

template <typename T>
std::string npy(const std::string& descr, std::initializer_list<T> values,
                const std::string& shape = {}) {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " +
                       (shape.empty() ? "(" + std::to_string(values.size()) + ",)" : shape) + ", }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 255);
  out += static_cast<char>(header.size() >> 8);
  out += header;
  for (const T value : values) out.append(reinterpret_cast<const char*>(&value), sizeof value);
  return out;
}

std::string ints(std::initializer_list<std::int32_t> values) { return npy("<i4", values); }

// Two masks over five vertices: {0, 3} and {4}.
std::map<std::string, std::string> good() {
  return {{"format.npy", npy<char32_t>("<U3", {U'c', U's', U'r'}, "()")},
          {"shape.npy", npy<std::int64_t>("<i8", {2, 5})},
          {"indptr.npy", ints({0, 2, 3})},
          {"indices.npy", ints({3, 0, 4})},
          {"data.npy", npy<double>("<f8", {1, 1, 1})}};
}

struct WrittenMasks {
  test::TempFolder temp;
  std::filesystem::path operator()(const std::map<std::string, std::string>& arrays) const {
    const auto path = temp / "masks.npz";
    ZipWriter zip(path);
    for (const auto& [name, bytes] : arrays) zip.add(name, std::string_view(bytes));
    zip.publish();
    return path;
  }
  std::filesystem::path with(const std::string& name, const std::string& bytes) const {
    auto arrays = good();
    if (bytes.empty()) {
      arrays.erase(name);
    } else {
      arrays[name] = bytes;
    }
    return (*this)(arrays);
  }
};

using MaskRows = std::vector<std::vector<std::int32_t>>;

}  // namespace

TEST_CASE("masks: sorted, with a Unicode format, as many rows as asked for", "[masks]") {
  const WrittenMasks file;
  const InstanceMasks masks = read_masks(file(good()), 5);
  CHECK(masks.instances == 2);
  CHECK(masks.rows == MaskRows{{0, 3}, {4}});
  CHECK(read_masks(file(good()), 5, 1).rows == MaskRows{{0, 3}});
  CHECK(read_masks(file(good()), 5, 0).rows.empty());
  CHECK(read_masks(file.with("data.npy", npy<std::uint16_t>("<f2", {0x3c00, 0x3c00, 0x4000})), 5)
            .rows == MaskRows{{0, 3}, {}});
  CHECK(read_masks(file.with("data.npy", npy<double>("<f8", {1, NAN, 0.999})), 5).rows ==
        MaskRows{{3}, {}});
  CHECK(read_masks(file.with("shape.npy", npy<std::int32_t>("<i4", {2, 5})), 5).instances == 2);
  // Entries behind the last pointer belong to nobody.
  auto longer = good();
  longer["indices.npy"] = ints({3, 0, 4, 1}), longer["data.npy"] = npy<double>("<f8", {1, 1, 1, 1});
  CHECK(read_masks(file(longer), 5).rows == MaskRows{{0, 3}, {4}});
}

TEST_CASE("masks: broken structure", "[masks]") {
  const WrittenMasks file;
  const auto refused = [&](const std::string& name, const std::string& bytes) {
    CAPTURE(name);
    CHECK_THROWS_AS(read_masks(file.with(name, bytes), 5), FormatError);
  };
  for (const auto& [name, bytes] : good()) refused(name, "");
  refused("format.npy", npy<char>("|S3", {'b', 's', 'r'}, "()"));
  refused("format.npy", npy<char>("|S3", {'\x1b', 's', 'r'}, "()"));
  refused("format.npy", npy<char>("|S4", {'c', 's', 'r', '2'}, "()"));
  refused("format.npy", "x");
  refused("shape.npy", npy<std::int64_t>("<i8", {2}));
  refused("shape.npy", npy<std::int64_t>("<i8", {-2, 5}));
  refused("shape.npy", npy<std::int64_t>("<i8", {INT64_MAX, 5}));
  refused("shape.npy", npy<std::int64_t>("<i8", {3, 5}));
  refused("shape.npy", npy<double>("<f8", {2, 5}));
  refused("indptr.npy", ints({0, 2}));
  refused("indptr.npy", ints({1, 2, 3}));
  refused("indptr.npy", ints({0, 2, 1}));
  refused("indptr.npy", ints({0, 2, 4}));
  refused("indptr.npy", ints({0, -1, 3}));
  refused("indptr.npy", npy<std::uint64_t>("<u8", {0, UINT64_MAX, 3}));
  refused("indptr.npy", npy<double>("<f8", {0, 2, 3}));
  refused("indptr.npy", npy<std::int32_t>("<i4", {0, 2, 3}, "(3, 1)"));
  refused("indptr.npy", npy<std::int32_t>("<i4", {0, 2, 3}, "(4000000000000,)"));
  refused("indices.npy", ints({3, 0, 5}));
  refused("indices.npy", ints({3, -1, 4}));
  refused("indices.npy", ints({3, 0}));
  refused("data.npy", npy<double>("<f8", {1, 1}));
  refused("data.npy", npy<char>("|O", {1, 1, 1}));
  auto many = good();  // six entries in a row of five
  many["indptr.npy"] = ints({0, 6, 6}), many["indices.npy"] = ints({0, 0, 0, 0, 0, 0});
  many["data.npy"] = npy<double>("<f8", {1, 1, 1, 1, 1, 1});
  CHECK_THROWS_WITH(read_masks(file(many), 5), Catch::Contains("at most 5"));
  CHECK_THROWS_WITH(read_masks(file(good()), 6), Catch::Contains("6, the vertices of the mesh"));
  test::write_text(file.temp / "text", "no archive");
  CHECK_THROWS_AS(read_masks(file.temp / "text", 5), FormatError);
  CHECK_THROWS_AS(read_masks(file.temp / "none", 5), InputError);
}

TEST_CASE("masks: coordinates out of range or of different number", "[masks]") {
  const WrittenMasks file;
  std::map<std::string, std::string> arrays{{"format.npy", npy<char>("|S3", {'c', 'o', 'o'}, "()")},
                                            {"shape.npy", npy<std::int64_t>("<i8", {2, 5})},
                                            {"row.npy", ints({1, 0, 0})},
                                            {"col.npy", ints({4, 3, 0})},
                                            {"data.npy", npy<std::int8_t>("|i1", {1, 1, 1})}};
  CHECK(read_masks(file(arrays), 5).rows == MaskRows{{0, 3}, {4}});
  for (const auto& [name, bytes] :
       std::map<std::string, std::string>{{"row.npy", ints({2, 0, 0})},
                                          {"col.npy", ints({4, 3, 5})},
                                          {"data.npy", npy<std::int8_t>("|i1", {1, 1})},
                                          {"shape.npy", npy<std::int64_t>("<i8", {0, 5})}}) {
    auto broken = arrays;
    broken[name] = bytes;
    CAPTURE(name);
    CHECK_THROWS_AS(read_masks(file(broken), 5), FormatError);
  }
}

}  // namespace vega::scan
