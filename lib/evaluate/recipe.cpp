#include "evaluate/recipe.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "core/device.h"
#include "correspondence/device/nearest.h"
#include "evaluate/tables.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kPointsOnCpu = 2000;

std::vector<std::string> feature_files(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == ".h5")
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  if (files.empty())
    throw InputError(explain(folder.string(), "no .h5 file", "a folder of feature files",
                             "name the folder of a recipe: features/TAG"));
  return files;
}

// FEATURES as feature files; folders become their files.
std::vector<std::string> expanded(const std::vector<std::string>& inputs) {
  std::vector<std::string> files;
  for (const std::string& input : inputs) {
    if (!fs::is_directory(input)) {
      files.push_back(input);
      continue;
    }
    const auto more = feature_files(input);
    files.insert(files.end(), more.begin(), more.end());
  }
  return files;
}

std::string folder_name(const fs::path& path) {
  const fs::path whole = fs::absolute(path).lexically_normal();
  return whole.has_filename() ? whole.filename().string() : whole.parent_path().filename().string();
}

ScoredSet set_of(std::string name, const std::vector<Item>& items) {
  ScoredSet set{std::move(name), {}, "", false};
  for (const Item& item : items) set.files.emplace(item.key, item.path);
  return set;
}

// The sets of files, before taps and null tests multiply them; the items too.
std::vector<ScoredSet> file_sets(const CorrespondenceVerb& o, ItemList& list) {
  const ItemOptions& given = o.items;
  if (!o.compare) {
    list = gather_items({expanded(given.inputs), given.list, given.shard, "", ""});
    std::set<std::string> folders;
    for (const Item& item : list.items)
      folders.insert(folder_name(fs::absolute(item.path).parent_path()));
    return {set_of(folders.size() == 1 ? *folders.begin() : "features", list.items)};
  }
  if (!given.list.empty() || !given.shard.empty())
    throw UsageError(explain("--compare", given.list.empty() ? "--shard too" : "--list too",
                             "whole folders: a part of the scenes ranks nothing"));
  if (given.inputs.size() < 2)
    throw UsageError(explain("--compare", std::to_string(given.inputs.size()) + " inputs",
                             "two and more folders or files"));
  std::vector<ScoredSet> sets;
  std::map<std::string, int> names;
  for (const auto& input : given.inputs) {
    const bool folder = fs::is_directory(input);
    const std::string name =
        folder_name(folder ? fs::path(input) : fs::absolute(input).parent_path());
    sets.push_back(set_of(name, gather_items({expanded({input}), "", "", "", ""}).items));
    ++names[name];
  }
  std::set<std::string> known;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (names[sets[i].name] > 1) sets[i].name = given.inputs[i];
    for (const auto& [key, path] : sets[i].files)
      if (known.insert(key).second) list.items.push_back({key, path});
  }
  list.alone = list.items.size() == 1;
  return sets;
}

// The names of the taps asked for; empty: the default one. `all` are those of the first file that
// can be read: a broken one fails later, as one scene.
std::vector<std::string> taps_of(const CorrespondenceVerb& o, const ScoredSet& set) {
  if (o.tap.empty() || set.files.empty()) return {o.tap};
  std::vector<std::string> out;
  if (o.tap != "all") {
    out = comma_parts(o.tap);
    for (const std::string& tap : out)
      if (tap.empty() || std::count(out.begin(), out.end(), tap) > 1)
        throw UsageError(explain("--tap", tap.empty() ? "an empty name" : tap + " twice",
                                 "names of taps, each once, or all"));
    return out;
  }
  for (auto file = set.files.begin();; ++file) {
    try {
      const FeatureReader features(file->second);
      for (const TapInfo& tap : features.taps()) out.push_back(tap.name);
      return out;
    } catch (const InputError&) {
      if (std::next(file) == set.files.end()) throw;
    }
  }
}

// Every set has a name of its own, on disk too.
void check_names(const std::vector<ScoredSet>& sets) {
  std::map<std::string, std::string> files;
  if (sets.size() > 1) files.emplace("comparison", "the comparison of all sets");
  for (const ScoredSet& set : sets) {
    const auto [other, added] = files.emplace(file_name(set.name), set.name);
    if (added) continue;
    if (other->second == set.name)
      throw UsageError(explain("--compare", set.name + " twice", "each once"));
    throw UsageError(explain(
        "--compare", set.name + ", whose files are named as those of " + other->second,
        "names that differ in letters, digits, '.', '_' or '-'", "rename one of the folders"));
  }
}

std::vector<ScoredSet> all_sets(const CorrespondenceVerb& o, ItemList& list) {
  std::vector<ScoredSet> out;
  for (const ScoredSet& files : file_sets(o, list)) {
    const auto taps = taps_of(o, files);
    for (const std::string& tap : taps) {
      ScoredSet set = files;
      set.tap = tap;
      if (taps.size() > 1) set.name += " " + tap;
      out.push_back(set);
      if (!o.permuted_poses) continue;
      set.name += " (poses permuted)";
      set.permuted = true;
      out.push_back(std::move(set));
    }
  }
  check_names(out);
  return out;
}

void read_pairs(const std::string& path, Recipe& r) {
  if (path.empty()) return;
  std::ifstream in(path);
  if (!in) throw InputError(explain("--pairs " + path, "no such file"));
  r.given_pairs = true;
  std::int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    std::istringstream words(line);
    std::string key, rest;
    std::int64_t a = 0, b = 0;
    if (!(words >> key)) continue;
    if (key.starts_with('#')) continue;
    if (!(words >> a >> b) || words >> rest || a < 0 || b < 0)
      throw InputError(explain(path + ":" + std::to_string(number), "'" + line + "'",
                               "KEY ID ID: a scene and two frame ids"));
    r.pairs[key].emplace_back(a, b);
  }
  if (r.pairs.empty()) throw InputError(explain(path, "no pair", "KEY ID ID a line"));
}

// Pairs are of scenes that are scored.
void check_pairs(const CorrespondenceVerb& o, const Recipe& r) {
  if (!r.given_pairs || r.list.items.empty()) return;
  const auto has = [&](const Item& item) { return r.pairs.contains(item.key); };
  const auto with = std::count_if(r.list.items.begin(), r.list.items.end(), has);
  if (with == 0)
    throw InputError(explain(
        "--pairs " + o.pairs, "pairs of " + r.pairs.begin()->first + " and no other scored scene",
        "pairs of the scenes of the features, " + r.list.items.front().key + " being the first"));
  if (static_cast<std::size_t>(with) < r.list.items.size())
    log_warn("--pairs {}: no pair in {} of {} scenes", o.pairs, r.list.items.size() - with,
             r.list.items.size());
}

// The metric that ranks, one of those that will be there.
std::string ranking(const CorrespondenceVerb& o, const Recipe& r) {
  SceneScore scene;  // of the names that a scored one has
  for (const Center center : r.scores.centers) scene.centered.emplace_back().center = center;
  if (r.probe) scene.probe.emplace_back();
  const std::vector<Metric> metrics = scene_metrics(scene);
  std::vector<std::string> names;
  for (const Metric& metric : metrics) names.push_back(metric.name);
  if (o.rank_by.empty()) return r.voxel ? names.front() : "probe3d_0.1m";
  if (std::find(names.begin(), names.end(), o.rank_by) != names.end()) return o.rank_by;
  std::string known;
  for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
  throw UsageError(explain("--rank-by", "'" + o.rank_by + "'", known));
}

void resolve_geometry(const CorrespondenceVerb& o, Recipe& r) {
  const bool fixed = o.compat == Compat::kFixed;
  r.geometry.crop =
      o.cells.value_or(fixed ? CellDepth::kPixels : CellDepth::kCrop) == CellDepth::kCrop;
  r.geometry.zero = o.zero_depth.value_or(fixed ? ZeroDepth::kMask : ZeroDepth::kKeep);
  r.geometry.drop_repeats =
      o.repeats.value_or(fixed ? Repeats::kDrop : Repeats::kKeep) == Repeats::kDrop;
  r.geometry.seed = static_cast<std::uint64_t>(o.seed);
  if (o.min_valid < 0 && o.min_valid != -1)
    throw UsageError(
        explain("--min-valid", std::to_string(o.min_valid), "-1, or a share from 0 to 1"));
  r.scores.min_valid = o.min_valid >= 0 ? o.min_valid : fixed ? 0.5 : kMinValid;
}

void resolve_probe(const CorrespondenceVerb& o, Recipe& r) {
  const at::Device device = r.probe ? open_device(o.device) : parse_device(o.device);
  r.pairs_a_scene = o.probe_pairs;
  r.points = o.points >= 0 ? o.points : device.is_cuda() ? 0 : kPointsOnCpu;
  r.probe_options = {o.keep, !o.no_ratio_test, r.scores.threads, {}};
  if (device.is_cuda())
    r.probe_options.nearest = [device](const float* a, std::int64_t n, const float* b,
                                       std::int64_t m, std::int64_t channels) {
      return nearest_on(device, a, n, b, m, channels);
    };
  read_pairs(o.pairs, r);
}

std::string options_json(const CorrespondenceVerb& o, const Recipe& r) {
  std::string centers;
  for (const Center center : o.center)
    centers += (centers.empty() ? "" : ",") + std::string(name_in<Center>(kCenters, center));
  Json out{{"metrics", name_in<Metrics>(kMetrics, o.metrics)},
           {"center", centers},
           {"voxel_m", r.scores.voxel_m},
           {"min_valid", r.scores.min_valid},
           {"unrelated_m", r.scores.unrelated_m},
           {"auc_pairs", r.scores.auc_pairs},
           {"seed", o.seed},
           {"cells", r.geometry.crop ? "crop" : "pixels"},
           {"zero_depth", name_of(r.geometry.zero)},
           {"repeats", r.geometry.drop_repeats ? "drop" : "keep"}};
  if (r.probe) {
    out.set("points", r.points);
    out.set("keep", r.probe_options.keep);
    out.set("ratio_test", r.probe_options.ratio_test);
    out.set("pairs", r.given_pairs ? o.pairs : "overlap 0.1-0.8");
    out.set("probe_pairs", r.pairs_a_scene);
  }
  return out.dump();
}

}  // namespace

Recipe resolve(const CorrespondenceVerb& o) {
  Recipe r;
  r.voxel = o.metrics != Metrics::kProbe3d;
  r.probe = o.metrics != Metrics::kVoxel;
  r.format = o.format;
  if (o.pictures && o.output.out.empty())
    throw UsageError(explain("--pictures", "no -o", "a folder for them", "give -o DIR"));
  if (o.pictures && !r.voxel)
    throw UsageError(
        explain("--pictures", "--metrics probe3d, which has none", "--metrics voxel or all"));
  if (!o.pairs.empty() && !r.probe)
    throw UsageError(explain("--pairs", "--metrics voxel", "--metrics probe3d or all"));
  r.scores.voxel_m = o.voxel;
  r.scores.unrelated_m = o.unrelated;
  r.scores.auc_pairs = o.auc_pairs;
  r.scores.seed = static_cast<std::uint64_t>(o.seed);
  r.scores.centers = r.voxel ? o.center : std::vector<Center>{};
  r.scores.threads = o.run.workers();
  resolve_geometry(o, r);
  resolve_probe(o, r);
  r.rank_by = ranking(o, r);
  if (!fs::is_directory(o.scenes))
    throw UsageError(explain("--scenes " + o.scenes, "no such folder",
                             "the folder of the scene files",
                             "make them with vega-extract scene -o " + o.scenes));
  r.scenes = o.scenes;
  r.out = o.output.out;
  r.overwrite = o.output.overwrite;
  r.pictures = o.pictures;
  r.picture_frames = o.picture_frames;
  r.sets = all_sets(o, r.list);
  check_pairs(o, r);
  r.options_json = options_json(o, r);
  return r;
}

}  // namespace vega::evaluate
