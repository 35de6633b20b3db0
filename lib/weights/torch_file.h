// Reader of PyTorch checkpoints (.pth, .pt) that executes nothing.
#pragma once

#include <filesystem>

#include "weights/tensor_set.h"

namespace vega {

// Reads what torch.save writes: zip archives (stored entries are mapped, not copied; zip64; small
// deflated entries are inflated) and the older plain-pickle files. The pickle (protocols 2 to 5) is
// read by a small stack machine that knows a closed list of names (tensors, storages, dtypes,
// OrderedDict); any other name is refused and nothing is ever imported or called.
//
// Names: keys of nested dicts joined by '.', lists and tuples by index: {"state_dict": {"w": t}}
// gives "state_dict.w"; a bare tensor has the name "". Leaves that are no tensors are left out.
// Tensors with strides are copied into contiguous memory, at most 4 MiB more than the file's size
// in all; all others are views of the mapping. Compressed records: 64 MiB in all.
//
// Throws FormatError (file, tensor or record, got, expected, remedy); InputError when the file
// cannot be opened.
// Source: torch/serialization.py, torch/_utils.py (_rebuild_tensor_v2), Python pickletools.
TensorSet read_torch_file(const std::filesystem::path& path);

}  // namespace vega
