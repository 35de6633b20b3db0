// Cache keys and fingerprints: what makes two files equal (docs/formats.md, "Keys").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "geometry/pose.h"

namespace vega {

// Names sorted at every depth, no spaces (Json::sorted). Throws InputError unless `json` is an
// object.
std::string canonical_json(std::string_view json);

// XXH3-128 of (schema, options in canonical form, model fingerprint, input fingerprint), 32 hex
// digits. `options_json` holds only what changes numbers. Empty fingerprints: there is none.
std::string cache_key(std::string_view schema, std::string_view options_json,
                      std::string_view model_fp, std::string_view input_fp);

// Key of one tap: (key of its file, block, timestep as asked); -1 where one does not apply.
std::string tap_key(std::string_view file_cache_key, std::int64_t block, double timestep);

// Resolved frame ids, encoded bytes and poses of the frames that are used, in their order: the list
// counts, not how it was chosen.
class InputFingerprint {
 public:
  // pose: world_from_cam; all NaN equal; absent differs from NaN.
  void add_frame(std::int64_t id, std::span<const std::byte> encoded, const Pose* pose = nullptr);
  void add_text(std::string_view name, std::string_view value);  // e.g. intrinsics
  std::string hex() const;

 private:
  Hasher hasher_;
};

}  // namespace vega
