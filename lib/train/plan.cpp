// Sizes and passes of a run, out of headers and annotations.
#include "train/plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/dtype.h"
#include "ranks/buckets.h"
#include "ranks/owned_sums.h"
#include "store/scene_file.h"
#include "train/deal.h"
#include "train/lent_layers.h"
#include "train/owned_gradients.h"
#include "train/schedule.h"
#include "train/step_work.h"
#include "vlm/switches.h"
#include "vlm/train_sequence.h"

namespace vega::train {
namespace {

using vlm::Part;

constexpr std::int64_t kMostSteps = 1000;  // that are looked at; others are taken to be like them
constexpr std::int64_t kAhead = 4;         // scenes that a run holds beside those that it keeps

bool has_part(const vlm::TrainModelOptions& options, Part part) {
  return std::find(options.parts.begin(), options.parts.end(), part) != options.parts.end();
}

double count_of(const Shape& shape) { return static_cast<double>(element_count(shape)); }

std::int64_t frames_of(const TrainSetup& setup, const ScenePlace& place) {
  const std::int64_t kept = setup.recipe.augment.frames;
  return kept > 0 ? std::min(kept, place.frames) : place.frames;
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

bool reads_question(const vlm::VlmCheckpoint& c) {
  return c.config.fuses && c.modules.fusion.method == FusionMethod::kInstructionTokenGated;
}

bool is_visual(Part part) {
  return part == Part::kFusion || part == Part::kGenerativeProjector || part == Part::kProjector ||
         part == Part::kNewline || part == Part::kPosition || part == Part::kGroundHead;
}

// The steps of [first, last) that are looked at, evenly spread.
std::vector<std::int64_t> looked_at(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> out;
  const std::int64_t steps = last - first, count = std::min(steps, kMostSteps);
  for (std::int64_t i = 0; i < count; ++i) out.push_back(first + i * steps / count);
  return out;
}

// Distinct targets: those of the shared beginning count once.
std::int64_t target_rows(const vlm::PackedPass& pass) {
  std::set<std::pair<std::int64_t, std::int64_t>> rows;
  for (const vlm::WordTarget& word : pass.words) rows.insert({word.row, word.target});
  return static_cast<std::int64_t>(rows.size());
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

// Bytes of these scenes that a rank holds: all of them where they fit, else as many as it may keep.
double scene_cache(const TrainSetup& setup, const ModelSize& model, const MemoryPlace& place,
                   const std::set<std::size_t>& scenes) {
  if (place.device) return 0;
  double all = 0, largest = 0;
  for (const std::size_t i : scenes) {
    const ScenePlace& scene = setup.data.scenes[i];
    const double bytes =
        scene_memory(model, scene.frames, static_cast<std::int64_t>(scene.boxes.size()));
    all += bytes;
    largest = std::max(largest, bytes);
  }
  return std::min(all, setup.recipe.scene_bytes + static_cast<double>(kAhead) * largest);
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
  std::vector<std::int64_t> bytes;
  for (const vlm::TrainedSpec& spec : specs) bytes.push_back(4 * element_count(spec.shape));
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

// Gradients that a rank holds beside the sums of its own, where they leave while the backward pass
// goes on: what stands in front of the decoder, buckets that are not full, a layer's at a time, and
// the two largest buckets.
double open_gradients(const std::vector<vlm::TrainedSpec>& specs, const ModelSize& model,
                      int ranks) {
  std::int64_t all = 0;
  for (const vlm::TrainedSpec& spec : specs) all += 4 * element_count(spec.shape);
  const auto bucket = static_cast<double>(owned_bucket_bytes(all, ranks));
  double late = 0, first = bucket, second = bucket;
  for (const vlm::TrainedSpec& spec : specs) {
    const double bytes = 4 * count_of(spec.shape);
    if (!is_of_decoder(spec.name, spec.part)) {
      late += bytes;
    } else if (bytes > first) {
      second = std::exchange(first, bytes);
    } else {
      second = std::max(second, bytes);
    }
  }
  const double layer =
      model.mode == DecoderMode::kTrained ? 4 * model.layer_numbers() : 0;  // of adapters: little
  return late + ranks * bucket + first + second + layer;
}

// The passes of one rank and step, each with what it finds of gradients. handed_on: those of a
// scene are gone when the next one begins. counted: the plan counts all of them beside the passes.
void mark_first(std::vector<PlannedPass>& passes, bool handed_on, bool counted) {
  for (std::size_t i = 0; i < passes.size(); ++i) {
    passes[i].size.first = counted && (handed_on ? passes[i].first : i == 0);
    passes[i].size.first_scene = counted && (handed_on || passes[i].scene == passes[0].scene);
  }
}

}  // namespace

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
  out.gradients = gradient_order(c, options);
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
  const MemoryPlace place = memory_place(options.placement);
  const OwnBytes own = largest_part(specs, share.ranks);
  out.masters = out.gradients = 4 * numbers;
  if (share.keeps(3)) out.masters += own.apart - apart;
  out.moments = 2 * (share.keeps(1) ? own.all : 4 * numbers);
  if (share.ranks > 1)
    out.exchange = std::min(4 * numbers, (place.device ? 1.0 : 2.0) * kBucketBytes);
  const ModelSize model = model_size(planned, options, share);
  if (share.keeps(2)) {
    const double open = open_gradients(specs, model, share.ranks);
    out.gradients = own.all + (share.one_pass ? std::min(4 * numbers, open) : 4 * numbers);
  }
  if (model.lent_layer > 0)
    out.lent = model.lent_layer + std::max(model.lent_head, model.lent_layer);
  out.update = 8 * largest;  // Optimizer::gradient_norm, in float64
  if (place.type_bytes < 4) out.copies = cast * place.type_bytes;
  return out;
}

std::vector<PassSize> pass_sizes(const vlm::VlmConfig& config, std::int64_t pass_tokens,
                                 std::span<const vlm::TrainSample* const> samples,
                                 std::int64_t visual_tokens) {
  std::vector<vlm::TrainPrompt> prompts;
  for (const vlm::TrainSample* sample : samples)
    prompts.push_back(vlm::train_prompt(*sample, visual_tokens > 0, config.control));
  std::vector<PassSize> out;
  for (const vlm::PackedPass& pass :
       vlm::pack(prompts, visual_tokens, config.most_tokens, pass_tokens, config.control)) {
    PassSize one;
    one.visual_tokens = visual_tokens;
    one.tokens = pass.layout.tokens();
    one.own = one.tokens - pass.layout.prefix;
    one.packed = pass.layout.prefix > 0 && one.own > 0;
    one.questions = std::ssize(pass.layout.lengths);
    one.targets = target_rows(pass);
    one.grounds = std::any_of(pass.queries.begin(), pass.queries.end(),
                              [](std::int64_t row) { return row >= 0; });
    out.push_back(one);
  }
  return out;
}

std::vector<PlannedPass> passes_of_step(const TrainSetup& setup, Sampler& sampler, std::int64_t k) {
  std::vector<PlannedPass> out;
  const bool sees = k >= setup.recipe.visual_from;
  for (const StepScene& work : step_scenes(sampler.step(k), setup.data, setup.recipe.division)) {
    const ScenePlace& scene = setup.data.scenes[work.scene];
    const std::int64_t frames = frames_of(setup, scene);
    const std::int64_t visual = sees ? vlm::block_length(setup.planned.config, frames) : 0;
    std::vector<const vlm::TrainSample*> samples;
    for (const std::size_t i : work.samples) samples.push_back(&setup.data.samples[i].sample);
    bool first = true;
    // A gate that reads the question makes other tokens for each of them.
    const std::size_t together = reads_question(setup.planned) ? 1 : samples.size();
    for (std::size_t i = 0; i < samples.size(); i += together) {
      for (PassSize& size : pass_sizes(setup.planned.config, setup.recipe.model.pass_tokens,
                                       std::span(samples).subspan(i, together), visual)) {
        size.frames = frames;
        size.objects = static_cast<std::int64_t>(scene.boxes.size());
        out.push_back({work.scene, size, first});
        first = false;
      }
    }
  }
  return out;
}

MemoryPlan planned_memory(const TrainSetup& setup) {
  RankShare share{setup.recipe.ranks, setup.recipe.zero, true};
  Sampler sampler = setup.sampler();
  std::vector<std::vector<PlannedPass>> all;  // of a step and rank
  std::vector<std::set<std::size_t>> scenes(static_cast<std::size_t>(share.ranks));
  if (share.ranks == 1)
    for (std::size_t i = 0; i < setup.data.scenes.size(); ++i) scenes[0].insert(i);
  for (const std::int64_t k : looked_at(0, setup.plan.steps))
    for (auto& passes : passes_of_ranks(setup, sampler, k)) {
      for (const PlannedPass& pass : passes) {
        if (!pass.first) share.one_pass = false;
        scenes[all.size() % scenes.size()].insert(pass.scene);
      }
      all.push_back(std::move(passes));
    }
  MemoryPlan out = weight_memory(setup.planned, setup.recipe.model, share);
  const bool handed_on = share.keeps(2);
  double all_gradients = 0;
  for (const vlm::TrainedSpec& spec :
       vlm::trained_specs(setup.planned, setup.recipe.model.parts, setup.recipe.model.lora))
    all_gradients += 4 * count_of(spec.shape);
  // Whether the plan's gradients are all of a rank's own passes (weight_memory).
  const bool counted = !handed_on || out.gradients >= all_gradients + out.moments / 2;
  const MemoryPlace place = memory_place(setup.recipe.model.placement);
  const ModelSize model = model_size(setup.planned, setup.recipe.model, share);
  ModelSize kept = model;
  kept.recompute = !model.recompute;
  for (const auto& of_rank : scenes)
    out.scenes = std::max(out.scenes, scene_cache(setup, model, place, of_rank));
  for (std::vector<PlannedPass>& passes : all) {
    mark_first(passes, handed_on, counted);
    for (const PlannedPass& pass : passes) {
      const PassMemory here = pass_memory(model, pass.size, place);
      if (here.peak <= out.pass.peak) continue;
      out.pass = here;
      out.otherwise = pass_memory(kept, pass.size, place).peak;
    }
  }
  return out;
}

StepSums sums_of_steps(const TrainSetup& setup, const StepSpeed& speed, std::int64_t first,
                       std::int64_t last) {
  const std::vector<std::int64_t> steps = looked_at(first, last);
  if (steps.empty()) return {};
  const ModelSize model = model_size(setup.planned, setup.recipe.model);
  double numbers = 0;
  for (const vlm::TrainedSpec& spec :
       vlm::trained_specs(setup.planned, setup.recipe.model.parts, setup.recipe.model.lora))
    numbers += count_of(spec.shape);
  StepSums out;
  Sampler sampler = setup.sampler();
  for (const std::int64_t k : steps) {
    out.seconds += speed.update * numbers;
    double slowest = 0;
    for (const auto& passes : passes_of_ranks(setup, sampler, k)) {
      double seconds = 0;
      for (const PlannedPass& pass : passes) {
        seconds += speed.pass(model, pass.size);
        const bool looks = pass.size.visual_tokens > 0 || pass.size.grounds;
        if (pass.first && looks) seconds += speed.frame * static_cast<double>(pass.size.frames);
        out.tokens += static_cast<double>(pass.size.tokens);
        ++out.passes;
      }
      slowest = std::max(slowest, seconds);
    }
    out.seconds += slowest;
  }
  const double share = static_cast<double>(last - first) / static_cast<double>(std::ssize(steps));
  out.seconds *= share, out.tokens *= share, out.passes *= share;
  return out;
}

RunPlan planned_run(const TrainSetup& setup, const StepSpeed& speed) {
  RunPlan out;
  std::map<Part, PartCount> parts;
  double numbers = 0;
  for (const vlm::TrainedSpec& spec :
       vlm::trained_specs(setup.planned, setup.recipe.model.parts, setup.recipe.model.lora)) {
    PartCount& part = parts[spec.part];
    part.part = spec.part;
    ++part.tensors;
    part.numbers += element_count(spec.shape);
    part.rate = setup.recipe.rates.at(spec.part);
    numbers += count_of(spec.shape);
  }
  for (const auto& [part, count] : parts) out.parts.push_back(count);
  out.memory = planned_memory(setup);
  out.recompute = setup.recipe.model.recompute;
  out.warmup = warmup_steps(setup.recipe.warmup, setup.plan.scheduled);
  const StepSums sums = sums_of_steps(setup, speed, 0, setup.plan.steps);
  out.tokens = sums.tokens, out.passes = sums.passes;
  out.seconds = sums.seconds;
  out.step_seconds = out.seconds / static_cast<double>(std::max<std::int64_t>(1, setup.plan.steps));
  out.checkpoint_bytes = 12 * numbers;
  // The last ones, the best, and the one that is being written.
  const std::int64_t best = setup.recipe.validation.files.empty() ? 0 : 1;
  const std::int64_t saved =
      (setup.plan.steps + setup.recipe.save_every - 1) / setup.recipe.save_every;
  out.disk_bytes =
      out.checkpoint_bytes * static_cast<double>(std::min(setup.recipe.keep + best, saved) + 1);
  return out;
}

}  // namespace vega::train
