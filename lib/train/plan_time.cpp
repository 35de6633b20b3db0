#include "train/plan_time.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "core/device.h"
#include "core/on_device.h"
#include "fusion/streams.h"
#include "models/qwen2/names.h"
#include "models/qwen2/train_decoder.h"
#include "models/siglip/names.h"
#include "models/siglip/train_tower.h"
#include "nn/linear_loss.h"
#include "train/optimizer.h"

namespace vega::train {
namespace {

constexpr double kEnough = 0.5;                        // seconds: longer runs need no larger sizes
constexpr std::int64_t kLeastRuns = 2, kMostRuns = 8;  // of one trial
constexpr std::int64_t kFewTokens = 64;                // the first size that is tried
constexpr double kFine = 729, kCoarse = 196;
constexpr std::int64_t kFrames = 2;  // of the trial of projectors and fusion
constexpr std::int64_t kLogitRows = 32, kLogitColumns = 16384, kUpdates = 1 << 20;

double to_real(std::int64_t value) { return static_cast<double>(value); }

// The mean of some runs behind one that warms up: what else the machine does counts, as in a run.
// Each is told its number, so that it can be of a size of its own.
double seconds_of(at::Device device, const std::function<void(std::int64_t)>& work) {
  std::int64_t done = 0;
  const auto once = [&] {
    const auto start = Clock::now();
    work(done++);
    synchronize(device);
    return seconds_since(start);
  };
  synchronize(device);
  const double first = once();
  if (first > 4 * kEnough) return first;
  double sum = 0;
  std::int64_t count = 0;
  while (count < kLeastRuns || (count < kMostRuns && sum < kEnough / 2)) sum += once(), ++count;
  return sum / to_real(count);
}

at::Tensor random(at::IntArrayRef shape, const at::TensorOptions& options) {
  return at::randn(shape, at::TensorOptions(options.device()).dtype(at::kFloat))
      .mul_(0.02)
      .to(options.dtype());
}

// The layout of a pass, shrunk to about `tokens`.
PackedLayout layout_of(const PassSize& pass, std::int64_t tokens) {
  const double share = to_real(tokens) / to_real(pass.tokens);
  const std::int64_t questions = pass.packed ? std::max<std::int64_t>(pass.questions, 1) : 0;
  PackedLayout out;
  out.prefix = tokens;
  for (std::int64_t i = 0; i < questions; ++i) {
    const double own = share * to_real(pass.own) / to_real(questions);
    out.lengths.push_back(std::max<std::int64_t>(1, static_cast<std::int64_t>(own)));
    out.prefix -= out.lengths.back();
  }
  out.prefix = std::max<std::int64_t>(1, out.prefix);
  return out;
}

// A few layers of the decoder with made-up weights, over a vocabulary of a few words.
class LayerTrial {
 public:
  LayerTrial(const ModelSize& model, const Placement& placement, std::int64_t layers)
      : model_(model), placement_(placement), config_(model.decoder) {
    config_.layers = layers, config_.vocab = 8, config_.tied = false;
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

  // Of the pass shrunk to about `tokens`. Runs, and trials of one and of two layers, have some
  // tokens more or less than each other: the passes of a training have ever new lengths too, for
  // which oneDNN prepares its products anew.
  double seconds(const PassSize& pass, std::int64_t tokens) const {
    return seconds_of(placement_.device, [&](std::int64_t run) {
      const std::int64_t other = (run + config_.layers) % 2 == 0 ? run : -run;
      once(layout_of(pass, std::max<std::int64_t>(1, tokens + other)));
    });
  }

 private:
  void once(const PackedLayout& layout) const {
    const std::int64_t tokens = layout.tokens();
    const at::TensorOptions type = at::TensorOptions(placement_.device).dtype(placement_.dtype);
    const at::Tensor x = at::zeros({tokens, config_.hidden}, type).requires_grad_(true);
    const at::Tensor counted = at::arange(tokens, at::kLong);
    const at::Tensor positions =
        config_.three_components() ? counted.expand({3, tokens}).contiguous() : counted;
    const DropoutKey key{1, 1, "plan"};
    const at::Tensor out = decoder_->forward(x, positions, layout,
                                             model_.mode == DecoderMode::kAdapted ? &key : nullptr);
    torch::autograd::backward({out}, {at::ones_like(out)});
  }

  const ModelSize& model_;
  const Placement& placement_;
  qwen2::Config config_;
  WeightTable table_;
  std::optional<qwen2::TrainDecoder> decoder_;
};

// Doubles the number of tokens until a run takes long enough, and fits a line and a square through
// the last two of them. What two layers take more than one is a layer; the rest is what stands
// around them.
void measure_layer(const ModelSize& model, const PassSize& pass, const Placement& placement,
                   StepSpeed& out) {
  const LayerTrial one(model, placement, 1), two(model, placement, 2);
  struct Point {
    double tokens = 0, layer = 0, around = 0;
  };
  std::vector<Point> points;
  for (std::int64_t count = std::min(pass.tokens, kFewTokens);;
       count = std::min(2 * count, pass.tokens)) {
    const double less = one.seconds(pass, count), more = two.seconds(pass, count);
    const double layer = std::max(more - less, more / 4);  // not more noise than time
    points.push_back({to_real(count), layer, std::max(0.0, less - layer)});
    if (count == pass.tokens || more > kEnough) break;
  }
  const Point last = points.back();
  out.pass_token = last.around / last.tokens;
  out.layer_token = last.layer / last.tokens;
  if (points.size() < 2) return;
  const Point before = points[points.size() - 2];
  out.layer_square = std::max(0.0, (last.layer / last.tokens - before.layer / before.tokens) /
                                       (last.tokens - before.tokens));
  out.layer_token -= out.layer_square * last.tokens;
}

// Projectors and fusion with made-up weights.
class VisualTrial {
 public:
  VisualTrial(const ModelSize& model, const FusionCheckpoint& modules, const Placement& placement)
      : model_(model), placement_(placement) {
    const auto projector = [&](const ProjectorConfig& config, bool trains) {
      return Projector::over(config, values_of(projector_specs(config), trains), placement);
    };
    if (model.semantic_width > 0)
      modules_.semantic = projector(*modules.semantic, model.semantic_trains);
    if (model.generative_width > 0)
      modules_.generative = projector(*modules.generative, model.generative_trains);
    if (model.generative_width > 0 && model.fuses)
      modules_.fusion = Fusion::over(
          modules.fusion, values_of(fusion_specs(modules.fusion), model.fusion_trains), placement);
  }

  double seconds(std::int64_t frames) const {
    const at::TensorOptions type = at::TensorOptions(placement_.device).dtype(at::kFloat);
    const auto features = [&](std::int64_t width, double cells) {
      return width > 0 ? random({frames, static_cast<std::int64_t>(cells), width}, type)
                       : at::Tensor();
    };
    const at::Tensor semantic = features(model_.semantic_width, kFine);
    const at::Tensor generative = features(model_.generative_width, kCoarse);
    return seconds_of(placement_.device, [&](std::int64_t) {
      Streams streams = project(modules_, semantic, generative);
      if (modules_.fusion) fuse_streams(*modules_.fusion, {}, {}, streams);
      for (const at::Tensor& out :
           {streams.fused.defined() ? streams.fused : streams.semantic, streams.generative}) {
        if (!out.defined() || !out.requires_grad()) continue;
        torch::autograd::backward({out}, {at::ones_like(out)});
        break;
      }
    });
  }

 private:
  Parameters values_of(const std::vector<ParameterSpec>& specs, bool trains) const {
    const at::TensorOptions type = at::TensorOptions(placement_.device).dtype(placement_.dtype);
    Parameters out;
    for (const ParameterSpec& spec : specs)
      out.emplace_back(spec.name, random(spec.shape, type).requires_grad_(trains));
    return out;
  }

  const ModelSize& model_;
  const Placement& placement_;
  StreamModules modules_;
};

// A picture through a few layers of the vision tower and back, with made-up weights.
double tower_trial(const ModelSize& model, const Placement& placement, std::int64_t layers) {
  siglip::Config config = *model.tower;
  config.layers = layers;
  const at::TensorOptions master = at::TensorOptions(placement.device).dtype(at::kFloat);
  WeightTable table;
  for (const NamedTensor& tensor : siglip::tower_tensors(config))
    table.emplace(tensor.canonical, random(tensor.shape, master).requires_grad_(true));
  const siglip::TrainTower tower(config, table, std::string(siglip::kPrefix),
                                 {placement.dtype, model.recompute});
  const at::Tensor pixels =
      random({1, siglip::kPatchChannels, siglip::kImageSide, siglip::kImageSide}, master);
  return seconds_of(placement.device, [&](std::int64_t) {
    const at::Tensor out = tower.forward(pixels);
    torch::autograd::backward({out}, {at::ones_like(out)});
  });
}

// What two layers take more than one is a layer; the rest stands around them.
double tower_seconds(const ModelSize& model, const Placement& placement) {
  if (!model.tower) return 0;
  const double less = tower_trial(model, placement, 1), more = tower_trial(model, placement, 2);
  const double layer = std::max(more - less, more / 4);  // not more noise than time
  return std::max(0.0, less - layer) + layer * to_real(model.tower->layers);
}

double logit_seconds(const ModelSize& model, const Placement& placement) {
  const at::TensorOptions type = at::TensorOptions(placement.device).dtype(placement.dtype);
  const bool trains = model.mode == DecoderMode::kTrained;
  const std::int64_t columns = std::min(model.decoder.vocab, kLogitColumns);
  const at::Tensor hidden = random({kLogitRows, model.decoder.hidden}, type).requires_grad_(true);
  const at::Tensor head = random({columns, model.decoder.hidden}, type).requires_grad_(trains);
  const at::TensorOptions float_type = type.dtype(at::kFloat);
  const double seconds = seconds_of(placement.device, [&](std::int64_t) {
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
  const double seconds = seconds_of(placement.device, [&](std::int64_t) {
    optimizer.clip(optimizer.gradient_norm(), 1);
    optimizer.step(std::map<std::string, double>{{one.group, 1e-6}});
  });
  return seconds / to_real(kUpdates);
}

// The same in operations: products of both matrices' kinds, and attention over all patches.
double tower_operations(const ModelSize& model) {
  if (!model.tower) return 0;
  const siglip::Config& c = *model.tower;
  const double tokens = to_real(c.tokens()), width = to_real(c.width);
  const double layer =
      tokens * width * (4 * width + 2 * to_real(c.mlp)) + 2 * tokens * tokens * width;
  return (model.recompute ? 4 : 3) * 2 * layer * to_real(c.layers);
}

// Forward, gradient of the input, gradient of the weights, and forward again.
double layer_passes(const ModelSize& model) {
  return 2 + (model.mode == DecoderMode::kTrained ? 1 : 0) + (model.recompute ? 1 : 0);
}

}  // namespace

double StepSpeed::pass(const ModelSize& model, const PassSize& pass) const {
  const double tokens = to_real(pass.tokens);
  return pass_token * tokens +
         to_real(model.decoder.layers) * (layer_token * tokens + layer_square * tokens * tokens) +
         logit * to_real(pass.targets) * to_real(model.decoder.vocab);
}

double StepSpeed::scene(const ModelSize& model, const PassSize& pass) const {
  if (!model.pictures) return frame * to_real(pass.frames);
  double operations = 0;
  if (!pass.stored.semantic)
    operations += model.pictures->token_operations * to_real(pass.visual_tokens);
  if (!pass.stored.generative)
    operations += model.pictures->frame_operations * to_real(pass.frames);
  return operation * operations;
}

StepSpeed measure_speed(const ModelSize& model, const FusionCheckpoint& modules,
                        const PassSize& pass, const Placement& placement) {
  return on_device(placement.device, [&] {
    StepSpeed out;
    measure_layer(model, pass, placement, out);
    if (model.pictures) {
      // Their own networks are not run: at the speed of the decoder's layers.
      out.operation = out.layer_token / (layer_passes(model) * 2 * model.layer_numbers());
      out.logit = logit_seconds(model, placement);
      out.update = update_seconds(placement);
      return out;
    }
    const std::int64_t frames = std::clamp<std::int64_t>(pass.frames, 1, kFrames);
    out.frame = VisualTrial(model, modules, placement).seconds(frames) / to_real(frames) +
                tower_seconds(model, placement);
    out.logit = logit_seconds(model, placement);
    out.update = update_seconds(placement);
    return out;
  });
}

StepSpeed stated_speed(const ModelSize& model, double flops) {
  const double hidden = to_real(model.decoder.hidden);
  const double passes = layer_passes(model);
  const auto projector = [&](std::int64_t width, double cells, bool trains) {
    return width == 0 ? 0 : (trains ? 3 : 1) * 2 * cells * hidden * (to_real(width) + hidden);
  };
  StepSpeed out;
  out.operation = 1 / flops;
  out.layer_token = passes * 2 * model.layer_numbers() / flops;
  // A token sees half of the others; scores and sums; the backward pass is 2.5 times the forward.
  out.layer_square = (model.recompute ? 4.5 : 3.5) * 2 *
                     to_real(model.decoder.heads * model.decoder.head_dim) / flops;
  out.frame = (projector(model.semantic_width, kFine, model.semantic_trains) +
               projector(model.generative_width, kCoarse, model.generative_trains) +
               tower_operations(model)) /
              flops;
  out.logit = (model.mode == DecoderMode::kTrained ? 3 : 2) * 2 * hidden / flops;
  return out;
}

std::string duration_text(double seconds) {
  if (seconds < 90) return fmt::format("{:.{}f} s", seconds, seconds < 10 ? 2 : 0);
  if (seconds < 5400) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 172800) return fmt::format("{:.1f} h", seconds / 3600);
  return fmt::format("{:.1f} days", seconds / 86400);
}

}  // namespace vega::train
