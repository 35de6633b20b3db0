#include "support/support.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <stdexcept>

namespace vega::test {
namespace fs = std::filesystem;

TempFolder::TempFolder() {
  std::string pattern = (fs::temp_directory_path() / "vega-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
  path_ = pattern;
}

TempFolder::~TempFolder() {
  if (std::getenv("VEGA_KEEP_TEMP") != nullptr) {
    std::cerr << "kept " << path_ << "\n";
    return;
  }
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

namespace {

// Where the goldens are: the checkout, or what tests of a bundle are told
// (tools/bundle/run_gpu.sh).
fs::path source_folder() {
  const char* moved = std::getenv("VEGA_SOURCE_DIR");
  return moved != nullptr ? moved : VEGA_SOURCE_DIR;
}

}  // namespace

fs::path golden(const std::string& name) { return source_folder() / "tests" / "golden" / name; }

std::optional<fs::path> shared_data() {
  const char* set = std::getenv("VEGA_SHARED_DATA");
  const fs::path path =
      set != nullptr ? fs::path(set) : source_folder().parent_path() / "shared" / "data";
  if (fs::is_directory(path)) return path;
  return std::nullopt;
}

bool test_device_is_cuda() {
  const char* device = std::getenv("VEGA_TEST_DEVICE");
  return device != nullptr && std::string(device) == "cuda";
}

double relative_error(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - b[i];
    difference += d * d;
    norm += static_cast<double>(b[i]) * b[i];
  }
  return std::sqrt(difference / norm);
}

double least_cosine(std::span<const float> a, std::span<const float> b, std::size_t width) {
  double least = a.size() == b.size() ? 1.0 : -1.0;
  for (std::size_t row = 0; (row + 1) * width <= a.size() && a.size() == b.size(); ++row) {
    double aa = 0, bb = 0, ab = 0;
    for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
      aa += static_cast<double>(a[i]) * a[i];
      bb += static_cast<double>(b[i]) * b[i];
      ab += static_cast<double>(a[i]) * b[i];
    }
    const double cosine = ab / std::sqrt(aa * bb);
    if (!(cosine >= least)) least = cosine;
  }
  return least;
}

std::vector<std::byte> read_bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  std::vector<char> data((std::istreambuf_iterator<char>(in)), {});
  const auto* first = reinterpret_cast<const std::byte*>(data.data());
  return {first, first + data.size()};
}

void write_bytes(const fs::path& path, std::span<const std::byte> bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  if (!out) throw std::runtime_error("cannot write " + path.string());
}

std::string read_text(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_bytes(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_text(const fs::path& path, const std::string& text) {
  write_bytes(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace vega::test
