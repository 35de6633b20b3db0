// The memory that training takes, foretold from shapes alone. What is counted is what MemoryMeter
// counts: blocks of LibTorch's allocator on the device that computes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/qwen2/config.h"
#include "models/siglip/config.h"

namespace vega::train {

// Which tensors of the decoder train.
enum class DecoderMode {
  kFrozen,   // gradients only pass through it
  kAdapted,  // LoRA
  kTrained
};

// What the fusion's graph keeps for its backward pass, its inputs among them.
struct FusionMemory {
  double tensors = 0;  // (tokens, H)
  double shares = 0;   // numbers a frame: attention of each token to each other
  double work = 0;     // (tokens, H) of gradients that live at once in its backward pass
};

// Numbers that train, by the time at which a step's first backward pass makes their gradients:
// first those behind the decoder's layers, last those of the tower.
struct GradientOrder {
  double all = 0;
  double in_layers = 0;  // of all, without what stands behind the layers
  double late = 0;       // of the decoder's first layer, its embedding, and in front of it
  double visual = 0;     // in front of the decoder
  double tower = 0;      // of the vision tower
};

// What a model that is shown pictures makes its tokens of. Counts of numbers and operations.
struct PictureSize {
  std::int64_t channels = 0, inner = 0;  // of the generative merger: Wan's, its hidden; 0: none
  double frame_numbers = 0;              // of a frame as Wan is given it
  double feature_numbers = 0;            // of what Wan makes of it
  double frame_bytes = 0;                // that Wan needs for a frame while it runs, at most
  // Twice the multiplications: of the tower a token, of Wan a frame.
  double token_operations = 0, frame_operations = 0;
};

// The model as far as its memory depends on it. Counts of numbers, not bytes.
struct ModelSize {
  qwen2::Config decoder;
  DecoderMode mode = DecoderMode::kFrozen;
  std::int64_t rank = 0;   // of adapters
  bool embedding = false;  // the embedding or rows of it train
  bool recompute = true;
  std::int64_t semantic_width = 0, generative_width = 0;  // channels of the features; 0: none
  bool semantic_trains = false, generative_trains = false, fusion_trains = false;
  bool fuses = false;
  bool positions = false;         // tokens get an embedding of their place
  FusionMemory fusion;            // where what is in front of or in the fusion trains
  std::int64_t object_cells = 0;  // columns of the objects' selection a frame: 196, 729; 0: none
  // The fusion reads the question: tokens of both streams stay while the decoder reads each one.
  bool asks = false;
  GradientOrder gradients;
  // Bytes of a layer, and of the head, that come from other ranks for a while; 0: they do not.
  double lent_layer = 0, lent_head = 0;
  // Bytes of gradients of what stands in front of the decoder, where they are not among the plan's
  // gradients: they wait for the end of a scene, and go.
  double late_gradients = 0;
  std::optional<PictureSize> pictures;
  std::optional<siglip::Config> tower;  // it trains, and reads pictures in place of features

  double layer_numbers() const;  // of one layer of the decoder
  bool visual_trains() const { return semantic_trains || generative_trains || fusion_trains; }
};

// The device and the compute type of a plan.
struct MemoryPlace {
  int type_bytes = 4;   // of the compute type: 4 or 2
  bool device = false;  // scenes and the base stay in the host's memory
};

// What of a scene of pictures comes from files: tokens of the tower, features of Wan.
struct StoredParts {
  bool semantic = false, generative = false;
};

// One pass of the decoder over questions about one scene.
struct PassSize {
  std::int64_t frames = 0, objects = 0;
  std::int64_t visual_tokens = 0;    // of the visual block; 0: it is not seen
  std::int64_t tokens = 0, own = 0;  // of the sequence; of them behind the shared beginning
  std::int64_t targets = 0;          // rows of logits; 0: grounding alone
  bool grounds = false;
  bool packed = false;  // several questions behind a shared beginning
  std::int64_t questions = 1;
  StoredParts stored;
  // Gradients of what trains come to be while the first pass of a step goes back; of what stands in
  // front of the decoder, while the last pass of the first scene does.
  bool first = false, first_scene = false;
};

// Bytes of what lives beside the parameters while a pass runs.
struct PassMemory {
  double visual = 0;  // kept of the scene: features, tokens, the graph of what made them
  double inputs = 0;  // inputs of the decoder's layers, kept for the backward pass
  double layer = 0;   // one layer computed again, with its gradients; all layers without recompute
  double logits = 0;  // the block of logits with its gradient
  // The vision tower's: inputs of its layers, and one layer computed again. Of a model that is
  // shown pictures what Wan needs, before anything else of the pass is there.
  double tower = 0;
  double peak = 0;  // the most at once
};
PassMemory pass_memory(const ModelSize& model, const PassSize& pass, const MemoryPlace& place);

// Bytes of one scene's inputs, float32. tokens: of a frame, of a model that is shown pictures.
double scene_memory(const ModelSize& model, std::int64_t frames, std::int64_t objects,
                    std::int64_t tokens = 0, const StoredParts& stored = {});

// Bytes of one rank, by what they are.
struct MemoryPlan {
  double frozen = 0;  // weights that do not train, in the compute type
  double mapped = 0;  // of them, read from mapped files: not counted in the total
  double masters = 0, gradients = 0, moments = 0;  // float32, of what trains and a rank keeps
  double lent = 0;       // of it what others keep, at most at once: within the passes' peak
  double copies = 0;     // of masters in the compute type, while a pass runs
  double added = 0;      // initial values of parts that the base lacks, which it holds as well
  double scenes = 0;     // inputs of scenes that are kept or read ahead
  double update = 0;     // the norm of the largest tensor's gradient, when all passes are over
  double exchange = 0;   // buckets that ranks send, when all passes of a scene or step are over
  PassMemory pass;       // of the largest one
  double otherwise = 0;  // its peak with recomputation, if it runs without, and the other way round

  double total() const {
    return frozen + masters + gradients + moments + added + scenes +
           std::max({copies + pass.peak, update, exchange});
  }
};

}  // namespace vega::train
