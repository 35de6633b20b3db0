#include "score/compare.h"

#include <fmt/core.h>

#include <cmath>
#include <map>
#include <optional>

#include "metrics/sums.h"

namespace vega::score {
namespace {

std::string p_text(double p) {
  return p < 0.001 ? fmt::format("{:.2g}", p) : fmt::format("{:.3f}", p);
}

void flatten(const Json& json, const std::string& path, std::map<std::string, Json>& out) {
  if (json.is_object()) {
    for (const auto& [name, value] : json.members())
      flatten(value, path.empty() ? name : path + "." + name, out);
    return;
  }
  out[path] = json;
}

// Members that differ, with both values; unset: the member is absent.
struct Difference {
  std::string path;
  std::optional<Json> ours, theirs;
};
std::vector<Difference> run_difference(const Json& ours, const Json& theirs) {
  std::map<std::string, Json> a, b;
  flatten(ours, "", a);
  flatten(theirs, "", b);
  std::vector<Difference> out;
  for (const auto& [path, value] : a) {
    const auto at = b.find(path);
    if (at == b.end())
      out.push_back({path, value, {}});
    else if (!(at->second == value))
      out.push_back({path, value, at->second});
  }
  for (const auto& [path, value] : b)
    if (!a.contains(path)) out.push_back({path, {}, value});
  return out;
}

std::string shown_member(const std::optional<Json>& value) {
  return value ? value->dump() : "absent";
}

}  // namespace

std::vector<Comparison> compare_systems(const Measured& ours, const Measured& theirs,
                                        const Certainty& certainty) {
  std::vector<Comparison> out;
  const auto clusters = clusters_of(ours, certainty);
  for (std::size_t m = 0; m < theirs.measures.size(); ++m) {
    const Measure& a = theirs.measures[m];
    const Measure& b = ours.measures[m];
    if (!a.missing.empty() || !b.missing.empty()) continue;
    std::vector<std::size_t> used;
    std::int64_t won = 0, lost = 0, tied = 0;
    for (std::size_t i = 0; i < a.earned.size(); ++i) {
      if (std::isnan(a.earned[i]) || std::isnan(b.earned[i])) continue;
      used.push_back(i);
      (b.earned[i] > a.earned[i] ? won : b.earned[i] < a.earned[i] ? lost : tied) += 1;
    }
    if (used.empty()) continue;
    const auto sums_a = metrics::some_of(a.sums, used), sums_b = metrics::some_of(b.sums, used);
    Comparison one{
        b.name, metrics::value_of(sums_b), metrics::value_of(sums_a),
        metrics::compare(sums_a, sums_b, metrics::some_of(clusters, used), certainty.bootstrap)};
    one.test.won = won;
    one.test.lost = lost;
    one.test.tied = tied;
    out.push_back(std::move(one));
  }
  return out;
}

std::string comparison_text(const std::vector<Comparison>& metrics, TableFormat format) {
  Table table({{"metric"},
               {"this", Align::kRight},
               {"other", Align::kRight},
               {"difference", Align::kRight},
               {"95 % interval", Align::kRight},
               {"p", Align::kRight},
               {"smallest p", Align::kRight},
               {"won", Align::kRight},
               {"lost", Align::kRight},
               {"tied", Align::kRight},
               {"detectable", Align::kRight}});
  for (const Comparison& one : metrics) {
    const metrics::PairedTest& test = one.test;
    table.add_row({one.metric, fmt::format("{:.2f}", one.ours), fmt::format("{:.2f}", one.theirs),
                   fmt::format("{:+.2f}", test.difference),
                   fmt::format("[{:+.2f}, {:+.2f}]", test.interval.low, test.interval.high),
                   p_text(test.p), p_text(test.smallest_p), std::to_string(test.won),
                   std::to_string(test.lost), std::to_string(test.tied),
                   fmt::format("{:.2f}", test.detectable)});
  }
  return table.write(format);
}

std::string differences_text(const Json& ours, const Json& theirs) {
  if (ours.is_null() || theirs.is_null())
    return "What the two runs differ in is not known: run.json is missing beside " +
           std::string(ours.is_null() ? "this file" : "the other file") + ".\n";
  std::string out;
  for (const Difference& one : run_difference(ours, theirs))
    out += fmt::format("  {}: {}, other: {}\n", one.path, shown_member(one.ours),
                       shown_member(one.theirs));
  return out.empty() ? "The two run.json are equal.\n" : "The two run.json differ in:\n" + out;
}

Json comparison_json(const std::vector<std::string>& files, const std::vector<Comparison>& metrics,
                     const Json& our_run, const Json& their_run) {
  Json out = Json::object();
  out.add("file", files.size() == 1 ? Json(files[0]) : Json(files));
  Json& all = out.add("metrics", Json::object());
  for (const Comparison& one : metrics) {
    const metrics::PairedTest& test = one.test;
    all.add(one.metric, {{"this", number_or_null(one.ours)},
                         {"other", number_or_null(one.theirs)},
                         {"difference", number_or_null(test.difference)},
                         {"lo", number_or_null(test.interval.low)},
                         {"hi", number_or_null(test.interval.high)},
                         {"p", number_or_null(test.p)},
                         {"smallest_p", number_or_null(test.smallest_p)},
                         {"won", test.won},
                         {"lost", test.lost},
                         {"tied", test.tied},
                         {"detectable", number_or_null(test.detectable)}});
  }
  Json differences;  // null: a run.json is missing
  if (!our_run.is_null() && !their_run.is_null()) {
    differences = Json::object();
    for (const Difference& one : run_difference(our_run, their_run)) {
      Json both = Json::object();
      if (one.ours) both.add("this", *one.ours);
      if (one.theirs) both.add("other", *one.theirs);
      differences.add(one.path, std::move(both));
    }
  }
  out.add("run_differences", std::move(differences));
  return out;
}

}  // namespace vega::score
