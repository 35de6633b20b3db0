#include "scan/mesh.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "base/error.h"
#include "support/support.h"

namespace vega::scan {
namespace {

struct Written {
  test::TempFolder temp;
  std::filesystem::path operator()(const std::string& text) const {
    test::write_text(temp / "mesh.ply", text);
    return temp / "mesh.ply";
  }
};

const std::string kXyz = "property float x\nproperty float y\nproperty float z\n";

std::string ascii(const std::string& count, const std::string& rest) {
  return "ply\nformat ascii 1.0\nelement vertex " + count + "\n" + kXyz + "end_header\n" + rest;
}

std::string binary(const std::string& count, const std::vector<float>& values) {
  std::string text = "ply\nformat binary_little_endian 1.0\nelement vertex " + count + "\n" + kXyz +
                     "end_header\n";
  return text.append(reinterpret_cast<const char*>(values.data()), 4 * values.size());
}

}  // namespace

TEST_CASE("ply: plain meshes, and what is ignored", "[ply]") {
  const Written file;
  const Mesh mesh = read_ply(file(ascii("2", "0 +1 -2.5\n3e0 4 5")));
  CHECK(mesh.vertices == std::vector<Point3f>{{0, 1, -2.5F}, {3, 4, 5}});
  CHECK(mesh.colors.empty());
  CHECK(read_ply(file(ascii("1", "1 2 3\ntrailing junk"))).vertices.size() == 1);
  CHECK(read_ply(file(binary("1", {1, 2, 3, 4}))).vertices[0] == Point3f{1, 2, 3});

  // Colours that are no bytes are not taken for such.
  const std::string floats = "ply\nformat ascii 1.0\nelement vertex 1\n" + kXyz +
                             "property float red\nproperty float green\nproperty float blue\n"
                             "end_header\n1 2 3 0.5 0.5 0.5\n";
  CHECK(read_ply(file(floats)).colors.empty());
  // An element of nothing may count what it likes within reason.
  const std::string empty =
      "ply\nformat ascii 1.0\nelement nothing 2000000000\nelement vertex 1\n" + kXyz +
      "end_header\n1 2 3\n";
  CHECK(read_ply(file(empty)).vertices.size() == 1);
}

TEST_CASE("ply: a coordinate that is not finite names its vertex", "[ply]") {
  const Written file;
  CHECK_THROWS_WITH(read_ply(file(ascii("3", "0 0 0\n1 nan 2\n3 4 inf\n"))),
                    Catch::Contains("vertex 1") && Catch::Contains("2 such vertices"));
  CHECK_THROWS_WITH(read_ply(file(binary("2", {0, 0, 0, 0, 0, -INFINITY}))),
                    Catch::Contains("vertex 1"));
  CHECK_THROWS_WITH(read_ply(file(ascii("1", "0 0 1e39\n"))), Catch::Contains("vertex 0"));
  CHECK_THROWS_WITH(read_ply(file(ascii("1", "0 0 -1e999\n"))), Catch::Contains("vertex 0"));
  CHECK(read_ply(file(ascii("1", "0 0 1e-400\n"))).vertices[0][2] == 0);
}

TEST_CASE("ply: truncated files and absurd counts say where", "[ply]") {
  const Written file;
  CHECK_THROWS_WITH(read_ply(file(ascii("2", "0 0 0\n1 2"))),
                    Catch::Contains("2 entries") && Catch::Contains("byte"));
  CHECK_THROWS_WITH(read_ply(file(ascii("2", "0 0 0\n1        2"))),
                    Catch::Contains("vertex 1, line 9") && Catch::Contains("end of the file"));
  CHECK_THROWS_WITH(read_ply(file(binary("2", {0, 0, 0, 1, 2}))), Catch::Contains("byte"));
  CHECK_THROWS_WITH(read_ply(file(binary("2147483648", {0, 0, 0}))),
                    Catch::Contains("2147483648 entries"));
  for (const char* count : {"2147483649", "99999999999999999999999", "-1", "1e3", "x"}) {
    CHECK_THROWS_WITH(read_ply(file(binary(count, {0, 0, 0}))), Catch::Contains("line 3"));
  }
  const std::string lists =
      "ply\nformat ascii 1.0\nelement vertex 1\n" + kXyz +
      "element face 1\nproperty list uint int v\nend_header\n0 0 0\n4294967295 1 2\n";
  CHECK_THROWS_WITH(read_ply(file(lists)), Catch::Contains("face 0"));
  std::string negative = lists;
  negative.replace(negative.find("uint int"), 8, "char int");
  negative.replace(negative.find("4294967295"), 10, "-4");
  CHECK_THROWS_WITH(read_ply(file(negative)), Catch::Contains("face 0"));
}

TEST_CASE("ply: headers that are none", "[ply]") {
  const Written file;
  const auto header = [](const std::string& lines) {
    return "ply\n" + lines + "end_header\n0 0 0\n";
  };
  const std::string vertex = "element vertex 1\n" + kXyz, format = "format ascii 1.0\n";
  CHECK_NOTHROW(read_ply(file(header(format + vertex))));
  for (const std::string& lines :
       {vertex, format + format + vertex, "format ascii 2.0\n" + vertex,
        "format utf8 1.0\n" + vertex, format, format + "element vertex 0\n" + kXyz, format + kXyz,
        format + "element vertex 1\nproperty float x\nproperty float y\n",
        format + "element vertex 1\nproperty half x\nproperty float y\nproperty float z\n",
        format + vertex + "property float x\n", format + vertex + vertex,
        format +
            "element vertex 1\nproperty list float int x\nproperty float y\nproperty float z\n",
        format + "element vertex 1\nproperty list uchar float x\nproperty float y\n",
        format + vertex + "nonsense\n", format + "element vertex\n"}) {
    CAPTURE(lines);
    CHECK_THROWS_AS(read_ply(file(header(lines))), FormatError);
  }
  CHECK_THROWS_AS(read_ply(file("")), FormatError);
  CHECK_THROWS_AS(read_ply(file("plyx\n")), FormatError);
  CHECK_THROWS_AS(read_ply(file("ply\n" + std::string(70000, 'c'))), FormatError);
  CHECK_THROWS_AS(read_ply(file.temp / "none.ply"), InputError);
  CHECK_THROWS_AS(read_ply(file.temp.path()), InputError);
}

}  // namespace vega::scan
