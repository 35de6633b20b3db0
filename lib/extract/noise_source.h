// Noise of the frames of a scene, as the recipe says.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "extract/chosen_frames.h"
#include "extract/recipe.h"

namespace vega::extract {

class NoiseSource {
 public:
  // size: values of a frame, 0 where the backbone takes none. Throws InputError when stored noise
  // is of another size. The recipe must outlive this object.
  NoiseSource(const Recipe& recipe, std::string scene, std::int64_t size);

  std::int64_t size() const { return size_; }

  // Throws InputError when stored noise lacks the frame.
  void fill(std::int64_t frame_id, std::span<float> out) const;

  // XXH3-128 over the checksums of all rows' noise; "" where there is none. Keeps what it drew for
  // fill(), up to kKept bytes: drawing takes 2 to 15 ms a frame. Not while another thread fills.
  std::string checksum(const ChosenFrames& frames);
  static constexpr std::int64_t kKept = std::int64_t{256} << 20;

 private:
  void draw(std::int64_t frame_id, std::span<float> out) const;

  const Recipe& recipe_;
  std::string scene_;
  std::int64_t size_;
  std::unordered_map<std::int64_t, std::vector<float>> kept_;  // by frame id
};

}  // namespace vega::extract
