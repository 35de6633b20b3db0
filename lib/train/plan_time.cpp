#include "train/plan_time.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>

#include "base/clock.h"
#include "core/device.h"
#include "core/on_device.h"
#include "models/qwen2/names.h"
#include "models/qwen2/train_decoder.h"
#include "nn/linear_loss.h"
#include "train/optimizer.h"

namespace vega::train {
namespace {

constexpr double kEnough = 0.5;          // seconds: longer runs need no larger sizes
constexpr std::int64_t kFewTokens = 64;  // the first size that is tried
constexpr double kFine = 729, kCoarse = 196;
constexpr std::int64_t kLogitRows = 32, kLogitColumns = 16384, kUpdates = 1 << 20;

double to_real(std::int64_t value) { return static_cast<double>(value); }

// The shorter of two runs behind one that warms up.
double seconds_of(at::Device device, const std::function<void()>& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < 3; ++run) {
    synchronize(device);
    const auto start = Clock::now();
    work();
    synchronize(device);
    if (run > 0) best = std::min(best, seconds_since(start));
    if (run == 0 && seconds_since(start) > 4 * kEnough) return seconds_since(start);
  }
  return best;
}

at::Tensor random(at::IntArrayRef shape, const at::TensorOptions& options) {
  return at::randn(shape, at::TensorOptions(options.device()).dtype(at::kFloat))
      .mul_(0.02)
      .to(options.dtype());
}

// One layer of the decoder with made-up weights, over a vocabulary of a few words.
class LayerTrial {
 public:
  LayerTrial(const ModelSize& model, const Placement& placement)
      : model_(model), placement_(placement), config_(model.decoder) {
    config_.layers = 1, config_.vocab = 8, config_.tied = false;
    const at::TensorOptions type = at::TensorOptions(placement.device).dtype(placement.dtype);
    const at::TensorOptions master = type.dtype(at::kFloat);
    const bool trains = model.mode == DecoderMode::kTrained;
    const auto add = [&](const std::string& name, const Shape& shape, bool trained) {
      at::Tensor value = random(shape, trained ? master : type);
      if (trained) value.requires_grad_(true);
      table_.emplace(name, value);
    };
    for (const NamedTensor& tensor : qwen2::decoder_tensors(config_))
      add("model." + tensor.canonical, tensor.shape, trains);
    add("lm_head.weight", {config_.vocab, config_.hidden}, false);
    qwen2::TrainDecoderOptions options{placement.dtype, model.recompute, {}, {}};
    if (model.mode == DecoderMode::kAdapted) {
      options.lora = LoraConfig{.rank = model.rank};
      for (const LoraTarget& target : qwen2::lora_targets(config_)) {
        add(lora_a_name(target.name), {model.rank, target.in}, true);
        add(lora_b_name(target.name), {target.out, model.rank}, true);
      }
    }
    decoder_.emplace(config_, table_, "model.", "lm_head.weight", options);
  }

  double seconds(std::int64_t tokens) const {
    const at::TensorOptions type = at::TensorOptions(placement_.device).dtype(placement_.dtype);
    const at::Tensor x = random({tokens, config_.hidden}, type).requires_grad_(true);
    const at::Tensor counted = at::arange(tokens, at::kLong);
    const at::Tensor positions =
        config_.three_components() ? counted.expand({3, tokens}).contiguous() : counted;
    const DropoutKey key{1, 1, "plan"};
    return seconds_of(placement_.device, [&] {
      const at::Tensor out =
          decoder_->forward(x, positions, {.prefix = tokens, .lengths = {}},
                            model_.mode == DecoderMode::kAdapted ? &key : nullptr);
      torch::autograd::backward({out}, {at::ones_like(out)});
    });
  }

 private:
  const ModelSize& model_;
  const Placement& placement_;
  qwen2::Config config_;
  WeightTable table_;
  std::optional<qwen2::TrainDecoder> decoder_;
};

// Doubles the number of tokens until a run takes long enough, and fits a line and a square through
// the last two of them.
void measure_layer(const ModelSize& model, std::int64_t tokens, const Placement& placement,
                   StepSpeed& out) {
  const LayerTrial trial(model, placement);
  std::map<std::int64_t, double> seconds;
  std::int64_t count = std::min(tokens, kFewTokens);
  for (;;) {
    seconds[count] = trial.seconds(count);
    if (count == tokens || seconds[count] > kEnough) break;
    count = std::min(2 * count, tokens);
  }
  const auto last = std::prev(seconds.end());
  const double n2 = to_real(last->first), t2 = last->second;
  out.layer_token = t2 / n2;
  if (seconds.size() < 2) return;
  const double n1 = to_real(std::prev(last)->first), t1 = std::prev(last)->second;
  out.layer_square = std::max(0.0, (t2 / n2 - t1 / n1) / (n2 - n1));
  out.layer_token = t2 / n2 - out.layer_square * n2;
}

// One projector of a frame; two products with a GELU in between, as mlp2x_gelu.
double projector_seconds(std::int64_t width, std::int64_t hidden, double cells, bool trains,
                         const Placement& placement) {
  if (width == 0) return 0;
  const at::TensorOptions type = at::TensorOptions(placement.device).dtype(placement.dtype);
  const at::Tensor first = random({hidden, width}, type).requires_grad_(trains);
  const at::Tensor second = random({hidden, hidden}, type).requires_grad_(trains);
  const at::Tensor features =
      random({static_cast<std::int64_t>(cells), width}, type.dtype(at::kFloat));
  return seconds_of(placement.device, [&] {
    const at::Tensor x = features.to(placement.dtype);
    const at::Tensor out = at::linear(at::gelu(at::linear(x, first)), second);
    if (trains) torch::autograd::backward({out}, {at::ones_like(out)});
  });
}

double logit_seconds(const ModelSize& model, const Placement& placement) {
  const at::TensorOptions type = at::TensorOptions(placement.device).dtype(placement.dtype);
  const bool trains = model.mode == DecoderMode::kTrained;
  const std::int64_t columns = std::min(model.decoder.vocab, kLogitColumns);
  const at::Tensor hidden = random({kLogitRows, model.decoder.hidden}, type).requires_grad_(true);
  const at::Tensor head = random({columns, model.decoder.hidden}, type).requires_grad_(trains);
  const at::TensorOptions float_type = type.dtype(at::kFloat);
  const double seconds = seconds_of(placement.device, [&] {
    linear_cross_entropy(hidden, head, at::zeros({kLogitRows}, type.dtype(at::kLong)),
                         at::ones({kLogitRows}, float_type))
        .sum.backward();
  });
  return seconds / to_real(kLogitRows * columns);
}

double update_seconds(const Placement& placement) {
  const at::TensorOptions type = at::TensorOptions(placement.device).dtype(at::kFloat);
  TrainedTensor one{"x", at::zeros({kUpdates}, type).requires_grad_(true), "x"};
  one.tensor.mutable_grad() = at::ones({kUpdates}, type);
  Optimizer optimizer(std::vector{one}, {});
  const double seconds = seconds_of(placement.device, [&] {
    optimizer.clip(optimizer.gradient_norm(), 1);
    optimizer.step(std::map<std::string, double>{{one.group, 1e-6}});
  });
  return seconds / to_real(kUpdates);
}

}  // namespace

double StepSpeed::pass(const ModelSize& model, const PassSize& pass) const {
  const double tokens = to_real(pass.tokens);
  return to_real(model.decoder.layers) * (layer_token * tokens + layer_square * tokens * tokens) +
         logit * to_real(pass.targets) * to_real(model.decoder.vocab);
}

StepSpeed measure_speed(const ModelSize& model, std::int64_t tokens, const Placement& placement) {
  return on_device(placement.device, [&] {
    StepSpeed out;
    measure_layer(model, std::max<std::int64_t>(tokens, 1), placement, out);
    const std::int64_t hidden = model.decoder.hidden;
    out.frame =
        projector_seconds(model.semantic_width, hidden, kFine, model.semantic_trains, placement) +
        projector_seconds(model.generative_width, hidden, kCoarse, model.generative_trains,
                          placement);
    out.logit = logit_seconds(model, placement);
    out.update = update_seconds(placement);
    return out;
  });
}

StepSpeed stated_speed(const ModelSize& model, double flops) {
  const double hidden = to_real(model.decoder.hidden);
  // Forward, gradient of the input, gradient of the weights, and forward again.
  const double passes =
      2 + (model.mode == DecoderMode::kTrained ? 1 : 0) + (model.recompute ? 1 : 0);
  const auto projector = [&](std::int64_t width, double cells, bool trains) {
    return width == 0 ? 0 : (trains ? 3 : 1) * 2 * cells * hidden * (to_real(width) + hidden);
  };
  StepSpeed out;
  out.layer_token = passes * 2 * model.layer_numbers() / flops;
  // A token sees half of the others; scores and sums; the backward pass is 2.5 times the forward.
  out.layer_square = (model.recompute ? 4.5 : 3.5) * 2 *
                     to_real(model.decoder.heads * model.decoder.head_dim) / flops;
  out.frame = (projector(model.semantic_width, kFine, model.semantic_trains) +
               projector(model.generative_width, kCoarse, model.generative_trains)) /
              flops;
  out.logit = (model.mode == DecoderMode::kTrained ? 3 : 2) * 2 * hidden / flops;
  return out;
}

}  // namespace vega::train
