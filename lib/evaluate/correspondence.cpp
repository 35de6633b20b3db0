#include "evaluate/correspondence.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>

#include "base/build_info.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/publish.h"
#include "base/stop.h"
#include "correspondence/record.h"
#include "evaluate/pictures.h"
#include "evaluate/plan.h"
#include "evaluate/tables.h"
#include "media/png.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr double kLeastOverlap = 0.1, kMostOverlap = 0.8;

// One scene under one set.
struct SceneResult {
  SceneScore score;
  std::string cache_key, tap;
};

struct Run {
  const CorrespondenceVerb& options;
  const Plan& plan;
  std::vector<std::map<std::string, SceneResult>> results;  // a map a set, by key
  Progress& progress;                                       // a step a scene and set
};

using FramePairs = std::vector<std::pair<std::int64_t, std::int64_t>>;

// Places of frame ids among those that are used.
FramePairs places_of(const FramePairs& ids, const LoadedTokens& loaded, const std::string& where) {
  FramePairs out;
  const auto place = [&](std::int64_t id) {
    const auto at = std::find(loaded.id.begin(), loaded.id.end(), id);
    if (at == loaded.id.end())
      throw InputError(explain(where, "no frame " + std::to_string(id) + ", which --pairs names",
                               "features of all frames of the pairs",
                               "extract them with --select list:FILE"));
    return static_cast<std::int64_t>(at - loaded.id.begin());
  };
  for (const auto& [a, b] : ids) out.emplace_back(place(a), place(b));
  return out;
}

// What a score hangs on: the program, settings, features, scene file.
std::string stamp_of(const Run& run, const ScoredSet& set, const std::string& key,
                     const std::string& tap_key, const std::string& scene_key) {
  Hasher hash;
  hash.field(version()).field(run.plan.options_json).field(set.permuted ? "permuted" : "true");
  hash.field(tap_key).field(scene_key).field(run.plan.probe_options.nearest ? "device" : "cpu");
  if (const auto pairs = run.plan.pairs.find(key); pairs != run.plan.pairs.end())
    for (const auto& [a, b] : pairs->second) hash.field(fmt::format("{} {}", a, b));
  return hash.hex();
}

// Where the score of a scene is kept. Empty without -o.
fs::path record_path(const Run& run, const ScoredSet& set, const std::string& key) {
  if (run.options.out.empty()) return {};
  return fs::path(run.options.out) / "scores" / file_name(set.name) / (key + ".json");
}

fs::path picture_path(const Run& run, const ScoredSet& set, const std::string& name) {
  return fs::path(run.options.out) / "pictures" / file_name(set.name) / name;
}

// A score of an earlier run or shard; nothing where it was made otherwise, or its picture is
// asked for and not there.
std::optional<SceneScore> kept_score(const Run& run, const ScoredSet& set, const std::string& key,
                                     const std::string& stamp) {
  const fs::path path = record_path(run, set, key);
  if (path.empty() || run.options.overwrite) return std::nullopt;
  if (run.options.pictures && !fs::exists(picture_path(run, set, key + "-heat.png")))
    return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return read_score_record(text, stamp);
}

// One set's features of a scene, and everything that is computed from them.
class SetWork {
 public:
  SetWork(const Run& run, const ScoredSet& set, const std::string& key, const SceneReader& scene)
      : run_(run), set_(set), key_(key), scene_(scene), features_(set.files.at(key)) {
    tap_ = features_.tap_index(set.tap);
    GeometryRule rule = run.plan.geometry;
    rule.permuted_poses = set.permuted;
    loaded_ = load_tokens(features_, tap_, scene, rule, threads());
  }

  SceneResult score() const {
    SceneResult out;
    out.cache_key = features_.taps()[tap_].cache_key;
    out.tap = features_.taps()[tap_].name;
    out.score = score_scene(key_, loaded_.tokens(), run_.plan.scores);
    out.score.views = static_cast<std::int64_t>(loaded_.row.size());
    out.score.frame_ids = loaded_.id;
    if (run_.plan.voxel && out.score.tokens == 0)
      throw InputError(explain(features_.path().string(), "no token with a depth",
                               "depth in the part of the frames that the features cover"));
    if (run_.plan.probe) probe(out.score);
    return out;
  }

  void draw(const SceneScore& score) const {
    if (score.centered.empty()) return;
    const auto pictures = frame_pictures(loaded_, features_, scene_);
    const CenteredScore& main = score.centered.front();
    const std::string tap = features_.taps()[tap_].name;
    const auto labels = [&](const std::string& text) {
      return PictureLabels{
          fmt::format("{}   {}", key_, set_.name),
          fmt::format("tap {}   grid {}x{}   {}", tap, loaded_.grid_h, loaded_.grid_w, text)};
    };
    const auto number = [](double value, double factor, int digits) {
      return std::isfinite(value) ? fmt::format("{:.{}f}", factor * value, digits) : "-";
    };
    const std::int64_t most = run_.options.picture_frames;
    const auto save = [&](const std::string& name, const ImageU8& image) {
      const fs::path path = picture_path(run_, set_, key_ + name);
      publish_file(path, std::span<const std::byte>(encode_png(image)));
      log_info("{}: picture in {}", key_, path.string());
    };
    // Raw cosines hardly differ between cells: where centred ones were asked for, those are drawn.
    const auto centered = std::find_if(score.centered.begin(), score.centered.end(),
                                       [](const auto& c) { return c.center != Center::kNone; });
    const CenteredScore& heat = centered == score.centered.end() ? main : *centered;
    const std::string what = heat.center == Center::kNone   ? "features as they are"
                             : heat.center == Center::kMean ? "features minus their mean"
                                                            : "features standardised";
    save("-heat.png", heat_map(loaded_, heat, features_, tap_, pictures,
                               labels(fmt::format("{}: multi-view score {} %, AUC {}", what,
                                                  number(heat.multi_view.score, 100, 1),
                                                  number(heat.separation.auc, 1, 3))),
                               most));
    if (main.matches.pairs.empty()) return;
    save("-matches.png",
         match_picture(loaded_, main, features_, tap_, pictures,
                       labels("mutual matches; green: the same place, yellow: 0.2 m apart, red: "
                              "0.5 m and more"),
                       most));
  }

 private:
  int threads() const { return run_.plan.scores.threads; }

  void probe(SceneScore& score) const {
    const std::size_t views = loaded_.row.size();
    std::vector<std::vector<float>> depth(views);
    std::vector<ProbeImage> images;
    for (std::size_t v = 0; v < views; ++v)
      images.push_back(probe_image(loaded_, v, features_, tap_, scene_, depth[v]));
    std::vector<double> overlap;
    const FramePairs pairs = chosen_pairs(images, overlap);
    // Points of a picture live from its first pair to its last: all of 32 pictures with 1536
    // channels would be 4 GB.
    std::map<std::int64_t, ProbePoints> points;
    std::map<std::int64_t, int> uses;
    for (const auto& [a, b] : pairs) ++uses[a], ++uses[b];
    for (const auto& [a, b] : pairs) {
      for (const std::int64_t v : {a, b}) {
        if (points.contains(v)) continue;
        points.emplace(v, probe_points(images[static_cast<std::size_t>(v)], run_.plan.points,
                                       run_.plan.scores.seed, threads()));
      }
      ProbePair pair = probe_pair(points.at(a), points.at(b), run_.plan.probe_options);
      pair.a = loaded_.id[static_cast<std::size_t>(a)];
      pair.b = loaded_.id[static_cast<std::size_t>(b)];
      pair.overlap = overlap[static_cast<std::size_t>(a) * views + static_cast<std::size_t>(b)];
      score.probe.push_back(pair);
      for (const std::int64_t v : {a, b})
        if (--uses[v] == 0) points.erase(v);
    }
  }

  // Overlaps are those of the true poses, also in the null test: it judges the same pairs.
  FramePairs chosen_pairs(std::vector<ProbeImage> images, std::vector<double>& overlap) const {
    const SceneFrames frames = scene_.frames();
    const std::size_t views = images.size();
    for (std::size_t v = 0; v < views; ++v)
      images[v].world_from_cam = frames.world_from_cam[loaded_.scene_row[v]];
    overlap.assign(views * views, std::numeric_limits<double>::quiet_NaN());
    const auto compute = [&](std::size_t a, std::size_t b) {
      overlap[a * views + b] = depth_overlap(images[a], images[b]);
    };
    if (run_.plan.given_pairs) {
      const auto given = run_.plan.pairs.find(key_);
      const FramePairs pairs =
          places_of(given == run_.plan.pairs.end() ? FramePairs{} : given->second, loaded_,
                    features_.path().string());
      for (const auto& [a, b] : pairs) compute(std::size_t(a), std::size_t(b));
      return pairs;
    }
    parallel_for(views, threads(), [&](std::size_t a) {
      for (std::size_t b = a + 1; b < views; ++b) compute(a, b);
    });
    return choose_pairs(overlap, static_cast<std::int64_t>(views), kLeastOverlap, kMostOverlap,
                        run_.plan.pairs_a_scene, run_.plan.scores.seed);
  }

  const Run& run_;
  const ScoredSet& set_;
  const std::string& key_;
  const SceneReader& scene_;
  FeatureReader features_;
  std::size_t tap_ = 0;
  LoadedTokens loaded_;
};

// A scene: all sets that have it.
class SceneWork final : public ItemWork {
 public:
  SceneWork(Item item, Run& run) : item_(std::move(item)), run_(run) {}

  void prepare() override {
    for (const ScoredSet& set : run_.plan.sets) {
      const auto file = set.files.find(item_.key);
      if (file != set.files.end() && !fs::exists(file->second))
        throw InputError(explain(file->second.string(), "no such file or folder",
                                 "features of vega-extract features"));
    }
    const fs::path path = fs::path(run_.options.scenes) / (item_.key + ".h5");
    if (!fs::exists(path))
      throw InputError(
          explain(path.string(), "no such file", "the scene of the features",
                  "vega-extract scene ... --select frames:" + item_.path.parent_path().string() +
                      " -o " + run_.options.scenes));
    scene_.emplace(path);
  }
  bool complete() const override { return false; }

  void compute() override {
    for (std::size_t i = 0; i < run_.plan.sets.size(); ++i) {
      const ScoredSet& set = run_.plan.sets[i];
      if (!set.files.contains(item_.key)) continue;
      check_stop();
      const std::string stamp = reuse(i);
      if (stamp.empty()) {
        run_.progress.add();
        continue;
      }
      const SetWork work(run_, set, item_.key, *scene_);
      found_.emplace_back(i, work.score());
      SceneScore& score = found_.back().second.score;
      if (score.not_finite > 0)
        log_warn("{}: {}: {} cells with features that are not finite, left out", item_.key,
                 set.name, score.not_finite);
      if (run_.options.pictures) work.draw(score);
      drop_details(score);
      if (const fs::path path = record_path(run_, set, item_.key); !path.empty())
        publish_file(path, score_record(score, stamp));
      ++computed_;
      run_.progress.add();
    }
  }

  void finish() override {
    for (auto& [i, result] : found_) run_.results[i][item_.key] = std::move(result);
    sets_ = found_.size();
    scene_.reset();
  }
  double wait_s() const override { return 0; }
  double load_s() const override { return 0; }
  std::string output() const override { return item_.path.string(); }
  void describe(ItemReport& report) const override {
    report.outcome = computed_ > 0 ? "scored" : "complete";
    report.numbers = {{"sets", static_cast<double>(sets_)}};
  }

 private:
  // Takes over what an earlier run or shard has scored; else returns the stamp of the score to be.
  std::string reuse(std::size_t i) {
    const ScoredSet& set = run_.plan.sets[i];
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
  std::size_t sets_ = 0, computed_ = 0;
};

// In the order of the items.
Scored collected(const Run& run) {
  Scored out;
  for (std::size_t i = 0; i < run.plan.sets.size(); ++i) {
    FeatureSet set{run.plan.sets[i].name, {}};
    out.cache_keys.emplace_back();
    out.taps.emplace_back(run.plan.sets[i].tap);
    for (const Item& item : run.plan.items) {
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
void check_writable(const std::string& folder) {
  if (!folder.empty()) const PartFile trial(fs::path(folder) / "report.md");
}

void write_files(const std::string& folder, const Plan& plan, const Scored& scored) {
  if (folder.empty()) return;
  for (const auto& [name, content] : files_of(plan, scored))
    publish_file(fs::path(folder) / name, content);
  log_info("tables in {}", (fs::path(folder) / "report.md").string());
}

}  // namespace

RunResult run_correspondence(const CorrespondenceVerb& options, const Context& context) {
  const Plan plan = make_plan(options);
  check_writable(options.out);
  std::int64_t steps = 0;
  for (const Item& item : plan.items)
    for (const ScoredSet& set : plan.sets) steps += set.files.contains(item.key) ? 1 : 0;
  auto progress = std::make_unique<Progress>(
      "scoring", plan.sets.size() > 1 ? "scenes and sets" : "scenes", steps, context.progress);
  Run run{options, plan, {}, *progress};
  run.results.resize(plan.sets.size());
  if (plan.items.empty()) log_warn("the list (or this shard of it) is empty: nothing to do");
  const bool alone = options.list.empty() && plan.items.size() == 1;
  const auto score_all = [&] {
    try {
      return run_items(plan.items, {options.report, options.fail_fast, alone, false, {}},
                       [&](const Item& item) { return std::make_unique<SceneWork>(item, run); });
    } catch (const Stopped&) {
      if (options.out.empty()) log_warn("nothing is kept of a run without -o");
      throw;
    }
  };
  const RunResult result = score_all();
  progress.reset();
  if (result.done == 0) return result;
  const Scored scored = collected(run);
  const std::string text = answer(plan, scored);
  try {
    write_files(options.out, plan, scored);
  } catch (const OutputError&) {
    context.print(text);  // what was computed is not lost
    throw;
  }
  context.print(text);
  return result;
}

}  // namespace vega::evaluate
