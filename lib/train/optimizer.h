// The optimiser of a training: AdamW over the tensors that train, or Muon over those that ask for
// it. Source: PyTorch 2.11, torch.optim.AdamW(fused=True), torch.optim.Muon and
// torch.nn.utils.clip_grad_norm_.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nn/muon.h"
#include "vlm/train_model.h"

namespace vega {
class Ranks;
}

namespace vega::train {

enum class Rule { kAdamW, kMuon };

// One tensor that an optimiser moves: a leaf. Tensors of one group share a learning rate.
struct TrainedTensor {
  std::string name;
  at::Tensor tensor;
  std::string group;
  Rule rule = Rule::kAdamW;  // kMuon: a matrix
  bool apart = false;        // its owner alone has its values
  bool decays = false;       // weight decay concerns it though it is no matrix
};

// What weight decay concerns.
enum class Decay {
  kMatrices,  // not norms and biases: not vectors
  kReleased  // all but biases and the scales of layer norms, as VEGA-3D's spatial model was trained
};

// Those of a language model: a group a part, under the part's name.
std::vector<TrainedTensor> trained_tensors(const std::vector<vlm::Trained>& trained,
                                           Decay decay = Decay::kMatrices);

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;  // of matrices, and of what TrainedTensor::decays
};

// Which part of the optimiser's state a rank keeps: that of the tensors that it owns, about one of
// `ranks` parts by their bytes. One part: all of it.
struct StateShare {
  int rank = 0, ranks = 1;
};

// Whether some rank has a gradient of the tensor at this place. of_ranks: "1" or "0" for each
// tensor, in their order.
bool any_has(const std::vector<std::string>& of_ranks, std::size_t place);

class Optimizer {
 public:
  // The tensors must be leaves, and stay the same.
  Optimizer(std::vector<TrainedTensor> trained, const AdamWOptions& options,
            const MuonOptions& muon = {}, StateShare share = {});
  Optimizer(const std::vector<vlm::Trained>& trained, const AdamWOptions& options,
            StateShare share = {}, Decay decay = Decay::kMatrices)
      : Optimizer(trained_tensors(trained, decay), options, {}, share) {}

  const StateShare& share() const { return share_; }
  std::vector<int> owners() const;  // of each tensor, in their order
  void clear_gradients();
  // The norm of all gradients together, in double. A tensor without gradient counts 0.
  double gradient_norm() const;
  // The same norm where each rank has the gradients of its own tensors alone. of_ranks: as above.
  double gradient_norm(Ranks& ranks, const std::vector<std::string>& of_ranks) const;
  // Multiplies all gradients by min(1, most / (norm + 1e-6)); most 0: nothing.
  void clip(double norm, double most);
  // One step with a rate for each group that trains, of the tensors that this rank owns. A tensor
  // without gradient stays as it is, and so do its moments.
  void step(const std::map<std::string, double>& rates);
  // Every rank gets the values of what others own and `of_ranks` moved, but for those apart.
  void spread_values(Ranks& ranks, const std::vector<std::string>& of_ranks);

  // Moments by name: "NAME.exp_avg", "NAME.exp_avg_sq" and "NAME.step" (1) of AdamW,
  // "NAME.momentum_buffer" of Muon. Shared, not copied. Those that this rank keeps.
  std::map<std::string, at::Tensor> state() const;
  std::set<std::string> state_names() const;  // of all ranks
  // Throws FormatError: no such name among those that this rank keeps, another shape.
  void restore(std::string_view name, const at::Tensor& value);

 private:
  struct Slot {
    TrainedTensor trained;
    int owner = 0;
    // Of this rank's own tensors alone:
    at::Tensor first;         // of Muon: its momentum
    at::Tensor second, step;  // of AdamW alone; step: scalar float32
  };
  bool moves(const Slot& slot, Rule rule) const;
  void step_adamw(const std::map<std::string, double>& rates);
  void step_muon(const std::map<std::string, double>& rates);

  std::vector<Slot> slots_;
  StateShare share_;
  AdamWOptions options_;
  MuonOptions muon_;
};

}  // namespace vega::train
