// Golden tensors as images, and the formula images of tests/golden/README.md.
#pragma once

#include <algorithm>
#include <string>

#include "base/philox.h"
#include "media/image.h"
#include "support/support.h"
#include "weights/safetensors.h"

namespace vega::test {

// A U8 tensor of shape (H, W, 3).
inline ImageU8 golden_image(const TensorSet& set, const std::string& name) {
  const TensorView& view = set.at(name);
  ImageU8 image(static_cast<int>(view.shape.at(1)), static_cast<int>(view.shape.at(0)));
  const auto* first = reinterpret_cast<const std::uint8_t*>(view.data);
  std::copy_n(first, image.rgb.size(), image.rgb.begin());
  return image;
}

// An F32 tensor of shape (3, H, W).
inline SignedImage golden_signed(const TensorSet& set, const std::string& name) {
  const TensorView& view = set.at(name);
  SignedImage image(static_cast<int>(view.shape.at(2)), static_cast<int>(view.shape.at(1)));
  image.chw = to_f32(view);
  return image;
}

// Byte e = low byte of word e of the seed-42 stream `name`.
inline ImageU8 noise_image(int w, int h, const std::string& name) {
  ImageU8 image(w, h);
  const auto hash = fnv1a64(name);
  for (std::size_t e = 0; e < image.rgb.size(); e += 4) {
    const auto words =
        philox4x32({static_cast<std::uint32_t>(e / 4), 0, static_cast<std::uint32_t>(hash),
                    static_cast<std::uint32_t>(hash >> 32)},
                   philox_key(42));
    for (std::size_t j = 0; j < 4 && e + j < image.rgb.size(); ++j) {
      image.rgb[e + j] = static_cast<std::uint8_t>(words[j] & 255U);
    }
  }
  return image;
}

inline ImageU8 gradient_image(int w, int h) {
  ImageU8 image(w, h);
  for (int y = 0; y < h; ++y) {
    for (int x = 0; x < w; ++x) {
      auto* pixel = image.row(y) + 3 * x;
      pixel[0] = static_cast<std::uint8_t>(x * 255 / (w - 1));
      pixel[1] = static_cast<std::uint8_t>(y * 255 / (h - 1));
      pixel[2] = static_cast<std::uint8_t>((x + y) * 255 / (w + h - 2));
    }
  }
  return image;
}

// (3 gradient + noise) div 4.
inline ImageU8 mixed_image(int w, int h, const std::string& name) {
  ImageU8 image = gradient_image(w, h);
  const ImageU8 noise = noise_image(w, h, name);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    image.rgb[i] = static_cast<std::uint8_t>((3 * image.rgb[i] + noise.rgb[i]) / 4);
  }
  return image;
}

inline std::string bytes_of(const ImageU8& image) {
  return {reinterpret_cast<const char*>(image.rgb.data()), image.rgb.size()};
}

// Largest difference of two images of one size.
inline int worst_byte(const ImageU8& a, const ImageU8& b) {
  if (a.width != b.width || a.height != b.height) return 256;
  int worst = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) {
    worst = std::max(worst, std::abs(int{a.rgb[i]} - int{b.rgb[i]}));
  }
  return worst;
}

}  // namespace vega::test
