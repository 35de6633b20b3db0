#include "vlm/train_parts.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "core/tensor.h"
#include "models/qwen2/names.h"
#include "models/qwen2/train_decoder.h"
#include "models/siglip/names.h"
#include "vlm/adapter.h"
#include "vlm/memory_checkpoint.h"

namespace vega::vlm {
namespace {

// Parameters that a module of the checkpoint must start with.
struct NewModule {
  std::string prefix;
  std::vector<ParameterSpec> specs;
};

// The base on its way to a checkpoint with new parts.
struct Extension {
  VlmCheckpoint& c;
  const NewParts& parts;
  std::vector<NewModule> modules = {};
  std::vector<std::int64_t> words = {};  // ids that get rows
  std::int64_t rows = 0;                 // of the embedding, where it changes

  [[noreturn]] void refuse(const std::string& what, const std::string& got,
                           const std::string& expected, const std::string& remedy = {}) const {
    throw InputError(explain(c.path.string() + ": a new " + what, got, expected, remedy));
  }

  void add(const char* prefix, std::vector<ParameterSpec> specs) {
    modules.push_back({prefix, std::move(specs)});
  }

  void projectors() {
    const std::int64_t width = c.config.text.hidden;
    const auto replace = [&](std::optional<ProjectorConfig>& module, std::int64_t in, bool used,
                             const char* prefix) {
      if (in == 0 || (used && module && module->in == in)) return;
      module = ProjectorConfig{"mlp2x_gelu", in, width};
      add(prefix, projector_specs(*module));
    };
    replace(c.modules.semantic, parts.semantic_width, true, kSemanticPrefix);
    replace(c.modules.generative, parts.generative_width, c.config.generative, kGenerativePrefix);
    if (parts.generative_width == 0) return;
    c.config.generative = c.config.vega_release = true;
    c.modules.trained_on = parts.generative;
  }

  void fusion() {
    if (parts.fusion.empty()) return;
    FusionConfig asked;
    set_method(asked, parts.fusion);
    if (!parts.form.empty()) set_form(asked, parts.form);
    asked.width = c.config.text.hidden;
    if (asked.method == FusionMethod::kCrossAttention) {
      asked.layers = parts.fusion_layers;
      asked.heads = parts.fusion_heads;
      asked.dropout = parts.fusion_dropout;
    }
    if (!c.config.generative)
      refuse("fusion", "no generative features", "a generative projector",
             "say how wide the generative features are");
    const bool reads = asked.method == FusionMethod::kInstructionTokenGated;
    if (reads && !c.pictures && c.config.instruction.relation.empty())
      c.config.instruction = instruction_of(c.words());
    if (reads && c.pictures)
      refuse("fusion", parts.fusion, "a method whose gate does not read the question");
    const bool raw = asked.method == FusionMethod::kTokenGated && asked.form == GateForm::kRaw;
    if (raw && c.pictures)  // config.json of that release has no word for it
      refuse("fusion", "form raw", "form residual or normed beside Qwen2.5-VL");
    const FusionConfig& has = c.modules.fusion;
    const bool same = c.config.fuses && has.method == asked.method && has.form == asked.form &&
                      has.layers == asked.layers && has.heads == asked.heads;
    c.config.fuses = c.modules.has_fusion = true;
    if (same) {
      c.modules.fusion.dropout = asked.dropout;
      return;
    }
    c.modules.fusion = asked;
    if (c.pictures)
      add(kSpatialFusionPrefix, spatial_fusion_specs(asked));
    else
      add(kFusionPrefix, fusion_specs(asked));
  }

  // Of Qwen2.5-VL, which has no projectors.
  void merger() {
    if (parts.generative_width == 0 || c.config.generative) return;
    MergerConfig made{"mlp", parts.generative_width, parts.merger_hidden, c.config.text.hidden};
    c.modules.merger = made;
    c.config.generative = true;
    c.modules.trained_on = parts.generative;
    add(kSpatialMergerPrefix, merger_specs(made));
  }

  void branch() {
    if (!parts.position.empty() || parts.ground || parts.objects || parts.control_words)
      refuse("part", "3D positions, objects or control words for Qwen2.5-VL",
             "a generative branch (--fusion)", "it is shown pictures, without depth");
    merger();
    fusion();
  }

  void position() {
    if (parts.position.empty()) return;
    PositionConfig asked = parse_position(parts.position, "a new position embedding");
    if (asked.rope)
      refuse("position embedding", parts.position, "one that is added to tokens",
             "a decoder is made for mrope: take a base that has it");
    if (c.config.position) asked.voxels = c.config.position->voxels;
    const bool has = c.config.position && c.config.position->embedding == Embedding::kMlp;
    if (has) asked.inner = c.config.position->inner;
    c.config.position = asked;
    if (asked.embedding == Embedding::kMlp && !has)
      add(kPositionPrefix, position_specs(asked, c.config.text.hidden));
  }

  void ground() {
    if (parts.objects) c.config.objects = *parts.objects;
    if (!parts.ground) return;
    if (c.config.objects == ObjectMode::kNone) c.config.objects = ObjectMode::kPatch14;
    if (c.config.ground && c.config.ground->type == *parts.ground) return;
    GroundConfig head;
    head.type = *parts.ground;
    head.width = c.config.text.hidden;
    c.config.ground = head;
    add(kGroundPrefix, ground_specs(head));
  }

  void control_words() {
    if (!parts.control_words && !parts.ground) return;
    ControlIds& ids = c.config.control;
    if (!ids.ground.empty() && !ids.coord.empty()) return;
    if (!c.tokenizer) static_cast<void>(c.words());  // throws
    const auto take = [&](const char* word, std::vector<std::int64_t>& known) {
      if (!known.empty()) return;
      known.push_back(c.tokenizer->add_token(word, false));
      words.push_back(known.front());
    };
    take("<ground>", ids.ground);
    take("<coord>", ids.coord);
    std::ranges::sort(words);
    rows = static_cast<std::int64_t>(c.tokenizer->size());
    c.config.text.vocab = rows;
  }

  void configure() {
    if (c.pictures) return branch();
    projectors();
    fusion();
    position();
    ground();
    control_words();
    if (c.config.objects == ObjectMode::kNone && c.config.ground)
      refuse("grounding head", "no object features", "patch14 or patch27");
    c.family = family_of(c.config);
  }

  void fill(std::uint64_t seed) {
    std::map<std::string, at::Tensor> values;
    std::set<std::string> gone;
    for (const NewModule& module : modules) {
      const std::size_t before = gone.size();
      for (const auto& [name, view] : c.set.tensors())
        if (name.starts_with(module.prefix)) gone.insert(name);
      if (gone.size() > before)
        log_warn("{}: {} tensors of {}* give way to a new module with initial values",
                 c.path.string(), gone.size() - before, module.prefix);
      for (auto& [name, value] : initial_values(module.specs, module.prefix, seed))
        values.emplace(module.prefix + name, value);
    }
    if (rows > 0) {
      c.set = with_rows(c.set, embedding_name(), rows, words);
      if (!c.config.text.tied) c.set = with_rows(c.set, kLanguageHead, rows, words);
    }
    if (!modules.empty() || rows > 0) c = with_tensors(std::move(c), values, gone);
  }
};

// The specs of one part.
struct Specs {
  const VlmCheckpoint& c;
  const std::optional<LoraConfig>& lora;
  std::vector<TrainedSpec>& out;

  [[noreturn]] void absent(Part part, const std::string& expected) const {
    throw InputError(explain(c.path.string() + ": part " + name_of(part), "a checkpoint without it",
                             expected, "leave the part out of what trains, or add it to the base"));
  }

  template <typename List>
  void add(Part part, const std::string& prefix, const List& specs) const {
    for (const auto& spec : specs) {
      if constexpr (requires { spec.canonical; })
        out.push_back({prefix + spec.canonical, spec.shape, part});
      else
        out.push_back({prefix + spec.name, spec.shape, part});
    }
  }

  std::vector<ParameterSpec> spatial_specs() const {
    return spatial_fusion_specs(c.modules.fusion);
  }

  void decoder() const {
    const qwen2::Config& text = c.config.text;
    add(Part::kDecoder, "model.", qwen2::decoder_tensors(text));
    if (!text.tied) out.push_back({kLanguageHead, {text.vocab, text.hidden}, Part::kDecoder});
  }

  void tower() const {
    if (c.pictures)
      absent(Part::kTower, "a model whose tower is SigLIP; Qwen2.5-VL's stays frozen");
    if (!c.tower) absent(Part::kTower, "one with a vision tower");
    for (const NamedTensor& tensor : siglip::tower_tensors(c.tower->config)) {
      const std::string& name = tensor.canonical.starts_with(siglip::kPrefix)
                                    ? tensor.canonical.substr(siglip::kPrefix.size())
                                    : tensor.canonical;
      out.push_back({c.tower->prefix + name, tensor.shape, Part::kTower});
    }
  }

  void new_tokens() const {
    const auto ids = new_token_ids(c.config);
    if (ids.empty()) absent(Part::kNewTokens, "one with <ground> or <coord>");
    const auto count = static_cast<std::int64_t>(ids.size());
    out.push_back({kNewRows, {count, c.config.text.hidden}, Part::kNewTokens});
  }

  void add_part(Part part) const {
    const VlmConfig& config = c.config;
    const std::int64_t width = config.text.hidden;
    switch (part) {
      case Part::kFusion:
        if (!config.fuses) absent(part, "one that fuses two streams");
        if (c.pictures) return add(part, kSpatialFusionPrefix, spatial_specs());
        return add(part, kFusionPrefix, fusion_specs(c.modules.fusion));
      case Part::kGenerativeProjector:
        if (!config.generative) absent(part, "one with generative features");
        if (c.pictures) return add(part, kSpatialMergerPrefix, merger_specs(*c.modules.merger));
        return add(part, kGenerativePrefix, projector_specs(*c.modules.generative));
      case Part::kProjector:
        if (c.pictures) absent(part, "one with projectors; Qwen2.5-VL's is in its tower");
        return add(part, kSemanticPrefix, projector_specs(*c.modules.semantic));
      case Part::kNewline:
        if (config.newlines == Newlines::kNone && (!config.generative || config.fuses))
          absent(part, "one whose frames have newline tokens");
        out.push_back({kNewlineName, {width}, part});
        return;
      case Part::kPosition:
        if (!config.position || config.position->embedding != Embedding::kMlp)
          absent(part, "one whose 3D positions have parameters (mlp)");
        return add(part, kPositionPrefix, position_specs(*config.position, width));
      case Part::kGroundHead:
        if (!config.ground) absent(part, "one with a grounding head");
        return add(part, kGroundPrefix, ground_specs(*config.ground));
      case Part::kNewTokens: return new_tokens();
      case Part::kLora:
        if (!lora)
          throw InputError(
              explain("part lora", "no rank and alpha", "the adapter's configuration"));
        return add(part, "", lora_specs(qwen2::lora_targets(config.text), *lora));
      case Part::kDecoder: return decoder();
      case Part::kTower: return tower();
    }
  }
};

}  // namespace

std::string name_of(Part part) { return std::string(name_in<Part>(kParts, part)); }

std::string embedding_name() { return fmt::format("model.{}", qwen2::kEmbedding); }

std::string fusion_prefix(const VlmCheckpoint& checkpoint) {
  return checkpoint.pictures ? kSpatialFusionPrefix : kFusionPrefix;
}

std::vector<ParameterSpec> spatial_fusion_specs(const FusionConfig& config) {
  std::vector<ParameterSpec> out = fusion_specs(config);
  for (ParameterSpec& spec : out)
    if (spec.name == "weight_gen") spec.name = "weight_3d";
  return out;
}

VlmCheckpoint planned_checkpoint(VlmCheckpoint base, const NewParts& parts) {
  Extension{base, parts}.configure();
  return base;
}

VlmCheckpoint extended_checkpoint(VlmCheckpoint base, const NewParts& parts, std::uint64_t seed) {
  Extension extension{base, parts};
  extension.configure();
  extension.fill(seed);
  return base;
}

std::vector<std::int64_t> new_token_ids(const VlmConfig& config) {
  std::vector<std::int64_t> out = config.control.ground;
  out.insert(out.end(), config.control.coord.begin(), config.control.coord.end());
  std::ranges::sort(out);
  return out;
}

std::vector<std::pair<std::string, Shape>> forward_shapes(const VlmCheckpoint& c) {
  std::vector<std::pair<std::string, Shape>> out;
  for (const NamedTensor& tensor : qwen2::decoder_tensors(c.config.text))
    out.emplace_back("model." + tensor.canonical, tensor.shape);
  if (!c.config.text.tied)
    out.emplace_back(kLanguageHead, Shape{c.config.text.vocab, c.config.text.hidden});
  const auto add = [&](const char* prefix, const std::vector<ParameterSpec>& specs) {
    for (const ParameterSpec& spec : specs) out.emplace_back(prefix + spec.name, spec.shape);
  };
  if (c.pictures) {
    if (!c.config.generative) return out;
    add(kSpatialMergerPrefix, merger_specs(*c.modules.merger));
    add(kSpatialFusionPrefix, spatial_fusion_specs(c.modules.fusion));
    return out;
  }
  add(kSemanticPrefix, projector_specs(*c.modules.semantic));
  if (c.config.generative) add(kGenerativePrefix, projector_specs(*c.modules.generative));
  if (c.config.fuses) add(kFusionPrefix, fusion_specs(c.modules.fusion));
  if (c.config.position)
    add(kPositionPrefix, position_specs(*c.config.position, c.config.text.hidden));
  if (c.config.ground) add(kGroundPrefix, ground_specs(*c.config.ground));
  if (c.set.find(kNewlineName) != nullptr)
    out.emplace_back(kNewlineName, Shape{c.config.text.hidden});
  return out;
}

std::vector<TrainedSpec> trained_specs(const VlmCheckpoint& checkpoint,
                                       const std::vector<Part>& parts,
                                       const std::optional<LoraConfig>& lora) {
  const auto asked = [&](Part part) { return std::ranges::find(parts, part) != parts.end(); };
  for (const Part part : {Part::kLora, Part::kNewTokens})
    if (asked(Part::kDecoder) && asked(part))
      throw InputError(explain("parts", "decoder beside " + name_of(part), "one of the two",
                               "decoder holds what " + name_of(part) + " would train"));
  std::vector<TrainedSpec> out;
  for (const auto& row : kParts)
    if (asked(row.value)) Specs{checkpoint, lora, out}.add_part(row.value);
  if (out.empty())
    throw InputError(explain("parts", "nothing that trains", "at least one part with parameters"));
  return out;
}

}  // namespace vega::vlm
