#include "store/h5.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/hash.h"
#include "store/h5_detail.h"

namespace vega::h5 {
namespace fs = std::filesystem;
using detail::Handle;

namespace {

constexpr int kDeepest = 16;  // groups in groups; more is a loop of links
constexpr std::size_t kMostObjects = 100'000;

Handle access_properties() {
  const hid_t list = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_file_locking(list, 0, 1);
  // Since 1.10 every piece of metadata has a checksum; in files of 1.8 the chunk index has none,
  // and a damaged one can crash the library.
  H5Pset_libver_bounds(list, H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
  return {list, H5Pclose};
}

void require_signature(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) throw FormatError(explain(path.string(), "no such file"));
  if (!fs::is_regular_file(status)) {
    throw FormatError(explain(path.string(),
                              fs::is_directory(status) ? "a folder" : "a device, a pipe or a FIFO",
                              "an HDF5 file"));
  }
  std::array<char, kFileKindBytes> head{};
  std::ifstream in(path, std::ios::binary);
  if (!in) throw FormatError(explain(path.string(), "a file that cannot be opened", "read rights"));
  in.read(head.data(), head.size());
  const std::string_view start(head.data(), static_cast<std::size_t>(in.gcount()));
  if (start.starts_with("\x89HDF\r\n\x1a\n")) return;
  const FileKind kind = file_kind(std::as_bytes(std::span(start)));
  throw FormatError(explain(path.string(), kind.name, "an HDF5 file", kind.remedy));
}

void list_datasets(const File& file, const std::string& group, int depth, std::size_t& budget,
                   std::vector<std::string>& paths) {
  for (const auto& name : file.children(group)) {
    const std::string child = (group == "/" ? "" : group) + "/" + name;
    if (depth == kDeepest || budget-- == 0) {
      throw FormatError(explain(file.path().string() + ": " + child,
                                "groups nested too deep, or too many",
                                "at most " + std::to_string(kDeepest) + " levels"));
    }
    if (file.is_dataset(child)) {
      paths.push_back(child);
    } else {
      list_datasets(file, child, depth + 1, budget, paths);
    }
  }
}

}  // namespace

File::File(std::unique_ptr<State> state) : state_(std::move(state)) {}
File::~File() = default;
File::File(File&&) noexcept = default;
File& File::operator=(File&&) noexcept = default;

File File::create(const fs::path& path) {
  const auto held = detail::lock();
  auto state = std::make_unique<State>();
  state->path = path;
  state->writing = true;
  const Handle access = access_properties();
  if (!detail::use_driver(access.get(), state->fault)) state->fail("", "cannot be created");
  state->id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get());
  if (state->id < 0) state->fail("", "cannot be created");
  return File(std::move(state));
}

File File::open(const fs::path& path, Mode mode) {
  // A file that is changed is our own: a fault in it is a fault of the disk, found below.
  if (mode == Mode::kRead) require_signature(path);
  const auto held = detail::lock();
  auto state = std::make_unique<State>();
  state->path = path;
  state->writing = mode == Mode::kChange;
  const Handle access = access_properties();
  if (state->writing && !detail::use_driver(access.get(), state->fault)) {
    state->fail("", "cannot be opened");
  }
  const unsigned flags = state->writing ? H5F_ACC_RDWR : H5F_ACC_RDONLY;
  state->id = H5Fopen(path.c_str(), flags, access.get());
  if (state->id < 0) state->fail("", "cannot be opened as HDF5");
  if (mode == Mode::kRead) {
    std::error_code error;
    state->size = fs::file_size(path, error);
    if (error) state->fail("", "has no size: " + error.message());
  }
  return File(std::move(state));
}

const fs::path& File::path() const { return state_->path; }

void File::flush() {
  const auto held = detail::lock();
  if (H5Fflush(state_->id, H5F_SCOPE_GLOBAL) < 0) state_->fail("", "cannot be written");
  state_->check_written("");
}

void File::close() {
  const auto held = detail::lock();
  if (state_->id < 0) return;
  if (state_->writing) flush();
  const hid_t id = state_->id;
  state_->id = -1;
  if (H5Fclose(id) < 0) state_->fail("", "cannot be closed");
  state_->check_written("");
}

std::uintmax_t File::State::bytes() const {
  if (size) return *size;
  std::error_code error;
  const std::uintmax_t now = fs::file_size(path, error);
  return error ? 0 : now;
}

bool File::State::find(const std::string& object) const {
  for (std::size_t at = 0; at != std::string::npos && object != "/";) {
    at = object.find('/', at + 1);
    const std::string prefix = object.substr(0, at);
    const htri_t found = H5Lexists(id, prefix.c_str(), H5P_DEFAULT);
    if (found == 0) return false;
    H5L_info_t link{};
    if (found < 0 || H5Lget_info(id, prefix.c_str(), &link, H5P_DEFAULT) < 0)
      fail(prefix, "cannot be read");
    if (link.type != H5L_TYPE_HARD) fail(prefix, "a link", "an object that lies in this file");
  }
  return true;
}

bool File::exists(const std::string& object) const {
  const auto held = detail::lock();
  return state_->find(object);
}

bool File::is_dataset(const std::string& object) const {
  const auto held = detail::lock();
  state_->find(object);
  const Handle id(H5Oopen(state_->id, object.c_str(), H5P_DEFAULT), H5Oclose);
  if (!id.ok()) state_->fail(object, "cannot be read");
  return H5Iget_type(id.get()) == H5I_DATASET;
}

std::vector<std::string> File::children(const std::string& group) const {
  const auto held = detail::lock();
  state_->find(group);
  const Handle id(H5Gopen2(state_->id, group.c_str(), H5P_DEFAULT), H5Gclose);
  H5G_info_t info{};
  if (!id.ok() || H5Gget_info(id.get(), &info) < 0) state_->fail(group, "cannot be read");
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const auto by = [&](char* out, std::size_t size) {
      return H5Lget_name_by_idx(id.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, out, size,
                                H5P_DEFAULT);
    };
    const ssize_t length = by(nullptr, 0);
    if (length < 0) state_->fail(group, "cannot be listed");
    std::string name(static_cast<std::size_t>(length), '\0');
    if (by(name.data(), name.size() + 1) < 0) state_->fail(group, "cannot be listed");
    state_->find((group == "/" ? "" : group) + "/" + name);
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> File::datasets(const std::string& group) const {
  std::vector<std::string> paths;
  std::size_t budget = kMostObjects;
  list_datasets(*this, group, 0, budget, paths);
  return paths;
}

void File::make_group(const std::string& group) {
  const auto held = detail::lock();
  if (exists(group)) return;
  {
    const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links.get(), 1);
    const Handle id(H5Gcreate2(state_->id, group.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT),
                    H5Gclose);
    if (!id.ok()) state_->fail(group, "cannot be made");
  }
  state_->check_written(group);
}

void File::copy_from(const File& source, const std::string& object) {
  copy_from(source, object, object);
}

void File::copy_from(const File& source, const std::string& object, const std::string& as) {
  const auto held = detail::lock();
  source.state_->find(object);
  const auto slash = as.rfind('/');
  if (slash > 0) make_group(as.substr(0, slash));
  if (H5Ocopy(source.state_->id, object.c_str(), state_->id, as.c_str(), H5P_DEFAULT, H5P_DEFAULT) <
      0) {
    state_->fail(as, "cannot be copied from " + source.path().string());
  }
  state_->check_written(as);
}

std::string File::hash_dataset(const std::string& object) const {
  Hasher hasher;
  read_runs(object, 0, info(object).row_count(),
            [&](std::span<const std::byte> run) { hasher.bytes(run); });
  return hasher.hex();
}

void File::check_dataset(const std::string& object) const {
  const std::string expected = read_text(object, "xxh3"), got = hash_dataset(object);
  if (got != expected) state_->fail(object, "values with xxh3 " + got, expected);
}

}  // namespace vega::h5
