#include "evaluate/correspondence.h"

#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>

#include "base/build_info.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/publish.h"
#include "base/stop.h"
#include "correspondence/record.h"
#include "evaluate/recipe.h"
#include "evaluate/set_work.h"
#include "evaluate/tables.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr auto kCorrespondenceHelp =
    R"(Do the features of a place agree between the views that show it, and differ from those of other places? Token
cells are placed in the room by the depth and poses of the scene files; docs/correspondence.md says what each number
means and what it is worth. Constant features score 100 in the plain voxel scores: read them beside margin and AUC.

Examples:
  vega-eval correspondence features/wan-832x480-stretch-14x14 --scenes scenes
  vega-eval correspondence --compare features/* --scenes scenes --permuted-poses -o results --pictures
  vega-eval correspondence features/wan-832x480-mllm-14x14 --tap all --scenes scenes     # blocks and timesteps
  vega-eval correspondence features/dino --scenes scenes --metrics probe3d --device cuda

See also: vega-extract features, vega-extract scene; docs/correspondence.md)";

struct Run {
  const Recipe& recipe;
  std::vector<std::map<std::string, SceneResult>> results;  // a map a set, by key
  Progress& progress;                                       // a step a scene and set
};

// What a score hangs on: the program, settings, features, scene file.
std::string stamp_of(const Run& run, const ScoredSet& set, const std::string& key,
                     const std::string& tap_key, const std::string& scene_key) {
  Hasher hash;
  hash.field(release()).field(run.recipe.options_json).field(set.permuted ? "permuted" : "true");
  hash.field(tap_key).field(scene_key).field(run.recipe.probe_options.nearest ? "device" : "cpu");
  if (const auto pairs = run.recipe.pairs.find(key); pairs != run.recipe.pairs.end())
    for (const auto& [a, b] : pairs->second) hash.field(fmt::format("{} {}", a, b));
  return hash.hex();
}

// Where the score of a scene is kept. Empty without -o.
fs::path record_path(const Run& run, const ScoredSet& set, const std::string& key) {
  if (run.recipe.out.empty()) return {};
  return run.recipe.out / "scores" / file_name(set.name) / (key + ".json");
}

fs::path picture_folder(const Run& run, const ScoredSet& set) {
  return run.recipe.out / "pictures" / file_name(set.name);
}

// A score of an earlier run or shard; nothing where it was made with other options, or
// its picture is asked for and not there.
std::optional<SceneScore> kept_score(const Run& run, const ScoredSet& set, const std::string& key,
                                     const std::string& stamp) {
  const fs::path path = record_path(run, set, key);
  if (path.empty() || run.recipe.overwrite) return std::nullopt;
  if (run.recipe.pictures && !fs::exists(picture_folder(run, set) / (key + "-heat.png")))
    return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return read_score_record(text, stamp);
}

// A scene: all sets that have it.
class SceneWork final : public ItemWork {
 public:
  SceneWork(Item item, Run& run) : item_(std::move(item)), run_(run) {}

  void prepare() override {
    for (const ScoredSet& set : run_.recipe.sets) {
      const auto file = set.files.find(item_.key);
      if (file != set.files.end() && !fs::exists(file->second))
        throw InputError(explain(file->second.string(), "no such file or folder",
                                 "features of vega-extract features"));
    }
    const fs::path path = run_.recipe.scenes / (item_.key + ".h5");
    if (!fs::exists(path))
      throw InputError(
          explain(path.string(), "no such file", "the scene of the features",
                  "vega-extract scene ... --select frames:" + item_.path.parent_path().string() +
                      " -o " + run_.recipe.scenes.string()));
    scene_.emplace(path);
  }
  bool complete() const override { return false; }

  void compute() override {
    for (std::size_t i = 0; i < run_.recipe.sets.size(); ++i) {
      const ScoredSet& set = run_.recipe.sets[i];
      if (!set.files.contains(item_.key)) continue;
      check_stop();
      const std::string stamp = reuse(i);
      if (stamp.empty()) {
        run_.progress.add();
        continue;
      }
      const SetWork work(run_.recipe, set, item_.key, *scene_);
      found_.emplace_back(i, work.score());
      SceneScore& score = found_.back().second.score;
      if (score.not_finite > 0)
        log_warn("{}: {}: {} cells with features that are not finite, left out", item_.key,
                 set.name, score.not_finite);
      if (run_.recipe.pictures)
        work.draw(score, picture_folder(run_, set), run_.recipe.picture_frames);
      drop_details(score);
      if (const fs::path path = record_path(run_, set, item_.key); !path.empty())
        publish_file(path, score_record(score, stamp));
      ++computed_;
      run_.progress.add();
    }
  }

  void finish() override {
    for (auto& [i, result] : found_) run_.results[i][item_.key] = std::move(result);
    scene_.reset();
  }
  std::string output() const override { return item_.path.string(); }
  void describe(ItemReport& report) const override {
    report.outcome = computed_ > 0 ? Outcome::kWritten : Outcome::kComplete;
    report.numbers = {{"sets", static_cast<double>(found_.size())}};
  }

 private:
  // Takes over what an earlier run or shard has scored; else returns the stamp of the score to be.
  std::string reuse(std::size_t i) {
    const ScoredSet& set = run_.recipe.sets[i];
    const FeatureReader features(set.files.at(item_.key));
    const TapInfo& tap = features.taps()[features.tap_index(set.tap)];
    std::string stamp = stamp_of(run_, set, item_.key, tap.cache_key, scene_->header().cache_key);
    auto score = kept_score(run_, set, item_.key, stamp);
    if (!score) return stamp;
    found_.emplace_back(i, SceneResult{std::move(*score), tap.cache_key, tap.name});
    return {};
  }

  Item item_;
  Run& run_;
  std::optional<SceneReader> scene_;
  std::vector<std::pair<std::size_t, SceneResult>> found_;
  std::size_t computed_ = 0;
};

// In the order of the items.
Scored collected(const Run& run) {
  Scored out;
  for (std::size_t i = 0; i < run.recipe.sets.size(); ++i) {
    FeatureSet set{run.recipe.sets[i].name, {}};
    out.cache_keys.emplace_back();
    out.taps.emplace_back(run.recipe.sets[i].tap);
    for (const Item& item : run.recipe.list.items) {
      const auto at = run.results[i].find(item.key);
      if (at == run.results[i].end()) continue;
      set.scenes.push_back(at->second.score);
      out.cache_keys.back()[item.key] = at->second.cache_key;
      if (out.taps.back().empty()) out.taps.back() = at->second.tap;
    }
    out.sets.push_back(std::move(set));
  }
  return out;
}

// Hours of scoring must not end at a folder that cannot be written.
void check_writable(const fs::path& folder) {
  if (!folder.empty()) const PartFile trial(folder / "report.md");
}

void write_files(const Recipe& recipe, const Scored& scored) {
  if (recipe.out.empty()) return;
  for (const auto& [name, content] : files_of(recipe, scored))
    publish_file(recipe.out / name, content);
  log_info("tables in {}", (recipe.out / "report.md").string());
}

}  // namespace

RunResult run_correspondence(const CorrespondenceVerb& options, const Context& context) {
  const Recipe recipe = resolve(options);
  check_writable(recipe.out);
  std::int64_t steps = 0;
  for (const Item& item : recipe.list.items)
    for (const ScoredSet& set : recipe.sets) steps += set.files.contains(item.key) ? 1 : 0;
  auto progress = std::make_unique<Progress>(
      "scoring", recipe.sets.size() > 1 ? "scenes and sets" : "scenes", steps, context.progress);
  Run run{recipe, {}, *progress};
  run.results.resize(recipe.sets.size());
  const auto score_all = [&] {
    try {
      return run_items({.list = recipe.list, .options = options.run, .manifest = false}, context,
                       [&](const Item& item) { return std::make_unique<SceneWork>(item, run); });
    } catch (const Stopped&) {
      if (recipe.out.empty()) log_warn("nothing is kept of a run without -o");
      throw;
    }
  };
  const RunResult result = score_all();
  progress.reset();
  if (result.done + result.complete == 0) return result;
  const Scored scored = collected(run);
  const std::string text = answer(recipe, scored);
  try {
    write_files(recipe, scored);
  } catch (const OutputError&) {
    context.print(text);  // what was computed is not lost
    throw;
  }
  context.print(text);
  return result;
}

Verb correspondence_verb() {
  return make_verb("correspondence", "score how well features know places across views",
                   kCorrespondenceHelp, run_correspondence);
}

}  // namespace vega::evaluate
