#include <memory>

#include "base/dtype.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "cli/file_verbs.h"
#include "cli/programs.h"
#include "media/image.h"
#include "synth/model.h"
#include "synth/scene.h"

namespace vega::cli {
namespace {

struct ModelArguments {
  std::string out, preset = "wan-tiny", layout = "original", dtype = "fp32";
  std::int64_t seed = 42;
  bool overwrite = false;

  void visit(OptionVisitor& v) {
    v.text("-o,--out", out, "DIR", "folder of the checkpoint (made)");
    v.text(
        "--preset", preset, "NAME",
        "wan-tiny (106 MB), wan-1.3b (6.2 GB), umt5-tiny, umt5-xxl (11.4 GB in bf16), siglip-tiny "
        "(20 MB) or siglip-so400m (1.7 GB)");
    v.text("--layout", layout, "LAYOUT",
           "original, diffusers (siglip: llava-video), or both (two sub-folders)");
    v.text("--dtype", dtype, "fp32|fp16|bf16", "type of the stored weights");
    v.integer("--seed", seed, "N", "seed of the values");
    v.flag("--overwrite", overwrite, "write into a folder that is not empty");
  }
};

struct SceneArguments {
  std::string out, size = "640x480";
  std::int64_t seed = 42, frames = 320, every = 1, quality = 92, threads = 0;
  bool sens = false, scan = false, plain = false, overwrite = false;

  void visit(OptionVisitor& v) {
    v.text("-o,--out", out, "DIR", "folder of the scene (made)");
    v.integer("--seed", seed, "N", "seed of the room: layout, textures, colours, walk");
    v.integer("--frames", frames, "N", "length of the camera walk, a closed loop");
    v.integer("--every", every, "N",
              "write every N-th frame of the walk; frames keep their numbers");
    v.text("--size", size, "WxH", "pixels of a frame");
    v.integer("--quality", quality, "Q", "JPEG quality, 1 to 100");
    v.flag(
        "--sens", sens,
        "poses of the folder as those of NAME.sens, float32 (with --plain: write NAME.sens too)");
    v.flag(
        "--scan", scan,
        "the scan in a frame of its own, turned as a scanner's: all poses are in it, and NAME.txt "
        "leads back to the room");
    v.flag("--plain", plain, "only frames and objects.json, no scan around them");
    v.integer("--threads", threads, "N", "worker threads (0: all cores)");
    v.flag("--overwrite", overwrite, "replace an existing scene");
  }
};

DType stored_type(const std::string& name) {
  if (name == "fp32") return DType::kF32;
  if (name == "fp16") return DType::kF16;
  if (name == "bf16") return DType::kBF16;
  throw UsageError(explain("--dtype", "'" + name + "'", "fp32, fp16 or bf16"));
}

int run_model(const ModelArguments& a, const Common& common) {
  if (a.out.empty()) throw UsageError(explain("-o", "nothing", "a folder"));
  synth::ModelOptions options{.folder = a.out, .preset = a.preset, .layout = a.layout};
  options.seed = static_cast<std::uint64_t>(a.seed);
  options.dtype = stored_type(a.dtype);
  options.overwrite = a.overwrite;
  options.progress = common.progress_mode();
  for (const auto& folder : synth::write_model(options)) print_manifest(a.preset, folder.string());
  return 0;
}

int run_scene(const SceneArguments& a, const Common& common) {
  if (a.out.empty()) throw UsageError(explain("-o", "nothing", "a folder"));
  const auto number = [](const char* option, std::int64_t value, SceneRange range) {
    if (value >= range.least && value <= range.most) return static_cast<int>(value);
    throw UsageError(explain(option, std::to_string(value),
                             std::to_string(range.least) + " to " + std::to_string(range.most)));
  };
  std::filesystem::path folder = a.out;
  if (!folder.has_filename() && folder.has_relative_path()) folder = folder.parent_path();
  SceneOptions options;
  options.folder = folder;
  options.seed = static_cast<std::uint64_t>(a.seed);
  options.frames = number("--frames", a.frames, kSceneFrames);
  options.every = number("--every", a.every, kSceneFrames);
  const ImageSize size = parse_size(a.size);
  options.width = number("--size: width", size.width, kSceneSide);
  options.height = number("--size: height", size.height, kSceneSide);
  options.quality = number("--quality", a.quality, kSceneQuality);
  options.threads = number("--threads", a.threads, kSceneThreads);
  options.sens = a.sens;
  if (a.plain && a.scan) throw UsageError(explain("--plain", "--scan too", "one of them"));
  options.scan = !a.plain;
  options.scan_frame = a.scan ? ScanFrame::kOwn : ScanFrame::kRoom;
  options.overwrite = a.overwrite;
  int written = 0;
  {
    const std::int64_t total = (options.frames + options.every - 1) / options.every;
    Progress progress("rendering " + folder.filename().string(), "frames", total,
                      common.progress_mode());
    written = write_scene(options, [&](int, int) { progress.add(); });
  }
  if (written == 0) log_info("{}: complete already", folder.string());
  print_manifest(folder.filename().string(), folder.string());
  return 0;
}

constexpr auto kModel =
    R"(Values are uniform and depend on the seed, the tensor's name and the element alone: the same model in both
layouts and on every machine. Wan presets come with the embedding of a made-up prompt.

Examples:
  vega-synth model --preset wan-tiny -o models/wan-tiny
  vega-synth model --preset wan-1.3b --dtype bf16 --layout diffusers -o models/wan-1.3b
  vega-synth model --preset siglip-tiny --layout llava-video -o models/siglip-tiny

See also: vega-extract features --model)";

constexpr auto kScene =
    R"(A room with furniture, ray traced: colour (JPEG), depth (16-bit PNG, mm), poses and intrinsics as a posed ScanNet
folder, and objects.json with exact boxes. Depth and poses are exact, so correspondences are known. Around them a
complete ScanNet scan: NAME.sens, mesh, segments, objects, axis alignment, label table and noisy instance masks.

Examples:
  vega-synth scene -o rooms/room42
  vega-synth scene --seed 7 --frames 64 --size 1296x968 -o rooms/room7
  vega-synth scene --scan --frames 64 -o scans/scene0000_00
  vega-synth scene --plain -o rooms/frames-alone

See also: vega-extract features)";

}  // namespace

Program synth_program() {
  Program p{.name = "vega-synth",
            .summary = "Made-up models and rooms, for demo, tests and trials."};
  p.details = "Run 'vega-synth VERB --help' for the options of a verb.";
  auto model = std::make_shared<ModelArguments>();
  p.verbs.push_back({"model", "write a checkpoint with seeded random weights", kModel,
                     [model](OptionVisitor& v) { model->visit(v); },
                     [model](const Common& common) { return run_model(*model, common); }});
  auto scene = std::make_shared<SceneArguments>();
  p.verbs.push_back({"scene", "render a synthetic room", kScene,
                     [scene](OptionVisitor& v) { scene->visit(v); },
                     [scene](const Common& common) { return run_scene(*scene, common); }});
  for (auto& shared : file_verbs(p.name)) p.verbs.push_back(std::move(shared));
  return p;
}

}  // namespace vega::cli
