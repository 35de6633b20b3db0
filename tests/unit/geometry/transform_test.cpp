// Points and boxes through poses, and poses that cannot be undone.
#include "geometry/transform.h"

#include <catch2/catch.hpp>

#include <limits>

#include "base/error.h"

using namespace vega;

TEST_CASE("a pose and its inverse take points there and back") {
  // A turn by 90 degrees about z, then a shift.
  const Pose pose{0, -1, 0, 2, 1, 0, 0, -3, 0, 0, 1, 0.5, 0, 0, 0, 1};
  CHECK(transform(pose, {1, 0, 0}) == Point3{2, -2, 0.5});
  CHECK(transform(inverse(pose), {2, -2, 0.5}) == Point3{1, 0, 0});
  // A general matrix: the product with the inverse is the identity.
  const Pose bent{2, 0.3, -0.1, 4, 0.2, 1.5, 0.7, 5, -0.4, 0.1, 3, 6, 0, 0, 0, 1};
  const Pose product = multiply(bent, inverse(bent));
  for (std::size_t i = 0; i < 16; ++i)
    CHECK(product[i] == Approx(i % 5 == 0 ? 1 : 0).margin(1e-12));
}

TEST_CASE("poses without an inverse") {
  const Pose flat{1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1};
  CHECK_THROWS_AS(inverse(flat), InputError);
  Pose nan{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  nan[5] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(inverse(nan), InputError);
}

TEST_CASE("the corners of a box") {
  const auto found = corners(Box{1, 2, 3, 2, 4, 6});
  CHECK(found[0] == Point3{0, 0, 0});
  CHECK(found[1] == Point3{2, 0, 0});
  CHECK(found[2] == Point3{0, 4, 0});
  CHECK(found[4] == Point3{0, 0, 6});
  CHECK(found[7] == Point3{2, 4, 6});
}
