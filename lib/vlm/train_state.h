// What a TrainModel holds, and one call of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "fusion/spatial_fusion.h"
#include "models/qwen2/train_decoder.h"
#include "models/siglip/train_tower.h"
#include "vlm/picture_eyes.h"
#include "vlm/train_model.h"
#include "vlm/train_sequence.h"
#include "vlm/visual.h"

namespace vega::vlm {

struct TrainModel::Impl {
  Impl(VlmCheckpoint base, const TrainModelOptions& options);

  // Merger and fusion of a model that is shown pictures, likewise; it has a generative branch.
  SpatialFusion picture_fusion() const;
  // The visual half over the tensors of the table, masters cast to the compute type with a graph.
  Visual visual() const;
  at::ScalarType master_type() const;
  std::int64_t most_tokens() const { return checkpoint.config.most_tokens; }
  // Current values by official name; of LoRA and new rows, the tensors that they change.
  std::map<std::string, at::Tensor> current_values() const;

  VlmCheckpoint checkpoint;
  TrainModelOptions options;
  WeightTable table;
  std::vector<Trained> trained, added;
  std::optional<qwen2::TrainDecoder> decoder;
  std::optional<siglip::TrainTower> tower;  // where it trains
  std::optional<PictureEyes> eyes;          // of a model that is shown pictures
  std::unique_ptr<PromptMaker> prompts;

 private:
  void take(const std::vector<TrainedSpec>& specs);
  void take_added(const VlmCheckpoint& base);
  at::Tensor new_rows() const;
  at::Tensor frozen(const TensorView& view) const;
  Parameters parameters(const std::vector<ParameterSpec>& specs, const char* prefix,
                        at::ScalarType type) const;
};

// One call: the losses of some samples of a scene and, where asked, their gradients.
class TrainPass {
 public:
  TrainPass(const TrainModel::Impl& model, const SceneInput& scene,
            std::span<const TrainSample> samples, const PassOptions& options, bool gradients);
  PassResult run();

 private:
  // A tensor whose gradient is collected over several passes and goes back through its graph once.
  struct Cut {
    at::Tensor inner, leaf;
  };
  // What the decoder reads of the scene.
  struct Seen {
    at::Tensor block, objects;
  };

  at::Tensor cut(const at::Tensor& tensor, std::vector<Cut>& cuts) const;
  void send_back(std::vector<Cut>& cuts) const;
  void look();
  void read_pixels();
  Seen see(const TrainSample* question, std::vector<Cut>& cuts);
  FusionInputs fusion_inputs(const TrainSample* question) const;
  void read(const Seen& seen, std::span<const std::size_t> places);
  at::Tensor embed_pass(const PackedPass& pass, std::span<const std::size_t> places,
                        const Seen& seen) const;
  at::Tensor positions_of(const PackedPass& pass, std::span<const std::size_t> places) const;
  at::Tensor ground_loss(const PackedPass& pass, std::span<const std::size_t> places,
                         const at::Tensor& hidden, const at::Tensor& objects);

  const TrainModel::Impl& model_;
  SceneInput scene_;  // with semantic features out of the tower, where it trains
  std::span<const TrainSample> samples_;
  const PassOptions& options_;
  bool gradients_;
  Visual visual_;
  Embed embed_;
  std::vector<TrainPrompt> prompts_;
  bool sees_ = false, grounds_ = false;
  Streams streams_;
  at::Tensor shift_;
  std::vector<Cut> stream_cuts_;
  std::int64_t visual_tokens_ = 0;
  double gate_sum_ = 0;
  std::int64_t gate_count_ = 0, pass_count_ = 0;
  PassResult result_;
};

}  // namespace vega::vlm
