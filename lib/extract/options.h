// Options of `vega-extract features`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "media/view.h"
#include "models/wan/schedule.h"
#include "run/option_groups.h"
#include "scene/select.h"
#include "scene/source.h"

namespace vega::extract {

enum class NoiseKind { kV1, kZero, kStored };

// --noise v1|zero|stored:FILE
struct NoiseChoice {
  NoiseKind kind = NoiseKind::kV1;
  std::string path;         // of kStored
  std::string text = "v1";  // as given
};

// --pool HxW|native: rows and columns of the grid; 0: native.
struct PoolGrid {
  std::int64_t height = 14, width = 14;
  std::string name = "14x14";
};

inline constexpr Choice<JpegMode> kJpegModes[] = {
    {JpegMode::kOriginal, "original", "as the stream has them"},
    {JpegMode::kReencoded, "reencoded",
     "encoded once more (quality 75) as the release's exporter does, on which the published "
     "numbers rest"}};

inline constexpr Choice<OnDecodeError> kOnDecodeError[] = {
    {OnDecodeError::kFail, "fail", "the scene fails"},
    {OnDecodeError::kSkip, "skip", "the frame is left out and counted"}};

// --precision: of the products that it can lower.
enum class Precision { kAsDtype, kFp8 };
inline constexpr Choice<Precision> kPrecisions[] = {
    {Precision::kAsDtype, "dtype", "all products in --dtype"},
    {Precision::kFp8, "fp8",
     "the feed-forward's in 8-bit floats (E4M3, a scale a row), for GPUs of compute capability 8.9 "
     "or newer, whose peak rate in them is twice that of bf16; less exact: the run says how far "
     "its first frame's features are from float32's, beside bf16's. On the CPU the same numbers "
     "without the speed"}};

// Models by name, for what their code does to the frames.
enum class ModelPreset { kVega3d, kVideo3dLlm };
inline constexpr Choice<ModelPreset> kModelPresets[] = {
    {ModelPreset::kVega3d, "vega-3d", "mllm"},
    {ModelPreset::kVideo3dLlm, "video3d-llm", "center_crop"}};
View view_of(ModelPreset preset);
// The view that --view and --preset ask for; unset: neither is given. Throws UsageError where they
// contradict each other.
std::optional<View> chosen_view(std::optional<View> view, std::optional<ModelPreset> preset);

inline constexpr WholeRange kTimesteps{0, 1000};

// What a run is told that needs no resolving: the options have it, and the recipe.
struct FeatureSettings {
  OutputOptions output{.out = "features"};
  std::optional<Candidates> candidates;  // unset: usual_candidates
  Selection select;
  SourceOptions source;  // jpeg and depth_shift are resolved

  std::string backbone = "wan", model, prompt;
  std::string spatial;                          // resolved: BackboneOptions::spatial
  std::vector<std::int64_t> blocks, timesteps;  // ascending, distinct; empty until resolved
  wan::Schedule schedule = wan::Schedule::kRelease;
  NoiseChoice noise;
  std::int64_t seed = 42;
  DType store_dtype = DType::kBF16;
  Compat compat = Compat::kReference;
  Precision precision = Precision::kAsDtype;
};

struct FeatureOptions : FeatureSettings {
  ItemOptions items;
  RunOptions run;
  DeviceOptions device;
  std::optional<JpegMode> jpeg;  // unset, as the next ones: by --compat or by --backbone
  std::optional<ModelPreset> preset;
  std::optional<View> view;
  std::optional<std::int64_t> block, timestep;  // unset, as the next two: the model's record says
  std::optional<double> shift;
  std::optional<ImageSize> size;
  std::optional<PoolGrid> pool;
  std::optional<DType> latent_constants;
  bool no_thumbs = false;
  std::string recipe;  // a checkpoint whose config.json names tap, schedule, size and view
  // Of a recipe of VEGA-3D's spatial model: "checkpoint", a folder of Wan, or empty: as it comes.
  std::string generative_weights;

  void visit(OptionVisitor& v);
};

// Options of `vega-extract profile`: those of `features` that change what is computed.
struct ProfileOptions {
  FeatureOptions features;
  std::int64_t frames = 4;
  bool no_roofline = false;
  std::string out;  // empty: a table on stdout

  void visit(OptionVisitor& v);
};

// Options of `vega-extract preview`.
struct PreviewOptions {
  std::vector<std::string> inputs;
  std::string out = "preview.png", tap;
  std::int64_t frames = 12, columns = 0, width = 240;
  bool smooth = false, compare = false;

  void visit(OptionVisitor& v);
};

// Options of `vega-extract prompt`.
struct PromptOptions {
  std::string model, out = "prompt.h5";
  bool overwrite = false;

  void visit(OptionVisitor& v);
};

// Parsers for OptionVisitor::parsed. Throw UsageError.
PoolGrid pool_option(const std::string& option, const std::string& text);
Candidates candidates_option(const std::string& option, const std::string& text);
Selection selection_option(const std::string& option, const std::string& text);

}  // namespace vega::extract
