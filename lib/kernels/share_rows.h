// Rows of a kernel's output shared among the threads of LibTorch's operations.
#pragma once

#include <cstdint>
#include <functional>

namespace vega::kernels {

// Calls body(first, last) for pieces of at most `piece` rows that together are [0, count), on up to
// at::get_num_threads() threads; free threads take the next piece. The body does not throw. One
// piece, or one thread: on the caller.
void share_rows(std::int64_t count, std::int64_t piece,
                const std::function<void(std::int64_t first, std::int64_t last)>& body);

}  // namespace vega::kernels
