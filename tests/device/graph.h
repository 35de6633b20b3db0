// Recorded work on the emulated device (core/cuda_graph.h). While a thread records, its launches
// and operations are kept, with their arguments as they are then; a replay does them again, on the
// same memory. A value that a step reads from anywhere but the device's memory is as old as the
// recording.
#pragma once

#include <functional>
#include <memory>

#include "cuda_runtime.h"

namespace vega::host_device {

VEGA_HIDDEN bool capturing();
VEGA_HIDDEN bool replaying();

// Adds to what a replay does.
VEGA_HIDDEN void record(std::function<void()> again);
// Memory that lives as long as the recording.
VEGA_HIDDEN void keep_for_graph(std::shared_ptr<void> memory);
// Marks the recording as failed: the thread did something that a device refuses while it records.
VEGA_HIDDEN void spoil_capture();

}  // namespace vega::host_device
