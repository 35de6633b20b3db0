// Boxes as meshes: closed, oriented outward, in the frame that was asked for.
#include "evaluate/box_mesh.h"

#include <catch2/catch.hpp>

#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include "support/support.h"

using namespace vega;

namespace {

struct Parsed {
  std::vector<std::array<double, 3>> vertices;
  std::vector<std::array<int, 3>> faces;
};

Parsed parsed(const std::string& ply) {
  Parsed out;
  std::istringstream in(ply);
  std::string word, line;
  std::size_t vertices = 0, faces = 0;
  while (std::getline(in, line) && line != "end_header") {
    std::istringstream words(line);
    words >> word;
    if (word != "element") continue;
    words >> word;
    words >> (word == "vertex" ? vertices : faces);
  }
  for (std::size_t i = 0; i < vertices; ++i) {
    std::array<double, 3> v{};
    int red = 0, green = 0, blue = 0;
    in >> v[0] >> v[1] >> v[2] >> red >> green >> blue;
    CHECK(red == 1);
    CHECK(blue == 3);
    out.vertices.push_back(v);
  }
  for (std::size_t i = 0; i < faces; ++i) {
    std::array<int, 3> f{};
    int count = 0;
    in >> count >> f[0] >> f[1] >> f[2];
    CHECK(count == 3);
    out.faces.push_back(f);
  }
  CHECK(static_cast<bool>(in));
  return out;
}

}  // namespace

TEST_CASE("the mesh of a box: twelve closed bars around its corners") {
  const Pose shift{1, 0, 0, 10, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  const std::vector<evaluate::DrawnBox> boxes = {{Box{0, 0, 1, 2, 1, 2}, {1, 2, 3}}};
  const Parsed mesh = parsed(evaluate::box_mesh(boxes, shift, "the \n red chair"));
  REQUIRE(mesh.vertices.size() == 12 * 8);
  REQUIRE(mesh.faces.size() == 12 * 12);
  // Thickness: 1 % of the diagonal of 3 m. The frame reaches half a bar beyond the box.
  double lowest = 1e9, highest = -1e9;
  for (const auto& v : mesh.vertices) {
    lowest = std::min(lowest, v[0]);
    highest = std::max(highest, v[0]);
  }
  CHECK(lowest == Approx(10 - 1 - 0.015).margin(1e-5));
  CHECK(highest == Approx(10 + 1 + 0.015).margin(1e-5));
  // Every edge of a bar is walked once in each direction: closed. Signed volume: outward.
  std::map<std::pair<int, int>, int> walked;
  double volume = 0;
  for (const auto& f : mesh.faces) {
    for (std::size_t i = 0; i < 3; ++i) ++walked[{f[i], f[(i + 1) % 3]}];
    const auto &a = mesh.vertices[std::size_t(f[0])], &b = mesh.vertices[std::size_t(f[1])],
               &c = mesh.vertices[std::size_t(f[2])];
    volume += (a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) +
               a[2] * (b[0] * c[1] - b[1] * c[0])) /
              6;
  }
  for (const auto& [edge, count] : walked) {
    CHECK(count == 1);
    CHECK(walked.count({edge.second, edge.first}) == 1);
  }
  const double section = 0.03 * 0.03;
  CHECK(volume == Approx(4 * section * ((2 + 0.03) + (1 + 0.03) + (2 + 0.03))).epsilon(1e-3));
}

TEST_CASE("a comment cannot break the head of a mesh, and no box is an empty mesh") {
  const Pose identity{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  const std::string ply = evaluate::box_mesh({}, identity, "a\nelement vertex 9");
  CHECK(ply.find("\nelement vertex 9") == std::string::npos);
  CHECK(parsed(ply).vertices.empty());
}
