#include "evaluate/tables.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/key.h"
#include "base/text.h"

namespace vega::evaluate {
namespace {

std::string value_text(const std::string& metric, const Spread& spread) {
  if (!std::isfinite(spread.mean)) return "-";
  const auto text = [plain = reads_as_is(metric)](double value) {
    return plain ? fmt::format("{:.3f}", value) : fmt::format("{:.1f}", 100 * value);
  };
  return text(spread.mean) + (std::isfinite(spread.error) ? " ± " + text(spread.error) : "");
}

const char* hint_of(const std::string& metric) {
  if (metric == "multi_view") return "alike in all views of a place; constant features: 100";
  if (metric == "adjacent") return "the same between neighbouring frames: the released score";
  if (metric == "multi_view_margin") return "multi_view minus unrelated_cosine; chance: 0";
  if (metric == "unrelated_cosine") return "of tokens of different places";
  if (metric == "auc") return "same place against another place; chance: 0.5";
  if (metric == "mutual_ratio") return "tokens that are each other's best match in the next frame";
  if (metric == "match_distance_m") return "between the places of matched tokens, m";
  if (metric.starts_with("match_")) return "matches closer than that";
  if (metric.starts_with("probe3d_")) return "dense matches closer than that";
  return "";
}

// A row a metric, a column a centring: what one reads first.
Table metric_table(const SetScore& set, const std::vector<Center>& centers) {
  std::vector<TableColumn> titles = {{"metric"}};
  for (const Center center : centers)
    titles.push_back({center == Center::kNone   ? "as they are"
                      : center == Center::kMean ? "minus mean"
                                                : "standardised",
                      Align::kRight});
  if (centers.empty()) titles.push_back({"value", Align::kRight});
  titles.push_back({""});
  Table table(titles);
  const std::size_t columns = std::max<std::size_t>(1, centers.size());
  std::vector<std::string> seen;
  for (const SetMetric& metric : set.metrics) {
    const std::string name = metric.name.substr(0, metric.name.find('@'));
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
    seen.push_back(name);
    std::vector<std::string> row = {name + (reads_as_is(name) ? "" : " %")};
    const bool once = name.starts_with("probe3d_") || centers.empty();
    for (std::size_t c = 0; c < columns; ++c) {
      const std::string tail =
          once || centers[c] == Center::kNone ? "" : std::string("@") + to_string(centers[c]);
      row.push_back(once && c > 0 ? "" : value_text(name, set.at(name + tail)));
    }
    row.emplace_back(hint_of(name));
    table.add_row(std::move(row));
  }
  return table;
}

// The columns of a scene table that fit a page.
const std::vector<std::string> kMainColumns = {"scene",
                                               "views",
                                               "tokens",
                                               "multi_view %",
                                               "multi_view_margin %",
                                               "adjacent %",
                                               "auc",
                                               "multi_view@mean %",
                                               "auc@mean",
                                               "match_distance_m",
                                               "probe3d_10px %",
                                               "probe3d_0.1m %"};

std::string heading(const std::string& text, TableFormat format) {
  return (format == TableFormat::kMarkdown ? "## " : "") + text + "\n\n";
}

std::string about(const FeatureSet& set) {
  std::int64_t views = 0, tokens = 0;
  for (const SceneScore& scene : set.scenes) {
    views += scene.views;
    tokens += scene.tokens;
  }
  std::string out = set.name + ": " + plural(set.scenes.size(), "scene");
  if (views > 0) out += ", " + plural(static_cast<std::size_t>(views), "view");
  if (tokens > 0) out += fmt::format(", {} tokens", tokens);
  return out;
}

std::string set_text(const Recipe& recipe, const FeatureSet& set, TableFormat format) {
  const SetScore score = score_set(set);
  std::string out = heading(about(set), format);
  out += metric_table(score, recipe.scores.centers).write(format);
  if (set.scenes.size() > 1)
    out += "\n" + scene_table(set).with_columns(kMainColumns).write(format);
  if (score.probe.pairs > 0) out += "\n" + probe_table(score.probe).write(format);
  return out;
}

std::string comparison_text(const Comparison& comparison, TableFormat format) {
  std::string out =
      heading(fmt::format("{} feature sets on {}, by {}", comparison.ranked.size(),
                          plural(static_cast<std::size_t>(comparison.common), "scene"),
                          comparison.metric),
              format) +
      comparison_table(comparison).write(format);
  if (comparison.left_out.empty()) return out;
  out += "\nLeft out, since some set lacks them:";
  for (const auto& key : comparison.left_out) out += " " + key;
  return out + "\n";
}

// set_json with the settings and the fingerprints of the inputs.
std::string full_json(const Recipe& recipe, const Scored& scored, std::size_t i) {
  Json out = set_json(scored.sets[i]);
  out.add("options", parse_json(recipe.options_json).value_or(Json()));
  out.add("tap", scored.taps[i]);
  out.add("poses_permuted", recipe.sets[i].permuted);
  out.add("inputs", scored.cache_keys[i]);
  return out.dump(2) + "\n";
}

}  // namespace

std::string file_name(const std::string& set) { return clean_key(set); }

std::string answer(const Recipe& recipe, const Scored& scored) {
  const bool one = scored.sets.size() == 1;
  if (recipe.format == TableFormat::kJson)
    return one ? full_json(recipe, scored, 0)
               : comparison_json(compare_sets(scored.sets, recipe.rank_by)).dump(2) + "\n";
  if (recipe.format == TableFormat::kCsv)
    return (one ? scene_table(scored.sets[0], Precision::kFull)
                : comparison_table(compare_sets(scored.sets, recipe.rank_by), Precision::kFull))
        .write(TableFormat::kCsv);
  if (one) return set_text(recipe, scored.sets[0], recipe.format);
  return comparison_text(compare_sets(scored.sets, recipe.rank_by), recipe.format);
}

std::map<std::string, std::string> files_of(const Recipe& recipe, const Scored& scored) {
  std::map<std::string, std::string> out;
  std::string report = "# Correspondence\n\n";
  if (scored.sets.size() > 1) {
    const Comparison comparison = compare_sets(scored.sets, recipe.rank_by);
    out["comparison.json"] = comparison_json(comparison).dump(2) + "\n";
    out["comparison.csv"] = comparison_table(comparison, Precision::kFull).write(TableFormat::kCsv);
    report += comparison_text(comparison, TableFormat::kMarkdown) + "\n";
  }
  for (std::size_t i = 0; i < scored.sets.size(); ++i) {
    const FeatureSet& set = scored.sets[i];
    const std::string name = file_name(set.name);
    out[name + ".json"] = full_json(recipe, scored, i);
    out[name + "-scenes.csv"] = scene_table(set, Precision::kFull).write(TableFormat::kCsv);
    const Table pairs = pair_table(set);
    if (!pairs.empty()) out[name + "-pairs.csv"] = pairs.write(TableFormat::kCsv);
    report += set_text(recipe, set, TableFormat::kMarkdown) + "\n";
  }
  report += "Options: `" + recipe.options_json + "`\n";
  out["report.md"] = report;
  return out;
}

}  // namespace vega::evaluate
