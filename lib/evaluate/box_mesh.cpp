#include "evaluate/box_mesh.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "base/printable.h"
#include "geometry/transform.h"

namespace vega::evaluate {
namespace {

struct Mesh {
  std::vector<std::string> vertices, faces;
};

// Triangles of a box by corners(), seen from outside in counter-clockwise order.
constexpr std::array<std::array<std::size_t, 3>, 12> kTriangles = {{{0, 2, 1},
                                                                    {1, 2, 3},
                                                                    {4, 5, 6},
                                                                    {5, 7, 6},
                                                                    {0, 1, 4},
                                                                    {1, 5, 4},
                                                                    {2, 6, 3},
                                                                    {3, 6, 7},
                                                                    {0, 4, 2},
                                                                    {2, 4, 6},
                                                                    {1, 3, 5},
                                                                    {3, 7, 5}}};

void add_bar(const Box& bar, const DrawnBox& of, const Pose& from_aligned, Mesh& mesh) {
  const std::size_t first = mesh.vertices.size();
  for (const Point3& corner : corners(bar)) {
    const Point3 p = transform(from_aligned, corner);
    mesh.vertices.push_back(fmt::format("{:.6f} {:.6f} {:.6f} {} {} {}\n", p[0], p[1], p[2],
                                        of.rgb[0], of.rgb[1], of.rgb[2]));
  }
  for (const auto& [a, b, c] : kTriangles)
    mesh.faces.push_back(fmt::format("3 {} {} {}\n", first + a, first + b, first + c));
}

// The four edges along `axis`; they reach over the corners, so that the frame has no notches.
void add_edges(const DrawnBox& of, std::size_t axis, float thick, const Pose& from_aligned,
               Mesh& mesh) {
  const std::size_t u = (axis + 1) % 3, v = (axis + 2) % 3;
  for (const float at_u : {-0.5f, 0.5f}) {
    for (const float at_v : {-0.5f, 0.5f}) {
      Box bar = of.box;
      bar[u] += at_u * of.box[3 + u];
      bar[v] += at_v * of.box[3 + v];
      bar[3 + axis] += thick;
      bar[3 + u] = bar[3 + v] = thick;
      add_bar(bar, of, from_aligned, mesh);
    }
  }
}

}  // namespace

std::string box_mesh(std::span<const DrawnBox> boxes, const Pose& from_aligned,
                     const std::string& comment) {
  Mesh mesh;
  for (const DrawnBox& drawn : boxes) {
    const float diagonal = std::hypot(drawn.box[3], drawn.box[4], drawn.box[5]);
    const float thick = std::clamp(0.01f * diagonal, 0.004f, 0.03f);
    for (std::size_t axis = 0; axis < 3; ++axis) add_edges(drawn, axis, thick, from_aligned, mesh);
  }
  std::string out = fmt::format(
      "ply\nformat ascii 1.0\ncomment {}\nelement vertex {}\nproperty float x\nproperty float y\n"
      "property float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\n"
      "element face {}\nproperty list uchar int vertex_indices\nend_header\n",
      printable(comment), mesh.vertices.size(), mesh.faces.size());
  for (const std::string& line : mesh.vertices) out += line;
  for (const std::string& line : mesh.faces) out += line;
  return out;
}

}  // namespace vega::evaluate
