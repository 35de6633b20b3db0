#include "base/memory.h"

#include <malloc.h>

#include <limits>

namespace vega {

void keep_freed_memory() {
  mallopt(M_ARENA_MAX, 1);  // other arenas cannot hold blocks of more than 64 MB
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

}  // namespace vega
