#include "bench/train_side.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <fmt/core.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/memory.h"
#include "bench/qwen2_parts.h"
#include "bench/seconds.h"
#include "core/device.h"
#include "core/tensor.h"
#include "models/qwen2/config_json.h"
#include "models/qwen2/train_decoder.h"
#include "weights/safetensors.h"

namespace vega::bench {
namespace {

namespace fs = std::filesystem;

constexpr double kRate = 1e-3, kClip = 1.0;

std::vector<std::int64_t> ids_of(const Work& work, const qwen2::Config& config) {
  std::vector<std::int64_t> ids = prompt_ids(work.tokens);
  for (std::int64_t& id : ids) id %= config.vocab;
  return ids;
}

class VegaSide {
 public:
  explicit VegaSide(const Work& work)
      : device_(open_device(work.device)),
        config_(qwen2::config_from_json(fs::path(work.folder) / "config.json")),
        ids_(ids_of(work, config_)) {
    const fs::path folder = work.folder;
    take(folder / "model.safetensors", work.type == "float32" ? at::kFloat : at::kBFloat16, false);
    take(folder / "adapter.safetensors", at::kFloat, true);
    qwen2::TrainDecoderOptions options;
    options.dtype = work.type == "float32" ? at::kFloat : at::kBFloat16;
    options.lora = LoraConfig{work.rank, 16, 0};
    decoder_.emplace(config_, weights_, "model.", "lm_head.weight", options);
    weight_ = at::zeros({work.tokens - 1}, device_);
    const std::int64_t count = std::min(work.targets, work.tokens - 1);
    weight_.narrow(0, work.tokens - 1 - count, count).fill_(1.0 / static_cast<double>(count));
    target_ =
        at::tensor(std::vector<std::int64_t>(ids_.begin() + 1, ids_.end()), at::kLong).to(device_);
    if (device_.is_cuda()) before_ = device_memory(device_).allocated;
  }

  // As the other side's (bench/train_script.h).
  Json facts() const {
    std::int64_t trained = 0, all = 0;
    for (const at::Tensor& value : trained_) trained += value.numel();
    for (const auto& [name, value] : weights_) all += value.numel();
    return {{"trained", trained}, {"frozen", all - trained}};
  }

  Json measured_step() {
    const bool cuda = device_.is_cuda();
    if (cuda) reset_peak_memory(device_);
    synchronize(device_);
    const Seconds start = now();
    const double loss = step();
    synchronize(device_);
    const Seconds seconds = now() - start;
    return Json::list({seconds.wall, seconds.cpu, loss,
                       static_cast<double>(cuda ? device_memory(device_).peak : -1),
                       static_cast<double>(before_)});
  }

 private:
  double step() {
    const std::int64_t length = static_cast<std::int64_t>(ids_.size());
    const at::Tensor hidden =
        decoder_->forward(decoder_->embed(ids_), at::arange(length), {length, {}});
    const at::Tensor loss = decoder_->loss(hidden.narrow(0, 0, length - 1), target_, weight_).sum;
    loss.backward();
    update();
    return loss.item<double>();
  }

  // Tensors of a file, each a copy: the file's pages go. Of the frozen weights the file has one
  // layer's, and every layer has a copy of these.
  void take(const fs::path& path, at::ScalarType type, bool trained) {
    const TensorSet set = read_safetensors(path);
    for (const auto& [name, view] : set.tensors()) {
      const at::Tensor read = tensor_from(view);
      const std::size_t layer = trained ? name.npos : name.find(kFirstLayer);
      for (std::int64_t n = 0; n < (layer == name.npos ? 1 : config_.layers); ++n) {
        at::Tensor value = read.to(at::TensorOptions(device_).dtype(type), false, /*copy=*/true);
        std::string as = name;
        if (layer != name.npos) as.replace(layer, kFirstLayer.size(), fmt::format("layers.{}.", n));
        weights_[as] = value.set_requires_grad(trained);
        if (!trained) continue;
        trained_.push_back(value);
        first_.push_back(at::zeros_like(value.detach()));
        second_.push_back(at::zeros_like(value.detach()));
        count_.push_back(at::zeros({}, device_));
      }
    }
  }

  void update() {
    const c10::AutoGradMode off(false);
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& value : trained_) gradients.push_back(value.grad());
    const at::Tensor norm = at::stack(at::_foreach_norm(gradients)).norm();
    at::_foreach_mul_(gradients, std::min(1.0, kClip / (norm.item<double>() + 1e-6)));
    at::_foreach_add_(count_, 1);
    at::_fused_adamw_(trained_, gradients, first_, second_, {}, count_, kRate, 0.9, 0.999, 0, 1e-8,
                      false, false);
    for (at::Tensor& value : trained_) value.mutable_grad().reset();
  }

  static constexpr std::string_view kFirstLayer = "layers.0.";
  at::Device device_;
  qwen2::Config config_;
  WeightTable weights_;
  std::int64_t before_ = -1;
  std::optional<qwen2::TrainDecoder> decoder_;
  std::vector<std::int64_t> ids_;
  at::Tensor target_, weight_;
  std::vector<at::Tensor> trained_, first_, second_, count_;
};

}  // namespace

int run_train_side(char** argv) {
  const Work work{argv[0],
                  argv[1],
                  argv[2],
                  std::stoll(argv[3]),
                  std::stoll(argv[4]),
                  std::stoll(argv[5]),
                  std::stoll(argv[6])};
  keep_freed_memory();
  at::set_num_threads(static_cast<int>(work.threads));
  VegaSide side(work);
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("{}\n", (line == "facts" ? side.facts() : side.measured_step()).dump());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace vega::bench
