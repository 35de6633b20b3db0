#include "fuse/options.h"

#include "vlm/base_option.h"

namespace vega::fuse {
namespace {

// Names of set_method and set_form (fusion/fusion.h).
constexpr Choice<std::string_view> kMethods[] = {
    {"token_gated", "token_gated"},
    {"gated", "gated"},
    {"add", "add"},
    {"only", "only"},
    {"concat", "concat"},
    {"weighted", "weighted"},
    {"cross_attention", "cross_attention"},
    {"token_gated_residual", "token_gated_residual", {}, true},
    {"instruction_token_gated", "instruction_token_gated", {}, true},
    {"context_gated", "context_gated", {}, true}};

constexpr Choice<std::string_view> kGateForms[] = {
    {"raw", "raw", "the paper's formula"},
    {"normed", "normed", "the main release"},
    {"residual", "residual", "the spatial-reasoning release"}};

constexpr Choice<TokenPart> kParts[] = {{TokenPart::kSemantic, "semantic"},
                                        {TokenPart::kGenerative, "generative"},
                                        {TokenPart::kFused, "fused"}};

constexpr Choice<DType> kStoredTypes[] = {{DType::kBF16, "bf16"}, {DType::kF32, "fp32"}};

void visit_fusion(TokensOptions& o, OptionVisitor& v) {
  v.group("Fusion");
  v.text(
      "--checkpoint", o.checkpoint, "DIR|FILE",
      "projectors and gate: a VEGA-3D checkpoint in safetensors, or one that was written by vega; "
      "without it seeded initial values, and the output says so (trained = 0)");
  vlm::visit_base(v, o.base);
  v.flag("--initial-values", o.initial_values,
         "seeded initial values for what the --checkpoint lacks (a base model has no gate)");
  v.choice("--method", o.method, kMethods, "(default: the checkpoint's, else token_gated)");
  v.choice("--form", o.form, kGateForms,
           "of a token gate (default: the checkpoint's, else normed)");
  v.choice("--align", o.align, kAlignModes, "");
  v.text("--pool-mode", o.pool_mode, "bilinear",
         "of the 27x27 semantic tokens to 14x14; average and max leave 13x13 and are refused");
  v.choice("--objects", o.objects, kObjectModes, "features of the objects of --scenes");
  v.text("--projector", o.projector, "TYPE",
         "initial values: linear, mlpNx_gelu, mlpNx_resMx_gelu, identity");
  v.integer("--width", o.width, "H", {.least = 1}, "initial values: width of the language model");
  v.integer("--seed", o.seed, "N", {}, "initial values: their seed");
  v.flag("--allow-mismatch", o.allow_mismatch,
         "take features of another block, timestep, shift, size or view than the checkpoint was "
         "trained on");
}

}  // namespace

void TokensOptions::visit(OptionVisitor& v) {
  items.visit(v, {.placeholder = "FEATURES...",
                  .help = "generative feature files (features/TAG/KEY.h5)",
                  .items = "feature files",
                  .key = false});
  v.text("--tap", tap, "NAME", "which generative features (default: the file's default tap)");
  v.text("--semantic", semantic, "DIR",
         "semantic features of the same scenes: DIR/KEY.h5, 27x27 cells");
  v.text("--semantic-tap", semantic_tap, "NAME", "which of them (default: the file's default tap)");
  v.text(
      "--scenes", scenes, "DIR",
      "scene files DIR/KEY.h5: positions of the cells and features of the objects are stored too");
  visit_fusion(*this, v);
  device.visit(v, "auto: 8");
  output.visit(
      v, "results go to DIR/TAG/KEY.h5",
      "folder of this recipe (default: <features>-<method>[-<form>]-<checkpoint or seed>[-pixel])");
  v.choices("--parts", parts, kParts, "which tokens are stored");
  v.choice("--store-dtype", store_dtype, kStoredTypes, "type of the stored tokens");
  v.flag("--no-thumbs", no_thumbs, "store no thumbnails (preview shows them)");
  run.visit(v,
            "compute nothing: whether the inputs of every scene belong together, what is there "
            "already, what would be written");
}

}  // namespace vega::fuse
