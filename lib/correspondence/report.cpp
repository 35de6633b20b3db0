#include "correspondence/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

namespace vega {
namespace {

using Json = nlohmann::ordered_json;

std::string fixed(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// Shares in per cent; AUC and metres as they are.
bool as_it_is(const std::string& metric) {
  return metric.starts_with("auc") || metric.starts_with("match_distance_m");
}
std::string cell(const std::string& metric, double value, Precision precision) {
  if (precision == Precision::kFull) {
    char text[64];
    std::snprintf(text, sizeof text, "%.9g", value);
    return std::isfinite(value) ? text : "-";
  }
  return as_it_is(metric) ? fixed(value, 3) : fixed(100 * value, 1);
}
std::string title(const std::string& metric, Precision precision) {
  return metric + (as_it_is(metric) || precision == Precision::kFull ? "" : " %");
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

template <std::size_t N>
Json numbers(const std::array<double, N>& values) {
  Json out = Json::array();
  for (const double v : values) out.push_back(number(v));
  return out;
}

// What a view is called: its frame id, where the caller gave them.
std::int64_t frame_of(const SceneScore& scene, std::int64_t view) {
  return scene.frame_ids.empty() ? view : scene.frame_ids.at(static_cast<std::size_t>(view));
}

std::string range(double low, double high, const char* unit) {
  char text[64];
  std::snprintf(text, sizeof text, "%g-%g%s", low, high, unit);
  return text;
}

}  // namespace

ReportTable scene_table(const FeatureSet& set, Precision precision) {
  const SetScore all = score_set(set);
  ReportTable table{{{"scene"}, {"views", true}, {"tokens", true}}, {}};
  for (const SetMetric& metric : all.metrics)
    table.columns.push_back({title(metric.name, precision), true});
  for (const SceneScore& scene : set.scenes) {
    std::vector<std::string> row = {scene.key, std::to_string(scene.views),
                                    std::to_string(scene.tokens)};
    const std::vector<Metric> own = scene_metrics(scene);
    for (const SetMetric& metric : all.metrics) {
      const auto at = std::find_if(own.begin(), own.end(),
                                   [&](const Metric& m) { return m.name == metric.name; });
      row.push_back(at == own.end() ? "-" : cell(metric.name, at->value, precision));
    }
    table.rows.push_back(std::move(row));
  }
  std::vector<std::string> mean = {"mean of " + std::to_string(all.scenes), "", ""};
  for (const SetMetric& m : all.metrics) mean.push_back(cell(m.name, m.spread.mean, precision));
  table.rows.push_back(std::move(mean));
  return table;
}

ReportTable set_table(const SetScore& set, Precision precision) {
  ReportTable table{{{"metric"}, {"mean", true}, {"standard error", true}, {"n", true}}, {}};
  for (const SetMetric& m : set.metrics) {
    table.rows.push_back({title(m.name, precision), cell(m.name, m.spread.mean, precision),
                          cell(m.name, m.spread.error, precision), std::to_string(m.spread.count)});
  }
  return table;
}

ReportTable comparison_table(const Comparison& comparison, Precision precision) {
  std::vector<std::string> beside = {
      "multi_view", "multi_view_margin", "adjacent",     "multi_view@mean",
      "auc",        "auc@mean",          "probe3d_10px", "probe3d_0.1m"};
  std::erase_if(beside, [&](const std::string& name) {
    return name == comparison.metric ||
           std::none_of(comparison.ranked.begin(), comparison.ranked.end(),
                        [&](const SetScore& s) { return s.at(name).count > 0; });
  });
  ReportTable table{{{"rank", true},
                     {"features"},
                     {"scenes", true},
                     {title(comparison.metric, precision), true},
                     {"standard error", true}},
                    {}};
  for (const std::string& name : beside) table.columns.push_back({title(name, precision), true});
  for (const SetScore& set : comparison.ranked) {
    const Spread main = set.at(comparison.metric);
    std::vector<std::string> row = {std::to_string(table.rows.size() + 1), set.name,
                                    std::to_string(set.scenes),
                                    cell(comparison.metric, main.mean, precision),
                                    cell(comparison.metric, main.error, precision)};
    for (const std::string& name : beside) row.push_back(cell(name, set.at(name).mean, precision));
    table.rows.push_back(std::move(row));
  }
  return table;
}

ReportTable probe_table(const ProbeSummary& probe) {
  ReportTable table{{{"bin"}, {"pairs", true}}, {}};
  for (const double px : kProbe_px) table.columns.push_back({"< " + fixed(px, 0) + " px %", true});
  for (const double m : kProbe_m) table.columns.push_back({"< " + fixed(m, 2) + " m %", true});
  const auto add = [&](const std::string& name, std::int64_t pairs, const auto& px, const auto& m) {
    std::vector<std::string> row = {name, std::to_string(pairs)};
    for (const double v : px) row.push_back(fixed(100 * v, 1));
    for (const double v : m) row.push_back(fixed(100 * v, 1));
    table.rows.push_back(std::move(row));
  };
  add("all matches", probe.pairs, probe.recall_px, probe.recall_m);
  for (const ProbeBin& bin : probe.by_angle) {
    add("angle " + range(bin.low, bin.high, " deg"), bin.pairs, bin.recall_px, bin.recall_m);
  }
  for (const ProbeBin& bin : probe.by_overlap) {
    add("overlap " + range(bin.low, bin.high, ""), bin.pairs, bin.recall_px, bin.recall_m);
  }
  return table;
}

ReportTable pair_table(const SceneScore& scene) {
  ReportTable table{{{"scene"},
                     {"centring"},
                     {"a", true},
                     {"b", true},
                     {"score", true},
                     {"shared voxels", true},
                     {"voxels", true},
                     {"mutual", true},
                     {"kept", true},
                     {"similarity", true},
                     {"distance m", true},
                     {"best", true}},
                    {}};
  for (const CenteredScore& c : scene.centered) {
    for (std::size_t i = 0; i < std::min(c.adjacent.pairs.size(), c.matches.pairs.size()); ++i) {
      const PairScore& s = c.adjacent.pairs[i];
      const PairMatches& m = c.matches.pairs[i];
      table.rows.push_back(
          {scene.key, to_string(c.center), std::to_string(frame_of(scene, s.a)),
           std::to_string(frame_of(scene, s.b)), fixed(s.score, 6), std::to_string(s.shared),
           std::to_string(s.either), std::to_string(m.mutual), std::to_string(m.kept_count),
           fixed(m.mean_similarity, 6), fixed(m.mean_distance_m, 4), fixed(m.best_similarity, 6)});
    }
  }
  return table;
}

std::string markdown(const ReportTable& table) {
  const auto line = [](const std::vector<std::string>& cells) {
    std::string out = "|";
    for (const std::string& text : cells) {
      out += ' ';
      for (const char c : text) {
        if (c == '|') out += '\\';
        out += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
      }
      out += " |";
    }
    return out + '\n';
  };
  std::vector<std::string> titles, rules;
  for (const auto& column : table.columns) {
    titles.push_back(column.title);
    rules.emplace_back(column.number ? "--:" : "---");
  }
  std::string out = line(titles) + line(rules);
  for (const auto& row : table.rows) out += line(row);
  return out;
}

std::string csv(const ReportTable& table) {
  const auto line = [](const std::vector<std::string>& cells) {
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) out += ',';
      if (cells[i].find_first_of(",\"\n\r") == std::string::npos) {
        out += cells[i];
        continue;
      }
      out += '"';
      for (const char c : cells[i]) out += c == '"' ? std::string("\"\"") : std::string(1, c);
      out += '"';
    }
    return out + '\n';
  };
  std::vector<std::string> titles;
  for (const auto& column : table.columns) titles.push_back(column.title);
  std::string out = line(titles);
  for (const auto& row : table.rows) out += line(row);
  return out;
}

namespace {

Json bins(std::span<const ProbeBin> all) {
  Json out = Json::array();
  for (const ProbeBin& bin : all) {
    out.push_back({{"low", bin.low},
                   {"high", bin.high},
                   {"pairs", bin.pairs},
                   {"recall_px", numbers(bin.recall_px)},
                   {"recall_m", numbers(bin.recall_m)}});
  }
  return out;
}

Json probe_json(const ProbeSummary& probe) {
  return {{"pairs", probe.pairs},
          {"matches", probe.kept},
          {"thresholds_px", numbers(kProbe_px)},
          {"recall_px", numbers(probe.recall_px)},
          {"thresholds_m", numbers(kProbe_m)},
          {"recall_m", numbers(probe.recall_m)},
          {"by_angle_deg", bins(probe.by_angle)},
          {"by_overlap", bins(probe.by_overlap)}};
}

Json pairs_json(const SceneScore& scene, const CenteredScore& c) {
  Json out = Json::array();
  for (std::size_t i = 0; i < std::min(c.adjacent.pairs.size(), c.matches.pairs.size()); ++i) {
    const PairScore& s = c.adjacent.pairs[i];
    const PairMatches& m = c.matches.pairs[i];
    out.push_back({{"a", frame_of(scene, s.a)},
                   {"b", frame_of(scene, s.b)},
                   {"score", number(s.score)},
                   {"valid_a", s.valid_a},
                   {"valid_b", s.valid_b},
                   {"shared_voxels", s.shared},
                   {"voxels", s.either},
                   {"mutual", m.mutual},
                   {"kept", m.kept_count},
                   {"mean_similarity", number(m.mean_similarity)},
                   {"mean_distance_m", number(m.mean_distance_m)},
                   {"best_similarity", number(m.best_similarity)}});
  }
  return out;
}

Json scene_json(const SceneScore& scene) {
  Json metrics = Json::object(), centered = Json::array();
  for (const Metric& metric : scene_metrics(scene)) metrics[metric.name] = number(metric.value);
  for (const CenteredScore& c : scene.centered) {
    centered.push_back({{"center", to_string(c.center)},
                        {"finite_pairs", c.adjacent.finite_pairs},
                        {"adjacent_deviation", number(c.adjacent.spread)},
                        {"voxels", c.multi_view.voxels},
                        {"shared_voxels", c.multi_view.shared},
                        {"view_pairs", c.multi_view.pairs},
                        {"same_pairs", c.separation.same_pairs},
                        {"different_pairs", c.separation.different_pairs},
                        {"unrelated_pairs", c.separation.unrelated_pairs},
                        {"pairs", pairs_json(scene, c)}});
  }
  Json probe = Json::array();
  for (const ProbePair& pair : scene.probe) {
    probe.push_back({{"a", pair.a},
                     {"b", pair.b},
                     {"angle_deg", number(pair.angle_deg)},
                     {"overlap", number(pair.overlap)},
                     {"points_a", pair.points_a},
                     {"points_b", pair.points_b},
                     {"matches", pair.kept},
                     {"within_px", pair.within_px},
                     {"within_m", pair.within_m}});
  }
  Json out = {{"key", scene.key},
              {"views", scene.views},
              {"tokens", scene.tokens},
              {"without_depth", scene.without_depth},
              {"not_finite", scene.not_finite},
              {"zero", scene.zero},
              {"metrics", std::move(metrics)},
              {"centered", std::move(centered)}};
  if (!scene.frame_ids.empty()) out["frame_ids"] = scene.frame_ids;
  if (!probe.empty()) out["probe3d_pairs"] = std::move(probe);
  return out;
}

Json score_json(const SetScore& set) {
  Json metrics = Json::object();
  for (const SetMetric& m : set.metrics) {
    metrics[m.name] = {{"mean", number(m.spread.mean)},
                       {"deviation", number(m.spread.deviation)},
                       {"error", number(m.spread.error)},
                       {"n", m.spread.count}};
  }
  Json out = {{"name", set.name}, {"n_scenes", set.scenes}, {"metrics", std::move(metrics)}};
  if (set.probe.pairs > 0) out["probe3d"] = probe_json(set.probe);
  return out;
}

// Keys and names are bytes of the user's; those that are not UTF-8 are replaced.
std::string text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace

std::string set_json(const FeatureSet& set) {
  Json out = {{"schema", "vega.correspondence/1"}};
  out.update(score_json(score_set(set)));
  out["scenes"] = Json::array();
  for (const SceneScore& scene : set.scenes) out["scenes"].push_back(scene_json(scene));
  return text(out);
}

std::string comparison_json(const Comparison& comparison) {
  Json sets = Json::array();
  for (const SetScore& set : comparison.ranked) sets.push_back(score_json(set));
  return text({{"schema", "vega.correspondence/1"},
               {"metric", comparison.metric},
               {"common_scenes", comparison.common},
               {"left_out", comparison.left_out},
               {"ranked", std::move(sets)}});
}

}  // namespace vega
