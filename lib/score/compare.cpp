#include "score/compare.h"

#include <fmt/core.h>

#include <cmath>
#include <map>

#include "metrics/sums.h"

namespace vega::score {
namespace {

std::string p_text(double p) {
  return p < 0.001 ? fmt::format("{:.2g}", p) : fmt::format("{:.3f}", p);
}

void flatten(const Json& json, const std::string& path, std::map<std::string, std::string>& out) {
  if (json.is_object()) {
    for (const auto& [name, value] : json.members())
      flatten(value, path.empty() ? name : path + "." + name, out);
    return;
  }
  out[path] = json.dump();
}

}  // namespace

std::string comparison_text(const Measured& ours, const Measured& theirs,
                            const Certainty& certainty, TableFormat format) {
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
    const auto test =
        metrics::compare(sums_a, sums_b, metrics::some_of(clusters, used), certainty.bootstrap);
    table.add_row(
        {b.name, fmt::format("{:.2f}", metrics::value_of(sums_b)),
         fmt::format("{:.2f}", metrics::value_of(sums_a)), fmt::format("{:+.2f}", test.difference),
         fmt::format("[{:+.2f}, {:+.2f}]", test.interval.low, test.interval.high), p_text(test.p),
         p_text(test.smallest_p), std::to_string(won), std::to_string(lost), std::to_string(tied),
         fmt::format("{:.2f}", test.detectable)});
  }
  return table.write(format);
}

std::string differences_text(const Json& ours, const Json& theirs) {
  if (ours.is_null() || theirs.is_null())
    return "\nWhat the two runs differ in is not known: run.json is missing beside " +
           std::string(ours.is_null() ? "this file" : "the other file") + ".\n";
  std::map<std::string, std::string> a, b;
  flatten(ours, "", a);
  flatten(theirs, "", b);
  std::string out;
  for (const auto& [path, value] : a) {
    const auto at = b.find(path);
    if (at == b.end())
      out += fmt::format("  {}: {}, other: absent\n", path, value);
    else if (at->second != value)
      out += fmt::format("  {}: {}, other: {}\n", path, value, at->second);
  }
  for (const auto& [path, value] : b)
    if (!a.contains(path)) out += fmt::format("  {}: absent, other: {}\n", path, value);
  return out.empty() ? "\nThe two run.json are equal.\n" : "\nThe two run.json differ in:\n" + out;
}

}  // namespace vega::score
