// Shared by all tests: temporary folders, goldens, the real data beside the project, comparisons
// that show the worst element.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace vega::test {

// A fresh folder, removed at the end (kept when VEGA_KEEP_TEMP is set).
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// tests/golden/NAME of the source tree.
std::filesystem::path golden(const std::string& name);

// The folder with third-party data beside the project (../shared/data, or VEGA_SHARED_DATA);
// nothing where it is absent.
std::optional<std::filesystem::path> shared_data();

// Says on stderr that something was skipped, and why. The program returns 77 (skipped) when nothing
// was asserted, or when it was asked for CUDA (VEGA_TEST_DEVICE=cuda) and there is none.
void note_skip(const std::string& why);
bool test_device_is_cuda();

// ||a - b||_2 / ||b||_2 in double. NaN anywhere gives NaN.
double relative_error(std::span<const float> a, std::span<const float> b);

// Smallest cosine over rows of `width` elements.
double least_cosine(std::span<const float> a, std::span<const float> b, std::size_t width);

std::vector<std::byte> read_bytes(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, std::span<const std::byte> bytes);
std::string read_text(const std::filesystem::path& path);
void write_text(const std::filesystem::path& path, const std::string& text);

}  // namespace vega::test
