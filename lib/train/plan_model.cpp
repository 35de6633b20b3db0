// Sizes and weights of a model that trains, out of headers.
#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "core/dtype.h"
#include "models/qwen2_5_vl/names.h"
#include "models/wan/flops.h"
#include "models/wan/names.h"
#include "ranks/buckets.h"
#include "ranks/owned_sums.h"
#include "train/deal.h"
#include "train/lent_layers.h"
#include "train/owned_gradients.h"
#include "train/plan.h"
#include "vlm/switches.h"

namespace vega::train {
namespace {

using vlm::Part;

double count_of(const Shape& shape) { return static_cast<double>(element_count(shape)); }

bool has_part(const vlm::TrainModelOptions& options, Part part) {
  return std::find(options.parts.begin(), options.parts.end(), part) != options.parts.end();
}

// The graphs of fusion/cross_attention.cpp: a block keeps the normed values, queries, keys, values,
// what attention gives, and both sides of the GELU, which is 4 H wide. Dropout keeps masks, and
// what it is applied to.
FusionMemory cross_attention_memory(const FusionConfig& config) {
  const double blocks = static_cast<double>(config.layers);
  const bool drops = config.dropout > 0;
  constexpr double kInputs = 2, kGraph = 17, kMasks = 5, kWork = 10;
  constexpr auto kCells = static_cast<double>(kTokenCells);
  const double pairs = static_cast<double>(config.heads) * kCells * kCells;
  return {.tensors = kInputs + blocks * (kGraph + (drops ? kMasks : 0)) + (blocks - 1),
          .shares = blocks * (drops ? 3 : 1) * pairs,
          .work = kWork};
}

FusionMemory fusion_memory(const FusionConfig& config) {
  constexpr double kWork = 3;  // gradients of what comes out and of both streams
  switch (config.method) {
    case FusionMethod::kAdd:
    case FusionMethod::kOnly: return {.work = kWork};
    case FusionMethod::kWeighted:
    case FusionMethod::kTokenGated: return {.tensors = 2, .work = kWork};
    case FusionMethod::kConcat: return {.tensors = 4, .work = kWork};  // side by side as well
    case FusionMethod::kInstructionTokenGated: return {.tensors = 6, .work = kWork};  // and normed
    case FusionMethod::kGated: return {.tensors = 8, .work = kWork};  // and a gate of every number
    case FusionMethod::kCrossAttention: return cross_attention_memory(config);
  }
  return {};
}

bool is_visual(Part part) {
  return part == Part::kFusion || part == Part::kGenerativeProjector || part == Part::kProjector ||
         part == Part::kNewline || part == Part::kPosition || part == Part::kGroundHead;
}

// Wan's transformer, of which the width alone is known: that of the 1.3B or, of 14B's width, the
// 14B.
wan::DitConfig dit_of(const vlm::VlmCheckpoint& c) {
  wan::DitConfig out;
  const std::int64_t width = c.modules.merger->in;
  if (width == out.dim) return out;
  constexpr std::int64_t kLarge = 5120;
  if (width == kLarge) return {.dim = kLarge, .ffn_dim = 13824, .heads = 40, .layers = 40};
  out.dim = width;
  out.ffn_dim = 2 * width;
  out.heads = std::max<std::int64_t>(1, width / 128);
  return out;
}

// Sums of frozen, mapped and added bytes over all tensors that the forward pass reads.
void add_frozen(const vlm::VlmCheckpoint& planned, const Placement& at,
                const std::set<std::string>& trained, MemoryPlan& out) {
  const DType type = dtype_of(at.dtype);
  for (const auto& [name, shape] : vlm::forward_shapes(planned)) {
    const TensorView* view = planned.set.find(name);
    const double numbers = count_of(shape), bytes = numbers * static_cast<double>(size_of(type));
    if (view == nullptr && !at.device.is_cuda()) out.added += numbers * 4;
    if (trained.contains(name)) continue;
    const bool aligned =
        view != nullptr && reinterpret_cast<std::uintptr_t>(view->data) % size_of(type) == 0;
    const bool mapped = !at.device.is_cuda() && aligned && view->dtype == type;
    (mapped ? out.mapped : out.frozen) += bytes;
  }
}

// Tower and Wan of a model that is shown pictures, which are not among forward_shapes; none of what
// all scenes have the results of.
double eye_numbers(const vlm::VlmCheckpoint& c, const vlm::TrainModelOptions& options) {
  double out = 0;
  if (!options.stored_semantic)
    for (const NamedTensor& tensor : qwen2_5_vl::tower_tensors(c.pictures->model.config.vision))
      out += count_of(tensor.shape);
  if (!c.config.generative || options.stored_generative) return out;
  for (const NamedTensor& tensor : wan::dit_tensors(dit_of(c))) out += count_of(tensor.shape);
  return out + wan::vae_weights({});
}

// What a picture of `tokens` of the decoder takes in tower and Wan: products of matrices, the
// attention of the tower within its windows left out.
PictureSize picture_size(const vlm::VlmCheckpoint& c, DType type) {
  const qwen2_5_vl::VisionConfig& vision = c.pictures->model.config.vision;
  const auto width = static_cast<double>(vision.width);
  PictureSize out;
  out.token_operations = 2.0 * qwen2_5_vl::kCellPatches * static_cast<double>(vision.layers) *
                         width * (4 * width + 3 * static_cast<double>(vision.mlp));
  if (!c.config.generative) return out;
  out.channels = c.modules.merger->in;
  out.inner = c.modules.merger->hidden;
  const ImageSize size = c.pictures->settings.size;
  const wan::DitConfig dit = dit_of(c);
  out.frame_bytes = wan::activation_bytes({}, dit, size, type);
  out.frame_numbers = 3.0 * size.width * size.height;
  out.feature_numbers = wan::token_count(dit, size) * static_cast<double>(out.channels);
  out.frame_operations =
      wan::vae_flops({}, size, true) + wan::short_dit_flops(dit, wan::token_count(dit, size),
                                                            c.modules.trained_on.block,
                                                            wan::token_count(dit, size));
  return out;
}

// When a step's first pass makes which gradients.
GradientOrder gradient_order(const vlm::VlmCheckpoint& c, const vlm::TrainModelOptions& options) {
  GradientOrder out;
  const qwen2::Config& text = c.config.text;
  for (const vlm::TrainedSpec& spec : vlm::trained_specs(c, options.parts, options.lora)) {
    const double numbers = count_of(spec.shape);
    const bool decoder = spec.part == Part::kDecoder || spec.part == Part::kLora;
    const bool table = spec.name == vlm::embedding_name();
    const bool behind =
        spec.part == Part::kGroundHead || spec.name == vlm::kLanguageHead || (table && text.tied);
    const bool last = table || spec.name.find("layers.0.") != std::string::npos;
    out.all += numbers;
    if (behind) continue;
    out.in_layers += numbers;
    if (!decoder || last) out.late += numbers;
    if (!decoder && spec.part != Part::kNewTokens) out.visual += numbers;
    if (spec.part == Part::kTower) out.tower += numbers;
  }
  // The largest of the first layer's is among what a layer takes.
  if (has_part(options, Part::kDecoder)) out.late -= static_cast<double>(text.mlp * text.hidden);
  return out;
}

// Bytes of what trains that a rank owns, and of what it owns and keeps alone.
struct OwnBytes {
  double all = 0, apart = 0;
};

// Of the rank that has the most of both together.
OwnBytes largest_part(const std::vector<vlm::TrainedSpec>& specs, int ranks) {
  const std::vector<std::int64_t> bytes = master_bytes(specs);
  OwnBytes most;
  for (const auto& places : dealt_places(bytes, ranks)) {
    OwnBytes own;
    for (const std::size_t place : places) {
      own.all += static_cast<double>(bytes[place]);
      if (is_apart(specs[place].name)) own.apart += static_cast<double>(bytes[place]);
    }
    // Gradients and two moments of all, masters of what is apart.
    if (3 * own.all + own.apart > 3 * most.all + most.apart) most = own;
  }
  return most;
}

// Gradients of a scene that a rank holds beside the sums of its own, where those of the decoder
// leave while the backward pass goes on: of a layer at a time, which the pass itself counts,
// buckets that are not full and the two largest ones; in the end of what stands in front of the
// decoder.
struct OpenGradients {
  double buckets = 0, late = 0;
};

OpenGradients open_gradients(const std::vector<vlm::TrainedSpec>& specs, int ranks) {
  const std::vector<std::int64_t> of_each = master_bytes(specs);
  const std::int64_t all = std::accumulate(of_each.begin(), of_each.end(), std::int64_t{0});
  const auto bucket = static_cast<double>(owned_bucket_bytes(all, ranks));
  OpenGradients out;
  double first = bucket, second = bucket;
  for (const vlm::TrainedSpec& spec : specs) {
    const double bytes = 4 * count_of(spec.shape);
    if (!is_of_decoder(spec.name, spec.part)) {
      out.late += bytes;
    } else if (bytes > first) {
      second = std::exchange(first, bytes);
    } else {
      second = std::max(second, bytes);
    }
  }
  out.buckets = ranks * bucket + first + second;
  return out;
}

// The bytes of a bucket whose sums all ranks keep.
double every_bucket(double numbers) {
  return static_cast<double>(owned_bucket_bytes(static_cast<std::int64_t>(4 * numbers), 1));
}

}  // namespace

bool reads_question(const vlm::VlmCheckpoint& c) {
  return c.config.fuses && c.modules.fusion.method == FusionMethod::kInstructionTokenGated;
}

double trained_numbers(const vlm::VlmCheckpoint& planned, const vlm::TrainModelOptions& options) {
  double out = 0;
  for (const vlm::TrainedSpec& spec : vlm::trained_specs(planned, options.parts, options.lora))
    out += count_of(spec.shape);
  return out;
}

ModelSize model_size(const vlm::VlmCheckpoint& c, const vlm::TrainModelOptions& options,
                     const RankShare& share) {
  ModelSize out;
  out.decoder = c.config.text;
  out.mode = has_part(options, Part::kDecoder) ? DecoderMode::kTrained
             : has_part(options, Part::kLora)  ? DecoderMode::kAdapted
                                               : DecoderMode::kFrozen;
  if (options.lora) out.rank = options.lora->rank;
  out.embedding = has_part(options, Part::kDecoder) || has_part(options, Part::kNewTokens);
  out.recompute = options.recompute;
  if (c.modules.semantic && c.needs().semantic) out.semantic_width = c.modules.semantic->in;
  if (c.config.generative && c.modules.generative) out.generative_width = c.modules.generative->in;
  out.semantic_trains = has_part(options, Part::kProjector) || has_part(options, Part::kTower);
  out.generative_trains = has_part(options, Part::kGenerativeProjector);
  out.fusion_trains = has_part(options, Part::kFusion);
  out.positions = c.config.position.has_value();
  out.fuses = c.config.fuses;
  out.asks = reads_question(c);
  if (has_part(options, Part::kTower) && c.tower) out.tower = c.tower->config;
  if (c.config.fuses && out.visual_trains()) out.fusion = fusion_memory(c.modules.fusion);
  if (c.pictures) out.pictures = picture_size(c, dtype_of(options.placement.dtype));
  out.gradients = gradient_order(c, options);
  if (share.hands_on_early())
    out.late_gradients =
        open_gradients(vlm::trained_specs(c, options.parts, options.lora), share.ranks).late;
  if (share.keeps(3) && out.mode == DecoderMode::kTrained) {
    for (const vlm::TrainedSpec& spec : vlm::trained_specs(c, options.parts, options.lora)) {
      if (!is_apart(spec.name)) continue;
      const auto type = lent_type(spec.shape.size(), spec.name, options.placement.dtype);
      const double bytes = count_of(spec.shape) * static_cast<double>(c10::elementSize(type));
      if (spec.name == vlm::kLanguageHead) out.lent_head = bytes;
      if (spec.name.find(".layers.0.") != std::string::npos) out.lent_layer += bytes;
    }
  }
  switch (vlm::object_mode(c.config, options.switches)) {
    case ObjectMode::kNone: break;
    case ObjectMode::kPatch14: out.object_cells = 729; break;
    case ObjectMode::kPatch27: out.object_cells = 196; break;
  }
  return out;
}

MemoryPlace memory_place(const Placement& placement) {
  return {static_cast<int>(size_of(dtype_of(placement.dtype))), placement.device.is_cuda()};
}

MemoryPlan weight_memory(const vlm::VlmCheckpoint& planned, const vlm::TrainModelOptions& options,
                         const RankShare& share) {
  MemoryPlan out;
  std::set<std::string> trained;
  double numbers = 0, cast = 0, largest = 0, apart = 0;
  const auto specs = vlm::trained_specs(planned, options.parts, options.lora);
  for (const vlm::TrainedSpec& spec : specs) {
    trained.insert(spec.name);
    numbers += count_of(spec.shape);
    largest = std::max(largest, count_of(spec.shape));
    if (is_visual(spec.part)) cast += count_of(spec.shape);
    if (is_apart(spec.name)) apart += 4 * count_of(spec.shape);
  }
  add_frozen(planned, options.placement, trained, out);
  if (planned.pictures)
    out.frozen += eye_numbers(planned, options) *
                  static_cast<double>(size_of(dtype_of(options.placement.dtype)));
  const MemoryPlace place = memory_place(options.placement);
  const OwnBytes own = largest_part(specs, share.ranks);
  out.masters = out.gradients = 4 * numbers;
  if (share.keeps(3)) out.masters += own.apart - apart;
  out.moments = 2 * (share.keeps(1) ? own.all : 4 * numbers);
  if (share.ranks > 1)
    out.exchange = std::min(4 * numbers, (place.device ? 1.0 : 2.0) * kBucketBytes);
  const ModelSize model = model_size(planned, options, share);
  if (share.keeps(2))
    out.gradients =
        own.all + (share.hands_on_early()
                       ? std::min(4 * numbers, open_gradients(specs, share.ranks).buckets)
                       : 4 * numbers);
  else if (share.ranks > 1 && share.one_pass)  // a bucket and its parts
    out.gradients += std::min(4 * numbers, every_bucket(numbers));
  if (model.lent_layer > 0)
    out.lent = model.lent_layer + std::max(model.lent_head, model.lent_layer);
  out.update = 8 * largest;  // Optimizer::gradient_norm, in float64
  if (place.type_bytes < 4) out.copies = cast * place.type_bytes;
  return out;
}

}  // namespace vega::train
