// One block of threads on one thread of the host: each is a fiber with a stack of its own, and runs
// until it waits. A lane of a warp waits for others at a shuffle, a thread of the block at a
// barrier.
#pragma once

#include "cuda_runtime.h"

namespace vega::host_device {

// In which order the warps of a block run (VEGA_DEVICE_ORDER).
//   greedy   drawn anew at every barrier; a warp runs as far as it gets, which shows who reads too
//            early or overwrites too early for want of a barrier. The default.
//   rounds   every warp in turn as far as its next shuffle
//   reverse  greedy, the last warp and the last lane first
enum class Order { kGreedy, kRounds, kReverse };

// Runs body(argument) for every thread of blockIdx, which the caller set. Ends the process with
// a message where threads wait for each other forever or a lane shuffles with one that is gone.
void run_block(Order order, void (*body)(void*), void* argument);

}  // namespace vega::host_device
