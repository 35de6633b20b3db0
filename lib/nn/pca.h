// PCA colours: a picture of features in which similar tokens get similar colours.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace vega {

// Colours of all tokens, in the order of the tokens.
struct PcaColors {
  std::vector<std::uint8_t> rgb;         // (tokens, 3)
  std::array<double, 3> explained = {};  // share of the variance along each direction, 0..1
};

// The three leading principal directions of all tokens together become red, green and blue.
//   c = tokens - mean                                         in float64
//   directions: eigenvectors of c'c, largest eigenvalues first, each with the sign that makes its
//               largest loading positive
//   p = c . direction; lo, hi = its 1 % and 99 % quantiles, linearly interpolated
//   colour = floor(255 clamp((p - lo) / (hi - lo + 1e-6), 0, 1) + 0.5)
// Fewer tokens than channels: the same directions from the smaller matrix cc'. Matrices above 512
// are iterated to a residual of 1e-13 instead of decomposed fully.
// A direction without variance (fewer than three channels or tokens, constant or grey features)
// gives 127: constant features are one mid grey.
//
// tokens    (tokens, channels) float32, C order; scene by scene, so that colours of one scene can
//           be compared between its frames.
// No randomness: the same tokens and threads give the same bytes.
// Throws InputError: no tokens, a size that is not a multiple of channels, NaN or infinity.
// Source: VEGA-3D, scripts/visualization, with exact eigenvectors instead of the release's
// randomised ones.
PcaColors pca_colors(std::span<const float> tokens, std::int64_t channels);

}  // namespace vega
