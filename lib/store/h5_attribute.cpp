// The attributes of store/h5.h.
#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"
#include "store/h5_detail.h"

namespace vega::h5 {
using detail::Handle;

namespace {

constexpr std::size_t kMostText = std::size_t{64} << 20;

std::string place(const std::string& object, const std::string& name) {
  return object + " attribute " + name;
}

// The object of a path, opened.
hid_t open_object(const File::State& file, const std::string& path) {
  file.find(path);
  return H5Oopen(file.id, path.c_str(), H5P_DEFAULT);
}

// An open attribute with one value, and its type.
struct Opened {
  Handle object, attribute, type;
  Opened(const File::State& file, const std::string& path, const std::string& name)
      : object(open_object(file, path), H5Oclose),
        attribute(object.ok() ? H5Aopen(object.get(), name.c_str(), H5P_DEFAULT) : -1, H5Aclose),
        type(attribute.ok() ? H5Aget_type(attribute.get()) : -1, H5Tclose) {
    if (!type.ok()) file.fail(place(path, name), "is not there or cannot be read");
  }
  hssize_t points() const {
    const Handle space(H5Aget_space(attribute.get()), H5Sclose);
    return space.ok() ? H5Sget_simple_extent_npoints(space.get()) : -1;
  }
  H5T_class_t kind() const { return H5Tget_class(type.get()); }
};

void write_attribute(const File::State& file, const std::string& object, const std::string& name,
                     hid_t type, const void* value) {
  {
    const Handle id(open_object(file, object), H5Oclose);
    if (!id.ok()) file.fail(object, "cannot be opened");
    if (H5Aexists(id.get(), name.c_str()) > 0) H5Adelete(id.get(), name.c_str());
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle attribute(
        H5Acreate2(id.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    if (!attribute.ok() || H5Awrite(attribute.get(), type, value) < 0) {
      file.fail(place(object, name), "cannot be written");
    }
  }
  file.check_written(place(object, name));
}

template <typename T>
T read_value(const File::State& file, const std::string& object, const std::string& name,
             bool integer_only, hid_t memory) {
  const auto held = detail::lock();
  const Opened it(file, object, name);
  const bool fits = it.kind() == H5T_INTEGER || (!integer_only && it.kind() == H5T_FLOAT);
  if (!fits || it.points() != 1) {
    file.fail(place(object, name), "another type", integer_only ? "one integer" : "one number");
  }
  T value{};
  if (H5Aread(it.attribute.get(), memory, &value) < 0) {
    file.fail(place(object, name), "cannot be read");
  }
  return value;
}

// Text of variable length, as h5py writes it by default.
std::string read_variable(const File::State& file, const Opened& it, const std::string& where) {
  char* text = nullptr;
  if (H5Aread(it.attribute.get(), it.type.get(), &text) < 0) file.fail(where, "cannot be read");
  std::string value = text == nullptr ? "" : text;
  H5free_memory(text);
  return value;
}

}  // namespace

bool File::has_attribute(const std::string& object, const std::string& name) const {
  const auto held = detail::lock();
  const Handle id(open_object(*state_, object), H5Oclose);
  const htri_t found = id.ok() ? H5Aexists(id.get(), name.c_str()) : -1;
  if (found < 0) state_->fail(place(object, name), "cannot be read");
  return found > 0;
}

std::vector<std::string> File::attributes(const std::string& object) const {
  const auto held = detail::lock();
  const Handle id(open_object(*state_, object), H5Oclose);
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  hsize_t at = 0;
  if (!id.ok() || H5Aiterate2(id.get(), H5_INDEX_NAME, H5_ITER_INC, &at, add, &names) < 0) {
    state_->fail(object, "its attributes cannot be listed");
  }
  std::sort(names.begin(), names.end());
  return names;
}

void File::write_text(const std::string& object, const std::string& name,
                      const std::string& value) {
  const auto held = detail::lock();
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  const std::string text = value.empty() ? std::string(1, '\0') : value;  // size 0 is not allowed
  H5Tset_size(type.get(), text.size());
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  write_attribute(*state_, object, name, type.get(), text.data());
}

void File::write_int(const std::string& object, const std::string& name, std::int64_t value) {
  const auto held = detail::lock();
  write_attribute(*state_, object, name, H5T_STD_I64LE, &value);
}

void File::write_number(const std::string& object, const std::string& name, double value) {
  const auto held = detail::lock();
  write_attribute(*state_, object, name, H5T_IEEE_F64LE, &value);
}

bool File::is_text(const std::string& object, const std::string& name) const {
  const auto held = detail::lock();
  return Opened(*state_, object, name).kind() == H5T_STRING;
}

std::string File::read_text(const std::string& object, const std::string& name) const {
  const auto held = detail::lock();
  const std::string where = place(object, name);
  const Opened it(*state_, object, name);
  if (it.kind() != H5T_STRING || it.points() != 1) {
    state_->fail(where, "another type", "one text");
  }
  if (H5Tis_variable_str(it.type.get()) > 0) return read_variable(*state_, it, where);
  const std::size_t size = H5Tget_size(it.type.get());
  if (size == 0 || size > kMostText) {
    state_->fail(where, std::to_string(size) + " bytes", "1 to " + std::to_string(kMostText));
  }
  std::string value(size, '\0');
  if (H5Aread(it.attribute.get(), it.type.get(), value.data()) < 0) {
    state_->fail(where, "cannot be read");
  }
  value.erase(value.find_last_not_of('\0') + 1);
  return value;
}

std::int64_t File::read_int(const std::string& object, const std::string& name) const {
  return read_value<std::int64_t>(*state_, object, name, true, H5T_NATIVE_INT64);
}

double File::read_number(const std::string& object, const std::string& name) const {
  return read_value<double>(*state_, object, name, false, H5T_NATIVE_DOUBLE);
}

std::string File::attribute_as_text(const std::string& object, const std::string& name) const {
  const auto held = detail::lock();
  const Opened it(*state_, object, name);
  if (it.points() != 1) return "(an array)";
  switch (it.kind()) {
    case H5T_STRING: return read_text(object, name);
    case H5T_INTEGER: return std::to_string(read_int(object, name));
    case H5T_FLOAT: return fmt::format("{}", read_number(object, name));
    default: return "(another type)";
  }
}

}  // namespace vega::h5
