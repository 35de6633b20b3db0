// Chooses the directions of the three stages and writes them down as the encoder's weights.
//
// All sums are those of 8x8 patches: mean and covariance (192, 192) say everything about stages
// that are linear. C is the covariance, T (n, 192) the map from pixels to the channels of a stage
// at all its places within a patch, L (16, 192) the whitened principal components of the patch.
// A stage keeps those directions of its 2x2 blocks from which L is predicted best when each block
// is seen alone; the last one is the regression L C T' (T C T')^-1.
#include <ATen/ATen.h>

#include <cmath>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "core/tensor.h"
#include "models/wan/linear_vae.h"
#include "models/wan/names.h"

namespace vega::wan {
namespace {

constexpr std::int64_t kSide = kLatentStride, kPatch = 3 * kSide * kSide;
constexpr std::int64_t kLatents = 16;
constexpr double kConstant = 16384;      // the channel that pins the last norm
constexpr double kLogVariance = -30;     // of the half of conv1 that encoders drop: no spread
constexpr double kLeastVariance = 1e-8;  // of a latent, as a share of the largest one

// Nearest numbers of bfloat16, in float64.
at::Tensor rounded(const at::Tensor& values) { return values.to(at::kBFloat16).to(at::kDouble); }

// Eigenvectors in columns, largest eigenvalue first, the largest loading of each positive.
std::pair<at::Tensor, at::Tensor> principal(const at::Tensor& symmetric) {
  const auto [ascending, columns] = at::linalg_eigh((symmetric + symmetric.t()) / 2);
  const at::Tensor vectors = columns.flip(1);
  const at::Tensor loudest = vectors.gather(0, vectors.abs().argmax(0, true));
  return {ascending.flip(0), vectors * loudest.sign()};
}

// Of a grid of `channels` x side x side values: the places of each 2x2 block, in the order channel,
// row, column; the blocks row by row.
std::vector<at::Tensor> blocks_of(std::int64_t channels, std::int64_t side) {
  const at::Tensor places = at::arange(channels * side * side, at::kLong)
                                .reshape({channels, side / 2, 2, side / 2, 2})
                                .permute({1, 3, 0, 2, 4})
                                .reshape({side * side / 4, channels * 4});
  return places.unbind(0);
}

// One stage: `rows` (out, 4 channels) act on the 2x2 blocks of a grid.
struct Stage {
  at::Tensor rows;
  std::int64_t channels = 0, side = 0;

  // (out side/2 side/2, channels side side): the whole grid at once.
  at::Tensor matrix() const {
    const auto blocks = blocks_of(channels, side);
    const auto count = static_cast<std::int64_t>(blocks.size());
    at::Tensor out = at::zeros({rows.size(0), count, channels * side * side}, at::kDouble);
    for (std::int64_t k = 0; k < count; ++k)
      out.select(1, k).index_copy_(1, blocks[static_cast<std::size_t>(k)], rows);
    return out.reshape({rows.size(0) * count, -1});
  }
};

// covariance: of the grid. wanted (16, n): what is to be predicted, as a map of the grid.
Stage choose_stage(const at::Tensor& covariance, const at::Tensor& wanted, std::int64_t channels,
                   std::int64_t side, std::int64_t out) {
  at::Tensor mean = at::zeros({4 * channels, 4 * channels}, at::kDouble), asked = mean.clone();
  const auto blocks = blocks_of(channels, side);
  for (const at::Tensor& block : blocks) {
    mean += covariance.index_select(0, block).index_select(1, block);
    const at::Tensor part = wanted.index_select(1, block);
    asked += at::matmul(part.t(), part);
  }
  mean /= static_cast<double>(blocks.size());
  // In coordinates in which the block has covariance 1, the best directions are principal ones.
  const auto [variances, axes] = principal(mean);
  const at::Tensor deviation = variances.clamp_min(variances[0].item<double>() * 1e-12).sqrt();
  const at::Tensor whitened = axes * deviation;
  const at::Tensor best =
      principal(at::matmul(whitened.t(), at::matmul(asked, whitened))).second.narrow(1, 0, out);
  const at::Tensor span =
      std::get<0>(at::linalg_qr(at::matmul(axes / deviation, best)));  // (4 channels, out)
  // Uncorrelated channels lose least to bfloat16.
  const at::Tensor turn = principal(at::matmul(span.t(), at::matmul(mean, span))).second;
  return {rounded(at::matmul(span, turn).t()), channels, side};
}

// The map by which `seen` (n, 192) predicts `wanted` (16, 192) best.
at::Tensor regression(const at::Tensor& wanted, const at::Tensor& covariance,
                      const at::Tensor& seen) {
  const at::Tensor cross = at::matmul(covariance, seen.t());
  return at::matmul(at::matmul(wanted, cross),
                    at::linalg_pinv(at::matmul(seen, cross), 1e-12, true));
}

at::Tensor constants(const std::array<double, kLatents>& values) {
  return at::tensor(at::ArrayRef<double>(values), at::kDouble);
}

// The numbers that the network is written from.
struct Written {
  at::Tensor colour;                    // (3): subtracted by the first convolution
  Stage first, second;                  // of 3 colours at 8x8, of first's channels at 4x4
  at::Tensor latent_rows, latent_bias;  // (16, 4 channels of second), (16)
  at::Tensor head_bias;                 // (16)
  at::Tensor gain, shift;               // (16): conv1, Wan's deviation and mean
  double norm_gamma = 0;
};

class WeightWriter {
 public:
  explicit WeightWriter(const VaeConfig& config) {
    for (const NamedTensor& tensor : vae_tensors(config)) {
      const std::string& name = tensor.canonical;
      if (!name.starts_with("encoder.") && !name.starts_with("conv1.")) continue;
      const bool one = name.ends_with(".gamma");
      weights_[name] = one ? at::ones(tensor.shape) : at::zeros(tensor.shape);
    }
  }

  at::Tensor& at(const std::string& name) { return weights_.at(name); }

  // The last temporal slice of a causal convolution, (out, in, rows, columns).
  at::Tensor present(const std::string& name) {
    const at::Tensor& weight = at(name + ".weight");
    return weight.select(2, weight.size(2) - 1);
  }

  // The stride-2 convolution that a stage becomes.
  void write_stage(const std::string& name, const at::Tensor& rows) {
    const auto out = rows.size(0), in = rows.size(1) / 4;
    at(name + ".resample.1.weight")
        .narrow(0, 0, out)
        .narrow(1, 0, in)
        .slice(2, 0, 2)
        .slice(3, 0, 2)
        .copy_(rows.reshape({out, in, 2, 2}));
    if (weights_.contains(name + ".time_conv.weight")) {
      const at::Tensor time = present(name + ".time_conv").select(2, 0).select(2, 0);
      time.copy_(at::eye(time.size(0)));
    }
  }

  void copy_channels(const std::string& shortcut) {
    const at::Tensor weight = present(shortcut).select(2, 0).select(2, 0);
    weight.narrow(0, 0, weight.size(1)).copy_(at::eye(weight.size(1)));
  }

  WeightTable take() { return std::move(weights_); }

 private:
  WeightTable weights_;
};

WeightTable write_weights(const VaeConfig& config, const Written& w) {
  WeightWriter out(config);
  out.present("encoder.conv1").select(2, 1).select(2, 1).narrow(0, 0, 3).copy_(at::eye(3));
  out.at("encoder.conv1.bias").narrow(0, 0, 3).copy_(-w.colour);
  out.write_stage("encoder.downsamples.2", w.first.rows);
  out.copy_channels("encoder.downsamples.3.shortcut");
  out.write_stage("encoder.downsamples.5", w.second.rows);
  out.copy_channels("encoder.downsamples.6.shortcut");
  out.write_stage("encoder.downsamples.8", w.latent_rows);
  const at::Tensor bias = out.at("encoder.downsamples.8.resample.1.bias");
  bias.narrow(0, 0, kLatents).copy_(w.latent_bias);
  bias.narrow(0, bias.size(0) - 1, 1).fill_(kConstant);
  out.at("encoder.head.0.gamma").fill_(w.norm_gamma);
  const at::Tensor head = out.present("encoder.head.2").select(2, 1).select(2, 1);
  head.narrow(0, 0, kLatents).narrow(1, 0, kLatents).copy_(at::eye(kLatents) * (2 * kConstant));
  out.at("encoder.head.2.bias").narrow(0, 0, kLatents).copy_(w.head_bias);
  const at::Tensor top = out.present("conv1").select(2, 0).select(2, 0);
  top.narrow(0, 0, kLatents).narrow(1, 0, kLatents).copy_(at::diag(w.gain));
  out.at("conv1.bias").narrow(0, 0, kLatents).copy_(w.shift);
  out.at("conv1.bias").narrow(0, kLatents, kLatents).fill_(kLogVariance);
  return out.take();
}

// Sums of x x' over patches x (count, 192), in an order that no thread changes.
void add_products(const double* patches, std::int64_t count, double* products) {
  std::int64_t n = 0;
  for (; n + 4 <= count; n += 4) {
    const double* a = patches + n * kPatch;
    const double *b = a + kPatch, *c = b + kPatch, *d = c + kPatch;
    for (std::int64_t i = 0; i < kPatch; ++i) {
      double* row = products + i * kPatch;
      for (std::int64_t j = 0; j < kPatch; ++j)
        row[j] += a[i] * a[j] + b[i] * b[j] + c[i] * c[j] + d[i] * d[j];
    }
  }
  for (; n < count; ++n) {
    const double* a = patches + n * kPatch;
    for (std::int64_t i = 0; i < kPatch; ++i)
      for (std::int64_t j = 0; j < kPatch; ++j) products[i * kPatch + j] += a[i] * a[j];
  }
}

void check_pictures(const at::Tensor& pictures) {
  const bool fits = pictures.dim() == 4 && pictures.size(1) == 3 && pictures.size(0) > 0 &&
                    pictures.size(2) > 0 && pictures.size(2) % kSide == 0 && pictures.size(3) > 0 &&
                    pictures.size(3) % kSide == 0;
  if (!fits) {
    throw InputError(explain("pictures for the VAE", to_string(Shape(pictures.sizes().vec())),
                             "(N, 3, H, W), H and W multiples of 8"));
  }
  if (!pictures.abs().le(1 + 1e-5).all().item<bool>())
    throw InputError(explain("pictures for the VAE", "values outside of [-1, 1], or not finite",
                             "pixels / 127.5 - 1"));
}

}  // namespace

LinearVaeFit::LinearVaeFit(std::int64_t base)
    : base_(base),
      sum_(at::zeros({kPatch}, at::kDouble)),
      products_(at::zeros({kPatch, kPatch}, at::kDouble)) {
  const VaeConfig released;
  if (base >= kLeastLinearBase && base <= released.base) return;
  throw InputError(
      explain("base width of the VAE", std::to_string(base),
              std::to_string(kLeastLinearBase) + " to " + std::to_string(released.base)));
}

void LinearVaeFit::add(const at::Tensor& pictures) {
  check_pictures(pictures);
  const auto count = pictures.size(0), rows = pictures.size(2) / kSide,
             columns = pictures.size(3) / kSide;
  const at::Tensor patches = pictures.detach()
                                 .to(at::kCPU, at::kDouble)
                                 .reshape({count, 3, rows, kSide, columns, kSide})
                                 .permute({0, 2, 4, 1, 3, 5})
                                 .reshape({count, rows * columns, kPatch})
                                 .contiguous();
  std::vector<at::Tensor> products(static_cast<std::size_t>(count));
  parallel_for(products.size(), available_cores(), [&](std::size_t i) {
    products[i] = at::zeros({kPatch, kPatch}, at::kDouble);
    add_products(
        patches.const_data_ptr<double>() + static_cast<std::int64_t>(i) * rows * columns * kPatch,
        rows * columns, products[i].mutable_data_ptr<double>());
  });
  for (std::int64_t i = 0; i < count; ++i) {
    sum_ += patches[i].sum(0);
    products_ += products[static_cast<std::size_t>(i)];
  }
  pictures_ += count;
  patches_ += count * rows * columns;
}

LinearVae LinearVaeFit::finish(double power) const {
  const double n = static_cast<double>(std::max<std::int64_t>(patches_, 1));
  const at::Tensor mean = sum_ / n, covariance = products_ / n - at::outer(mean, mean);
  const auto [variances, components] = principal(covariance);
  const at::Tensor some = variances.gt(variances[0] * kLeastVariance).logical_and(variances > 0);
  if (const auto found = some.sum().item<std::int64_t>(); found < kLatents) {
    throw InputError(explain("VAE from " + std::to_string(pictures_) + " pictures",
                             "8x8 pixels that vary in " + std::to_string(found) + " directions",
                             "16 or more", "give more pictures, or others"));
  }
  const at::Tensor wanted =
      (components.narrow(1, 0, kLatents) / variances.narrow(0, 0, kLatents).sqrt()).t();
  // Deviation of each latent, of mean square 1.
  at::Tensor spread = variances.narrow(0, 0, kLatents).pow(power / 2);
  spread = spread / spread.square().mean().sqrt();
  LinearVae vae;
  vae.config.base = base_;
  Written w;
  // First and second stage.
  w.colour = rounded(mean.reshape({3, -1}).mean(1));
  const auto width1 = std::min<std::int64_t>(base_, 12), width2 = std::min(4 * width1, 2 * base_);
  w.first = choose_stage(covariance, wanted, 3, kSide, width1);
  const at::Tensor map1 = w.first.matrix();
  w.second = choose_stage(at::matmul(map1, at::matmul(covariance, map1.t())),
                          regression(wanted, covariance, map1), width1, kSide / 2, width2);
  const at::Tensor map2 = at::matmul(w.second.matrix(), map1);  // (4 width2, 192)
  const at::Tensor seen = at::matmul(map2, at::matmul(covariance, map2.t()));
  // What the rest of the network multiplies a latent by, which its roundings move off 1.
  const double width = static_cast<double>(4 * base_);
  w.norm_gamma = rounded(at::scalar_tensor(1 / std::sqrt(width), at::kDouble)).item<double>();
  w.gain = rounded(constants(kLatentStd));
  const at::Tensor factor = w.gain / constants(kLatentStd) * (w.norm_gamma * std::sqrt(width));
  const auto deviations = [&](const at::Tensor& rows) {
    return (at::matmul(rows, seen) * rows).sum(1).sqrt();
  };
  const at::Tensor exact = regression(wanted, covariance, map2);
  w.latent_rows = rounded(exact * (spread / (deviations(exact) * factor)).unsqueeze(1));
  // Mean 0: what the rounded bias leaves, and what Wan's rounded mean does, the head's bias takes.
  const at::Tensor grid_mean = mean - w.colour.repeat_interleave(kSide * kSide);
  const at::Tensor wish = -at::mv(at::matmul(w.latent_rows, map2), grid_mean);
  w.latent_bias = rounded(wish);
  w.shift = rounded(constants(kLatentMean));
  w.head_bias = rounded((wish - w.latent_bias) * (w.norm_gamma * std::sqrt(width)) +
                        (constants(kLatentMean) - w.shift) / w.gain);
  vae.weights = write_weights(vae.config, w);
  // The way back, and how good both ways are.
  const at::Tensor encode = at::matmul(w.latent_rows, map2) * factor.unsqueeze(1);  // (16, 192)
  const at::Tensor cross = at::matmul(encode, covariance);
  const at::Tensor inner = at::matmul(cross, encode.t());
  const at::Tensor decode = at::linalg_solve(inner, cross);  // (16, 192)
  vae.pixel_map = decode.reshape({kLatents, 3, kSide, kSide}).to(at::kFloat).contiguous();
  vae.pixel_mean = mean.reshape({3, kSide, kSide}).to(at::kFloat).contiguous();
  const at::Tensor error =
      inner.diagonal() / spread.square() - 2 * (cross * wanted).sum(1) / spread + 1;
  vae.r2 = 1 - error.max().item<double>();
  vae.pixel_r2 = ((decode * cross).sum() / covariance.trace()).item<double>();
  return vae;
}

}  // namespace vega::wan
