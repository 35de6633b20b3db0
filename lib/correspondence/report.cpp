#include "correspondence/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace vega {
namespace {

std::string fixed(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

std::string value_text(const std::string& metric, double value, Precision precision) {
  if (precision == Precision::kFull)
    return std::isfinite(value) ? fmt::format("{:.9g}", value) : "-";
  return reads_as_is(metric) ? fixed(value, 3) : fixed(100 * value, 1);
}
TableColumn column_of(const std::string& metric, Precision precision) {
  const bool plain = reads_as_is(metric) || precision == Precision::kFull;
  return {metric + (plain ? "" : " %"), Align::kRight};
}

// What a view is called: its frame id, where the caller gave them.
std::int64_t frame_of(const SceneScore& scene, std::int64_t view) {
  return scene.frame_ids.empty() ? view : scene.frame_ids.at(static_cast<std::size_t>(view));
}

// Adjacent pairs of frames: the voxel score and the matches of each.
template <typename Use>
void visit_pairs(const SceneScore& scene, const CenteredScore& c, Use use) {
  for (std::size_t i = 0; i < std::min(c.adjacent.pairs.size(), c.matches.pairs.size()); ++i) {
    const PairScore& score = c.adjacent.pairs[i];
    use(frame_of(scene, score.a), frame_of(scene, score.b), score, c.matches.pairs[i]);
  }
}

}  // namespace

bool reads_as_is(const std::string& metric) {
  return metric.starts_with("auc") || metric.starts_with("match_distance_m");
}

Table scene_table(const FeatureSet& set, Precision precision) {
  const SetScore all = score_set(set);
  std::vector<TableColumn> columns = {
      {"scene"}, {"views", Align::kRight}, {"tokens", Align::kRight}};
  for (const SetMetric& metric : all.metrics) columns.push_back(column_of(metric.name, precision));
  Table table(columns);
  for (const SceneScore& scene : set.scenes) {
    std::vector<std::string> row = {scene.key, std::to_string(scene.views),
                                    std::to_string(scene.tokens)};
    const std::vector<Metric> own = scene_metrics(scene);
    for (const SetMetric& metric : all.metrics) {
      const auto at = std::find_if(own.begin(), own.end(),
                                   [&](const Metric& m) { return m.name == metric.name; });
      row.push_back(at == own.end() ? "-" : value_text(metric.name, at->value, precision));
    }
    table.add_row(std::move(row));
  }
  std::vector<std::string> mean = {"mean of " + std::to_string(all.scenes), "", ""};
  for (const SetMetric& m : all.metrics)
    mean.push_back(value_text(m.name, m.spread.mean, precision));
  table.add_row(std::move(mean));
  return table;
}

Table comparison_table(const Comparison& comparison, Precision precision) {
  std::vector<std::string> beside = {
      "multi_view", "multi_view_margin", "adjacent",     "multi_view@mean",
      "auc",        "auc@mean",          "probe3d_10px", "probe3d_0.1m"};
  std::erase_if(beside, [&](const std::string& name) {
    return name == comparison.metric ||
           std::none_of(comparison.ranked.begin(), comparison.ranked.end(),
                        [&](const SetScore& s) { return s.at(name).count > 0; });
  });
  std::vector<TableColumn> columns = {{"rank", Align::kRight},
                                      {"features"},
                                      {"scenes", Align::kRight},
                                      column_of(comparison.metric, precision),
                                      {"standard error", Align::kRight}};
  for (const std::string& name : beside) columns.push_back(column_of(name, precision));
  Table table(columns);
  for (const SetScore& set : comparison.ranked) {
    const Spread main = set.at(comparison.metric);
    std::vector<std::string> row = {std::to_string(table.rows().size() + 1), set.name,
                                    std::to_string(set.scenes),
                                    value_text(comparison.metric, main.mean, precision),
                                    value_text(comparison.metric, main.error, precision)};
    for (const std::string& name : beside)
      row.push_back(value_text(name, set.at(name).mean, precision));
    table.add_row(std::move(row));
  }
  return table;
}

Table probe_table(const ProbeSummary& probe) {
  std::vector<TableColumn> columns = {{"bin"}, {"pairs", Align::kRight}};
  for (const double px : kProbe_px)
    columns.push_back({fmt::format("< {:.0f} px %", px), Align::kRight});
  for (const double m : kProbe_m)
    columns.push_back({fmt::format("< {:.2f} m %", m), Align::kRight});
  Table table(columns);
  const auto add_bin = [&](const std::string& name, std::int64_t pairs, const auto& px,
                           const auto& m) {
    std::vector<std::string> row = {name, std::to_string(pairs)};
    for (const double v : px) row.push_back(fixed(100 * v, 1));
    for (const double v : m) row.push_back(fixed(100 * v, 1));
    table.add_row(std::move(row));
  };
  add_bin("all matches", probe.pairs, probe.recall_px, probe.recall_m);
  for (const ProbeBin& bin : probe.by_angle)
    add_bin(fmt::format("angle {:g}-{:g} deg", bin.low, bin.high), bin.pairs, bin.recall_px,
            bin.recall_m);
  for (const ProbeBin& bin : probe.by_overlap)
    add_bin(fmt::format("overlap {:g}-{:g}", bin.low, bin.high), bin.pairs, bin.recall_px,
            bin.recall_m);
  return table;
}

Table pair_table(const FeatureSet& set) {
  std::vector<TableColumn> columns = {{"scene"}, {"centring"}};
  for (const char* title : {"a", "b", "score", "shared voxels", "voxels", "mutual", "kept",
                            "similarity", "distance m", "best"})
    columns.push_back({title, Align::kRight});
  Table table(columns);
  for (const SceneScore& scene : set.scenes)
    for (const CenteredScore& c : scene.centered)
      visit_pairs(scene, c,
                  [&](std::int64_t a, std::int64_t b, const PairScore& s, const PairMatches& m) {
                    table.add_row({scene.key, to_string(c.center), std::to_string(a),
                                   std::to_string(b), fixed(s.score, 6), std::to_string(s.shared),
                                   std::to_string(s.either), std::to_string(m.mutual),
                                   std::to_string(m.kept_count), fixed(m.mean_similarity, 6),
                                   fixed(m.mean_distance_m, 4), fixed(m.best_similarity, 6)});
                  });
  return table;
}

namespace {

Json bins_json(std::span<const ProbeBin> all) {
  Json out = Json::list();
  for (const ProbeBin& bin : all) {
    out.push({{"low", bin.low},
              {"high", bin.high},
              {"pairs", bin.pairs},
              {"recall_px", bin.recall_px},
              {"recall_m", bin.recall_m}});
  }
  return out;
}

Json probe_json(const ProbeSummary& probe) {
  return {{"pairs", probe.pairs},
          {"matches", probe.kept},
          {"thresholds_px", kProbe_px},
          {"recall_px", probe.recall_px},
          {"thresholds_m", kProbe_m},
          {"recall_m", probe.recall_m},
          {"by_angle_deg", bins_json(probe.by_angle)},
          {"by_overlap", bins_json(probe.by_overlap)}};
}

Json scene_json(const SceneScore& scene) {
  Json metrics = Json::object(), centered = Json::list();
  for (const Metric& metric : scene_metrics(scene)) metrics.add(metric.name, metric.value);
  for (const CenteredScore& c : scene.centered) {
    Json pairs = Json::list();
    visit_pairs(scene, c,
                [&](std::int64_t a, std::int64_t b, const PairScore& s, const PairMatches& m) {
                  pairs.push({{"a", a},
                              {"b", b},
                              {"score", s.score},
                              {"valid_a", s.valid_a},
                              {"valid_b", s.valid_b},
                              {"shared_voxels", s.shared},
                              {"voxels", s.either},
                              {"mutual", m.mutual},
                              {"kept", m.kept_count},
                              {"mean_similarity", m.mean_similarity},
                              {"mean_distance_m", m.mean_distance_m},
                              {"best_similarity", m.best_similarity}});
                });
    centered.push({{"center", to_string(c.center)},
                   {"finite_pairs", c.adjacent.finite_pairs},
                   {"adjacent_deviation", c.adjacent.spread},
                   {"voxels", c.multi_view.voxels},
                   {"shared_voxels", c.multi_view.shared},
                   {"view_pairs", c.multi_view.pairs},
                   {"same_pairs", c.separation.same_pairs},
                   {"different_pairs", c.separation.different_pairs},
                   {"unrelated_pairs", c.separation.unrelated_pairs},
                   {"pairs", std::move(pairs)}});
  }
  Json out = {{"key", scene.key},
              {"views", scene.views},
              {"tokens", scene.tokens},
              {"without_depth", scene.without_depth},
              {"not_finite", scene.not_finite},
              {"zero", scene.zero},
              {"metrics", std::move(metrics)},
              {"centered", std::move(centered)}};
  if (!scene.frame_ids.empty()) out.add("frame_ids", scene.frame_ids);
  Json probe = Json::list();
  for (const ProbePair& pair : scene.probe) {
    probe.push({{"a", pair.a},
                {"b", pair.b},
                {"angle_deg", pair.angle_deg},
                {"overlap", pair.overlap},
                {"points_a", pair.points_a},
                {"points_b", pair.points_b},
                {"matches", pair.kept},
                {"within_px", pair.within_px},
                {"within_m", pair.within_m}});
  }
  if (probe.size() > 0) out.add("probe3d_pairs", std::move(probe));
  return out;
}

Json score_json(const SetScore& set) {
  Json metrics = Json::object();
  for (const SetMetric& m : set.metrics) {
    metrics.add(m.name, {{"mean", m.spread.mean},
                         {"deviation", m.spread.deviation},
                         {"error", m.spread.error},
                         {"n", m.spread.count}});
  }
  Json out = {{"name", set.name}, {"n_scenes", set.scenes}, {"metrics", std::move(metrics)}};
  if (set.probe.pairs > 0) out.add("probe3d", probe_json(set.probe));
  return out;
}

}  // namespace

Json set_json(const FeatureSet& set) {
  const Json score = score_json(score_set(set));
  Json out = {{"schema", "vega.correspondence/1"}};
  for (const JsonMember& member : score.members()) out.add(member.name, member.value);
  Json& scenes = out.add("scenes", Json::list());
  for (const SceneScore& scene : set.scenes) scenes.push(scene_json(scene));
  return out;
}

Json comparison_json(const Comparison& comparison) {
  Json sets = Json::list();
  for (const SetScore& set : comparison.ranked) sets.push(score_json(set));
  return {{"schema", "vega.correspondence/1"},
          {"metric", comparison.metric},
          {"common_scenes", comparison.common},
          {"left_out", comparison.left_out},
          {"ranked", std::move(sets)}};
}

}  // namespace vega
