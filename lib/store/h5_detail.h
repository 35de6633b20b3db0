// Inside of store/h5.h: identifiers of HDF5's C library, the process-wide lock, errors, types.
// Included only by the sources of h5.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "base/dtype.h"
#include "store/h5.h"
#include "store/h5_driver.h"

namespace vega::h5 {

struct File::State {
  std::filesystem::path path;
  hid_t id = -1;
  bool writing = false;
  // Bytes of a file that is only read, asked for once: of shared file systems every question goes
  // over the network.
  std::optional<std::uintmax_t> size;
  std::shared_ptr<detail::DiskFault> fault = std::make_shared<detail::DiskFault>();  // of writing
  ~State();

  // Of the file as it is now; 0 where it has no size.
  std::uintmax_t bytes() const;

  // Whether the object is there. Every part of its path must lie in this file: FormatError where
  // one is a soft or external link, which could lead to another file or round in circles.
  bool find(const std::string& object) const;

  // After every call that may have written, and when its identifiers are closed: throws OutputError
  // where the disk failed, with its reason.
  void check_written(const std::string& object) const;

  // OutputError where writing, else FormatError: "path: object: what (reason); remedy". The reason
  // is the disk's where that failed, else HDF5's.
  [[noreturn]] void fail(const std::string& object, const std::string& what) const;
  // The same, for what is there but is not what it should be.
  [[noreturn]] void fail(const std::string& object, const std::string& got,
                         const std::string& expected) const;
};

namespace detail {

// Held during every call of the library; the first one starts it (printing, file locks and the
// exit handler off).
[[nodiscard]] std::unique_lock<std::recursive_mutex> lock();

// Reasons of the last failure, innermost first, and clears them.
std::string error_stack();

// Closes an identifier at the end of a scope. Only while the lock is held.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  hid_t get() const { return id_; }
  bool ok() const { return id_ >= 0; }

 private:
  hid_t id_;
  Close close_;
};

// The file type of an element type; never closed.
hid_t type_of(DType dtype);

// The element type whose file type this is bit for bit; nothing for any other.
std::optional<DType> dtype_of(hid_t type);

}  // namespace detail
}  // namespace vega::h5
