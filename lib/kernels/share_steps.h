// Pieces of a short computation shared among threads that need not all come.
#pragma once

#include <cstdint>
#include <functional>

namespace vega::kernels {

// Calls body(n) for every n in [0, count), on the caller and on up to at::get_num_threads() - 1
// helpers that wait for such work. The body does not throw.
// A decoder's step has hundreds of these, each of some 10 us. Where other programs hold the cores,
// a helper may be away for milliseconds: OpenMP would wait for it every time. Here the caller waits
// only for pieces that somebody has begun.
void share_steps(std::int64_t count, const std::function<void(std::int64_t)>& body);

// Calls body(first, last) likewise for runs of at most `piece` rows that together are [0, count).
void share_rows(std::int64_t count, std::int64_t piece,
                const std::function<void(std::int64_t first, std::int64_t last)>& body);

}  // namespace vega::kernels
