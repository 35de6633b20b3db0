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
};
// The graph of a layer: the stream between its halves, the normed values of both, queries, keys,
// values and what attention gives, both sides of the GELU. In its backward pass: the stream behind
// it, its gradient, and that of the GELU; where the compute type is narrow, the gradient in it.
constexpr TowerNumbers kTowerGraph = {1, 6, 2}, kTowerBackward = {3, 6, 3};
constexpr TowerNumbers kTowerNarrow = {0, 1, 0};
constexpr double kPixelBytes = 20;  // siglip::tower_pixels: two numbers of float64, one of float32

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

bool looks(const PassSize& pass) {
  return pass.frames > 0 && (pass.visual_tokens > 0 || pass.grounds);
}

// Bytes that pictures hold while the decoder runs, of a model that is shown them: tokens of the
// tower and the fused ones, Wan's features; where merger and fusion train the graph behind them:
// patches of the features as they are and normed, side by side, both sides of the GELU, the merged
// tokens, and the normed ones of both streams.
double picture_bytes(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  const PictureSize& pictures = *model.pictures;
  const double tokens = real(pass.visual_tokens), hidden = real(model.decoder.hidden);
  const double patches = 4 * real(pictures.channels);
  double numbers = 2 * hidden;
  if (pictures.channels > 0 && model.visual_trains())
    numbers += 3 * patches + 2 * real(pictures.inner) + 4 * hidden;
  return tokens * (numbers * place.type_bytes + patches * kMaster);
}

// Bytes that the scene holds while the decoder runs: its tokens, and the graph behind them where
// projectors or fusion train.
double visual_bytes(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  if (!looks(pass)) return 0;
  if (model.pictures) return picture_bytes(model, pass, place);
  const double bytes = place.type_bytes, hidden = real(model.decoder.hidden);
  const double frames = real(pass.frames);
  const double fine = frames * kFeatureCells * hidden, coarse = frames * kCells * hidden;
  const bool narrow = bytes < kMaster;
  double numbers = 0;
  if (model.semantic_trains)  // both sides of the GELU
    numbers += 2 * fine + (narrow ? frames * kFeatureCells * real(model.semantic_width) : 0);
  if (model.generative_trains)
    numbers += 2 * coarse + (narrow ? frames * kCells * real(model.generative_width) : 0);
  numbers += model.fusion.tensors * coarse + model.fusion.shares * frames;
  // Streams::encoded; where no graph keeps them, that pooled and the generative one as well. Else
  // they are used up when the decoder begins.
  if (model.asks) {
    numbers += model.semantic_width > 0 ? fine : 0;
    if (!(model.fusion.tensors > 0)) numbers += 2 * coarse;
  }
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

// Projector of the semantic features and fusion as they run, beside what they leave.
double visual_work(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  if (!looks(pass)) return 0;
  if (model.pictures)
    return real(pass.visual_tokens) * 3 * real(model.decoder.hidden) * place.type_bytes;
  const double frames = real(pass.frames), hidden = real(model.decoder.hidden);
  const double fusion = frames * kCells * hidden * model.fusion.work;
  if (model.semantic_width == 0) return fusion * place.type_bytes;
  const double fine = frames * kFeatureCells * hidden;
  const bool narrow = place.type_bytes < kMaster;
  const double input = narrow ? frames * kFeatureCells * real(model.semantic_width) : 0;
  // Forward: two inner values beside the result. Backward: three gradients beside the graph.
  const double projector = model.semantic_trains ? 3 * fine : 2 * fine + input;
  return std::max(projector, fusion) * place.type_bytes;
}

// Kept of the vision tower until the passes of the decoder are over: the patches of the pictures,
// and so many of its residual streams, float32, the one before each layer and that behind the last.
// Without recomputation the graphs of all layers.
double tower_kept(const ModelSize& model, const PassSize& pass, const MemoryPlace& place,
                  std::int64_t streams) {
  if (!model.tower || !looks(pass)) return 0;
  const siglip::Config& c = *model.tower;
  const double rows = real(pass.frames * c.tokens()), bytes = place.type_bytes;
  const double patch = real(siglip::kPatchChannels * c.patch * c.patch);
  double row = kMaster * real(c.width * streams) + bytes * patch;
  if (!model.recompute) row += real(streams - 1) * kTowerGraph.of(c, bytes);
  return rows * row;
}

// The tower's layer at the moment of its backward pass when the most lives, with the gradient of
// the larger of its matrices.
double tower_work(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  if (!model.tower || !looks(pass)) return 0;
  const siglip::Config& c = *model.tower;
  const double rows = real(pass.frames * c.tokens()), bytes = place.type_bytes;
  double row = kTowerBackward.of(c, bytes);
  if (bytes < kMaster) row += kTowerNarrow.of(c, bytes) - kMaster * real(c.heads);
  if (!model.recompute) row -= kTowerGraph.of(c, bytes);
  return rows * row + kMaster * real(c.width * c.mlp);
}

// The tower's backward pass, which begins when the decoder is done: of the scene nothing is left
// but the block, and the gradient of the sequence that holds the block's. In the first scene of a
// step the gradients of layers come to be as the layers' inputs go.
double tower_peak(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  if (!model.tower || !looks(pass)) return 0;
  const double hidden = real(model.decoder.hidden);
  double left = real(pass.visual_tokens + pass.tokens) * hidden * place.type_bytes;
  if (model.positions) left += real(pass.frames) * kCells * hidden * kMaster;
  left += tower_work(model, pass, place);
  const double last = tower_kept(model, pass, place, model.tower->layers + 1);
  left += model.lent_layer + model.late_gradients;
  if (!pass.first_scene) return left + last;
  const double first = tower_kept(model, pass, place, 2);
  return left + std::max(last - kMaster * model.gradients.tower, first);
}

// Pictures on their way to the tower's numbers, on the host, before anything else of the scene is
// there.
double pixel_peak(const ModelSize& model, const PassSize& pass, const MemoryPlace& place) {
  if (!model.tower || !looks(pass) || place.device) return 0;
  const double bytes = kPixelBytes * real(pass.frames * siglip::kPatchChannels *
                                          siglip::kImageSide * siglip::kImageSide);
  return bytes - (pass.first ? kMaster * model.gradients.all : 0);
}

// The decoder's passes: at the logits; in its last layer, when all inputs of layers are there; in
// its first one, when what a first pass lacked of gradients is almost there.
double decoder_peak(const ModelSize& model, const PassSize& pass, const MemoryPlace& place,
                    const PassMemory& parts) {
  const double row = real(pass.tokens) * real(model.decoder.hidden) * place.type_bytes;
  const double head = real(model.decoder.vocab * model.decoder.hidden) * kMaster;
  const bool trains = model.mode == DecoderMode::kTrained;
  const GradientOrder& made = model.gradients;
  // Of what stands in front of the decoder nothing has a gradient before the first scene is done.
  const double later = pass.first_scene && !pass.first ? kMaster * made.visual : 0;
  double at_loss = parts.inputs + row + parts.logits;  // the last norm keeps its input
  if (!model.recompute)
    at_loss += parts.layer - kWork.of(model) * real(pass.tokens) * place.type_bytes;
  if (pass.first) at_loss -= kMaster * made.all;
  double in_layer = parts.inputs + parts.layer;
  // Of what other ranks keep there are a stage and the next one.
  at_loss += model.lent_layer + (model.lent_head > 0 ? model.lent_head : model.lent_layer);
  if (pass.first) {
    ModelSize one = model;
    one.decoder.layers = 1;
    const double first = 2 * row + layer_bytes(one, pass, place) - kMaster * made.late;
    in_layer = std::max(in_layer - kMaster * made.in_layers, first);
  }
  in_layer += 2 * model.lent_layer;
  if (trains && pass.targets > 0) in_layer += head;
  double out = std::max(at_loss, in_layer);
  if (model.embedding && trains) {
    // Each part of the sequence has a gradient of the whole table, which is added to those before:
    // of the other parts, of the head where it is the table, of other passes. The head's own is in
    // LossNode as well.
    const bool words = pass.targets > 0;
    const bool several = pass.packed || pass.questions > 1 || (words && model.decoder.tied);
    const int heads = (words ? 1 : 0) + (several ? 1 : 0) + (pass.first ? 0 : 1);
    const double lacks = pass.first ? kMaster * made.visual : 0;
    out = std::max(out, 2 * row + heads * head - lacks + model.lent_layer);
  }
  return out - later;
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
  PassMemory out;
  out.visual = visual_bytes(model, pass, place);
  out.inputs = row * real(model.decoder.layers + 1);  // with the hidden states behind the last one
  out.layer = layer_bytes(model, pass, place);
  out.logits = logits_bytes(model, pass, place);
  if (model.pictures && !pass.stored.generative) {
    constexpr std::int64_t kDeviceFrames = 8;  // that go through Wan together; on the CPU one
    out.tower =
        model.pictures->frame_bytes * real(place.device ? std::min(pass.frames, kDeviceFrames) : 1);
  }
  const std::int64_t streams = model.tower ? model.tower->layers + 1 : 0;
  const double kept = tower_kept(model, pass, place, streams);
  out.tower += kept + tower_work(model, pass, place);
  const double made = pass.first_scene ? kMaster * model.gradients.visual : 0;
  const double visual =
      visual_work(model, pass, place) - made + model.lent_layer + model.late_gradients;
  out.peak = std::max({kept + out.visual + std::max(decoder_peak(model, pass, place, out), visual),
                       tower_peak(model, pass, place), pixel_peak(model, pass, place),
                       model.pictures ? out.tower : 0});
  return out;
}

double scene_memory(const ModelSize& model, std::int64_t frames, std::int64_t objects,
                    std::int64_t tokens, const StoredParts& stored) {
  const double count = real(frames);
  if (model.pictures) {  // patches of the tower or its tokens, pixels of Wan or its features
    constexpr double kTokenNumbers = 4 * 588;
    const double token = stored.semantic ? real(model.decoder.hidden) : kTokenNumbers;
    return kMaster * count *
           (real(tokens) * token +
            (stored.generative ? model.pictures->feature_numbers : model.pictures->frame_numbers));
  }
  const double seen = model.tower
                          ? real(siglip::kPatchChannels * siglip::kImageSide * siglip::kImageSide)
                          : kFeatureCells * real(model.semantic_width);
  double numbers = count * (seen + kCells * real(model.generative_width));
  if (model.positions) numbers += 3 * count * kCells;
  numbers += real(objects) * count * real(model.object_cells);
  return kMaster * numbers;
}

}  // namespace vega::train
