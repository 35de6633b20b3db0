// Shared by the fuzz targets: a file that lives in memory, and the one rule they all check.
// Whatever the bytes are, a reader either reads them or throws one of vega's own errors, whose
// message is short and safe to print. Anything else that comes out of it is a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>

namespace vega {
class TensorSet;
}

namespace vega::fuzz {

// What became of the readings of one input.
struct Tally {
  int read = 0, refused = 0;
  std::string last;  // message of the last refusal
};
Tally& tally();

// Runs one reading: true when it came to its end, false when it threw an Error. Throws
// std::logic_error when the message of that Error has control bytes or is longer than 4096.
bool attempt(const std::function<void()>& reading);

// Several readings of which one is enough (a colour picture is no depth map); counted as one.
bool attempt_any(std::initializer_list<std::function<void()>> readings);

// Throws std::logic_error(what) unless `holds`: a promise of the reader that is broken.
void require(bool holds, const char* what);

// Reads every byte, so that a view that reaches too far is seen.
void touch(std::span<const std::byte> bytes);

// Names, values and finiteness of every tensor. Throws what vega::check_finite throws.
void touch(const TensorSet& set);

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

// An anonymous file in memory; its path is good for as long as the object lives.
class InputFile {
 public:
  explicit InputFile(std::span<const std::byte> bytes);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  int descriptor_ = -1;
  std::filesystem::path path_;
};

// A folder in memory (/dev/shm, else the system's temporary folder), removed with the process.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(const char* name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Replaces the content of a file of a Folder.
void write(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace vega::fuzz

// What libFuzzer calls, and replay.cpp (under another name a target).
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
