// The trace of a run lists, a line each, the LibTorch operations that reached the device and the
// launches of vega's own kernels.
#pragma once

#include <string>

namespace vega::host_device {

// Whether somebody listens: VEGA_DEVICE_TRACE=FILE, or a test between vega_host_trace_begin and
// vega_host_trace_end.
bool tracing();

void add_to_trace(const std::string& line);

// Kernels launched so far.
long launches();

}  // namespace vega::host_device

// For tests, found by name in the loaded library (core's cuda_symbol).
extern "C" {
__attribute__((visibility("default"))) void vega_host_trace_begin(void);
__attribute__((visibility("default"))) const char* vega_host_trace_end(void);  // till the next call
}
