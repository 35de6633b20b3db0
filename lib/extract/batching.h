// How many frames go through a CUDA device at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace vega::extract {

// Shared by the scenes of a run; size() may be asked while another thread learns that memory is
// short.
class Batching {
 public:
  // most: frames a batch. chosen: by the user (--batch N), so it never changes.
  explicit Batching(std::int64_t most, bool chosen) : most_(most), chosen_(chosen) {}

  // Frames a batch when `frames` frames are left. A number that the user chose is used as it is;
  // the last batch is then padded. Otherwise the frames are shared out evenly among as few batches
  // as hold them: at most 16, 17 frames are 2 batches of 9.
  std::int64_t size(std::size_t frames) const;

  // Free memory for `fitting` frames: 16 at most, or 8, or as many as fit. Only
  // the first call of a run counts, and it never raises the number.
  void fit(std::int64_t fitting);
  bool fitted() const { return fitted_ || chosen_; }

  // A batch of `size` frames did not fit: half as many from now on. False where nothing smaller is
  // left or the user chose the number.
  bool halve(std::int64_t size);

 private:
  std::atomic<std::int64_t> most_;
  bool chosen_, fitted_ = false;
};

}  // namespace vega::extract
