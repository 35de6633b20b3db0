#include "ref/wan_ref.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <tuple>

namespace vega::ref {
namespace {

at::ScalarType scalar(DType type) {
  switch (type) {
    case DType::kF64: return at::kDouble;
    case DType::kF32: return at::kFloat;
    case DType::kBF16: return at::kBFloat16;
    case DType::kF16: return at::kHalf;
    default: throw std::invalid_argument("oracle weights must be floating");
  }
}

// Held in float32 under autocast also where matrices are cast once: small, or computed in float32.
bool stays_wide(const std::string& name, const at::Tensor& tensor) {
  return tensor.dim() < 2 || name.starts_with("time_") || name.starts_with("head.") ||
         name.ends_with("modulation") || name.ends_with("gamma");
}

// exp(i p f_j) for p = 0..1023, f_j = 10000^(-2j/width), as rope_params of the release.
at::Tensor rope_axis(std::int64_t width) {
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor frequency =
      at::pow(10000.0, at::arange(0, width, 2, options) / static_cast<double>(width)).reciprocal();
  const at::Tensor angle = at::outer(at::arange(1024, options), frequency);
  return at::polar(at::ones_like(angle), angle);
}

// x (N, L, heads, width), table (L, 1, width/2) complex double: sample by sample, as released.
at::Tensor rotate(const at::Tensor& x, const at::Tensor& table) {
  std::vector<at::Tensor> out;
  for (const at::Tensor& sample : x.unbind(0)) {
    const at::Tensor pairs =
        sample.to(at::kDouble).reshape({sample.size(0), sample.size(1), -1, 2});
    out.push_back(at::view_as_real(at::view_as_complex(pairs) * table).flatten(2));
  }
  return at::stack(out).to(x.scalar_type());
}

const at::Tensor& find(const std::unordered_map<std::string, at::Tensor>& map,
                       const std::string& name) {
  const auto it = map.find(name);
  if (it == map.end()) throw std::out_of_range("oracle: no tensor " + name);
  return it->second;
}

}  // namespace

at::Tensor to_tensor(const TensorView& view, at::ScalarType dtype, at::Device device) {
  at::Tensor own = at::empty(view.shape, at::TensorOptions().dtype(scalar(view.dtype)));
  std::memcpy(own.data_ptr(), view.data, view.bytes());
  return own.to(device).to(dtype);
}

WanRef::WanRef(const Weights& dit, const Weights& vae, const wan::DitConfig& config,
               const wan::VaeConfig& vae_config, at::ScalarType dtype, at::Device device,
               bool cast_once)
    : config_(config),
      vae_config_(vae_config),
      dtype_(dtype),
      wide_(dtype == at::kBFloat16 ? at::kFloat : dtype),
      device_(device) {
  const auto convert = [&](const Weights& from, Map& to) {
    for (const auto& [name, view] : from) {
      at::Tensor value = to_tensor(view, wide_, device);
      if (cast_once && !stays_wide(name, value)) value = value.to(dtype_);
      to.emplace(name, value);
    }
  };
  convert(dit, dit_);
  convert(vae, vae_);
  const std::int64_t width = config.head_dim();
  const std::int64_t space = 2 * (width / 6);
  rope_ = at::cat({rope_axis(width - 2 * space), rope_axis(space), rope_axis(space)}, 1).to(device);
  // float32 constants, or bfloat16 ones where the release computes in bfloat16.
  const auto row = [&](const std::array<double, 16>& values) {
    return at::tensor(std::vector<double>(values.begin(), values.end()), at::kDouble)
        .to(at::kFloat)
        .to(dtype_)
        .view({1, 16, 1, 1})
        .to(device);
  };
  mean_ = row(wan::kLatentMean);
  scale_ = row(wan::kLatentStd).reciprocal();
}

at::Tensor WanRef::linear(const std::string& name, const at::Tensor& x) const {
  return at::linear(x.to(dtype_), find(dit_, name + ".weight").to(dtype_),
                    find(dit_, name + ".bias").to(dtype_));
}

at::Tensor WanRef::wide_linear(const std::string& name, const at::Tensor& x) const {
  return at::linear(x.to(wide_), find(dit_, name + ".weight"), find(dit_, name + ".bias"));
}

// ---------------------------------------------------------------- VAE encoder, x (1, C, 1, H, W)

at::Tensor WanRef::causal_conv(const std::string& name, const at::Tensor& x) const {
  const at::Tensor& weight = find(vae_, name + ".weight");
  const std::int64_t t = weight.size(2) - 1, h = weight.size(3) / 2, w = weight.size(4) / 2;
  const at::Tensor padded = at::constant_pad_nd(x.to(dtype_), {w, w, h, h, t, 0});
  return at::conv3d(padded, weight.to(dtype_), find(vae_, name + ".bias").to(dtype_));
}

at::Tensor WanRef::vae_norm(const std::string& name, const at::Tensor& x) const {
  const at::Tensor wide = x.to(wide_);
  const at::Tensor norm = at::linalg_vector_norm(wide, 2, {1}, true).clamp_min(1e-12);
  return wide / norm * std::sqrt(static_cast<double>(x.size(1))) * find(vae_, name + ".gamma");
}

at::Tensor WanRef::residual(const std::string& name, const at::Tensor& x) const {
  const bool widens = vae_.count(name + ".shortcut.weight") != 0;
  const at::Tensor shortcut = widens ? causal_conv(name + ".shortcut", x) : x;
  at::Tensor y = at::silu(vae_norm(name + ".residual.0", x));
  y = causal_conv(name + ".residual.2", y);
  y = at::silu(vae_norm(name + ".residual.3", y));
  return causal_conv(name + ".residual.6", y) + shortcut;
}

at::Tensor WanRef::vae_attention(const std::string& name, const at::Tensor& x) const {
  const std::int64_t c = x.size(1), h = x.size(3), w = x.size(4);
  const auto conv = [&](const std::string& key, const at::Tensor& value) {
    return at::conv2d(value.to(dtype_), find(vae_, key + ".weight").to(dtype_),
                      find(vae_, key + ".bias").to(dtype_));
  };
  at::Tensor y = vae_norm(name + ".norm", x.squeeze(2));
  y = conv(name + ".to_qkv", y).reshape({1, 1, 3 * c, h * w}).permute({0, 1, 3, 2}).contiguous();
  const std::vector<at::Tensor> qkv = y.chunk(3, -1);
  y = dtype_ == at::kDouble ? at::matmul(at::softmax(at::matmul(qkv[0], qkv[1].transpose(-2, -1)) /
                                                         std::sqrt(static_cast<double>(c)),
                                                     -1),
                                         qkv[2])
                            : at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]);
  y = conv(name + ".proj", y.squeeze(1).permute({0, 2, 1}).reshape({1, c, h, w}));
  return x + y.unsqueeze(2);
}

// The first chunk of a clip passes the temporal convolution of a 3D downsampler unchanged.
at::Tensor WanRef::downsample(const std::string& name, const at::Tensor& x) const {
  const at::Tensor padded = at::constant_pad_nd(x.squeeze(2).to(dtype_), {0, 1, 0, 1});
  return at::conv2d(padded, find(vae_, name + ".resample.1.weight").to(dtype_),
                    find(vae_, name + ".resample.1.bias").to(dtype_), 2)
      .unsqueeze(2);
}

at::Tensor WanRef::encode_frame(const at::Tensor& frame, Taps* taps) const {
  at::Tensor x = causal_conv("encoder.conv1", frame.unsqueeze(2));
  int flat = 0;
  for (std::size_t level = 0; level < vae_config_.mult.size(); ++level) {
    const auto name = [&] { return "encoder.downsamples." + std::to_string(flat++); };
    for (std::int64_t n = 0; n < vae_config_.res_blocks; ++n) x = residual(name(), x);
    if (level + 1 < vae_config_.mult.size()) x = downsample(name(), x);
  }
  if (taps) (*taps)["vae.down10"] = x.select(2, 0);
  x = residual("encoder.middle.0", x);
  x = vae_attention("encoder.middle.1", x);
  x = residual("encoder.middle.2", x);
  if (taps) (*taps)["vae.mid"] = x.select(2, 0);
  x = causal_conv("encoder.head.2", at::silu(vae_norm("encoder.head.0", x)));
  const at::Tensor mean = causal_conv("conv1", x).chunk(2, 1)[0].select(2, 0);
  if (taps) (*taps)["latents_raw"] = mean;
  return (mean - mean_) * scale_;
}

at::Tensor WanRef::encode(const at::Tensor& pixels, Taps* taps) const {
  std::vector<at::Tensor> latents;
  for (std::int64_t n = 0; n < pixels.size(0); ++n) {
    latents.push_back(encode_frame(pixels.narrow(0, n, 1).to(dtype_), taps));
  }
  return at::cat(latents).to(wide_);
}

at::Tensor WanRef::add_noise(const at::Tensor& z, const at::Tensor& eps, double sigma) const {
  return (1.0 - sigma) * z.to(wide_) + sigma * eps.to(wide_);
}

// ---------------------------------------------------------------- transformer

at::Tensor WanRef::time(std::int64_t t, Taps* taps) const {
  const std::int64_t half = config_.freq_dim / 2;
  const at::Tensor steps = at::arange(half, at::TensorOptions().dtype(at::kDouble));
  const at::Tensor angle =
      static_cast<double>(t) * at::pow(10000.0, -steps / static_cast<double>(half));
  const at::Tensor v = at::cat({at::cos(angle), at::sin(angle)}).view({1, -1}).to(at::kFloat);
  const at::Tensor e =
      wide_linear("time_embedding.2", at::silu(wide_linear("time_embedding.0", v.to(device_))));
  if (taps) {
    (*taps)["v"] = v;
    (*taps)["e"] = e;
    (*taps)["e6"] = modulation(e);
  }
  return e;
}

at::Tensor WanRef::modulation(const at::Tensor& e) const {
  return wide_linear("time_projection.1", at::silu(e)).view({e.size(0), 6, config_.dim});
}

at::Tensor WanRef::text(const at::Tensor& prompt, std::int64_t frames) const {
  const at::Tensor padded =
      at::cat({prompt, prompt.new_zeros({config_.text_len - prompt.size(0), prompt.size(1)})});
  const at::Tensor context = at::stack(std::vector<at::Tensor>(frames, padded));
  return linear("text_embedding.2", at::gelu(linear("text_embedding.0", context), "tanh"));
}

at::Tensor WanRef::embed(const at::Tensor& z) const {
  return at::conv3d(z.unsqueeze(2).to(dtype_), find(dit_, "patch_embedding.weight").to(dtype_),
                    find(dit_, "patch_embedding.bias").to(dtype_),
                    {1, config_.patch, config_.patch})
      .flatten(2)
      .transpose(1, 2);
}

// Computed in float32 or wider, rounded back to the type of x.
at::Tensor WanRef::layer_norm(const at::Tensor& x) const {
  return at::layer_norm(x.to(wide_), {config_.dim}, {}, {}, config_.eps).to(x.scalar_type());
}

// Over the full width, before the heads are split. The normalised value is rounded to the type of
// x.
at::Tensor WanRef::rms(const at::Tensor& x, const std::string& name) const {
  const at::Tensor wide = x.to(wide_);
  const at::Tensor normed = wide * at::rsqrt(wide.pow(2).mean(-1, true) + config_.eps);
  return normed.to(x.scalar_type()) * find(dit_, name + ".weight");
}

at::Tensor WanRef::sdpa(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
  const auto split = [&](const at::Tensor& x) { return x.to(dtype_).transpose(1, 2); };
  const at::Tensor a = split(q), b = split(k), c = split(v);
  const at::Tensor out =
      dtype_ == at::kDouble ? at::matmul(at::softmax(at::matmul(a, b.transpose(-2, -1)) /
                                                         std::sqrt(static_cast<double>(q.size(-1))),
                                                     -1),
                                         c)
                            : at::scaled_dot_product_attention(a, b, c);
  return out.transpose(1, 2).flatten(2);
}

at::Tensor WanRef::attention(const std::string& name, const at::Tensor& x,
                             const at::Tensor& context, const at::Tensor& rope) const {
  const auto heads = [&](const at::Tensor& value) {
    return value.view({value.size(0), value.size(1), config_.heads, config_.head_dim()});
  };
  at::Tensor q = heads(rms(linear(name + ".q", x), name + ".norm_q"));
  at::Tensor k = heads(rms(linear(name + ".k", context), name + ".norm_k"));
  const at::Tensor v = heads(linear(name + ".v", context));
  if (rope.defined()) {
    q = rotate(q, rope);
    k = rotate(k, rope);
  }
  return linear(name + ".o", sdpa(q, k, v));
}

// (L, 1, head_dim/2): time position 0, then row, then column.
at::Tensor WanRef::rope_table(std::int64_t gh, std::int64_t gw) const {
  const std::int64_t pairs = rope_.size(1), space = config_.head_dim() / 6;
  const std::vector<at::Tensor> axis = rope_.split_with_sizes({pairs - 2 * space, space, space}, 1);
  return at::cat({axis[0].slice(0, 0, 1).view({1, 1, -1}).expand({gh, gw, -1}),
                  axis[1].slice(0, 0, gh).view({gh, 1, -1}).expand({gh, gw, -1}),
                  axis[2].slice(0, 0, gw).view({1, gw, -1}).expand({gh, gw, -1})},
                 -1)
      .reshape({gh * gw, 1, -1});
}

at::Tensor WanRef::block(std::int64_t index, const at::Tensor& tokens, const at::Tensor& e6,
                         const at::Tensor& text, std::int64_t gh, std::int64_t gw) const {
  const std::string name = "blocks." + std::to_string(index) + ".";
  const std::vector<at::Tensor> e = (find(dit_, name + "modulation") + e6).chunk(6, 1);
  at::Tensor x = tokens;
  at::Tensor y = layer_norm(x).to(wide_) * (1 + e[1]) + e[0];
  y = attention(name + "self_attn", y, y, rope_table(gh, gw));
  x = x + y * e[2];
  y = at::layer_norm(x, {config_.dim}, find(dit_, name + "norm3.weight"),
                     find(dit_, name + "norm3.bias"), config_.eps);
  x = x + attention(name + "cross_attn", y, text, {});
  y = layer_norm(x) * (1 + e[4]) + e[3];
  y = linear(name + "ffn.2", at::gelu(linear(name + "ffn.0", y), "tanh"));
  return x + y * e[5];
}

at::Tensor WanRef::head(const at::Tensor& x, const at::Tensor& e) const {
  const std::vector<at::Tensor> m = (find(dit_, "head.modulation") + e.unsqueeze(1)).chunk(2, 1);
  return wide_linear("head.head", layer_norm(x) * (1 + m[1]) + m[0]);
}

std::vector<at::Tensor> WanRef::blocks(const at::Tensor& z, std::int64_t t,
                                       const at::Tensor& prompt, std::int64_t upto) const {
  const at::Tensor e6 = modulation(time(t));
  const at::Tensor context = text(prompt.to(wide_), z.size(0));
  std::vector<at::Tensor> out;
  at::Tensor x = embed(z);
  for (std::int64_t n = 0; n <= upto; ++n) {
    x = block(n, x, e6, context, z.size(2) / config_.patch, z.size(3) / config_.patch);
    out.push_back(x);
  }
  return out;
}

at::Tensor WanRef::pool(const at::Tensor& tokens, std::int64_t gh, std::int64_t gw,
                        std::int64_t out_h, std::int64_t out_w) {
  const at::Tensor map = tokens.transpose(1, 2).reshape({tokens.size(0), tokens.size(2), gh, gw});
  return at::adaptive_avg_pool2d(map, {out_h, out_w}).permute({0, 2, 3, 1});
}

at::Tensor WanRef::run(const at::Tensor& pixels, const at::Tensor& eps, std::int64_t t,
                       double sigma, const at::Tensor& prompt, std::int64_t tap,
                       bool all_blocks) const {
  const at::Tensor z = add_noise(encode(pixels), eps, sigma);
  const std::int64_t gh = z.size(2) / config_.patch, gw = z.size(3) / config_.patch;
  const at::Tensor e = time(t), e6 = modulation(e);
  const at::Tensor context = text(prompt.to(wide_), z.size(0));
  at::Tensor x = embed(z), captured;
  for (std::int64_t n = 0; n < (all_blocks ? config_.layers : tap + 1); ++n) {
    x = block(n, x, e6, context, gh, gw);
    if (n == tap) captured = x;
  }
  if (all_blocks) head(x, e);
  return pool(captured, gh, gw, 14, 14);
}

}  // namespace vega::ref
