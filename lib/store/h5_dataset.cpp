// The datasets of store/h5.h.
#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "store/h5_detail.h"

namespace vega::h5 {
using detail::Handle;

namespace {

// The whole of a dataset as it lies in the file: what `info` says, and whether it is stored raw.
struct Stored {
  DatasetInfo info;
  bool raw = true;  // no filter but fletcher32: bytes in the file = bytes in memory
};

std::vector<hsize_t> extents(const Shape& shape) { return {shape.begin(), shape.end()}; }

void read_space(const File::State& file, hid_t id, const std::string& object, DatasetInfo& info) {
  const Handle space(H5Dget_space(id), H5Sclose);
  if (!space.ok()) file.fail(object, "its shape cannot be read");
  const H5S_class_t kind = H5Sget_simple_extent_type(space.get());
  if (kind == H5S_SCALAR) return;
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (kind != H5S_SIMPLE || rank < 1) file.fail(object, "no shape", "a scalar or an array");
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr);
  for (const auto d : dims) {
    // A negative number here is an extent beyond 63 bits; element_count refuses it.
    info.shape.push_back(static_cast<std::int64_t>(d));
  }
  try {
    info.bytes();
  } catch (const InputError&) {
    file.fail(object, "shape " + to_string(info.shape), "one that fits memory");
  }
}

Stored stored(const File::State& file, hid_t id, const std::string& object) {
  Stored result;
  const Handle type(H5Dget_type(id), H5Tclose);
  const auto dtype = type.ok() ? detail::dtype_of(type.get()) : std::nullopt;
  if (!dtype) {
    file.fail(object, "an element type that vega does not write",
              "a little-endian integer or float (f16, bf16, f32, f64)");
  }
  result.info.dtype = *dtype;
  read_space(file, id, object, result.info);
  const Handle list(H5Dget_create_plist(id), H5Pclose);
  const H5D_layout_t layout = list.ok() ? H5Pget_layout(list.get()) : H5D_LAYOUT_ERROR;
  if (layout < 0) file.fail(object, "its layout cannot be read");
  if (layout == H5D_VIRTUAL || H5Pget_external_count(list.get()) > 0) {
    file.fail(object, "values that lie in another file", "values that lie in this file");
  }
  if (layout == H5D_CHUNKED) {
    std::vector<hsize_t> chunk(std::max<std::size_t>(1, result.info.shape.size()));
    if (H5Pget_chunk(list.get(), static_cast<int>(chunk.size()), chunk.data()) < 0) {
      file.fail(object, "its chunks cannot be read");
    }
    result.info.chunk.assign(chunk.begin(), chunk.end());
  }
  for (int i = 0; i < std::max(0, H5Pget_nfilters(list.get())); ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(list.get(), static_cast<unsigned>(i), &flags,
                                               &values, nullptr, 0, nullptr, nullptr);
    result.info.fletcher32 |= filter == H5Z_FILTER_FLETCHER32;
    result.raw &= filter == H5Z_FILTER_FLETCHER32;
  }
  return result;
}

hid_t open_dataset(const File::State& file, const std::string& object) {
  file.find(object);
  return H5Dopen2(file.id, object.c_str(), H5P_DEFAULT);
}

// What an opened dataset is.
Stored look(const File::State& file, hid_t id, const std::string& object) {
  if (id < 0) file.fail(object, "no such dataset, or it cannot be read");
  return stored(file, id, object);
}

// A damaged shape must not ask for more memory than the file can fill; missing chunks show here.
void require_filled(const File::State& file, hid_t id, const std::string& object,
                    const Stored& what) {
  if (!what.raw) return;
  const std::uintmax_t there = std::min<std::uintmax_t>(H5Dget_storage_size(id), file.bytes());
  if (there < what.info.bytes()) {
    file.fail(object, std::to_string(there) + " stored bytes",
              "at least " + std::to_string(what.info.bytes()));
  }
}

void check_range(const File::State& file, const std::string& object, const DatasetInfo& info,
                 std::int64_t first, std::int64_t count, std::size_t bytes) {
  const std::int64_t rows = info.row_count();
  if (first < 0 || count < 0 || first > rows || count > rows - first) {
    throw InputError(explain(file.path.string() + ": " + object,
                             std::to_string(count) + " rows from " + std::to_string(first),
                             "rows within " + to_string(info.shape)));
  }
  const std::size_t expected = static_cast<std::size_t>(count) * info.row_bytes();
  if (bytes != expected) {
    throw InputError(explain(file.path.string() + ": " + object, std::to_string(bytes) + " bytes",
                             std::to_string(expected)));
  }
}

// Selects rows in the file's space; returns the space of the memory side.
hid_t select_rows(hid_t file_space, const Shape& shape, std::int64_t first, std::int64_t count) {
  if (shape.empty()) return H5Screate(H5S_SCALAR);
  std::vector<hsize_t> start(shape.size(), 0), size = extents(shape);
  start[0] = static_cast<hsize_t>(first);
  size[0] = static_cast<hsize_t>(count);
  if (H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr) <
      0) {
    return -1;
  }
  return H5Screate_simple(static_cast<int>(size.size()), size.data(), nullptr);
}

}  // namespace

std::size_t DatasetInfo::bytes() const {
  return static_cast<std::size_t>(element_count(shape)) * size_of(dtype);
}

std::size_t DatasetInfo::row_bytes() const {
  if (shape.empty()) return size_of(dtype);
  return static_cast<std::size_t>(element_count(Shape(shape.begin() + 1, shape.end()))) *
         size_of(dtype);
}

void File::create_dataset(const std::string& object, DType dtype, const Shape& shape,
                          std::int64_t rows_per_chunk) {
  const bool empty = element_count(shape) == 0;
  const auto held = detail::lock();
  if (const auto slash = object.rfind('/'); slash > 0 && slash != std::string::npos) {
    make_group(object.substr(0, slash));
  }
  const std::vector<hsize_t> dims = extents(shape);
  const Handle space(shape.empty()
                         ? H5Screate(H5S_SCALAR)
                         : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
                     H5Sclose);
  const Handle list(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(list.get(), false);
  H5Pset_fill_time(list.get(), H5D_FILL_TIME_NEVER);
  if (!shape.empty() && !empty) {
    std::vector<hsize_t> chunk = dims;
    chunk[0] = std::min(dims[0], static_cast<hsize_t>(std::max<std::int64_t>(1, rows_per_chunk)));
    if (H5Pset_chunk(list.get(), static_cast<int>(chunk.size()), chunk.data()) < 0 ||
        H5Pset_fletcher32(list.get()) < 0) {
      state_->fail(object, "chunks cannot be set");
    }
  }
  const Handle id(H5Dcreate2(state_->id, object.c_str(), detail::type_of(dtype), space.get(),
                             H5P_DEFAULT, list.get(), H5P_DEFAULT),
                  H5Dclose);
  if (!id.ok()) state_->fail(object, "cannot be made");
  state_->check_written(object);
}

void File::write_rows(const std::string& object, std::int64_t first, std::int64_t count,
                      std::span<const std::byte> raw) {
  const auto held = detail::lock();
  {
    const Handle id(open_dataset(*state_, object), H5Dclose);
    const DatasetInfo what = look(*state_, id.get(), object).info;
    check_range(*state_, object, what, first, count, raw.size());
    if (raw.empty()) return;
    const Handle space(H5Dget_space(id.get()), H5Sclose);
    const Handle memory(select_rows(space.get(), what.shape, first, count), H5Sclose);
    if (!memory.ok() || H5Dwrite(id.get(), detail::type_of(what.dtype), memory.get(), space.get(),
                                 H5P_DEFAULT, raw.data()) < 0) {
      state_->fail(object, "cannot be written");
    }
  }
  state_->check_written(object);  // the last bytes leave when the dataset is closed
}

void File::write_dataset(const std::string& object, DType dtype, const Shape& shape,
                         std::span<const std::byte> raw, std::int64_t rows_per_chunk) {
  create_dataset(object, dtype, shape, rows_per_chunk);
  write_rows(object, 0, shape.empty() ? 1 : shape[0], raw);
  write_text(object, "xxh3", xxh3_hex(raw));
}

DatasetInfo File::info(const std::string& object) const {
  const auto held = detail::lock();
  const Handle id(open_dataset(*state_, object), H5Dclose);
  const Stored what = look(*state_, id.get(), object);
  if (!state_->writing) require_filled(*state_, id.get(), object, what);
  return what.info;
}

void File::read_rows(const std::string& object, std::int64_t first, std::int64_t count,
                     std::span<std::byte> raw) const {
  const auto held = detail::lock();
  const Handle id(open_dataset(*state_, object), H5Dclose);
  const Stored what = look(*state_, id.get(), object);
  check_range(*state_, object, what.info, first, count, raw.size());
  if (raw.empty()) return;
  const Handle space(H5Dget_space(id.get()), H5Sclose);
  const Handle memory(select_rows(space.get(), what.info.shape, first, count), H5Sclose);
  if (!memory.ok() || H5Dread(id.get(), detail::type_of(what.info.dtype), memory.get(), space.get(),
                              H5P_DEFAULT, raw.data()) < 0) {
    state_->fail(object, "its values cannot be read");
  }
}

void File::read_runs(const std::string& object, std::int64_t first, std::int64_t count,
                     const std::function<void(std::span<const std::byte>)>& use) const {
  constexpr std::size_t kRun = std::size_t{4} << 20;
  const std::size_t row = info(object).row_bytes();
  if (row == 0) return;
  const auto most = static_cast<std::int64_t>(std::max<std::size_t>(1, kRun / row));
  std::vector<std::byte> raw;
  for (const std::int64_t end = first + count; first < end; first += most) {
    const std::int64_t rows = std::min(most, end - first);
    raw.resize(static_cast<std::size_t>(rows) * row);
    read_rows(object, first, rows, raw);
    use(raw);
  }
}

std::vector<std::byte> File::read_dataset(const std::string& object) const {
  std::vector<std::byte> raw;
  {
    const auto held = detail::lock();
    const Handle id(open_dataset(*state_, object), H5Dclose);
    const Stored what = look(*state_, id.get(), object);
    require_filled(*state_, id.get(), object, what);
    raw.resize(what.info.bytes());
    read_rows(object, 0, what.info.row_count(), raw);
  }
  if (has_attribute(object, "xxh3")) {
    const std::string expected = read_text(object, "xxh3"), got = xxh3_hex(raw);
    if (got != expected) state_->fail(object, "values with xxh3 " + got, expected);
  }
  return raw;
}

std::vector<std::byte> File::read_dataset(const std::string& object, DType dtype,
                                          const Shape& shape) const {
  const DatasetInfo what = info(object);
  bool same = what.dtype == dtype && what.shape.size() == shape.size();
  for (std::size_t i = 0; same && i < shape.size(); ++i) {
    same = shape[i] < 0 || shape[i] == what.shape[i];
  }
  if (!same) {
    state_->fail(object, std::string(name_of(what.dtype)) + " " + to_string(what.shape),
                 std::string(name_of(dtype)) + " " + to_string(shape));
  }
  return read_dataset(object);
}

}  // namespace vega::h5
