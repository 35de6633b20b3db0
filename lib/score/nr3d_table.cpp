#include "score/nr3d_table.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/lines.h"
#include "tasks/nr3d.h"
#include "text/csv.h"
#include "text/lines.h"

namespace vega::score {
namespace {

constexpr std::size_t kMostWords = 24;

std::set<std::string> scan_names(const std::filesystem::path& path) {
  std::set<std::string> out;
  if (path.empty()) return out;
  const std::string names = read_text(path, "names of scans, one a line");
  text::each_line(names, [&](std::string_view line, std::size_t) {
    if (!trim(line).empty()) out.emplace(trim(line));
  });
  if (out.empty())
    throw FormatError(explain(path.string(), "no name", "names of scans, one a line"));
  return out;
}

}  // namespace

std::vector<Truth> read_nr3d_table(std::string_view text, const std::string& file,
                                   const std::filesystem::path& scans, TruthFile& facts) {
  const auto records = text::read_csv(text, file);
  const auto column = [&](std::string_view name) {
    const auto& names = records.at(0).fields;
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end())
      throw FormatError(
          explain(file + ":1", "no column '" + std::string(name) + "'", "nr3d.csv of ReferIt3D"));
    return static_cast<std::size_t>(at - names.begin());
  };
  if (records.empty()) throw FormatError(explain(file, "no record", "nr3d.csv of ReferIt3D"));
  const std::size_t stimulus_at = column("stimulus_id"), tokens_at = column("tokens"),
                    mentions_at = column("mentions_target_class");
  const auto& names = records[0].fields;
  std::optional<std::size_t> utterance;  // scores do not need it
  if (const auto at = std::find(names.begin(), names.end(), "utterance"); at != names.end())
    utterance = static_cast<std::size_t>(at - names.begin());
  const std::set<std::string> wanted = scan_names(scans);
  std::vector<Truth> out;
  for (std::size_t i = 1; i < records.size(); ++i) {
    const text::CsvRecord& record = records[i];
    const std::string place = line_place(file, record.line);
    if (record.fields.size() != records[0].fields.size())
      throw FormatError(explain(place, std::to_string(record.fields.size()) + " fields",
                                std::to_string(records[0].fields.size()) + ", as line 1 names"));
    const auto stimulus = tasks::nr3d_stimulus(record.fields[stimulus_at]);
    if (!stimulus)
      throw FormatError(explain(place + ": stimulus_id", printable(record.fields[stimulus_at], 80),
                                "scan-label-n-target[-distractor ...]"));
    const auto words = tasks::python_words(record.fields[tokens_at]);
    if (!words)
      throw FormatError(explain(place + ": tokens", printable(record.fields[tokens_at], 80),
                                "a Python list of texts"));
    const std::string mentions = lower(record.fields[mentions_at]);
    if (mentions != "true" && mentions != "false")
      throw FormatError(
          explain(place + ": mentions_target_class", printable(mentions, 80), "True or False"));
    Truth truth;
    truth.id = std::to_string(i - 1);
    if (utterance) truth.question = record.fields[*utterance];
    truth.scene = stimulus->scan;
    truth.objects = {stimulus->target};
    truth.objects.insert(truth.objects.end(), stimulus->distractors.begin(),
                         stimulus->distractors.end());
    truth.type = std::string(stimulus->hard() ? "hard" : "easy") + " " +
                 (tasks::nr3d_view_dependent(*words) ? "view-dependent" : "view-independent");
    std::string reason;
    if (!wanted.empty() && !wanted.contains(stimulus->scan))
      reason = "of scans that --scans does not name";
    else if (mentions == "false")
      reason = "that do not mention the target's class";
    else if (words->size() > kMostWords)
      reason = "of more than 24 words";
    if (reason.empty()) {
      out.push_back(std::move(truth));
    } else {
      facts.left_out.emplace(truth.id, reason);
      ++facts.left_out_counts[reason];
    }
  }
  return out;
}

}  // namespace vega::score
