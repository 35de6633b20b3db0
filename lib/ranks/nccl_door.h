// NCCL behind c10d, of the CUDA half: the one symbol by which ranks find it (core/device.h,
// find_cuda_symbol). A CUDA half that was built without nccl.h has none.
#pragma once

namespace vega {

// store: a c10::intrusive_ptr<c10d::Store>. Returns a c10d::Backend, whose reference the caller
// takes over, of the ranks of that store, each with a GPU of its own; null where that fails: `why`.
using MakeNcclBackend = void*(const void* store, int rank, int count, char* why, int capacity);
inline constexpr auto kNcclDoor = "vega_nccl_backend";

}  // namespace vega

extern "C" vega::MakeNcclBackend vega_nccl_backend;
