#include "vlm/scene_tokens.h"

#include <ATen/ATen.h>
#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "core/tensor.h"
#include "fusion/objects.h"

namespace vega::vlm {
namespace {

struct TokensReading {
  const VlmCheckpoint& checkpoint;
  const SceneFiles& files;
  const Switches& switches;
  const TokensReader& file = *files.tokens;
  const TokensInfo& info = file.info();
  const std::string where = file.path().string();

  [[noreturn]] void refuse(const std::string& what, const std::string& got,
                           const std::string& expected, const std::string& remedy) const {
    throw InputError(explain(where + ": " + what, got, expected, remedy));
  }

  bool fuses() const { return checkpoint.config.fuses; }

  // Which modules made the tokens.
  void check_modules() const {
    const FusionConfig& fusion = checkpoint.modules.fusion;
    const std::string name = checkpoint.path.string(),
                      again = "vega-fuse tokens --checkpoint " + name;
    if (fuses() && fusion.method == FusionMethod::kInstructionTokenGated)
      refuse("method", info.method, "instruction_token_gated, as " + name,
             "its gate reads the question, so that no file can hold its tokens: give features");
    if (fuses() && info.method != vega::name_of(fusion.method))
      refuse("method", info.method, vega::name_of(fusion.method) + ", as " + name, again);
    const std::string form =
        fusion.method == FusionMethod::kTokenGated ? vega::name_of(fusion.form) : "";
    if (fuses() && info.form != form)
      refuse("form of the gate", info.form, form + ", as " + name, again + " --form " + form);
    const Json options = parse_json(file.header().options_json).value_or(Json());
    const auto heads = options["heads"].whole();
    if (fuses() && heads && *heads != fusion.heads)
      refuse("heads of the cross-attention", std::to_string(*heads),
             std::to_string(fusion.heads) + ", as " + name, again);
    const std::string own = checkpoint.modules.fingerprint();
    if (info.fingerprint != own)
      refuse("fingerprint of projectors and fusion", info.fingerprint, own + ", of " + name, again);
    const AlignMode align = fuses() ? switches.align : AlignMode::kReference;
    const std::string expected(name_in<AlignMode>(kAlignModes, align));
    if (checkpoint.config.generative && info.align != expected)
      refuse("alignment of the streams", info.align, expected + ", as this run asks",
             "fuse with --align " + expected + ", or answer with the other --compat");
  }

  // Feature files that are given, too, are those that were fused.
  void check_features() const {
    const auto check = [&](const FeatureReader* features, const std::string& tap,
                           const std::string& key) {
      if (features == nullptr) return;
      const std::string& given = features->taps()[features->tap_index(tap)].cache_key;
      if (given == key) return;
      throw InputError(explain(where + " and " + features->path().string(),
                               "tokens of the features with cache key " +
                                   (key.empty() ? "(none)" : key) + ", features with " + given,
                               "tokens that were made of these features",
                               "fuse again, or leave one of the two out"));
    };
    check(files.semantic, files.semantic_tap, info.semantic_key);
    if (checkpoint.config.generative)
      check(files.generative, files.generative_tap, info.generative_key);
  }

  std::string differences() const {
    std::string out;
    const bool crop = info.view == "center_crop", trained = checkpoint.view() == "center_crop";
    if (!info.view.empty() && crop != trained)
      out += fmt::format("\n  view: tokens have {}, trained on {}", info.view, checkpoint.view());
    const auto options = parse_json(file.header().options_json).value_or(Json());
    if (options["allow_mismatch"] == Json(true))
      out +=
          "\n  features: the tokens were fused from others than those of training "
          "(--allow-mismatch)";
    return out;
  }

  // (V, 196, H).
  at::Tensor part(TokenPart which) const {
    const std::size_t frames = file.frame_count();
    at::Tensor out = float_tensor(file.read(which, 0, frames),
                                  {static_cast<std::int64_t>(frames), kTokenCells, info.width});
    if (!at::isfinite(out).all().item<bool>())
      throw FormatError(explain(where + ": /" + std::string(vega::name_of(which)),
                                "a value that is not finite", "numbers", "fuse the scene again"));
    return out;
  }

  void require(TokenPart which) const {
    if (info.has(which)) return;
    const std::string name(vega::name_of(which));
    refuse("parts", "no " + name, name + " tokens, which " + checkpoint.path.string() + " reads",
           "vega-fuse tokens --parts with " + name);
  }

  void read_parts(SceneInput& out) const {
    const bool only = fuses() && checkpoint.modules.fusion.method == FusionMethod::kOnly;
    const auto take = [&](TokenPart which, at::Tensor& to) {
      require(which);
      to = part(which);
    };
    if (fuses() && info.has(TokenPart::kFused)) return take(TokenPart::kFused, out.fused_tokens);
    if (fuses() && !(info.has(TokenPart::kGenerative) && (only || info.has(TokenPart::kSemantic))))
      require(TokenPart::kFused);
    if (!only) take(TokenPart::kSemantic, out.semantic_tokens);
    if (checkpoint.config.generative) take(TokenPart::kGenerative, out.generative_tokens);
    if (!fuses() || switches.align != AlignMode::kPixel) return;
    const auto covered = file.covered();
    out.uncovered = at::empty({out.generative_tokens.size(0), kTokenCells}, at::kBool);
    std::ranges::transform(covered, out.uncovered.mutable_data_ptr<bool>(),
                           [](std::uint8_t cell) { return cell == 0; });
  }

  // Objects that are means of the tokens before pooling, which no tokens file holds.
  void read_objects(SceneInput& out) const {
    if (files.scene == nullptr || !files.scene->has_objects(files.objects)) return;
    if (!checkpoint.config.ground ||
        object_mode(checkpoint.config, switches) != ObjectMode::kPatch14)
      return;
    const auto objects = file.objects(files.objects);
    const std::string again =
        "vega-fuse tokens --scenes DIR --objects patch14, or give the semantic features instead";
    if (!objects) {
      out.no_objects =
          explain(where, "no features of the objects", "what grounding chooses from", again);
      return;
    }
    if (objects->mode != "patch14") refuse("objects", objects->mode, "patch14", again);
    const std::string& scene = files.scene->header().cache_key;
    if (info.scene_key != scene)
      refuse("cache key of the scene file", info.scene_key,
             scene + ", of " + files.scene->path().string(), again);
    SceneGeometry asked = scene_geometry(*files.scene);
    asked.type = switches.geometry;
    asked.zero = switches.zero_depth;
    if (!(asked == scene_geometry(*files.scene)))
      refuse("objects",
             fmt::format("geometry {}, zero depth {}, of the scene file",
                         vega::name_of(scene_geometry(*files.scene).type),
                         vega::name_of(scene_geometry(*files.scene).zero)),
             fmt::format("{} and {}, as this run asks", vega::name_of(asked.type),
                         vega::name_of(asked.zero)),
             fmt::format("vega-extract scene --geometry {} --zero-depth {}, then fuse again, or "
                         "give features instead",
                         vega::name_of(asked.type), vega::name_of(asked.zero)));
    out.object_tokens =
        float_tensor(objects->feature, {static_cast<std::int64_t>(objects->id.size()), info.width});
  }
};

}  // namespace

std::string read_tokens(const VlmCheckpoint& checkpoint, const SceneFiles& files,
                        const Switches& switches, SceneInput& out) {
  files.tokens->check_square("the checkpoint reads tokens of that grid");
  const TokensReading reading{checkpoint, files, switches};
  reading.check_modules();
  reading.check_features();
  reading.read_parts(out);
  reading.read_objects(out);
  out.trained = reading.info.trained;
  return reading.differences();
}

std::string check_tokens(const VlmCheckpoint& checkpoint, const SceneFiles& files,
                         const Switches& switches) {
  const TokensReading reading{checkpoint, files, switches};
  reading.check_modules();
  return reading.differences();
}

}  // namespace vega::vlm
