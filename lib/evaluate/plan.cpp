#include "evaluate/plan.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parallel.h"
#include "core/device.h"
#include "evaluate/nearest_device.h"
#include "evaluate/tables.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kPointsOnCpu = 2000;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) out.push_back(part);
  return out;
}

template <typename Words>
std::string joined(const Words& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

// One of the words, or UsageError.
const std::string& one_of(const char* option, const std::string& value,
                          const std::vector<std::string>& words) {
  if (std::find(words.begin(), words.end(), value) != words.end()) return value;
  throw UsageError(explain(option, "'" + value + "'", joined(words)));
}

void within(const char* option, double value, double least,
            double most = std::numeric_limits<double>::max()) {
  if (value >= least && value <= most) return;
  std::ostringstream got, expected;
  got << value;
  expected << (most <= 1 ? "a share from " : "a number from ") << least;
  if (most <= 1) expected << " to " << most;
  throw UsageError(explain(option, got.str(), expected.str()));
}

std::vector<Center> centers_of(const std::string& text) {
  std::vector<Center> out;
  for (const std::string& name : split(text)) {
    const auto known = {Center::kNone, Center::kMean, Center::kZScore};
    const auto at =
        std::find_if(known.begin(), known.end(), [&](Center c) { return name == to_string(c); });
    if (at == known.end())
      throw UsageError(explain("--center", "'" + name + "'", "none, mean, zscore"));
    if (std::find(out.begin(), out.end(), *at) != out.end())
      throw UsageError(explain("--center", name + " twice", "each once"));
    out.push_back(*at);
  }
  if (out.empty()) throw UsageError(explain("--center", "nothing", "none, mean, zscore"));
  return out;
}

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
std::vector<ScoredSet> file_sets(const CorrespondenceVerb& o, std::vector<Item>& items) {
  if (!o.compare) {
    items = gather_items({expanded(o.inputs), o.list, o.shard, "", ""}).items;
    std::set<std::string> folders;
    for (const Item& item : items)
      folders.insert(folder_name(fs::absolute(item.path).parent_path()));
    return {set_of(folders.size() == 1 ? *folders.begin() : "features", items)};
  }
  if (!o.list.empty() || !o.shard.empty())
    throw UsageError(explain("--compare", o.list.empty() ? "--shard too" : "--list too",
                             "whole folders: a part of the scenes ranks nothing"));
  if (o.inputs.size() < 2)
    throw UsageError(explain("--compare", std::to_string(o.inputs.size()) + " inputs",
                             "two and more folders or files"));
  std::vector<ScoredSet> sets;
  std::map<std::string, int> names;
  for (const auto& input : o.inputs) {
    const bool folder = fs::is_directory(input);
    const std::string name =
        folder_name(folder ? fs::path(input) : fs::absolute(input).parent_path());
    sets.push_back(set_of(name, gather_items({expanded({input}), "", "", "", ""}).items));
    ++names[name];
  }
  std::set<std::string> known;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (names[sets[i].name] > 1) sets[i].name = o.inputs[i];
    for (const auto& [key, path] : sets[i].files)
      if (known.insert(key).second) items.push_back({key, path});
  }
  return sets;
}

// The names of the taps asked for; empty: the default one. `all` are those of the first file that
// can be read: a broken one fails later, as one scene.
std::vector<std::string> taps_of(const CorrespondenceVerb& o, const ScoredSet& set) {
  if (o.tap.empty() || set.files.empty()) return {o.tap};
  std::vector<std::string> out;
  if (o.tap != "all") {
    out = split(o.tap);
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

std::vector<ScoredSet> all_sets(const CorrespondenceVerb& o, std::vector<Item>& items) {
  std::vector<ScoredSet> out;
  for (const ScoredSet& files : file_sets(o, items)) {
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

void read_pairs(const std::string& path, Plan& plan) {
  if (path.empty()) return;
  std::ifstream in(path);
  if (!in) throw InputError(explain("--pairs " + path, "no such file"));
  plan.given_pairs = true;
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
    plan.pairs[key].emplace_back(a, b);
  }
  if (plan.pairs.empty()) throw InputError(explain(path, "no pair", "KEY ID ID a line"));
}

// Pairs are of scenes that are scored.
void check_pairs(const CorrespondenceVerb& o, const Plan& plan) {
  if (!plan.given_pairs || plan.items.empty()) return;
  const auto has = [&](const Item& item) { return plan.pairs.contains(item.key); };
  const auto with = std::count_if(plan.items.begin(), plan.items.end(), has);
  if (with == 0)
    throw InputError(explain(
        "--pairs " + o.pairs,
        "pairs of " + plan.pairs.begin()->first + " and no other scored scene",
        "pairs of the scenes of the features, " + plan.items.front().key + " being the first"));
  if (static_cast<std::size_t>(with) < plan.items.size())
    log_warn("--pairs {}: no pair in {} of {} scenes", o.pairs, plan.items.size() - with,
             plan.items.size());
}

// The metric that ranks, one of those that will be there.
std::string ranking(const CorrespondenceVerb& o, const Plan& plan) {
  SceneScore scene;  // of the names that a scored one has
  for (const Center center : plan.scores.centers) scene.centered.emplace_back().center = center;
  if (plan.probe) scene.probe.emplace_back();
  const std::vector<Metric> metrics = scene_metrics(scene);
  std::vector<std::string> names;
  for (const Metric& metric : metrics) names.push_back(metric.name);
  if (!o.rank_by.empty()) return one_of("--rank-by", o.rank_by, names);
  return plan.voxel ? names.front() : "probe3d_0.1m";
}

void resolve_geometry(const CorrespondenceVerb& o, Plan& plan) {
  const bool fixed = one_of("--compat", o.compat, {"reference", "fixed"}) == "fixed";
  const std::string cells = o.cells.empty() ? (fixed ? "pixels" : "crop") : o.cells;
  plan.geometry.crop = one_of("--cells", cells, {"crop", "pixels"}) == "crop";
  plan.geometry.zero =
      zero_depth_from_name(o.zero_depth.empty() ? (fixed ? "mask" : "keep") : o.zero_depth);
  const std::string repeats = o.repeats.empty() ? (fixed ? "drop" : "keep") : o.repeats;
  plan.geometry.drop_repeats = one_of("--repeats", repeats, {"keep", "drop"}) == "drop";
  plan.geometry.seed = static_cast<std::uint64_t>(o.seed);
  plan.scores.min_valid = o.min_valid == -1 ? (fixed ? 0.5 : kMinValid) : o.min_valid;
  within("--min-valid", plan.scores.min_valid, 0, 1);
}

void resolve_probe(const CorrespondenceVerb& o, Plan& plan) {
  within("--probe-pairs", static_cast<double>(o.probe_pairs), 0);
  within("--points", static_cast<double>(o.points), -1);
  within("--keep", static_cast<double>(o.keep), 1);
  const at::Device device = plan.probe ? open_device(o.device) : parse_device(o.device);
  plan.pairs_a_scene = o.probe_pairs;
  plan.points = o.points >= 0 ? o.points : device.is_cuda() ? 0 : kPointsOnCpu;
  plan.probe_options = {o.keep, !o.no_ratio_test, plan.scores.threads, {}};
  if (device.is_cuda())
    plan.probe_options.nearest = [device](const float* a, std::int64_t n, const float* b,
                                          std::int64_t m, std::int64_t channels) {
      return nearest_on(device, a, n, b, m, channels);
    };
  read_pairs(o.pairs, plan);
}

std::string options_json(const CorrespondenceVerb& o, const Plan& plan) {
  Json out{{"metrics", o.metrics},
           {"center", o.center},
           {"voxel_m", plan.scores.voxel_m},
           {"min_valid", plan.scores.min_valid},
           {"unrelated_m", plan.scores.unrelated_m},
           {"auc_pairs", plan.scores.auc_pairs},
           {"seed", o.seed},
           {"cells", plan.geometry.crop ? "crop" : "pixels"},
           {"zero_depth", name_of(plan.geometry.zero)},
           {"repeats", plan.geometry.drop_repeats ? "drop" : "keep"}};
  if (plan.probe) {
    out.set("points", plan.points);
    out.set("keep", plan.probe_options.keep);
    out.set("ratio_test", plan.probe_options.ratio_test);
    out.set("pairs", plan.given_pairs ? o.pairs : "overlap 0.1-0.8");
    out.set("probe_pairs", plan.pairs_a_scene);
  }
  return out.dump();
}

}  // namespace

Plan make_plan(const CorrespondenceVerb& o) {
  Plan plan;
  const std::string metrics = one_of("--metrics", o.metrics, {"voxel", "probe3d", "all"});
  plan.voxel = metrics != "probe3d";
  plan.probe = metrics != "voxel";
  plan.format = one_of("--format", o.format, {"text", "markdown", "csv", "json"});
  within("--voxel", o.voxel, 1e-4);
  within("--unrelated", o.unrelated, 0);
  within("--auc-pairs", static_cast<double>(o.auc_pairs), 0);
  within("--threads", static_cast<double>(o.threads), 0);
  within("--picture-frames", static_cast<double>(o.picture_frames), 1);
  if (o.pictures && o.out.empty())
    throw UsageError(explain("--pictures", "no -o", "a folder for them", "give -o DIR"));
  if (o.pictures && !plan.voxel)
    throw UsageError(
        explain("--pictures", "--metrics probe3d, which has none", "--metrics voxel or all"));
  if (!o.pairs.empty() && !plan.probe)
    throw UsageError(explain("--pairs", "--metrics voxel", "--metrics probe3d or all"));
  plan.scores.voxel_m = o.voxel;
  plan.scores.unrelated_m = o.unrelated;
  plan.scores.auc_pairs = o.auc_pairs;
  plan.scores.seed = static_cast<std::uint64_t>(o.seed);
  plan.scores.centers = plan.voxel ? centers_of(o.center) : std::vector<Center>{};
  plan.scores.threads = o.threads > 0 ? static_cast<int>(o.threads) : available_cores();
  resolve_geometry(o, plan);
  resolve_probe(o, plan);
  plan.rank_by = ranking(o, plan);
  if (!fs::is_directory(o.scenes))
    throw UsageError(explain("--scenes " + o.scenes, "no such folder",
                             "the folder of the scene files",
                             "make them with vega-extract scene -o " + o.scenes));
  plan.sets = all_sets(o, plan.items);
  check_pairs(o, plan);
  plan.options_json = options_json(o, plan);
  return plan;
}

}  // namespace vega::evaluate
