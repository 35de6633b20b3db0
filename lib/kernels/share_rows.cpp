// Compiled with OpenMP, like LibTorch, and alone: both then use one pool of threads.
#include "kernels/share_rows.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#include <algorithm>
#include <atomic>

namespace vega::kernels {

void share_rows(std::int64_t count, std::int64_t piece,
                const std::function<void(std::int64_t, std::int64_t)>& body) {
  std::atomic<std::int64_t> next{0};
  const auto work = [&] {
    for (std::int64_t first; (first = next.fetch_add(piece)) < count;)
      body(first, std::min(count, first + piece));
  };
#ifdef _OPENMP
  if (count > piece && omp_get_max_threads() > 1) {
#pragma omp parallel
    work();
    return;
  }
#endif
  work();
}

}  // namespace vega::kernels
