#include "train/part_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/build_info.h"
#include "base/disk.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/publish.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

fs::path part_of(const fs::path& folder) {
  return fs::path(folder).concat(".part-" + host_name() + "-" + std::to_string(getpid()));
}

// A folder that is on its way out: another name than that of the one which takes its place.
fs::path removed_of(const fs::path& folder) {
  return fs::path(folder).concat(".removed.part-" + host_name() + "-" + std::to_string(getpid()));
}

// Without a slash at its end, and absolute: links in it are followed by the system.
fs::path plain(const fs::path& path) {
  fs::path out = fs::absolute(path).lexically_normal();
  return out.has_filename() ? out : out.parent_path();
}

}  // namespace

PartFolder::PartFolder(fs::path final_path) : final_(plain(final_path)), part_(part_of(final_)) {
  std::error_code error;
  fs::remove_all(part_, error);
  make_folder(part_);
}

PartFolder::~PartFolder() {
  std::error_code error;
  if (!published_) fs::remove_all(part_, error);
}

void PartFolder::publish(bool replace) {
  const fs::path old = removed_of(final_);
  if (replace && rename(final_.c_str(), old.c_str()) != 0) fail_output(final_, "rename");
  if (rename(part_.c_str(), final_.c_str()) != 0) {
    const int reason = errno;
    if (replace) static_cast<void>(rename(old.c_str(), final_.c_str()));
    errno = reason;
    fail_output(final_, "rename");
  }
  published_ = true;
  sync_folder(final_.parent_path());
  std::error_code error;
  if (replace) fs::remove_all(old, error);
}

void remove_whole_folder(const fs::path& folder) {
  const fs::path part = removed_of(plain(folder));
  std::error_code error;
  fs::remove_all(part, error);
  fs::rename(folder, part, error);
  if (!error) fs::remove_all(part, error);
  if (error) log_warn("{}: cannot be removed ({})", folder.string(), error.message());
}

void copy_into(const fs::path& file, const fs::path& folder) {
  publish_file(folder / file.filename(), MappedFile(file).bytes());
}

}  // namespace vega::train
