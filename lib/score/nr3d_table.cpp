#include "score/nr3d_table.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/lines.h"
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

// Places of the columns.
class Columns {
 public:
  Columns(const text::CsvRecord& names, const std::string& file) : names_(names), file_(file) {
    stimulus = needed("stimulus_id");
    tokens = needed("tokens");
    mentions = needed("mentions_target_class");
    utterance = find("utterance");  // scores do not need it
    assignment = find("assignmentid");
    target = find("target_id");
    scan = find("scan_id");
  }
  std::size_t size() const { return names_.fields.size(); }

  std::size_t stimulus, tokens, mentions;
  std::optional<std::size_t> utterance, assignment, target, scan;

  std::size_t needed(std::string_view name) const {
    if (const auto at = find(name)) return *at;
    throw FormatError(
        explain(file_ + ":1", "no column '" + std::string(name) + "'", "nr3d.csv of ReferIt3D"));
  }

 private:
  std::optional<std::size_t> find(std::string_view name) const {
    const auto at = std::find(names_.fields.begin(), names_.fields.end(), name);
    if (at == names_.fields.end()) return std::nullopt;
    return static_cast<std::size_t>(at - names_.fields.begin());
  }

  const text::CsvRecord& names_;
  const std::string& file_;
};

// target_id and scan_id say again what stimulus_id says.
void check_agreement(const text::CsvRecord& record, const Columns& columns,
                     const tasks::Nr3dStimulus& stimulus, const std::string& place) {
  const auto check = [&](const std::string& name, const std::optional<std::size_t>& column,
                         const std::string& wanted) {
    if (!column) return;
    const std::string_view text = trim(record.fields[*column]);
    if (!text.empty() && text != wanted)
      throw FormatError(explain(place + ": " + name, printable(text, 80),
                                printable(wanted, 80) + ", as stimulus_id has it"));
  };
  check("target_id", columns.target, std::to_string(stimulus.target));
  check("scan_id", columns.scan, stimulus.scan);
}

Nr3dRow row_of(const text::CsvRecord& record, const Columns& columns,
               const std::set<std::string>& wanted, const std::string& place) {
  if (record.fields.size() != columns.size())
    throw FormatError(explain(place, std::to_string(record.fields.size()) + " fields",
                              std::to_string(columns.size()) + ", as line 1 names"));
  const auto stimulus = tasks::nr3d_stimulus(record.fields[columns.stimulus]);
  if (!stimulus)
    throw FormatError(explain(place + ": stimulus_id",
                              printable(record.fields[columns.stimulus], 80),
                              "scan-label-n-target[-distractor ...]"));
  check_agreement(record, columns, *stimulus, place);
  const auto words = tasks::python_words(record.fields[columns.tokens]);
  if (!words)
    throw FormatError(explain(place + ": tokens", printable(record.fields[columns.tokens], 80),
                              "a Python list of texts"));
  const std::string mentions = lower(record.fields[columns.mentions]);
  if (mentions != "true" && mentions != "false")
    throw FormatError(
        explain(place + ": mentions_target_class", printable(mentions, 80), "True or False"));
  Nr3dRow out;
  if (columns.utterance) out.utterance = record.fields[*columns.utterance];
  if (columns.assignment) out.assignment = record.fields[*columns.assignment];
  out.stimulus = *stimulus;
  out.type = std::string(stimulus->hard() ? "hard" : "easy") + " " +
             (tasks::nr3d_view_dependent(*words) ? "view-dependent" : "view-independent");
  if (!wanted.empty() && !wanted.contains(stimulus->scan))
    out.left_out = "of scans that --scans does not name";
  else if (mentions == "false")
    out.left_out = "that do not mention the target's class";
  else if (words->size() > kMostWords)
    out.left_out = "of more than 24 words";
  return out;
}

}  // namespace

void each_nr3d_row(std::string_view text, const std::string& file,
                   const std::filesystem::path& scans, const std::function<void(Nr3dRow&&)>& use,
                   const std::function<void(const std::string& id, const std::string& place,
                                            const std::string& what)>& broken,
                   const std::vector<std::string>& needed) {
  const auto records = text::read_csv(text, file);
  if (records.empty()) throw FormatError(explain(file, "no record", "nr3d.csv of ReferIt3D"));
  const Columns columns(records[0], file);
  for (const std::string& name : needed) columns.needed(name);
  const std::set<std::string> wanted = scan_names(scans);
  for (std::size_t i = 1; i < records.size(); ++i) {
    const std::string id = std::to_string(i - 1), place = line_place(file, records[i].line);
    std::optional<Nr3dRow> row;
    try {
      row = row_of(records[i], columns, wanted, place);
      row->id = id;
    } catch (const FormatError& error) {
      broken(id, place, error.what());
    }
    if (row) use(std::move(*row));
  }
}

std::vector<Truth> read_nr3d_table(std::string_view text, const std::string& file,
                                   const std::filesystem::path& scans, TruthFile& facts) {
  std::vector<Truth> out;
  const auto use = [&](Nr3dRow&& row) {
    if (!row.left_out.empty()) {
      ++facts.left_out_counts[row.left_out];
      facts.left_out.emplace(std::move(row.id), std::move(row.left_out));
      return;
    }
    Truth truth;
    truth.id = std::move(row.id);
    truth.question = std::move(row.utterance);
    truth.scene = row.stimulus.scan;
    truth.objects = {row.stimulus.target};
    truth.objects.insert(truth.objects.end(), row.stimulus.distractors.begin(),
                         row.stimulus.distractors.end());
    truth.type = std::move(row.type);
    out.push_back(std::move(truth));
  };
  each_nr3d_row(text, file, scans, use,
                [](const std::string&, const std::string&, const std::string& what) {
                  throw FormatError(what);
                });
  return out;
}

}  // namespace vega::score
