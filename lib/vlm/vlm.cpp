#include "vlm/vlm.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "base/error.h"
#include "core/on_device.h"
#include "core/tensor.h"

namespace vega::vlm {
namespace {

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

VisualModules read_modules(const VlmCheckpoint& c, const VlmOptions& options) {
  const Placement& placement = options.placement;
  const VlmConfig& config = c.config;
  c.modules.check_finite();
  return on_device(placement.device, [&] {
    VisualModules out;
    out.streams.semantic.emplace(c.modules.semantic_projector(placement));
    if (config.generative)
      out.streams.generative.emplace(c.modules.generative_projector(placement));
    if (config.fuses) out.streams.fusion.emplace(c.modules.fusion_module(placement));
    if (const TensorView* newline = c.set.find(kNewlineName))
      out.newline = owned_float_from(*newline).to(placement.device, placement.dtype);
    if (config.position)
      out.position.emplace(
          *config.position, config.text.hidden, options.switches.geometry,
          read_values(position_specs(*config.position, config.text.hidden), c.position), placement);
    if (config.ground)
      out.ground.emplace(*config.ground, read_values(ground_specs(*config.ground), c.ground),
                         head_placement(placement, options.switches));
    return out;
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
      decoder_(make_decoder(checkpoint_, options)),
      visual_(checkpoint_, options_.switches, options_.placement,
              read_modules(checkpoint_, options_)) {
  PromptOptions prompts;
  prompts.control_words = options_.switches.control_words;
  prompts.spatial_instruction = options_.switches.spatial_instruction;
  if (checkpoint_.tokenizer)
    prompts_ =
        std::make_unique<PromptMaker>(*checkpoint_.tokenizer, checkpoint_.config.control, prompts);
}

const PromptMaker& Vlm::prompts() const {
  static_cast<void>(checkpoint_.words());  // throws where there is no tokeniser
  return *prompts_;
}

const GroundHead& Vlm::head() const {
  if (visual_.modules().ground) return *visual_.modules().ground;
  throw InputError(explain(checkpoint_.path.string(), "no grounding head",
                           "a VEGA-3D or Video-3D-LLM checkpoint",
                           "such as the released one of Video-3D-LLM"));
}

bool Vlm::shares_prefix() const { return !visual_.gate_reads_question(); }

VisualScene Vlm::see(SceneInput input) const {
  const c10::NoGradGuard no_grad;
  VisualScene out;
  out.input_ = std::move(input);
  const SceneInput& in = out.input_;
  visual_.check(in);
  on_device(options_.placement.device, [&] {
    const bool early = shares_prefix();
    out.streams_ = visual_.streams_of(in);
    if (early) visual_.fuse(in, {}, out.streams_);
    out.shift_ = visual_.shift(in);
    if (visual_.modules().ground && in.has_objects() && (early || visual_.fine_objects()))
      out.objects_ = visual_.objects(in, out.streams_);
    out.streams_.encoded = at::Tensor();  // the largest by far, and used up
    if (early) out.visual_ = visual_.block(out.streams_, out.shift_);
  });
  return out;
}

Vlm::Seen Vlm::seen(const VisualScene& scene, const PromptIds& prompt) const {
  if (shares_prefix()) return {scene.visual_, scene.objects_};
  FusionInputs inputs;
  inputs.instruction = visual_.instruction(prompt, embed());
  Streams streams = scene.streams_;
  visual_.fuse(scene.input_, inputs, streams);
  Seen out{visual_.block(streams, scene.shift_), scene.objects_};
  if (visual_.modules().ground && !out.objects.defined() && scene.input_.has_objects())
    out.objects = visual_.objects(scene.input_, streams);
  return out;
}

Embed Vlm::embed() const {
  return [this](std::span<const std::int64_t> ids) { return decoder_.embed(ids); };
}

Reply Vlm::reply_of(qwen2::Answer&& answer) const {
  return vlm::reply_of(std::move(answer), checkpoint_.words());
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
    return reply_to(decoder_, words, read.prompt, config, on_text);
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
