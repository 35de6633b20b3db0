#include "weights/model_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/publish.h"
#include "weights/detail.h"

namespace vega {
namespace fs = std::filesystem;
namespace detail = weights_detail;
namespace {

constexpr std::size_t kMostMemoryBytes = 16 << 20;
constexpr std::size_t kMostRemembered = 1000;
constexpr const char* kMemorySchema = "vega.fingerprints/1";

// Widened in blocks that stay in the first-level cache.
void hash_half(Hasher& hasher, const TensorView& tensor) {
  constexpr std::size_t kBlock = 4096;
  std::array<std::uint16_t, kBlock> narrow;
  std::array<float, kBlock> wide;
  const auto count = static_cast<std::size_t>(tensor.count());
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const auto size = std::min(kBlock, count - begin);
    std::memcpy(narrow.data(), tensor.data + 2 * begin, 2 * size);
    if (tensor.dtype == DType::kBF16) {
      for (std::size_t i = 0; i < size; ++i) wide[i] = f32_from_bf16(narrow[i]);
    } else {
      for (std::size_t i = 0; i < size; ++i) wide[i] = f32_from_f16(narrow[i]);
    }
    hasher.bytes(std::as_bytes(std::span(wide.data(), size)));
  }
}

// A value is finite when its exponent bits are not all ones. Blocks are scanned without branches,
// the place is searched for only in a block that failed.
template <typename Bits>
std::optional<std::size_t> first_not_finite(const TensorView& tensor, Bits exponent) {
  constexpr std::size_t kBlock = 4096;
  std::array<Bits, kBlock> values;
  const auto count = static_cast<std::size_t>(tensor.count());
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const auto size = std::min(kBlock, count - begin);
    std::memcpy(values.data(), tensor.data + sizeof(Bits) * begin, sizeof(Bits) * size);
    Bits bad = 0;
    for (std::size_t i = 0; i < size; ++i)
      bad = static_cast<Bits>(bad | static_cast<Bits>((values[i] & exponent) == exponent));
    if (bad == 0) continue;
    for (std::size_t i = 0; i < size; ++i) {
      if ((values[i] & exponent) == exponent) return begin + i;
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> first_not_finite(const TensorView& tensor) {
  switch (tensor.dtype) {
    case DType::kF16: return first_not_finite<std::uint16_t>(tensor, 0x7c00);
    case DType::kBF16: return first_not_finite<std::uint16_t>(tensor, 0x7f80);
    case DType::kF32: return first_not_finite<std::uint32_t>(tensor, 0x7f800000U);
    case DType::kF64: return first_not_finite<std::uint64_t>(tensor, 0x7ff0000000000000ULL);
    default: return std::nullopt;
  }
}

std::string index_text(std::size_t flat, const Shape& shape) {
  Shape index(shape.size());
  for (std::size_t d = shape.size(); d-- > 0;) {
    index[d] = static_cast<std::int64_t>(flat) % shape[d];
    flat /= static_cast<std::size_t>(shape[d]);
  }
  return to_string(index);
}

// --- the memory ---

// Nothing without a home.
std::optional<fs::path> memory_path() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && cache[0] == '/')
    return fs::path(cache) / "vega" / "fingerprints.json";
  if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/')
    return fs::path(home) / ".cache" / "vega" / "fingerprints.json";
  return std::nullopt;
}

// A hash of what identifies the files without reading them; nothing when one is missing.
std::optional<std::string> memory_key(std::span<const fs::path> files, std::string_view kind) {
  Hasher hasher;
  hasher.field(kind).number(static_cast<long long>(files.size()));
  for (const auto& file : files) {
    struct stat info {};
    std::error_code error;
    const auto path = fs::absolute(file, error).lexically_normal();
    if (error || stat(path.c_str(), &info) != 0) return std::nullopt;
    hasher.field(path.string()).number(info.st_size);
    hasher.number(info.st_mtim.tv_sec).number(info.st_mtim.tv_nsec);
  }
  return hasher.hex();
}

bool is_fingerprint(const nlohmann::json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// {"schema": ..., "entries": [[key, fingerprint], ...]}, oldest first. Empty when missing or
// broken.
nlohmann::json load_memory(const fs::path& path) {
  auto entries = nlohmann::json::array();
  try {
    if (!fs::exists(path)) return entries;
    const MappedFile file(path);
    const auto bytes = file.bytes();
    if (bytes.size() > kMostMemoryBytes) return entries;
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    const auto json = nlohmann::json::parse(text, text + bytes.size(), nullptr, false);
    if (!json.is_object() || json.value("schema", "") != kMemorySchema || !json.contains("entries"))
      return entries;
    for (const auto& entry : json["entries"]) {
      if (entry.is_array() && entry.size() == 2 && is_fingerprint(entry[0]) &&
          is_fingerprint(entry[1]))
        entries.push_back(entry);
    }
  } catch (const std::exception& error) {
    log_debug("fingerprints are not remembered: {}", error.what());
    return nlohmann::json::array();
  }
  return entries;
}

}  // namespace

std::string fingerprint(const std::map<std::string, TensorView>& tensors) {
  Hasher hasher;
  hasher.field("vega.weights/1").number(static_cast<long long>(tensors.size()));
  for (const auto& [name, tensor] : tensors) {
    const bool half = tensor.dtype == DType::kF16 || tensor.dtype == DType::kBF16;
    hasher.field(name).field(half ? name_of(DType::kF32) : name_of(tensor.dtype));
    hasher.number(static_cast<long long>(tensor.shape.size()));
    for (const auto extent : tensor.shape) hasher.number(extent);
    if (half)
      hash_half(hasher, tensor);
    else
      hasher.bytes({tensor.data, tensor.bytes()});
  }
  return hasher.hex();
}

void check_finite(std::string_view name, const TensorView& tensor, const fs::path& file) {
  const auto bad = first_not_finite(tensor);
  if (!bad) return;
  TensorView one{tensor.dtype, {1}, tensor.data + *bad * size_of(tensor.dtype)};
  const float value = to_f32(one)[0];
  const auto where =
      file.empty() ? "tensor '" + detail::printable(name) + "'" : detail::where(file, name);
  detail::fail(where,
               std::string(std::isnan(value) ? "NaN" : "an infinite value") + " at index " +
                   index_text(*bad, tensor.shape),
               "finite weights", detail::kFetchAgain);
}

std::optional<std::string> recall_fingerprint(std::span<const fs::path> files,
                                              std::string_view kind) {
  const auto path = memory_path();
  const auto key = memory_key(files, kind);
  if (!path || !key) return std::nullopt;
  for (const auto& entry : load_memory(*path)) {
    if (entry[0] == *key) return entry[1].get<std::string>();
  }
  return std::nullopt;
}

void remember_fingerprint(std::span<const fs::path> files, std::string_view kind,
                          std::string_view fingerprint) {
  const auto path = memory_path();
  const auto key = memory_key(files, kind);
  if (!path || !key) return;
  static std::mutex alone;  // part files are told apart by process only
  const std::lock_guard lock(alone);
  auto entries = nlohmann::json::array();
  for (auto& entry : load_memory(*path)) {
    if (entry[0] != *key) entries.push_back(std::move(entry));
  }
  entries.push_back({*key, fingerprint});
  while (entries.size() > kMostRemembered) entries.erase(0);
  try {
    publish_file(*path, nlohmann::json{{"schema", kMemorySchema}, {"entries", entries}}.dump(1));
  } catch (const OutputError& error) {
    log_debug("fingerprints are not remembered: {}", error.what());
  }
}

}  // namespace vega
