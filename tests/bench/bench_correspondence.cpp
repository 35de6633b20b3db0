// Time of the correspondence scores of one made-up scene: bench_correspondence [views] [channels].
// Medians of five runs, on the threads this process may use.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <vector>

#include "base/parallel.h"
#include "correspondence/matching.h"
#include "correspondence/nearest.h"
#include "correspondence/separation.h"
#include "correspondence/tokens.h"
#include "correspondence/voxel_score.h"

namespace {

double seconds(const std::function<void()>& body) {
  std::vector<double> all;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    all.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(all.begin(), all.begin() + 2, all.end());
  return all[2];
}

void line(const char* what, double s) { std::printf("%-52s %9.1f ms\n", what, 1e3 * s); }

}  // namespace

int main(int argc, char** argv) {
  const long views = argc > 1 ? std::max(2L, std::atol(argv[1])) : 32;
  const long channels = argc > 2 ? std::max(1L, std::atol(argv[2])) : 1536;
  const std::size_t cells = static_cast<std::size_t>(views) * 14 * 14;
  std::mt19937 engine(1);
  std::uniform_real_distribution<float> any(-1, 1);
  std::vector<float> features(cells * static_cast<std::size_t>(channels)), world(cells * 3);
  for (float& x : features) x = any(engine);
  for (float& x : world) x = any(engine) / 2;  // a cube of 1 m: nearly every voxel is shared
  const std::vector<float> valid(cells, 1.0F);
  const vega::SceneTokens scene{views, 14, 14, channels, features, world, valid};
  const int threads = vega::available_cores();
  std::printf("%ld views of 14 x 14 x %ld, %d threads\n", views, channels, threads);

  vega::TokenRows rows;
  double checksum = 0;  // so that nothing is optimised away
  const auto prepare = [&](vega::Center center) {
    return seconds([&] { rows = vega::token_rows(scene, 0.1, center, threads); });
  };
  const double centred = prepare(vega::Center::kMean), raw = prepare(vega::Center::kNone);
  const double multi = seconds([&] { checksum += multi_view_score(rows, 0.1, threads).score; });
  const double adjacent = seconds([&] { checksum += adjacent_score(rows, 0.1, threads).score; });
  line("unit rows", raw);
  line("unit rows, centred", centred);
  line("multi-view score", multi);
  line("adjacent-pair score", adjacent);
  line("voxel scores of a scene: the three of them", raw + multi + adjacent);
  line("AUC of 200,000 pairs and margin",
       seconds([&] { checksum += separation(rows, {.threads = threads}).auc; }));
  line("adjacent matching",
       seconds([&] { checksum += match_adjacent(rows, {}, threads).mean_kept; }));
  const std::int64_t n = std::min<std::int64_t>(2000, rows.size());
  line("nearest two of 2,000 x 2,000 points (Probe3D pair)", seconds([&] {
         checksum +=
             vega::nearest_rows(rows.row(0), n, rows.row(rows.size() - n), n, channels, threads)
                 .best_cosine[0];
       }));
  std::printf("checksum %.6f\n", checksum);
}
