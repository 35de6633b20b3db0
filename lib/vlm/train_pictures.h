// One call of a model in training that is shown pictures: the losses of some samples about the same
// pictures and, where asked, their gradients. Merger and fusion run once for all of them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "vlm/train_state.h"

namespace vega::vlm {

class PicturePass {
 public:
  PicturePass(const TrainModel::Impl& model, const SceneInput& scene,
              std::span<const TrainSample> samples, const PassOptions& options, bool gradients);
  // Throws InputError: what the scene lacks; a prompt with another number of pictures.
  PassResult run();

 private:
  at::Tensor look();
  void read(const PackedPass& pass, const at::Tensor& pictures);
  at::Tensor embed(const PackedPass& pass, const at::Tensor& pictures) const;
  at::Tensor positions(const PackedPass& pass) const;

  const TrainModel::Impl& model_;
  const SceneInput& scene_;
  std::span<const TrainSample> samples_;
  const PassOptions& options_;
  bool gradients_;
  std::vector<TrainPrompt> prompts_;
  std::vector<std::size_t> all_;  // 0, 1, ...: places of the samples
  std::int64_t cells_ = 0;        // tokens of one picture
  std::int64_t passes_ = 0;
  PassResult result_;
};

}  // namespace vega::vlm
