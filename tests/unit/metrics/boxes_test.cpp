#include "metrics/boxes.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <random>

using namespace vega::metrics;

TEST_CASE("IoU of boxes at the thresholds") {
  const auto cube = [](double x, double edge) { return BoxNumbers{x, 0, 0, edge, edge, edge}; };
  CHECK(box_iou(cube(0, 1), cube(2, 1)) == 0);
  CHECK(box_iou(cube(0, 2), cube(0, 2)) == Approx(1).epsilon(1e-8));
  // Exactly one half of the larger one: 1e-8 makes it miss 0.5.
  const BoxNumbers whole{0, 0, 0, 1, 1, 1}, half{0.25, 0, 0, 0.5, 1, 1};
  CHECK(box_iou(whole, half) < 0.5);
  CHECK(box_iou(whole, half) == Approx(0.499999995).epsilon(1e-9));
  CHECK(static_cast<float>(box_iou(whole, half)) >= 0.5F);
  // A flat box, a cube of 1 cm and one of 1 mm against themselves.
  CHECK(box_iou({0, 0, 0, 1, 1, 0}, {0, 0, 0, 1, 1, 0}) == 0);
  CHECK(box_iou(cube(0, 0.01), cube(0, 0.01)) == Approx(0.990099).epsilon(1e-6));
  CHECK(box_iou(cube(0, 0.001), cube(0, 0.001)) == Approx(0.0909).epsilon(1e-3));
}

TEST_CASE("IoU equals a count of small cells") {
  std::mt19937 random(5);
  std::uniform_int_distribution<int> place(-6, 6), edge(1, 8);
  for (int round = 0; round < 200; ++round) {
    int low[2][3], high[2][3];
    BoxNumbers box[2];
    for (int b = 0; b < 2; ++b) {
      for (std::size_t axis = 0; axis < 3; ++axis) {
        low[b][axis] = place(random);
        high[b][axis] = low[b][axis] + edge(random);
        box[b][axis] = (low[b][axis] + high[b][axis]) / 2.0;
        box[b][axis + 3] = high[b][axis] - low[b][axis];
      }
    }
    int both = 0, any = 0;
    for (int x = -6; x < 14; ++x)
      for (int y = -6; y < 14; ++y)
        for (int z = -6; z < 14; ++z) {
          const int p[3] = {x, y, z};
          bool in[2] = {true, true};
          for (int b = 0; b < 2; ++b)
            for (int axis = 0; axis < 3; ++axis)
              in[b] &= p[axis] >= low[b][axis] && p[axis] < high[b][axis];
          both += in[0] && in[1];
          any += in[0] || in[1];
        }
    CHECK(box_iou(box[0], box[1]) == Approx(static_cast<double>(both) / any).epsilon(1e-8));
  }
}

TEST_CASE("the largest assignment equals the best of all permutations") {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> value(0, 9);  // whole numbers: sums are exact, ties common
  for (const auto& [rows, columns] :
       {std::pair{1, 1}, {1, 4}, {4, 1}, {3, 5}, {5, 3}, {6, 6}, {0, 3}, {3, 0}}) {
    for (int round = 0; round < 50; ++round) {
      std::vector<double> values(static_cast<std::size_t>(rows * columns));
      for (double& v : values) v = value(random);
      const auto pair = largest_assignment(values, rows, columns);
      REQUIRE(pair.size() == static_cast<std::size_t>(rows));
      double sum = 0;
      std::vector<bool> used(static_cast<std::size_t>(columns), false);
      int paired = 0;
      for (int r = 0; r < rows; ++r) {
        const int c = pair[static_cast<std::size_t>(r)];
        if (c < 0) continue;
        REQUIRE(c < columns);
        REQUIRE_FALSE(used[static_cast<std::size_t>(c)]);
        used[static_cast<std::size_t>(c)] = true;
        sum += values[static_cast<std::size_t>(r * columns + c)];
        ++paired;
      }
      CHECK(paired == std::min(rows, columns));
      const int larger = std::max(rows, columns);
      std::vector<int> order(static_cast<std::size_t>(larger));
      std::iota(order.begin(), order.end(), 0);
      double best = 0;
      do {
        double total = 0;
        for (int k = 0; k < std::min(rows, columns); ++k) {
          const int other = order[static_cast<std::size_t>(k)];
          total += rows <= columns ? values[static_cast<std::size_t>(k * columns + other)]
                                   : values[static_cast<std::size_t>(other * columns + k)];
        }
        best = std::max(best, total);
      } while (std::next_permutation(order.begin(), order.end()));
      CHECK(sum == best);
    }
  }
}

TEST_CASE("F1 of sets of boxes") {
  const BoxNumbers a{0, 0, 0, 1, 1, 1}, b{5, 0, 0, 1, 1, 1}, c{9, 9, 9, 1, 1, 1};
  using Boxes = std::vector<BoxNumbers>;
  CHECK(boxes_f1(Boxes{}, Boxes{}, 0.5) == 1);
  CHECK(boxes_f1(Boxes{a}, Boxes{}, 0.5) == 0);
  CHECK(boxes_f1(Boxes{}, Boxes{a}, 0.5) == 0);
  CHECK(boxes_f1(Boxes{a, b}, Boxes{b, a}, 0.5) == 1);
  CHECK(boxes_f1(Boxes{a, b, c}, Boxes{a}, 0.5) == 0.5);
  CHECK(boxes_f1(Boxes{c}, Boxes{a, b}, 0.25) == 0);
}
