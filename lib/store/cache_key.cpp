#include "store/cache_key.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace vega {
namespace {

// All NaN are one, as are both zeros.
long long bits_of(double value) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  if (value == 0) value = 0.0;
  return std::bit_cast<long long>(value);
}

}  // namespace

bool is_shallow_json(std::string_view json) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted && c == '\\') ++i;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if ((c == '{' || c == '[') && ++depth > 32) return false;
    if (c == '}' || c == ']') --depth;
  }
  return true;
}

std::string canonical_json(std::string_view json) {
  const bool shallow = is_shallow_json(json);
  const auto parsed = shallow ? nlohmann::json::parse(json, nullptr, false) : nlohmann::json();
  if (!parsed.is_object()) {
    const std::string got = shallow ? "'" + std::string(json.substr(0, 200)) + "'" : "deep nesting";
    throw InputError(explain("options", got, "a JSON object"));
  }
  return parsed.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string cache_key(std::string_view schema, std::string_view options_json,
                      std::string_view model_fp, std::string_view input_fp) {
  return Hasher()
      .field(schema)
      .field(canonical_json(options_json))
      .field(model_fp)
      .field(input_fp)
      .hex();
}

std::string tap_key(std::string_view file_cache_key, std::int64_t block, double timestep) {
  return Hasher().field(file_cache_key).number(block).number(bits_of(timestep)).hex();
}

void InputFingerprint::add_frame(std::int64_t id, std::span<const std::byte> encoded,
                                 const Pose* pose) {
  hasher_.field("frame").number(id).field(encoded).number(pose != nullptr ? 1 : 0);
  if (pose == nullptr) return;
  for (const double value : *pose) hasher_.number(bits_of(value));
}

void InputFingerprint::add_text(std::string_view name, std::string_view value) {
  hasher_.field("text").field(name).field(value);
}

std::string InputFingerprint::hex() const { return hasher_.hex(); }

}  // namespace vega
