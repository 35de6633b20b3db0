#include "vlm/vlm.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "base/error.h"
#include "core/on_device.h"
#include "core/tensor.h"
#include "text/unicode.h"

namespace vega::vlm {
namespace {

// Python's str.strip().
std::string stripped(const std::string& text) {
  const std::u32string all = text::decode_utf8(text);
  const auto blank = [](char32_t c) { return text::is_python_space(c); };
  const auto first = std::ranges::find_if_not(all, blank);
  const auto last = std::find_if_not(all.rbegin(), all.rend(), blank).base();
  return first < last ? text::encode_utf8({first, last}) : std::string();
}

std::vector<std::array<float, 3>> centres_of(const std::vector<Box>& boxes) {
  std::vector<std::array<float, 3>> out;
  for (const Box& box : boxes)
    out.push_back(
        {static_cast<float>(box[0]), static_cast<float>(box[1]), static_cast<float>(box[2])});
  return out;
}

// Keys and values of the frames' tokens (32 frames: 6,720), questions and answers.
constexpr std::int64_t kCacheTokens = 8192;

qwen2::Decoder make_decoder(const VlmCheckpoint& c, const VlmOptions& options) {
  // Names are checked by open_checkpoint: what is not the decoder's is another module's.
  const auto other = [](std::string_view below) {
    return !below.starts_with("layers.") || below.ends_with("rotary_emb.inv_freq");
  };
  return on_device(options.placement.device, [&] {
    return qwen2::Decoder(c.set, c.config.text,
                          {c.path.string(), "model.", "lm_head.weight", other},
                          {options.placement.device, options.placement.dtype,
                           std::min(kCacheTokens, c.config.most_tokens)});
  });
}

}  // namespace

std::int64_t VisualScene::visual_tokens() const {
  if (visual_.defined()) return visual_.size(0);
  // Where the gate reads the question: with a newline after each row, which is the most.
  return streams_.semantic.defined() ? streams_.semantic.size(0) * kTokenGrid * (kTokenGrid + 1)
                                     : 0;
}

Vlm::Vlm(VlmCheckpoint checkpoint, const VlmOptions& options)
    : checkpoint_(std::move(checkpoint)),
      options_(options),
      decoder_(make_decoder(checkpoint_, options)) {
  const VlmConfig& config = checkpoint_.config;
  const Placement& placement = options_.placement;
  checkpoint_.modules.check_finite();
  on_device(placement.device, [&] {
    const FusionCheckpoint& modules = checkpoint_.modules;
    modules_.semantic.emplace(modules.semantic_projector(placement));
    if (config.generative) modules_.generative.emplace(modules.generative_projector(placement));
    if (config.fuses) modules_.fusion.emplace(modules.fusion_module(placement));
    if (const TensorView* newline = checkpoint_.set.find(kNewlineName))
      newline_ = owned_float_from(*newline).to(placement.device, placement.dtype);
    if (config.position)
      position_.emplace(
          *config.position, config.text.hidden, options_.switches.geometry,
          read_values(position_specs(*config.position, config.text.hidden), checkpoint_.position),
          placement);
    if (config.ground) {
      Placement head = placement;
      if (options_.switches.f32_head) head.dtype = at::kFloat;
      ground_.emplace(*config.ground, read_values(ground_specs(*config.ground), checkpoint_.ground),
                      head);
    }
  });
  PromptOptions prompts;
  prompts.control_words = options_.switches.control_words;
  prompts.spatial_instruction = options_.switches.spatial_instruction;
  if (checkpoint_.tokenizer)
    prompts_ = std::make_unique<PromptMaker>(*checkpoint_.tokenizer, config.control, prompts);
}

const PromptMaker& Vlm::prompts() const {
  static_cast<void>(checkpoint_.words());  // throws where there is no tokeniser
  return *prompts_;
}

const GroundHead& Vlm::head() const {
  if (ground_) return *ground_;
  throw InputError(explain(checkpoint_.path.string(), "no grounding head",
                           "a VEGA-3D or Video-3D-LLM checkpoint",
                           "such as the released one of Video-3D-LLM"));
}

bool Vlm::gate_reads_question() const {
  return modules_.fusion &&
         modules_.fusion->config().method == FusionMethod::kInstructionTokenGated;
}

// Tokens of a stream with what is added to them, and newlines.
at::Tensor Vlm::visual_block(const VisualScene& scene, const Streams& streams) const {
  const Newlines where = checkpoint_.config.newlines;
  const at::Tensor& main = streams.fused.defined() ? streams.fused : streams.semantic;
  const auto placed = [&](const at::Tensor& tokens) {
    if (!scene.shift_.defined()) return tokens;
    return (tokens.to(at::kFloat) + scene.shift_.view_as(tokens)).to(tokens.scalar_type());
  };
  const at::Tensor block = add_newlines(placed(main), newline_, where);
  if (modules_.fusion || !streams.generative.defined()) return block;
  // Not fused: the generative tokens follow, in rows whatever the setting.
  const bool shifted = position_ && position_->config().on_generative;
  const at::Tensor more = shifted ? placed(streams.generative) : streams.generative;
  return at::cat({block, add_newlines(more, newline_, Newlines::kGrid)});
}

// (N, H) float32: means of tokens plus the embedding of the boxes' centres.
at::Tensor Vlm::object_matrix(const VisualScene& scene, const Streams& streams) const {
  const SceneInput& input = scene.input_;
  const bool fine = object_mode(checkpoint_.config, options_.switches) == ObjectMode::kPatch14;
  const at::Tensor& tokens = fine                      ? streams.encoded
                             : streams.fused.defined() ? streams.fused
                                                       : streams.semantic;
  const at::Device device = options_.placement.device;
  const at::ScalarType type = options_.switches.f32_head ? at::kFloat : options_.placement.dtype;
  const at::Tensor out =
      input.object_tokens.defined()
          ? input.object_tokens.to(device, type).to(at::kFloat)
          : object_features(tokens.flatten(0, 1), input.selected.to(device), type);
  if (!position_ || position_->config().embedding == Embedding::kNone) return out;
  return out + position_->embed_centres(points_tensor(centres_of(input.boxes)));
}

// Features through the projectors, or tokens that went through them before.
Streams Vlm::streams_of(const SceneInput& in) const {
  const Placement& placement = options_.placement;
  const auto features = [&](const at::Tensor& t) {
    return t.defined() ? t.to(placement.device) : t;
  };
  if (!in.has_tokens())
    return project(modules_, features(in.semantic),
                   checkpoint_.needs().generative ? features(in.generative) : at::Tensor());
  const auto tokens = [&](const at::Tensor& t) {
    return t.defined() ? t.to(placement.device, placement.dtype) : t;
  };
  Streams out;
  out.semantic = tokens(in.semantic_tokens);
  out.generative = tokens(in.generative_tokens);
  out.fused = tokens(in.fused_tokens);
  return out;
}

VisualScene Vlm::see(SceneInput input) const {
  const c10::NoGradGuard no_grad;
  VisualScene out;
  out.input_ = std::move(input);
  const SceneInput& in = out.input_;
  const auto require = [&](bool there, const char* what, const char* remedy) {
    if (!there)
      throw InputError(explain("scene " + in.key, std::string("no ") + what,
                               "what " + name_of(checkpoint_.family) + " needs", remedy));
  };
  const Needs needs = checkpoint_.needs();
  require(!needs.semantic || in.semantic.defined() || in.has_tokens(), "semantic features",
          "vega-extract features --backbone siglip --pool native makes them");
  require(!needs.generative || in.generative.defined() || in.has_tokens(), "generative features",
          "vega-extract features --backbone wan --recipe CHECKPOINT makes them");
  require(!position_ || in.points.defined(), "positions: depth and camera poses",
          "vega-extract scene makes a scene file of a scan that has both");
  const at::Device device = options_.placement.device;
  on_device(device, [&] {
    out.streams_ = streams_of(in);
    if (modules_.fusion && !gate_reads_question() && !out.streams_.fused.defined())
      fuse_streams(*modules_.fusion, {},
                   in.uncovered.defined() ? in.uncovered.to(device) : in.uncovered, out.streams_);
    if (position_ && position_->config().embedding != Embedding::kNone)
      out.shift_ = position_->embed(in.points);
    const bool fine = object_mode(checkpoint_.config, options_.switches) == ObjectMode::kPatch14;
    if (ground_ && in.has_objects() && (fine || !gate_reads_question()))
      out.objects_ = object_matrix(out, out.streams_);
    out.streams_.encoded = at::Tensor();  // the largest by far, and used up
    if (!gate_reads_question()) out.visual_ = visual_block(out, out.streams_);
  });
  return out;
}

Vlm::Seen Vlm::seen(const VisualScene& scene, const PromptIds& prompt) const {
  if (!gate_reads_question()) return {scene.visual_, scene.objects_};
  const std::span<const std::int64_t> all = prompt.labels, none;
  const auto chosen =
      instruction_ids(prompt.ids, prompt.answered ? all : none, checkpoint_.config.instruction);
  std::vector<std::int64_t> ids;
  std::vector<float> weights;
  for (const auto& [id, weight] : chosen) {
    ids.push_back(id);
    weights.push_back(weight);
  }
  FusionInputs inputs;
  inputs.instruction = instruction_vector(decoder_.embed(ids), weights);
  Streams streams = scene.streams_;
  const at::Tensor& uncovered = scene.input_.uncovered;
  fuse_streams(*modules_.fusion, inputs,
               uncovered.defined() ? uncovered.to(options_.placement.device) : uncovered, streams);
  Seen out{visual_block(scene, streams), scene.objects_};
  if (ground_ && !out.objects.defined() && scene.input_.has_objects())
    out.objects = object_matrix(scene, streams);
  return out;
}

Reply Vlm::reply_of(qwen2::Answer&& answer) const {
  Reply out;
  out.answer = std::move(answer);
  const text::Tokenizer& words = checkpoint_.words();
  std::vector<std::int32_t> ids(out.answer.ids.begin(), out.answer.ids.end());
  // Embeddings have spare rows; a model that says one says nothing, as in the release.
  std::erase_if(ids, [&words](std::int32_t id) { return !words.has_token(id); });
  out.text = stripped(words.decode(ids, true));
  if (constexpr std::string_view end = "<|im_end|>"; out.text.ends_with(end))
    out.text = stripped(out.text.substr(0, out.text.size() - end.size()));
  return out;
}

Reply Vlm::answer(VisualScene& scene, const Turn& turn, const qwen2::GenerationConfig& config,
                  const std::vector<std::array<float, 3>>& coords, const OnText& on_text) const {
  const c10::NoGradGuard no_grad;
  const text::Tokenizer& words = checkpoint_.words();
  Turn question = turn;
  question.answer.clear();
  return on_device(options_.placement.device, [&] {
    ReadPrompt read = this->read(scene, prompts().evaluation(question), coords);
    read.prompt.key = scene.input_.key;
    text::TokenStream stream(words);
    const auto on_token = [&](std::size_t, std::int64_t id) {
      if (!words.has_token(static_cast<std::int32_t>(id))) return true;
      const std::string text = stream.push(static_cast<std::int32_t>(id));
      return !on_text || text.empty() || on_text(text);
    };
    Reply out = reply_of(std::move(
        qwen2::generate(decoder_, std::span<const qwen2::Prompt>(&read.prompt, 1), config, on_token)
            .front()));
    if (const std::string rest = stream.flush(); on_text && !rest.empty()) on_text(rest);
    return out;
  });
}

Grounding Vlm::ground(VisualScene& scene, const std::string& description, Task task) const {
  static_cast<void>(head());  // throws where there is none
  return ground(scene, prompts().evaluation(task_turn(task, {.description = description})));
}

Grounding Vlm::ground(VisualScene& scene, const PromptIds& prompt, bool share_prefix) const {
  const c10::NoGradGuard no_grad;
  const GroundHead& head = this->head();
  if (!scene.input_.has_objects()) {
    const std::string& why = scene.input_.no_objects;
    throw InputError(explain("scene " + scene.input_.key,
                             "no objects to choose from" + (why.empty() ? "" : " (" + why + ")"),
                             "proposals in its scene file",
                             "vega-extract scene --masks or --boxes adds them"));
  }
  return on_device(options_.placement.device, [&] {
    const ReadPrompt read = this->read(scene, prompt, {}, share_prefix);
    const auto& known = checkpoint_.config.control.ground;
    const auto found = std::ranges::find_if(read.labels, [&](std::int64_t label) {
      return std::ranges::find(known, label) != known.end();
    });
    if (found == read.labels.end())
      throw InputError(explain("scene " + scene.input_.key + ": a prompt",
                               "no <ground> in its answer", "one, whose state finds the object",
                               "give the answer of a grounding task"));
    const qwen2::Prompt& p = read.prompt;
    KvCache cache = p.prefix != nullptr ? p.prefix->fork() : decoder_.new_cache();
    const at::Tensor hidden = decoder_.forward(p.embeddings, p.positions, cache);
    const auto place = found - read.labels.begin();
    const at::Tensor scores =
        head.scores(read.objects, hidden[place]).to(at::kCPU, at::kFloat).contiguous();
    Grounding out;
    const float* values = scores.const_data_ptr<float>();
    out.scores.assign(values, values + scores.numel());
    if (head.has_zero_target()) {
      out.none = out.scores.back();
      out.scores.pop_back();
    }
    if (!out.scores.empty()) out.best = std::ranges::max_element(out.scores) - out.scores.begin();
    return out;
  });
}

at::Tensor Vlm::objects_of(const VisualScene& scene, const PromptIds& prompt) const {
  const c10::NoGradGuard no_grad;
  return seen(scene, prompt).objects;
}

Json Vlm::describe() const {
  return {{"checkpoint", checkpoint_.path.string()},
          {"checkpoint_fingerprint", checkpoint_.fingerprint()},
          {"family", name_of(checkpoint_.family)},
          {"switches", to_json(options_.switches)}};
}

}  // namespace vega::vlm
