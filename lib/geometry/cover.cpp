#include "geometry/cover.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace vega {

CoverPlan plan_cover(ImageSize in, ImageSize out) {
  if (in.empty() || out.empty())
    throw InputError(explain("resize", to_string(in) + " to " + to_string(out),
                             "at least one pixel on each side"));
  const double scale = std::max(static_cast<double>(out.height) / in.height,
                                static_cast<double>(out.width) / in.width);
  // nearbyint: half to even in the default rounding mode. The scaled side can fall a hair short of
  // `out` only by rounding of the product, which the rounding to an integer undoes.
  const auto side = [scale](int n) {
    return std::max(1, static_cast<int>(std::nearbyint(n * scale)));
  };
  CoverPlan plan{{side(in.width), side(in.height)}};
  plan.left = (plan.resized.width - out.width) / 2;
  plan.top = (plan.resized.height - out.height) / 2;
  return plan;
}

}  // namespace vega
