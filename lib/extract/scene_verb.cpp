#include "extract/scene_verb.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/build_info.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/publish.h"
#include "base/run.h"
#include "base/stop.h"
#include "extract/audit.h"
#include "extract/scene_input.h"
#include "media/decode.h"
#include "scene/frame.h"
#include "scene/root.h"
#include "store/cache_key.h"
#include "store/decide.h"

namespace vega::extract {
namespace fs = std::filesystem;
namespace {

// The raw bytes of plain values, as text for a fingerprint.
template <typename T>
std::string bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(value.data()), sizeof(value[0]) * value.size()};
}

std::string fingerprint_of(const SceneObjects& objects) {
  Hasher hash;
  hash.field(bytes_of(objects.id)).field(bytes_of(objects.nyu40)).field(bytes_of(objects.box));
  for (const auto& label : objects.label) hash.field(label);
  return hash.hex();
}

class SceneWork final : public ItemWork {
 public:
  SceneWork(const Item& item, const SceneFileOptions& options, const SceneRecipe& recipe)
      : item_(item),
        options_(options),
        recipe_(recipe),
        output_(fs::path(options.out) / (item.key + ".h5")) {}

  void prepare() override;
  bool complete() const override { return plan_.decision == Decision::kSkip; }
  void compute() override;
  void finish() override {
    scene_.header.provenance["ended"] = utc_now();
    write_scene_file(output_, scene_);
  }
  double wait_s() const override { return 0; }
  double load_s() const override { return 0; }
  std::string output() const override { return output_.string(); }
  void describe(ItemReport& report) const override;
  void look(SceneAudit& audit);  // all of prepare() that can be told without stopping

 private:
  void read_frames();
  void describe_file();
  std::string key_options() const;
  std::string input_fingerprint() const;
  std::map<std::string, std::string> provenance() const;
  ImageU16 depth_of(std::size_t row) const;

  const Item item_;
  const SceneFileOptions& options_;
  const SceneRecipe& recipe_;
  const fs::path output_;
  SceneInput in_;
  SceneFile scene_;
  std::vector<std::vector<std::byte>> pictures_;  // encoded, one a row
  Plan plan_;
};

// Depth, encoded pictures and tables of the chosen frames.
void SceneWork::read_frames() {
  const std::size_t count = in_.rows.size();
  SceneFrames& f = scene_.frames;
  std::vector<ImageU16> depth(count);
  pictures_.resize(count);
  f.size_color.resize(count);
  parallel_for(count, recipe_.threads, [&](std::size_t row) {
    const FrameRef& frame = in_.source.frames[in_.rows[row]];
    depth[row] = load_depth(in_.source, frame);
    pictures_[row] = color_bytes(in_.source, frame);
    const ImageSize size = image_size(pictures_[row], where(in_.source, frame));
    f.size_color[row] = {size.height, size.width};
  });
  std::array<double, 9> unknown{};
  unknown.fill(std::numeric_limits<double>::quiet_NaN());
  f.depth_height = depth.at(0).height;
  f.depth_width = depth.at(0).width;
  for (std::size_t row = 0; row < count; ++row) {
    const FrameRef& frame = in_.source.frames[in_.rows[row]];
    if (!(depth[row].size() == depth[0].size()))
      throw InputError(explain(where(in_.source, frame), "depth of " + to_string(depth[row].size()),
                               to_string(depth[0].size()) + ", as the scene's other frames"));
    f.id.push_back(frame.id);
    f.time_s.push_back(frame.time_s);
    f.world_from_cam.push_back(multiply(in_.axis_align, *frame.world_from_cam));
    f.K_color.push_back(in_.source.K_color.value_or(unknown));
    f.K_depth.push_back(*in_.source.K_depth);
    f.depth.insert(f.depth.end(), depth[row].v.begin(), depth[row].v.end());
    depth[row].v = {};
  }
}

ImageU16 SceneWork::depth_of(std::size_t row) const {
  const SceneFrames& f = scene_.frames;
  ImageU16 depth(f.depth_width, f.depth_height);
  std::copy_n(f.depth.begin() + static_cast<std::ptrdiff_t>(row * depth.v.size()), depth.v.size(),
              depth.v.begin());
  return depth;
}

std::string SceneWork::key_options() const {
  nlohmann::json json{{"view", name_of(recipe_.view)},
                      {"geometry", name_of(recipe_.geometry)},
                      {"zero_depth", name_of(recipe_.zero)},
                      {"color", !options_.no_color},
                      {"proposals", in_.proposals ? in_.proposals->source : "none"}};
  // A stream read as recorded is a folder of the same files: equal keys.
  if (in_.source.dialect == "sens" && recipe_.source.jpeg == JpegMode::kReencoded)
    json["jpeg"] = "reencoded";
  if (in_.proposals && in_.proposals->source == "masks")
    json["empty_mask"] = recipe_.empty_mask == scan::EmptyMask::kSkip ? "skip" : "truncate";
  return canonical_json(json.dump());
}

std::string SceneWork::input_fingerprint() const {
  InputFingerprint print;
  if (in_.source.K_color) print.add_text("K_color", bytes_of(*in_.source.K_color));
  print.add_text("K_depth", bytes_of(*in_.source.K_depth));
  print.add_text("axis_align", bytes_of(in_.axis_align));
  const std::size_t pixels = scene_.frames.depth.size() / in_.rows.size();
  for (std::size_t row = 0; row < in_.rows.size(); ++row) {
    const FrameRef& frame = in_.source.frames[in_.rows[row]];
    print.add_frame(frame.id, pictures_[row], &*frame.world_from_cam);
    const std::span depth(&scene_.frames.depth[row * pixels], pixels);
    print.add_text("depth", xxh3_hex(std::as_bytes(depth)));
  }
  if (in_.gt) print.add_text("gt", fingerprint_of(*in_.gt));
  if (in_.proposals) print.add_text("proposals", fingerprint_of(*in_.proposals));
  return print.hex();
}

void SceneWork::describe_file() {
  read_frames();
  FileHeader& header = scene_.header;
  header.key = item_.key;
  header.seed = options_.seed;
  header.options_json = key_options();
  header.input_fp = input_fingerprint();
  header.cache_key = cache_key(kSceneSchema, header.options_json, "", header.input_fp);
}

void SceneWork::prepare() {
  in_ = open_scene(item_, options_, recipe_);
  describe_file();
  plan_ = decide(output_, kSceneSchema, scene_.header, options_.overwrite);
}

void SceneWork::compute() {
  const std::size_t count = in_.rows.size(), tokens = kTokenGrid * kTokenGrid,
                    cells = kCellGrid * kCellGrid;
  scene_.header.provenance = provenance();
  scene_.axis_align = in_.axis_align;
  scene_.patches.view = name_of(recipe_.view);
  scene_.patches.world14.resize(count * tokens * 3);
  scene_.patches.valid14.resize(count * tokens);
  scene_.has_gt = in_.gt.has_value();
  scene_.has_proposals = in_.proposals.has_value();
  if (in_.gt) scene_.gt = *in_.gt;
  if (in_.proposals) scene_.proposals = *in_.proposals;
  SceneObjects* const all[] = {&scene_.gt, &scene_.proposals};
  for (SceneObjects* objects : all) objects->cells.resize(objects->id.size() * count * cells);
  const auto grid = coordinate_grid({scene_.frames.depth_width, scene_.frames.depth_height},
                                    recipe_.coordinates());
  parallel_for(count, recipe_.threads, [&](std::size_t row) {
    const PointMap map = unproject(depth_of(row), scene_.frames.K_depth[row],
                                   scene_.frames.world_from_cam[row], grid);
    const auto mean = average_patches(map, kPatch27, recipe_.geometry, recipe_.zero);
    std::copy(mean.xyz.begin(), mean.xyz.end(), &scene_.patches.world14[row * tokens * 3]);
    std::copy(mean.valid.begin(), mean.valid.end(), &scene_.patches.valid14[row * tokens]);
    for (SceneObjects* objects : all) {
      const auto counts = box_counts(map, objects->box, kPatch14, recipe_.geometry, recipe_.zero);
      for (std::size_t n = 0; n < objects->id.size(); ++n) {
        std::transform(counts.begin() + static_cast<std::ptrdiff_t>(n * cells),
                       counts.begin() + static_cast<std::ptrdiff_t>((n + 1) * cells),
                       &objects->cells[(n * count + row) * cells],
                       [](std::uint16_t pixels) { return static_cast<std::uint8_t>(pixels); });
      }
    }
  });
  if (!options_.no_color) scene_.frames.color_jpeg = std::move(pictures_);
}

std::map<std::string, std::string> SceneWork::provenance() const {
  std::map<std::string, std::string> out{
      {"version", version()},
      {"command", command_line()},
      {"host", host_name()},
      {"started", utc_now()},
      {"input", fs::absolute(in_.source.root).string()},
      {"dialect", in_.source.dialect},
      {"dropped_nonfinite_poses", std::to_string(in_.source.dropped_nonfinite_poses)},
      {"alignment", in_.alignment},
      {"select", options_.select}};
  if (in_.gt) out["dense_object_ids"] = in_.dense_ids ? "1" : "0";
  if (in_.coverage) {
    out["coverage_voxels"] = std::to_string(in_.coverage->all);
    out["coverage_chosen"] = std::to_string(in_.coverage->chosen);
  }
  return out;
}

void SceneWork::describe(ItemReport& report) const {
  report.numbers["frames"] = static_cast<double>(in_.rows.size());
  report.numbers["dropped_nonfinite_poses"] =
      static_cast<double>(in_.source.dropped_nonfinite_poses);
  report.numbers["objects"] = in_.gt ? static_cast<double>(in_.gt->id.size()) : 0;
  report.numbers["proposals"] = in_.proposals ? static_cast<double>(in_.proposals->id.size()) : 0;
  report.notes["alignment"] = in_.alignment;
  report.outcome = complete() ? "complete already" : "written";
  std::error_code code;
  if (const auto bytes = fs::file_size(output_, code); !complete() && !code)
    report.numbers["output_bytes"] = static_cast<double>(bytes);
}

// Pictures, cameras and the output that is there.
void SceneWork::look(SceneAudit& audit) {
  in_ = open_scene(item_, options_, recipe_);
  const std::set<std::size_t> distinct(in_.rows.begin(), in_.rows.end());
  const std::vector<std::size_t> selected(distinct.begin(), distinct.end());
  audit.candidates = std::ssize(in_.source.frames);
  audit.selected = std::ssize(selected);
  audit.rows = std::ssize(in_.rows);
  PictureAuditOptions options;
  options.threads = recipe_.threads;
  options.label = item_.key;
  audit.pictures = audit_pictures(in_.source, selected, options, audit.findings);
  audit_cameras(in_.source, audit.pictures.color, audit.pictures.depth, audit.findings);
  if (!audit.possible()) return;
  describe_file();
  std::size_t bytes = 2 * scene_.frames.depth.size();
  for (const auto& picture : pictures_) bytes += options_.no_color ? 0 : picture.size();
  for (const auto* objects : {&in_.gt, &in_.proposals})
    bytes += *objects ? (*objects)->id.size() * in_.rows.size() * kCellGrid * kCellGrid : 0;
  audit.estimate.host_bytes = 2 * static_cast<double>(bytes);
  try {
    plan_ = decide(output_, kSceneSchema, scene_.header, options_.overwrite);
    audit.existing.state = complete()                               ? OutputState::kComplete
                           : plan_.decision == Decision::kOverwrite ? OutputState::kReplaced
                                                                    : OutputState::kAbsent;
  } catch (const RefusedError& error) {
    audit.existing.state = OutputState::kOther;
    audit.findings.add(Severity::kError, "output", audit.output, error.what());
  } catch (const FormatError& error) {
    audit.existing.state = OutputState::kDamaged;
    audit.findings.add(Severity::kError, "output", audit.output, error.what());
  }
  if (!complete()) audit.estimate.output_bytes = static_cast<double>(bytes);
}

SceneAudit look_at(const Item& item, const SceneFileOptions& options, const SceneRecipe& recipe) {
  const auto begun = std::chrono::steady_clock::now();
  SceneAudit audit;
  audit.key = item.key;
  audit.input = item.path.string();
  audit.output = (fs::path(options.out) / (item.key + ".h5")).string();
  try {
    const fs::path path =
        options.root.empty() ? item.path : find_scene(options.root, item.path.string());
    audit.input = path.string();
    const SourceAudit opened = audit_source(path, recipe.source, audit.findings);
    audit.dialect = opened.dialect;
    audit.found = opened.found;
    if (audit.possible()) SceneWork(item, options, recipe).look(audit);
  } catch (const InputError& error) {
    audit.findings.add(Severity::kError, "scene", audit.input, error.what());
  }
  // Reading is most of the work: the run takes about as long as this look.
  audit.estimate.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  audit.findings.sort();
  return audit;
}

Report dry_run_scenes(const std::vector<Item>& items, const SceneFileOptions& options,
                      const SceneRecipe& recipe, const Context& context) {
  Audit audit;
  audit.title = "scene files, view " + std::string(name_of(recipe.view)) + ", geometry " +
                std::string(name_of(recipe.geometry)) + ", zero depth " +
                std::string(name_of(recipe.zero));
  audit.taps = {"none"};
  audit.alone = options.list.empty() && items.size() == 1;
  audit.machine.device = "cpu";
  audit.machine.workers = recipe.threads;
  Report report;
  for (const Item& item : items) {
    check_stop();
    audit.scenes.push_back(look_at(item, options, recipe));
    const SceneAudit& scene = audit.scenes.back();
    if (!scene.possible())
      ++report.failed;
    else if (scene.existing.state == OutputState::kComplete)
      ++report.skipped;
  }
  if (!options.report.empty()) publish_file(options.report, audit_json(audit));
  context.print(audit_table(audit));
  report.exit_code = audit.exit_code();
  return report;
}

}  // namespace

Report run_scene(const SceneFileOptions& options, const Context& context) {
  keep_freed_memory();
  const SceneRecipe recipe = resolve_scene(options);
  const auto items = gather_items(options.inputs, options.list, options.key, options.shard);
  if (options.dry_run) return dry_run_scenes(items, options, recipe, context);
  sweep_parts(options.out);
  if (items.empty()) log_warn("the list (or this shard of it) is empty: nothing to do");
  const bool alone = options.list.empty() && items.size() == 1;
  const RunResult result = run_items(
      items, {options.report, options.fail_fast, alone, false, context.manifest},
      [&](const Item& item) { return std::make_unique<SceneWork>(item, options, recipe); });
  return {result.done, result.complete, result.failed, result.exit_code};
}

}  // namespace vega::extract
