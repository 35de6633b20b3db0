#include "fuzz/target.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "base/error.h"
#include "weights/model_files.h"
#include "weights/tensor_set.h"

namespace vega::fuzz {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostMessage = 4096;

void check_message(const std::string& text) {
  require(!text.empty() && text.size() <= kMostMessage, "a message of a readable length");
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    require(byte >= 0x20 && byte != 0x7f, "a message without control bytes");
  }
}

bool succeeds(const std::function<void()>& reading) {
  try {
    reading();
    return true;
  } catch (const Error& error) {
    check_message(error.what());
    tally().last = error.what();
    return false;
  }
}

void count(bool read) { ++(read ? tally().read : tally().refused); }

}  // namespace

Tally& tally() {
  static Tally all;
  return all;
}

bool attempt(const std::function<void()>& reading) {
  const bool read = succeeds(reading);
  count(read);
  return read;
}

bool attempt_any(std::initializer_list<std::function<void()>> readings) {
  bool any = false;
  for (const auto& reading : readings) any |= succeeds(reading);
  count(any);
  return any;
}

void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(std::string("the reader promises ") + what);
}

void touch(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const auto byte : bytes) sum += static_cast<unsigned>(byte);
  static std::atomic<unsigned> kept;  // so that the loop is not left out
  kept = sum;
}

void touch(const TensorSet& set) {
  for (const auto& [name, view] : set.tensors()) {
    touch({view.data, view.bytes()});
    require(set.find(name) == &view && !set.origin(name).empty(), "an origin of every tensor");
  }
  require(fingerprint(set.tensors()).size() == 32, "a fingerprint");
  for (const auto& [name, view] : set.tensors()) check_finite(name, view, set.origin(name));
}

InputFile::InputFile(std::span<const std::byte> bytes) {
  descriptor_ = memfd_create("vega-fuzz", MFD_CLOEXEC);
  path_ = "/proc/self/fd/" + std::to_string(descriptor_);
  std::size_t done = 0;
  while (descriptor_ >= 0 && done < bytes.size()) {
    const ssize_t n = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  if (descriptor_ < 0 || done < bytes.size()) {
    throw std::system_error(errno, std::generic_category(), "memfd");
  }
}

InputFile::~InputFile() { close(descriptor_); }

Folder::Folder() {
  std::error_code code;
  const fs::path base = fs::is_directory("/dev/shm", code) ? "/dev/shm" : fs::temp_directory_path();
  std::string name = (base / "vega-fuzz-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), name);
  }
  path_ = name;
}

Folder::~Folder() {
  std::error_code code;
  fs::remove_all(path_, code);
}

void write(const fs::path& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::system_error(errno, std::generic_category(), path.string());
}

}  // namespace vega::fuzz
