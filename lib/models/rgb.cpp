#include "models/rgb.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "media/view.h"

namespace vega {
namespace {

class Rgb final : public Backbone {
 public:
  explicit Rgb(const BackboneOptions& options) : size_(options.size) {
    Tap tap;
    tap.name = "rgb";
    // Its native grid is that of the Wan tokens, 16 pixels a cell.
    tap.grid_h = options.pool_h > 0 ? options.pool_h : size_.height / 16;
    tap.grid_w = options.pool_w > 0 ? options.pool_w : size_.width / 16;
    tap.channels = 3;
    taps_.push_back(tap);
  }

  std::string fingerprint() const override { return ""; }
  std::string name() const override { return "rgb"; }
  const std::vector<Tap>& taps() const override { return taps_; }
  void load() override {}
  at::Tensor encode(const at::Tensor& pixels) const override { return pixels; }

  std::vector<at::Tensor> forward(const at::Tensor& pixels, const at::Tensor&) const override {
    const Tap& tap = taps_.front();
    const at::Tensor out = at::empty({pixels.size(0), tap.grid_h, tap.grid_w, 3}, at::kFloat);
    SignedImage frame(size_.width, size_.height);
    for (std::int64_t n = 0; n < pixels.size(0); ++n) {
      const at::Tensor one = pixels[n].contiguous();
      std::copy_n(one.const_data_ptr<float>(), frame.chw.size(), frame.chw.begin());
      const auto cells =
          mean_cells(frame, static_cast<int>(tap.grid_h), static_cast<int>(tap.grid_w));
      std::copy(cells.begin(), cells.end(), out[n].data_ptr<float>());
    }
    return {out};
  }

 private:
  ImageSize size_;
  std::vector<Tap> taps_;
};

}  // namespace

std::unique_ptr<Backbone> make_rgb(const BackboneOptions& options) {
  return std::make_unique<Rgb>(options);
}

}  // namespace vega
