#include "synth/verbs.h"

#include <algorithm>

#include "base/dtype.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "media/image.h"
#include "synth/model.h"
#include "synth/scene.h"

namespace vega::synth {
namespace {

constexpr auto kModelHelp =
    R"(Values are uniform and depend on the seed, the tensor's name and the element alone: the same model in both
layouts and on every machine. Wan presets come with the embedding of a made-up prompt.

Examples:
  vega-synth model --preset wan-tiny -o models/wan-tiny
  vega-synth model --preset wan-1.3b --dtype bf16 --layout diffusers -o models/wan-1.3b
  vega-synth model --preset siglip-tiny --layout llava-video -o models/siglip-tiny
  vega-synth model --preset vlm-tiny -o models/vlm-tiny
  vega-synth model --preset vlm-study --semantic-width 3 --fusion none --tokenizer data/tokenizer -o models/rgb

See also: vega-extract features --model)";

constexpr auto kSceneHelp =
    R"(A room with furniture, ray traced: colour (JPEG), depth (16-bit PNG, mm), poses and intrinsics as a posed ScanNet
folder, and objects.json with exact boxes. --study: plain shapes on the floor, each of one plain colour; objects.json
names colour, shape and the pixels of every picture that show it. Depth and poses are exact, so correspondences are known. Around them a
complete ScanNet scan: NAME.sens, mesh, segments, objects, axis alignment, label table and instance masks.

Examples:
  vega-synth scene -o rooms/room42
  vega-synth scene --seed 7 --frames 64 --size 1296x968 -o rooms/room7
  vega-synth scene --scan --frames 64 -o scans/scene0000_00
  vega-synth scene --plain -o rooms/frames-alone
  vega-synth scene --study --frames 16 --size 320x240 --masks exact -o scans/scene0001_00

See also: dataset; vega-extract scene, vega-extract features)";

constexpr Choice<std::string_view> kLayouts[] = {
    {"original", "original"},
    {"diffusers", "diffusers", "of Wan and UMT5"},
    {"llava-video", "llava-video", "of SigLIP"},
    {"transformers", "transformers", "of Qwen2.5-VL: names of its newer classes"},
    {"both", "both", "two sub-folders"}};

constexpr WholeRange kStudyWidth{1, 1 << 16};

std::filesystem::path folder_of(const std::string& out) {
  if (out.empty()) throw UsageError(explain("--out", "nothing", "a folder"));
  const std::filesystem::path folder = out;
  return folder.has_filename() || !folder.has_relative_path() ? folder : folder.parent_path();
}

struct ModelArguments {
  std::string out, tokenizer;
  std::string_view preset = "wan-tiny", layout = "original";
  DType dtype = DType::kF32;
  std::int64_t seed = 42;
  StudyRow row;
  bool overwrite = false;

  void visit(OptionVisitor& v) {
    v.text("-o,--out", out, "DIR", "folder of the checkpoint (made)");
    v.choice("--preset", preset, model_presets(), "");
    v.choice("--layout", layout, kLayouts, "names of the tensors and files");
    v.choice("--dtype", dtype, kFloatTypes, "type of the stored weights");
    v.text("--tokenizer", tokenizer, "DIR",
           "of language models: whose tokeniser they take (default: every byte a token)");
    v.integer("--seed", seed, "N", {}, "seed of the values");
    v.integer("--semantic-width", row.semantic, "N", kStudyWidth,
              "of vlm-study: channels of the semantic features");
    v.integer("--generative-width", row.generative, "N", kStudyWidth,
              "of vlm-study: channels of the generative features");
    v.choice("--fusion", row.fusion, study_fusions(), "of vlm-study: how both are fused");
    v.flag("--zero-visual", row.zero_visual,
           "of vlm-study: features count as 0, and the model knows where things are alone");
    v.flag("--overwrite", overwrite, "write into a folder that is not empty");
  }
};

struct SceneArguments {
  std::string out;
  ImageSize size{640, 480};
  std::int64_t seed = 42, frames = 320, every = 1, quality = 92, threads = 0;
  MaskNoise masks = MaskNoise::kNoisy;
  bool study = false, stacked = false, sens = false, scan = false, plain = false, overwrite = false;

  void visit(OptionVisitor& v) {
    v.text("-o,--out", out, "DIR", "folder of the scene (made)");
    v.integer("--seed", seed, "N", {}, "seed of the room: layout, textures, colours, walk");
    v.flag("--study", study,
           "plain shapes on the floor in place of small things and most furniture");
    v.flag("--stacked", stacked, "of --study: some of the shapes stand on others");
    v.integer("--frames", frames, "N", kSceneFrames, "length of the camera walk, a closed loop");
    v.integer("--every", every, "N", kSceneFrames,
              "write every N-th frame of the walk; frames keep their numbers");
    v.parsed("--size", size, "WxH", to_string(size), frame_size,
             "pixels of a frame, each side 16 to 8192");
    v.integer("--quality", quality, "Q", kSceneQuality, "JPEG quality");
    v.flag(
        "--sens", sens,
        "poses of the folder as those of NAME.sens, float32 (with --plain: write NAME.sens too)");
    v.flag("--scan", scan,
           "the scan in a frame of its own, turned as a scanner's: all poses are in it, and "
           "NAME.txt leads back to the room");
    v.choice("--masks", masks, mask_noises(), "instance masks of the scan");
    v.flag("--plain", plain, "only frames and objects.json, no scan around them");
    RunOptions::visit_threads(v, threads);
    v.flag("--overwrite", overwrite, "replace an existing scene");
  }
};

RunResult run_model(const ModelArguments& a, const Context& context) {
  const std::string preset(a.preset);
  ModelOptions options{
      .folder = folder_of(a.out), .preset = preset, .layout = std::string(a.layout)};
  options.seed = static_cast<std::uint64_t>(a.seed);
  options.dtype = a.dtype;
  options.tokenizer = a.tokenizer;
  options.row = a.row;
  options.overwrite = a.overwrite;
  options.progress = context.progress;
  RunResult result;
  for (const auto& folder : write_model(options)) {
    context.manifest(preset, folder.string());
    ++result.done;
  }
  return result;
}

RunResult run_scene(const SceneArguments& a, const Context& context) {
  if (a.stacked && !a.study)
    throw UsageError(explain("--stacked", "no --study", "both", "furnished rooms have no shapes"));
  if (a.plain && a.scan) throw UsageError(explain("--plain", "--scan too", "one of them"));
  SceneOptions options;
  options.folder = folder_of(a.out);
  options.seed = static_cast<std::uint64_t>(a.seed);
  options.kind = a.stacked ? RoomKind::kStacked : a.study ? RoomKind::kStudy : RoomKind::kFurnished;
  options.masks = a.masks;
  options.frames = static_cast<int>(a.frames);
  options.every = static_cast<int>(a.every);
  options.width = a.size.width;
  options.height = a.size.height;
  options.quality = static_cast<int>(a.quality);
  options.threads = static_cast<int>(a.threads);
  options.sens = a.sens;
  options.scan = !a.plain;
  options.scan_frame = a.scan ? ScanFrame::kOwn : ScanFrame::kRoom;
  options.overwrite = a.overwrite;
  const std::string key = options.folder.filename().string();
  int written = 0;
  {
    const std::int64_t total = (options.frames + options.every - 1) / options.every;
    Progress progress("rendering " + key, "frames", total, context.progress);
    written = write_scene(options, [&](int, int) { progress.add(); });
  }
  if (written == 0) log_info("{}: complete already", options.folder.string());
  context.manifest(key, options.folder.string());
  return {.done = written > 0, .complete = written == 0};
}

}  // namespace

ImageSize frame_size(const std::string& option, const std::string& text) {
  const ImageSize size = size_option(option, text);
  if (std::min(size.width, size.height) < kSceneSide.least ||
      std::max(size.width, size.height) > kSceneSide.most)
    throw UsageError(explain(option, "'" + text + "'",
                             "each side " + std::to_string(kSceneSide.least) + " to " +
                                 std::to_string(kSceneSide.most) + " pixels"));
  return size;
}

Verb model_verb() {
  return make_verb("model", "write a checkpoint with seeded random weights", kModelHelp, run_model);
}

Verb scene_verb() { return make_verb("scene", "render a synthetic room", kSceneHelp, run_scene); }

}  // namespace vega::synth
