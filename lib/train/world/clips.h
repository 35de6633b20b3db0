// Which frames a step of `vega-train world` sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vega::train {

struct ClipOptions {
  std::int64_t clips = 8;                   // of a step
  std::int64_t frames = 4;                  // of a clip
  std::vector<std::int64_t> strides{1, 2};  // frames of the walk from one of a clip to the next
  double single = 0.25;  // share of the steps that see clips * frames single frames instead
  bool mirror = true;    // half of the clips are mirrored, left to right
  bool closed = false;   // behind the last frame of a walk comes its first one
};

// Frames of one walk, in the order in which the network sees them.
struct Clip {
  std::size_t walk = 0;
  std::vector<std::size_t> places;  // in the walk
  bool mirrored = false;

  friend bool operator==(const Clip&, const Clip&) = default;
};

// Draws by Philox, keyed by seed, step and place in the step: a walk (all alike), a stride among
// those that the walk has room for, a direction, a beginning, and whether the clip is mirrored. A
// clip has room where (frames - 1) * stride < length of the walk.
class ClipDrawer {
 public:
  // lengths: frames of each walk, at least one each. Throws InputError: there is no walk.
  ClipDrawer(std::vector<std::size_t> lengths, ClipOptions options, std::uint64_t seed);

  // The clips of a step, from 0: all of options.frames frames, or all of one.
  std::vector<Clip> step(std::int64_t step) const;

  // Walks with room for a clip. Where there are none, every step sees single frames.
  std::size_t roomy() const { return roomy_.size(); }

 private:
  bool has_room(std::size_t walk, std::int64_t stride) const;

  std::vector<std::size_t> lengths_;
  ClipOptions options_;
  std::uint64_t seed_;
  std::vector<std::size_t> roomy_;
};

}  // namespace vega::train
