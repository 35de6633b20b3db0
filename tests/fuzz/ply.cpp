// A PLY mesh: header, vertices, everything behind them.
#include <cmath>

#include "fuzz/target.h"
#include "scan/mesh.h"

using namespace vega;
using namespace vega::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InputFile file(bytes_of(data, size));
  attempt([&] {
    const scan::Mesh mesh = scan::read_ply(file.path());
    require(!mesh.vertices.empty() && mesh.vertices.size() <= size, "vertices that the file holds");
    require(mesh.colors.empty() || mesh.colors.size() == mesh.vertices.size(), "a colour each");
    for (const auto& p : mesh.vertices) {
      require(std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]), "finite vertices");
    }
  });
  return 0;
}
