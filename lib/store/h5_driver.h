// The driver through which HDF5 writes files. The library does not handle a failed write well:
// closing a dataset hides it, copying an object may crash, a file that cannot be flushed cannot be
// closed. This driver keeps the first failure and reports success to the library; our code asks for
// the failure after each call (File::State::check_written). Included only by the sources of h5.
#pragma once

#include <hdf5.h>

#include <memory>

namespace vega::h5::detail {

// The first failed call on a file: its errno and what it was ("write"). From then on the file is
// lost, and nothing more is written.
struct DiskFault {
  int reason = 0;  // 0: none
  const char* call = "";
};

// Makes files opened with this access property list use the driver. While the lock of h5 is held.
// False where the library refuses.
bool use_driver(hid_t access, const std::shared_ptr<DiskFault>& fault);

}  // namespace vega::h5::detail
