#include "evaluate/probe_recipe.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "base/key.h"
#include "base/log.h"
#include "base/text.h"
#include "viz/canvas.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPlaceName = "place only";

// "NAME=DIR[:TAP]" without its files. A folder whose name has ':' or '=' is taken as it stands.
ProbedSet set_from(const std::string& text) {
  ProbedSet out;
  std::string rest = text;
  if (const auto equals = text.find('='); equals != text.npos && !fs::is_directory(text)) {
    out.name = text.substr(0, equals);
    rest = text.substr(equals + 1);
    if (out.name.empty()) throw UsageError(explain("'" + text + "'", "no name", "NAME=DIR"));
  }
  if (const auto colon = rest.rfind(':'); colon != rest.npos && !fs::is_directory(rest)) {
    out.tap = rest.substr(colon + 1);
    rest.resize(colon);
    if (out.tap.empty()) throw UsageError(explain("'" + text + "'", "no tap", "DIR:TAP"));
  }
  if (!fs::is_directory(rest))
    throw InputError(explain("'" + rest + "'", "no such folder", "a folder of feature files",
                             "name the folder of a recipe: features/TAG"));
  out.folder = rest;
  if (out.name.empty()) {
    const fs::path whole = fs::absolute(out.folder).lexically_normal();
    out.name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  }
  return out;
}

void find_files(ProbedSet& set) {
  for (const auto& entry : fs::directory_iterator(set.folder)) {
    if (!entry.is_regular_file() || entry.path().extension() != ".h5") continue;
    const auto [at, added] = set.files.emplace(scene_key(entry.path()), entry.path());
    if (!added)
      throw UsageError(explain("key " + at->first,
                               "'" + at->second.string() + "' and '" + entry.path().string() + "'",
                               "one file a scene"));
  }
  if (set.files.empty())
    throw InputError(explain(set.folder.string(), "no .h5 file", "a folder of feature files",
                             "name the folder of a recipe: features/TAG"));
}

std::vector<ProbedSet> sets_of(const ProbeVerb& o) {
  if (o.inputs.empty())
    throw UsageError(explain("probe", "no features", "NAME=DIR of feature files"));
  std::vector<ProbedSet> out;
  for (const std::string& input : o.inputs) {
    ProbedSet set = set_from(input);
    if (set.tap.empty()) set.tap = o.tap;
    find_files(set);
    out.push_back(std::move(set));
  }
  std::set<std::string> names{std::string(kPlaceName)};
  for (const ProbedSet& set : out)
    if (!names.insert(set.name).second)
      throw UsageError(explain("'" + set.name + "'", "a name that is taken", "a name a set",
                               "give each a name of its own: NAME=" + set.folder.string()));
  return out;
}

// A line an entry; blank lines and those that begin with '#' say nothing.
std::vector<std::string> listed_lines(const std::string& option, const std::string& path,
                                      const char* what) {
  std::vector<std::string> out;
  const std::string text = read_text(path, what);
  std::set<std::string> seen;
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::string name(trim(line));
    if (name.empty() || name.starts_with('#')) continue;
    if (!seen.insert(name).second)
      throw InputError(explain(fmt::format("{} {}:{}", option, path, number),
                               "'" + name + "' a second time", "each once"));
    out.push_back(name);
  }
  if (out.empty()) throw InputError(explain(option + " " + path, "no line", what));
  return out;
}

// The keys of a list, each of a scene that all sets have.
std::vector<std::string> listed_keys(const std::string& option, const std::string& path,
                                     const ProbeRecipe& r, const std::set<std::string>& common) {
  auto keys = listed_lines(option, path, "keys of scenes, a line each");
  for (const std::string& key : keys) {
    if (common.contains(key)) continue;
    for (const ProbedSet& set : r.sets)
      if (!set.files.contains(key))
        throw InputError(explain(option + " " + path, "scene '" + key + "'",
                                 "scenes that all sets have; " + set.name + " lacks it",
                                 "look at " + set.folder.string()));
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

// Scenes that all sets have, and in left_out the others.
std::set<std::string> common_scenes(ProbeRecipe& r) {
  std::set<std::string> all, common;
  for (const ProbedSet& set : r.sets)
    for (const auto& [key, path] : set.files) all.insert(key);
  for (const std::string& key : all) {
    const bool everywhere = std::all_of(r.sets.begin(), r.sets.end(), [&](const ProbedSet& set) {
      return set.files.contains(key);
    });
    if (everywhere)
      common.insert(key);
    else
      r.left_out.push_back(key);
  }
  if (!r.left_out.empty())
    log_warn("{} left out, since some set lacks them: {}{}", plural(r.left_out.size(), "scene"),
             r.left_out.front(), r.left_out.size() > 1 ? ", ..." : "");
  return common;
}

void split_scenes(const ProbeVerb& o, ProbeRecipe& r) {
  const std::set<std::string> common = common_scenes(r);
  if (common.size() < 2)
    throw InputError(explain("probe", plural(common.size(), "scene") + " in all sets",
                             "two and more: some to fit, others to score"));
  std::vector<std::string> fit, scored;
  if (const auto count = parse_whole(o.fit); o.fit.empty() || count) {
    const auto all = static_cast<std::int64_t>(common.size());
    const std::int64_t n = count.value_or(std::max<std::int64_t>(1, all * 3 / 4));
    if (n < 1 || n >= all)
      throw UsageError(explain("--fit " + o.fit, std::to_string(all) + " scenes in all sets",
                               "at least one to fit and one to score"));
    fit.assign(common.begin(), std::next(common.begin(), n));
  } else {
    fit = listed_keys("--fit", o.fit, r, common);
  }
  const std::set<std::string> fitted(fit.begin(), fit.end());
  if (o.score.empty()) {
    std::copy_if(common.begin(), common.end(), std::back_inserter(scored),
                 [&](const std::string& key) { return !fitted.contains(key); });
    if (scored.empty())
      throw InputError(explain("--fit " + o.fit, "all scenes", "at least one that is scored"));
  } else {
    scored = listed_keys("--score", o.score, r, common);
    for (const std::string& key : scored)
      if (fitted.contains(key))
        throw InputError(explain("--score " + o.score, "scene '" + key + "', which is in the fit",
                                 "scenes that the fit has not seen",
                                 "take it out of one of the two"));
  }
  r.fit = fitted;
  for (const auto* keys : {&fit, &scored})
    for (const std::string& key : *keys) r.list.items.push_back({key, r.scenes / (key + ".h5")});
}

void resolve_outputs(const ProbeVerb& o, ProbeRecipe& r) {
  if (!o.out.empty()) {
    const fs::path out = o.out;
    if (out.extension() == ".json" && !fs::is_directory(out))
      r.json = out;
    else
      r.folder = out;
    if (!r.folder.empty() && fs::exists(r.folder) && !fs::is_directory(r.folder))
      throw UsageError(explain("-o " + o.out, "a file", "a folder, or a name that ends in .json"));
  }
  if (!o.plot.empty()) static_cast<void>(page_format(o.plot));
  r.plot = o.plot;
}

std::string options_of(const ProbeRecipe& r) {
  Json out{{"grid", r.grid.empty() ? std::string("native")
                                   : fmt::format("{}x{}", r.grid.rows, r.grid.columns)},
           {"min_valid", r.cells.least_depth},
           {"box_margin_m", r.cells.margin_m},
           {"least_label_share", r.cells.least_share},
           {"thickest_plane", r.cells.thickest},
           {"ridge", r.ridge},
           {"sums", r.exact() ? "float64" : "float32 blocks in float64"},
           {"class_cells", r.class_cells},
           {"draws", r.bootstrap.draws},
           {"seed", r.bootstrap.seed}};
  if (!r.classes.empty()) out.set("classes", r.classes);
  if (r.shuffle) out.set("shuffle", *r.shuffle);
  return out.dump();
}

}  // namespace

ProbeRecipe resolve_probe_verb(const ProbeVerb& o) {
  ProbeRecipe r;
  resolve_outputs(o, r);
  if (!fs::is_directory(o.scenes))
    throw UsageError(explain("--scenes " + o.scenes, "no such folder",
                             "the folder of the scene files",
                             "make them with vega-extract scene -o " + o.scenes));
  r.scenes = o.scenes;
  r.sets = sets_of(o);
  if (!o.baseline.empty() && o.baseline != kPlaceName) {
    const auto at = std::find_if(r.sets.begin(), r.sets.end(),
                                 [&](const ProbedSet& set) { return set.name == o.baseline; });
    std::string names;
    for (const ProbedSet& set : r.sets) names += (names.empty() ? "" : ", ") + set.name;
    if (at == r.sets.end())
      throw UsageError(explain("--baseline", "'" + o.baseline + "'", "one of " + names));
    r.baseline = static_cast<std::size_t>(at - r.sets.begin());
  }
  split_scenes(o, r);
  if (!o.classes.empty())
    r.classes = listed_lines("--classes", o.classes, "names of classes, a line each");
  r.grid = o.grid;
  r.cells.least_depth = o.min_valid;
  r.class_cells = o.class_cells;
  r.ridge = o.ridge;
  if (o.shuffle) r.shuffle = static_cast<std::uint64_t>(*o.shuffle);
  r.bootstrap = {static_cast<int>(o.draws), static_cast<std::uint64_t>(o.seed)};
  r.threads = o.run.workers();
  r.format = o.format;
  r.options_json = options_of(r);
  return r;
}

}  // namespace vega::evaluate
