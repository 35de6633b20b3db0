// The terms are those of models/qwen2/train_decoder.cpp, nn/linear_loss.cpp and vlm/train_pass.cpp,
// operator by operator; tests/unit/train/plan_memory_test.cpp holds them against what the allocator
// counts.
#include "train/plan_memory.h"

#include <algorithm>

#include "store/scene_file.h"

namespace vega::train {
namespace {

constexpr double kFeatureCells = 729, kCells = kTokenCells;            // cells of a frame
constexpr double kMaster = 4;                                          // bytes of float32
constexpr double kLossBytes = 64 << 20, kLossDeviceBytes = 512 << 20;  // nn/linear_loss.cpp
constexpr double kLeastLossRows = 16;

double real(std::int64_t value) { return static_cast<double>(value); }

// Numbers a token that a layer keeps or makes.
struct LayerNumbers {
  double hidden = 0, mlp = 0, queries = 0, keys = 0;
  double of(const ModelSize& m) const {
    const qwen2::Config& c = m.decoder;
    // Heads: the log-sum-exp of attention; head_dim: the table of sines.
    return hidden * real(c.hidden) + mlp * real(c.mlp) + queries * real(c.heads * c.head_dim) +
           keys * real(c.kv_heads * c.head_dim) + real(c.heads) + real(c.head_dim) + 3;
  }
};

// A layer that is computed again, at the moment of its backward pass when the most lives: behind
// the gradient of the feed-forward products.
constexpr LayerNumbers kRecomputed = {5, 5, 2, 2};
// The graph of a layer without its input; and what lives beside all graphs in the last layer's
// backward pass.
constexpr LayerNumbers kKept = {3, 3, 2, 2}, kWork = {1, 2, 0, 0};

// Numbers a token of the vision tower: of the residual stream, which is float32, and of the compute
// type.
struct TowerNumbers {
  double stream = 0, width = 0, mlp = 0;
  double of(const siglip::Config& c, double bytes) const {
    return kMaster * stream * real(c.width) + bytes * (width * real(c.width) + mlp * real(c.mlp)) +
           kMaster * real(c.heads);
  }
  TowerNumbers operator-(const TowerNumbers& other) const {
    return {stream - other.stream, width - other.width, mlp - other.mlp};
  }
};
// The graph of a layer: the stream between its halves, the normed values of both, queries, keys,
// values, what attention gives and the same row by row, both sides of the GELU. In its backward
// pass: the stream behind it, its gradient, and that of the GELU.
constexpr TowerNumbers kTowerGraph = {1, 7, 2}, kTowerBackward = {3, 8, 3};
constexpr double kPixelBytes = 16;  // siglip::tower_pixels: two numbers of float64

// Bytes a token of a layer's adapters: masks of dropout, a byte each, and inner values.
double adapter_bytes(const ModelSize& m, const MemoryPlace& place) {
  if (m.mode != DecoderMode::kAdapted) return 0;
  const qwen2::Config& c = m.decoder;
  return 5 * real(c.hidden) + real(c.heads * c.head_dim) + real(c.mlp) +
         7 * real(m.rank) * place.type_bytes;
}

// Of a layer that is packed: the mask of attention, and its parts side by side.
double packing_bytes(const ModelSize& m, const PassSize& pass, const MemoryPlace& place) {
  if (!pass.packed) return 0;
  return real(pass.tokens) * place.type_bytes *
         (real(pass.own) + real(m.decoder.heads * m.decoder.head_dim));
}

double layer_bytes(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  const double token = real(pass.tokens) * place.type_bytes;
  const double own =
      real(pass.tokens) * adapter_bytes(model, place) + packing_bytes(model, pass, place);
  // The gradient of the last product is there already.
  const double weights = model.mode == DecoderMode::kTrained
                             ? kMaster * real(model.decoder.mlp * model.decoder.hidden)
                             : 0;
  if (model.recompute) return kRecomputed.of(model) * token + own + weights;
  const double layers = real(model.decoder.layers);
  return (layers * kKept.of(model) + kWork.of(model)) * token + layers * own + weights;
}

double logits_bytes(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  if (pass.targets == 0) return 0;
  const double vocab = real(model.decoder.vocab), head = vocab * real(model.decoder.hidden);
  const double most = place.device ? kLossDeviceBytes : kLossBytes;
  const double rows =
      std::min(real(pass.targets), std::max(most / (kMaster * vocab), kLeastLossRows));
  const double block = rows * vocab, bytes = place.type_bytes;
  const bool narrow = bytes < kMaster;
  // On the CPU logits become their gradient in place.
  const double more = place.device ? kMaster * block : 0;
  if (model.mode != DecoderMode::kTrained)
    return (narrow ? kMaster + bytes : kMaster) * block + more;
  if (narrow) return (2 * bytes + 2 * kMaster) * head + (kMaster + bytes) * block + more;
  return 2 * kMaster * head + 2 * kMaster * block + more;
}

// Bytes that the scene holds while the decoder runs: its tokens, and the graph behind them where
// projectors or fusion train.
double visual_bytes(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  if (pass.frames == 0 || (pass.visual_tokens == 0 && !pass.grounds)) return 0;
  const double bytes = place.type_bytes, hidden = real(model.decoder.hidden);
  const double frames = real(pass.frames);
  const double fine = frames * kFeatureCells * hidden, coarse = frames * kCells * hidden;
  const bool narrow = bytes < kMaster;
  double numbers = coarse;  // through the projector, and resized
  if (model.semantic_trains)
    numbers += 2 * fine + (narrow ? frames * kFeatureCells * real(model.semantic_width) : 0);
  if (model.generative_width > 0) numbers += coarse;
  if (model.generative_trains)
    numbers += 2 * coarse + (narrow ? frames * kCells * real(model.generative_width) : 0);
  numbers += real(model.fusion_tensors) * coarse;
  // Streams::encoded, that pooled and the generative one; else they are used up when the decoder
  // begins. The graph of the projector keeps what is in front of and behind its GELU, `2 * fine`.
  if (model.asks) numbers += (model.semantic_width > 0 ? fine : 0) + 2 * coarse;
  numbers += real(pass.visual_tokens) * hidden;  // the block
  double out = numbers * bytes;
  if (model.positions) out += coarse * kMaster;
  if (pass.grounds) {
    out += real(pass.objects) * hidden * kMaster;
    if (model.visual_trains())
      out += real(pass.objects) * frames * real(model.object_cells) * bytes;
  }
  if (place.device)
    out += kMaster * frames *
           (kFeatureCells * real(model.semantic_width) + kCells * real(model.generative_width));
  return out;
}

// The projector of the semantic features as it runs, beside what it leaves.
double projector_work(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  if (pass.frames == 0 || (pass.visual_tokens == 0 && !pass.grounds)) return 0;
  if (model.semantic_width == 0) return 0;
  const double fine = real(pass.frames) * kFeatureCells * real(model.decoder.hidden);
  const bool narrow = place.type_bytes < kMaster;
  const double input = narrow ? real(pass.frames) * kFeatureCells * real(model.semantic_width) : 0;
  // Forward: two inner values beside the result. Backward: three gradients beside the graph.
  return (model.semantic_trains ? 3 * fine : 2 * fine + input) * place.type_bytes;
}

bool looks(const PassSize& pass) {
  return pass.frames > 0 && (pass.visual_tokens > 0 || pass.grounds);
}

// Kept of the vision tower until the passes of the decoder are over: the residual stream before
// each layer and behind the last one, in float32, and the patches of the pictures; without
// recomputation the graphs of all layers.
double tower_kept(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  if (!model.tower || !looks(pass)) return 0;
  const siglip::Config& c = *model.tower;
  const double rows = real(pass.frames * c.tokens()), bytes = place.type_bytes;
  const double patch = real(siglip::kPatchChannels * c.patch * c.patch);
  double row = kMaster * real(c.width * (c.layers + 1)) + bytes * patch;
  if (!model.recompute) row += real(c.layers) * kTowerGraph.of(c, bytes);
  return rows * row;
}

// The tower's layer at the moment of its backward pass when the most lives, with the gradient of
// the larger of its matrices; or the pictures on their way to pixels, in float64.
double tower_work(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  if (!model.tower || !looks(pass)) return 0;
  const siglip::Config& c = *model.tower;
  const double rows = real(pass.frames * c.tokens()), bytes = place.type_bytes;
  TowerNumbers work = kTowerBackward;
  if (!model.recompute) work = work - kTowerGraph;
  const double weights = kMaster * real(c.width * c.mlp);
  const double pixels =
      real(pass.frames * siglip::kPatchChannels * siglip::kImageSide * siglip::kImageSide);
  return std::max(rows * work.of(c, bytes) + weights, kPixelBytes * pixels);
}

}  // namespace

double ModelSize::layer_numbers() const {
  const double hidden_width = real(decoder.hidden);
  const double queries = real(decoder.heads * decoder.head_dim),
               keys = real(decoder.kv_heads * decoder.head_dim);
  return hidden_width * (2 * queries + 2 * keys + 3 * real(decoder.mlp)) + queries + 2 * keys +
         2 * hidden_width;
}

PassMemory pass_memory(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  const double row = real(pass.tokens) * real(model.decoder.hidden) * place.type_bytes;
  const double layers = real(model.decoder.layers);
  const double head = real(model.decoder.vocab * model.decoder.hidden) * kMaster;
  PassMemory out;
  out.visual = visual_bytes(model, pass, place);
  out.inputs = row * (layers + 1);  // with the hidden states behind the last layer
  out.layer = layer_bytes(model, pass, place);
  out.logits = logits_bytes(model, pass, place);
  double at_loss = out.inputs + row + out.logits;  // the last norm keeps its input
  if (!model.recompute)
    at_loss += out.layer - kWork.of(model) * real(pass.tokens) * place.type_bytes;
  double in_layer = out.inputs + out.layer;
  if (model.mode == DecoderMode::kTrained && pass.targets > 0) in_layer += head;
  if (pass.first) {
    at_loss -= kMaster * model.trained;
    in_layer -= kMaster * model.late;
  }
  double decoder = std::max(at_loss, in_layer);
  if (model.embedding && model.mode == DecoderMode::kTrained)
    decoder = std::max(decoder, 2 * row + (pass.targets > 0 ? 2 : 1) * head);
  const double fine = projector_work(model, pass, place);
  const double kept = tower_kept(model, pass, place), again = tower_work(model, pass, place);
  out.tower = kept + again;
  // The tower goes back when the decoder is done, and nothing of the scene but its own is left.
  out.peak = kept + std::max(out.visual + std::max(decoder, fine), again);
  return out;
}

double scene_memory(const ModelSize& model, std::int64_t frames, std::int64_t objects) {
  const double count = real(frames);
  const double seen = model.tower
                          ? real(siglip::kPatchChannels * siglip::kImageSide * siglip::kImageSide)
                          : kFeatureCells * real(model.semantic_width);
  double numbers = count * (seen + kCells * real(model.generative_width));
  if (model.positions) numbers += 3 * count * kCells;
  numbers += real(objects) * count * real(model.object_cells);
  return kMaster * numbers;
}

}  // namespace vega::train
