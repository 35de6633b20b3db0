// HDF5's way to the disk for files that are written. The library's own handling of a failed write
// is not to be relied on: a dataset that is closed swallows it, a copied object crashes on the way
// out, a file that cannot be flushed cannot be closed. This driver remembers the first failure,
// lets the library believe that all is well, and whoever called it asks afterwards. Included only
// by the sources of h5.
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
