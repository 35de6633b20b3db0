// The audit for people.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "extract/audit.h"
#include "viz/table.h"

namespace vega::extract {
namespace {

constexpr std::size_t kWidth = 118;  // columns
// Of more scenes than these the notes stay in the report.
constexpr std::size_t kScenesWithNotes = 20;
constexpr std::size_t kSeveral = 4;     // scenes that share a note
constexpr std::size_t kRangeText = 60;  // characters of a list of frames

const char* const kNone = "-";

std::string bytes_text(double bytes) {
  if (!std::isfinite(bytes)) return "?";
  if (bytes == 0) return kNone;
  for (const auto& [unit, name] : {std::pair{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}}) {
    if (bytes >= unit)
      return fmt::format("{:.{}f} {}", bytes / unit, bytes < 99.5 * unit ? 1 : 0, name);
  }
  return fmt::format("{:.0f} kB", std::ceil(bytes / 1e3));
}

std::string seconds_text(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  if (seconds == 0) return kNone;
  if (seconds < 1) return "< 1 s";
  const auto whole = std::llround(seconds);
  if (whole < 100) return fmt::format("{} s", whole);
  if (whole < 6000) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  const auto minutes = std::llround(seconds / 60);
  return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

std::string rate_text(double rate) {
  return rate >= 1e13 ? fmt::format("{:.0f} TFLOP/s", rate / 1e12)
                      : fmt::format("{:.0f} GFLOP/s", rate / 1e9);
}

std::string plural(std::size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string verdict(const Findings& findings) {
  if (const auto n = findings.count(Severity::kError)) return plural(n, "error");
  if (const auto n = findings.count(Severity::kWarning)) return plural(n, "warning");
  return "ok";
}

// Words broken into lines of at most `width` characters; a longer word stays whole.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines{""};
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = std::min(text.find_first_of(" \n", start), text.size());
    const std::string word = text.substr(start, end - start);
    start = end + 1;
    if (word.empty()) continue;
    std::string& line = lines.back();
    if (!line.empty() && static_cast<std::size_t>(display_width(line + " " + word)) > width) {
      lines.push_back(word);
    } else {
      line += (line.empty() ? "" : " ") + word;
    }
  }
  return lines;
}

void put(std::string& out, const std::string& first, const std::string& text) {
  std::string front = first;
  const std::string indent(static_cast<std::size_t>(display_width(first)), ' ');
  for (const std::string& line : wrapped(text, kWidth - indent.size())) {
    out += front + line + "\n";
    front = indent;
  }
}

// Paths below the scene's own are told relative to it.
std::string shortened(std::string text, const std::string& root) {
  if (root.size() < 2) return text;
  const std::string below = root.ends_with('/') ? root : root + "/";
  for (std::size_t at = 0; (at = text.find(below, at)) != std::string::npos;)
    text.erase(at, below.size());
  for (const char* next : {", ", ": "}) {
    if (text.starts_with(root + next)) text.erase(0, root.size() + 2);
  }
  return text;
}

std::string frames_text(const Finding& finding) {
  if (finding.frames.empty()) return {};
  const char* noun = finding.frames.size() == 1 ? "frame " : "frames ";
  if (finding.ranges.size() <= kRangeText) return noun + finding.ranges + ": ";
  const auto cut = finding.ranges.rfind(',', kRangeText);
  return noun + finding.ranges.substr(0, cut) +
         fmt::format(", ... ({} in all): ", finding.frames.size());
}

void put_finding(std::string& out, const Finding& finding, const std::string& root) {
  std::string where = shortened(finding.where, root);
  if (where == root || finding.what.find(finding.where) != std::string::npos) where.clear();
  const std::string text = frames_text(finding) + shortened(finding.what, root);
  const std::string front =
      fmt::format("  {:<8} {:<11} ", name_of(finding.severity), finding.topic);
  put(out, front, where.empty() ? text : where + ": " + text);
  if (!finding.remedy.empty()) put(out, std::string(front.size(), ' ') + "-> ", finding.remedy);
}

// Notes that stand word for word at several scenes are told once, with the scenes' keys.
using Common = std::map<std::string, std::vector<std::string>>;

Common common_notes(const Audit& audit) {
  Common notes;
  for (const SceneAudit& scene : audit.scenes) {
    for (const Finding& f : scene.findings.list()) {
      if (f.severity == Severity::kNote && f.frames.empty()) notes[f.what].push_back(scene.key);
    }
  }
  std::erase_if(notes, [](const auto& note) { return note.second.size() < kSeveral; });
  return notes;
}

void put_common(std::string& out, const Common& notes, const Audit& audit) {
  if (notes.empty()) return;
  out += "\nseveral scenes\n";
  for (const auto& [what, keys] : notes) {
    std::string who = "all scenes";
    if (keys.size() < audit.scenes.size()) {
      who = plural(keys.size(), "scene") + " (";
      for (std::size_t i = 0; i < std::min<std::size_t>(keys.size(), 5); ++i)
        who += (i > 0 ? ", " : "") + keys[i];
      who += keys.size() > 5 ? ", ...)" : ")";
    }
    put(out, "  note     ", what + ": " + who);
  }
}

void put_findings(std::string& out, const Audit& audit) {
  const Common common = common_notes(audit);
  std::size_t hidden = 0;
  for (const SceneAudit& scene : audit.scenes) {
    bool named = false;
    for (const Finding& finding : scene.findings.list()) {
      const bool note = finding.severity == Severity::kNote;
      if (note && finding.frames.empty() && common.contains(finding.what)) continue;
      if (note && audit.scenes.size() > kScenesWithNotes) {
        ++hidden;
        continue;
      }
      if (!named) out += "\n" + scene.key + "  " + scene.input + "\n";
      named = true;
      put_finding(out, finding, scene.input);
    }
  }
  put_common(out, common, audit);
  if (!audit.findings.list().empty()) out += "\nthe run\n";
  for (const Finding& finding : audit.findings.list()) put_finding(out, finding, "");
  if (hidden > 0) out += "\n" + plural(hidden, "note") + " not shown: see --report FILE.json\n";
}

std::string machine_text(const Audit& audit) {
  const Machine& m = audit.machine;
  if (std::isfinite(m.gemm)) {
    return fmt::format(
        "Time: {} of matrix products were measured here ({}, {}, {}), of which a run reaches about "
        "{:.0f} %. Reading the model comes on top, once; so does the memory of its mapped file, "
        "where there is room.",
        rate_text(m.gemm), m.device, m.dtype,
        m.cuda ? fmt::format("batches of {}", m.workers)
               : plural(static_cast<std::size_t>(m.workers), "thread"),
        100 * m.efficiency);
  }
  if (!m.fault.empty()) return "Time: not known, the device cannot be measured.";
  return fmt::format("Time: decoding and resizing as measured here ({}, {}).", m.device,
                     plural(static_cast<std::size_t>(m.workers), "thread"));
}

struct Totals {
  std::int64_t found = 0, candidates = 0, selected = 0;
  Estimate estimate;
  std::size_t impossible = 0, complete = 0;
};

Totals add_up(const Audit& audit) {
  Totals t;
  for (const SceneAudit& scene : audit.scenes) {
    t.found += scene.found;
    t.candidates += scene.candidates;
    if (!scene.possible()) {
      ++t.impossible;
      continue;
    }
    t.selected += scene.selected;
    t.complete += scene.existing.state == OutputState::kComplete ? 1 : 0;
    t.estimate.output_bytes += scene.estimate.output_bytes;
    t.estimate.seconds += scene.estimate.seconds;
    t.estimate.host_bytes = std::max(t.estimate.host_bytes, scene.estimate.host_bytes);
    t.estimate.device_bytes = std::max(t.estimate.device_bytes, scene.estimate.device_bytes);
  }
  return t;
}

std::string count_text(std::int64_t count) { return count == 0 ? kNone : std::to_string(count); }

std::vector<std::string> amounts(const Estimate& e, bool cuda) {
  std::vector<std::string> cells{bytes_text(e.output_bytes), bytes_text(e.host_bytes)};
  if (cuda) cells.push_back(bytes_text(e.device_bytes));
  cells.push_back(seconds_text(e.seconds));
  return cells;
}

std::vector<std::string> row(const SceneAudit& scene, bool cuda) {
  std::vector<std::string> cells{
      scene.key,
      scene.dialect.empty() ? kNone : scene.dialect,
      count_text(scene.found),
      count_text(scene.candidates),
      count_text(scene.selected),
      scene.pictures.color.width > 0 ? to_string(scene.pictures.color) : kNone,
      scene.pictures.valid ? fmt::format("{:.0f} %", 100 * *scene.pictures.valid) : kNone,
      scene.existing.state == OutputState::kUnknown ? kNone
                                                    : std::string(name_of(scene.existing.state))};
  const Estimate nothing;
  for (auto& cell : amounts(scene.possible() ? scene.estimate : nothing, cuda))
    cells.push_back(std::move(cell));
  cells.push_back(verdict(scene.findings));
  return cells;
}

std::vector<std::string> total_row(const Audit& audit, const Totals& t) {
  std::vector<std::string> cells{plural(audit.scenes.size(), "scene"),
                                 "",
                                 count_text(t.found),
                                 count_text(t.candidates),
                                 count_text(t.selected),
                                 "",
                                 "",
                                 ""};
  for (auto& cell : amounts(t.estimate, audit.machine.cuda)) cells.push_back(std::move(cell));
  cells.push_back(
      t.impossible == 0 ? "ok" : fmt::format("{} of {} fail", t.impossible, audit.scenes.size()));
  return cells;
}

std::string taps_text(const std::vector<std::string>& taps) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(taps.size(), kShown); ++i)
    text += (i > 0 ? ", " : "") + taps[i];
  if (taps.size() > kShown) text += fmt::format(", ... ({} in all)", taps.size());
  return text;
}

}  // namespace

std::string audit_table(const Audit& audit) {
  std::string out;
  put(out, "",
      fmt::format("Dry run of {}: {}; taps {}", plural(audit.scenes.size(), "scene"), audit.title,
                  taps_text(audit.taps)));
  put(out, "", "Nothing was computed, no weight was read. Disk, memory and time are estimates.");
  put(out, "", machine_text(audit));
  out += "\n";
  const bool cuda = audit.machine.cuda;
  std::vector<TableColumn> columns{{"scene"},
                                   {"source"},
                                   {"frames", Align::kRight},
                                   {"usable", Align::kRight},
                                   {"used", Align::kRight},
                                   {"picture", Align::kRight},
                                   {"depth", Align::kRight},
                                   {"output"},
                                   {"disk", Align::kRight},
                                   {"memory", Align::kRight}};
  if (cuda) columns.push_back({"GPU", Align::kRight});
  columns.push_back({"time", Align::kRight});
  columns.push_back({"verdict"});
  Table table(columns);
  for (const SceneAudit& scene : audit.scenes) table.add_row(row(scene, cuda));
  if (audit.scenes.size() > 1) {
    table.add_rule();
    table.add_row(total_row(audit, add_up(audit)));
  }
  out += table.text();
  put_findings(out, audit);
  return out;
}

}  // namespace vega::extract
