// Errors that a user can meet. A message says where, what was got, what was expected, and the
// remedy.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace vega {

// Base of all errors that carry an exit code (docs/formats.md, "Exit codes").
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  virtual int exit_code() const noexcept = 0;
};

// Wrong call of a program: unknown option, contradictory options. Exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
  int exit_code() const noexcept override { return 2; }
};

// Bad input of the caller, or data that does not fit the call. Exit code 3.
class InputError : public Error {
 public:
  using Error::Error;
  int exit_code() const noexcept override { return 3; }
};

// A file that is not what its name or place says: truncated, hostile, of another format. Exit
// code 3.
class FormatError : public InputError {
 public:
  using InputError::InputError;
};

// A file exists already and was made with other options or inputs; nothing was changed. Exit
// code 3.
class RefusedError : public InputError {
 public:
  using InputError::InputError;
};

// CUDA is not there, out of memory, launch failed. Exit code 5.
class DeviceError : public Error {
 public:
  using Error::Error;
  int exit_code() const noexcept override { return 5; }
};

// Out of memory on the device: the same may work in smaller batches. Exit code 5.
class DeviceMemoryError : public DeviceError {
 public:
  using DeviceError::DeviceError;
};

// The model itself is at fault: no item of the run can be computed. Exit code 3.
class ModelError : public InputError {
 public:
  using InputError::InputError;
};

// The output cannot be written: no space, read-only, I/O. Stops a run at once. Exit code 6.
class OutputError : public Error {
 public:
  using Error::Error;
  int exit_code() const noexcept override { return 6; }
};

// The house form of a message: "where: got X, expected Y; remedy". Empty parts are left out.
std::string explain(std::string_view where, std::string_view got, std::string_view expected = {},
                    std::string_view remedy = {});

}  // namespace vega
