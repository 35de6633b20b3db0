#include "store/cache_key.h"

#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"

namespace vega {
namespace {

// All NaN are one, as are both zeros.
long long bits_of(double value) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  if (value == 0) value = 0.0;
  return std::bit_cast<long long>(value);
}

}  // namespace

std::string canonical_json(std::string_view json) {
  const auto parsed = parse_json(json);
  if (!parsed || !parsed->is_object())
    throw InputError(explain("options", "'" + printable(json) + "'", "a JSON object",
                             "of at most 32 levels, with each name once"));
  return parsed->sorted().dump();
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
