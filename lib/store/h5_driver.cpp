#include "store/h5_driver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#if __has_include(<H5FDdevelop.h>)
#include <H5FDdevelop.h>  // HDF5 1.14 keeps the class of a driver here
#endif

namespace vega::h5::detail {
namespace {

// What a property list carries: a pointer, valid while the file is opened.
struct Info {
  const std::shared_ptr<DiskFault>* fault;
};

struct DriverFile : H5FD_t {
  int descriptor = -1;
  haddr_t end = 0;   // of what the library allocated
  haddr_t size = 0;  // of the file
  dev_t device = 0;  // which file this is
  ino_t inode = 0;
  std::shared_ptr<DiskFault> fault;
};

DriverFile& cast(H5FD_t* file) { return *static_cast<DriverFile*>(file); }
const DriverFile& cast(const H5FD_t* file) { return *static_cast<const DriverFile*>(file); }

void note(DiskFault& fault, const char* call) {
  if (fault.reason == 0) fault = {errno, call};
}

H5FD_t* open_file(const char* name, unsigned flags, hid_t access, haddr_t) {
  const auto* info = static_cast<const Info*>(H5Pget_driver_info(access));
  if (info == nullptr) return nullptr;
  int how = (flags & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY;
  if ((flags & H5F_ACC_TRUNC) != 0) how |= O_TRUNC;
  if ((flags & H5F_ACC_CREAT) != 0) how |= O_CREAT;
  if ((flags & H5F_ACC_EXCL) != 0) how |= O_EXCL;
  const int descriptor = open(name, how | O_CLOEXEC, 0644);
  struct stat about {};
  if (descriptor < 0 || fstat(descriptor, &about) != 0) {
    note(**info->fault, "open");
    if (descriptor >= 0) close(descriptor);
    return nullptr;
  }
  auto* file = new (std::nothrow) DriverFile();
  if (file == nullptr) {
    close(descriptor);
    return nullptr;
  }
  file->descriptor = descriptor;
  file->size = static_cast<haddr_t>(about.st_size);
  file->device = about.st_dev;
  file->inode = about.st_ino;
  file->fault = *info->fault;
  *file->fault = {};  // the library tries to open before it creates
  return file;
}

herr_t close_file(H5FD_t* base) {
  DriverFile& file = cast(base);
  if (close(file.descriptor) != 0 && errno != EINTR) note(*file.fault, "close");
  delete &file;
  return 0;
}

int compare(const H5FD_t* first, const H5FD_t* second) {
  const DriverFile &a = cast(first), &b = cast(second);
  if (a.device != b.device) return a.device < b.device ? -1 : 1;
  return a.inode == b.inode ? 0 : a.inode < b.inode ? -1 : 1;
}

// As for the library's own driver: small pieces are gathered before they are written.
herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t get_end(const H5FD_t* file, H5FD_mem_t) { return cast(file).end; }
herr_t set_end(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  cast(file).end = address;
  return 0;
}
haddr_t get_size(const H5FD_t* file, H5FD_mem_t) { return cast(file).size; }

// Bytes beyond the end of the file are zero.
herr_t read_bytes(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* out) {
  auto* to = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t n = pread(cast(base).descriptor, to, size, static_cast<off_t>(address));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      note(*cast(base).fault, "read");
      return -1;
    }
    if (n == 0) {
      std::memset(to, 0, size);
      return 0;
    }
    to += n;
    address += static_cast<haddr_t>(n);
    size -= static_cast<std::size_t>(n);
  }
  return 0;
}

herr_t write_bytes(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, std::size_t size,
                   const void* bytes) {
  DriverFile& file = cast(base);
  const auto* from = static_cast<const char*>(bytes);
  file.size = std::max(file.size, address + size);
  while (size > 0 && file.fault->reason == 0) {
    const ssize_t n = pwrite(file.descriptor, from, size, static_cast<off_t>(address));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      note(*file.fault, "write");
      break;
    }
    from += n;
    address += static_cast<haddr_t>(n);
    size -= static_cast<std::size_t>(n);
  }
  return 0;
}

herr_t truncate_file(H5FD_t* base, hid_t, hbool_t) {
  DriverFile& file = cast(base);
  if (file.end == file.size) return 0;
  if (file.fault->reason == 0 && ftruncate(file.descriptor, static_cast<off_t>(file.end)) != 0) {
    note(*file.fault, "truncate");
  }
  file.size = file.end;
  return 0;
}

hid_t driver() {
  static H5FD_class_t about = [] {
    H5FD_class_t c{};
#ifdef H5FD_CLASS_VERSION
    c.version = H5FD_CLASS_VERSION;
    c.value = static_cast<H5FD_class_value_t>(H5_VFD_RESERVED + 177);
#endif
    c.name = "vega";
    c.maxaddr = static_cast<haddr_t>(std::numeric_limits<off_t>::max());
    c.fc_degree = H5F_CLOSE_STRONG;
    c.fapl_size = sizeof(Info);
    c.open = open_file;
    c.close = close_file;
    c.cmp = compare;
    c.query = query;
    c.get_eoa = get_end;
    c.set_eoa = set_end;
    c.get_eof = get_size;
    c.read = read_bytes;
    c.write = write_bytes;
    c.truncate = truncate_file;
    constexpr H5FD_mem_t kMap[] = H5FD_FLMAP_DICHOTOMY;
    std::copy(std::begin(kMap), std::end(kMap), c.fl_map);
    return c;
  }();
  static const hid_t id = H5FDregister(&about);
  return id;
}

}  // namespace

bool use_driver(hid_t access, const std::shared_ptr<DiskFault>& fault) {
  const Info info{&fault};
  return H5Pset_driver(access, driver(), &info) >= 0;
}

}  // namespace vega::h5::detail
