// Noise of the frames of a scene, as the recipe says.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "extract/chosen.h"
#include "extract/recipe.h"

namespace vega::extract {

class NoiseSource {
 public:
  // size: values of a frame, 0 where the backbone takes none. Throws InputError when stored noise
  // is of another size. The recipe must outlive this object.
  NoiseSource(const FeatureOptions& options, const Recipe& recipe, std::string scene,
              std::int64_t size);

  std::int64_t size() const { return size_; }

  // Throws InputError when stored noise lacks the frame.
  void fill(std::int64_t frame_id, std::span<float> out) const;

  // XXH3-128 over the checksums of all rows' noise; "" where there is none.
  std::string checksum(const SceneSource& source, const Chosen& chosen) const;

 private:
  const Recipe& recipe_;
  std::uint64_t seed_;
  std::string scene_;
  std::int64_t size_;
};

}  // namespace vega::extract
