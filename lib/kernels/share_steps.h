// Pieces of a short computation shared among threads that need not all come.
#pragma once

#include <cstdint>
#include <functional>

namespace vega::kernels {

// Calls body(n) for every n in [0, count), on the caller and on up to at::get_num_threads() - 1
// helpers that wait for such work. The body does not throw.
// A decoder's step has hundreds of these, each of some 10 us. Where other programs hold the cores,
// a helper may be away for milliseconds: OpenMP, which share_rows takes, would wait for it every
// time. Here the caller waits only for pieces that somebody has begun.
void share_steps(std::int64_t count, const std::function<void(std::int64_t)>& body);

}  // namespace vega::kernels
