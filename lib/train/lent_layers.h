// Layers of the decoder whose values ranks keep apart (--zero 3): each brings what it owns to all
// others when a pass needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "models/qwen2/layer_values.h"
#include "ranks/lent_tensors.h"
#include "train/owned_gradients.h"
#include "train/setup.h"
#include "vlm/train_model.h"

namespace vega::train {

// Whether a tensor that trains is among those that are kept apart: layers of the decoder, and the
// head where it is no embedding.
bool is_apart(const std::string& name);

// The type in which a tensor of so many axes comes to the other ranks: that of the passes, but
// norms and biases, whose gradients are summed in the wide type, and the head keep theirs.
at::ScalarType lent_type(std::size_t axes, const std::string& name, at::ScalarType compute);

// The model as `rank` of `ranks` keeps it: with --zero 3 what it owns of the decoder's layers.
vlm::TrainModelOptions model_of_rank(const TrainSetup& setup, int rank, int ranks);

// All ranks go through the same stages in each round: for each pass the layers, the head, and the
// layers again from the last to the first. A rank that has no work at a stage, or that failed,
// brings its part all the same. The next stage is on its way while one is computed; those before
// are dropped. Throws RankError.
class LentLayers final : public qwen2::LayerValues {
 public:
  // owners: of each tensor of the model (Optimizer::owners). Both others outlive it.
  LentLayers(Ranks& ranks, vlm::TrainModel& model, const std::vector<int>& owners,
             OwnedGradients& gradients);

  // passes: the most that any rank makes in this round.
  void begin_round(std::int64_t passes);
  std::vector<at::Tensor> layer(std::int64_t n, bool again) override;
  at::Tensor head() override;
  void end_round();  // goes through the stages that are left

 private:
  struct Stage {
    std::size_t group = 0;            // of lent_
    std::vector<std::size_t> behind;  // tensors whose gradients are complete when it begins
  };
  const std::vector<at::Tensor>& at_stage(std::size_t stage);
  void go_on();  // to the next stage
  std::size_t stages_in_round() const { return passes_ * stages_.size(); }

  OwnedGradients& gradients_;
  std::size_t layers_ = 0;
  std::vector<Stage> stages_;  // of a pass
  LentTensors lent_;
  std::size_t passes_ = 0, gone_ = 0;  // stages of this round that have begun
  std::vector<at::Tensor> here_;       // of the last of them
};

}  // namespace vega::train
