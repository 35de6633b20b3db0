#include "store/h5_detail.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/publish.h"

namespace vega::h5 {
namespace {

constexpr std::array kStored{DType::kU8,  DType::kI8,   DType::kI16, DType::kU16,
                             DType::kI32, DType::kU32,  DType::kI64, DType::kU64,
                             DType::kF16, DType::kBF16, DType::kF32, DType::kF64};

// A 16-bit float: sign 15, exponent above the mantissa. The fields are set first: the size may
// only shrink to what they occupy.
hid_t half_type(std::size_t mantissa_bits, std::size_t bias) {
  const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, mantissa_bits, 15 - mantissa_bits, 0, mantissa_bits);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, bias);
  return type;
}

hid_t make_type(DType dtype) {
  switch (dtype) {
    case DType::kBool:
    case DType::kU8: return H5T_STD_U8LE;
    case DType::kI8: return H5T_STD_I8LE;
    case DType::kI16: return H5T_STD_I16LE;
    case DType::kU16: return H5T_STD_U16LE;
    case DType::kI32: return H5T_STD_I32LE;
    case DType::kU32: return H5T_STD_U32LE;
    case DType::kI64: return H5T_STD_I64LE;
    case DType::kU64: return H5T_STD_U64LE;
    case DType::kF16: return half_type(10, 15);
    case DType::kBF16: return half_type(7, 127);
    case DType::kF32: return H5T_IEEE_F32LE;
    case DType::kF64: return H5T_IEEE_F64LE;
  }
  return -1;
}

void start_library() {
  // The file access property is overruled by this variable; part files carry their own lock.
  setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
  // No work is left for the exit handler; it would only run beside threads that still compute.
  H5dont_atexit();
  H5open();
}

herr_t collect(unsigned, const H5E_error2_t* error, void* data) {
  auto& lines = *static_cast<std::vector<std::string>*>(data);
  std::string text = error->desc != nullptr ? error->desc : "";
  // Of a failed system call only its own words: the rest is addresses and times.
  const std::string mark = "error message = '";
  if (const auto at = text.find(mark); at != std::string::npos) {
    const auto begin = at + mark.size();
    text = text.substr(begin, text.find('\'', begin) - begin);
  }
  if (!text.empty() && lines.size() < 2) lines.push_back(std::move(text));
  return 0;
}

}  // namespace

namespace detail {

std::unique_lock<std::recursive_mutex> lock() {
  static std::recursive_mutex mutex;
  std::unique_lock<std::recursive_mutex> held(mutex);
  static const bool started = (start_library(), true);
  static_cast<void>(started);
  // A library that was built for threads has an error stack, and its printing, a thread.
  thread_local const bool quiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  static_cast<void>(quiet);
  return held;
}

std::string error_stack() {
  std::vector<std::string> lines;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &lines);
  H5Eclear2(H5E_DEFAULT);
  std::string text;
  for (const auto& line : lines) text += (text.empty() ? "" : "; ") + line;
  return text;
}

hid_t type_of(DType dtype) {
  static std::array<hid_t, 16> types = [] {
    std::array<hid_t, 16> made{};
    for (const auto d : kStored) made[static_cast<std::size_t>(d)] = make_type(d);
    made[static_cast<std::size_t>(DType::kBool)] = make_type(DType::kBool);
    return made;
  }();
  return types[static_cast<std::size_t>(dtype)];
}

std::optional<DType> dtype_of(hid_t type) {
  for (const auto dtype : kStored) {
    if (H5Tequal(type, type_of(dtype)) > 0) return dtype;
  }
  return std::nullopt;
}

}  // namespace detail

File::State::~State() {
  if (id < 0) return;
  const auto held = detail::lock();
  H5Fclose(id);
  detail::error_stack();
}

void File::State::check_written(const std::string& object) const {
  if (fault->reason != 0) fail(object, "cannot be written");
}

void File::State::fail(const std::string& object, const std::string& what) const {
  std::string reason = detail::error_stack();
  if (fault->reason != 0) {
    reason = std::string(fault->call) + " failed: " + std::strerror(fault->reason);
  }
  const std::string text = path.string() + ": " + (object.empty() ? "" : object + ": ") + what +
                           (reason.empty() ? "" : " (" + reason + ")");
  if (writing) throw OutputError(text + "; " + output_remedy(fault->reason));
  throw FormatError(text + "; the file is damaged or incomplete: make or copy it again");
}

void File::State::fail(const std::string& object, const std::string& got,
                       const std::string& expected) const {
  check_written(object);  // what is not as it should be may come of it
  detail::error_stack();
  const std::string where = path.string() + ": " + object;
  if (writing)
    throw OutputError(explain(where, got, expected, "the disk may be faulty: run again"));
  throw FormatError(explain(where, got, expected, "the file is damaged: make or copy it again"));
}

}  // namespace vega::h5
