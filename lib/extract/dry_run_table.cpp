// What a dry run prints: a table with a row a scene, and what was found.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "extract/dry_run.h"
#include "viz/table.h"

namespace vega::extract {
namespace {

constexpr std::size_t kWidth = 118;           // columns
constexpr std::size_t kScenesWithNotes = 20;  // of more scenes the notes stay in the report
constexpr std::size_t kSeveral = 4;           // scenes that share a note
constexpr const char* kNone = "-";

// Appends `first`, then the words of the text in lines of at most kWidth columns, indented below
// it. A word that is longer stays whole.
void append_wrapped(std::string& out, const std::string& first, const std::string& text) {
  const std::string indent(static_cast<std::size_t>(display_width(first)), ' ');
  std::string line;
  std::string_view front = first;
  const auto end_line = [&] {
    out += front;
    out += line + "\n";
    front = indent;
    line.clear();
  };
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n", start), text.size());
    const std::string word = text.substr(start, end - start);
    start = end + 1;
    if (word.empty()) continue;
    const int width = display_width(line) + 1 + display_width(word);
    if (!line.empty() && static_cast<std::size_t>(width) > kWidth - indent.size()) end_line();
    line += (line.empty() ? "" : " ") + word;
  }
  end_line();
}

std::string size_text(double bytes) { return bytes == 0 ? kNone : bytes_text(bytes); }

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

// kNone below `least`.
std::string count_text(std::int64_t count, std::int64_t least = 1) {
  return count < least ? kNone : std::to_string(count);
}

std::string frames_of(std::int64_t used, std::int64_t found) {
  return found == 0 ? kNone : fmt::format("{} of {}", used, found);
}

std::string verdict_of(const Findings& findings) {
  if (const auto n = findings.count(Severity::kError)) return plural(n, "error");
  if (const auto n = findings.count(Severity::kWarning)) return plural(n, "warning");
  return "ok";
}

// Cells of a scene between its source and its output.
std::vector<std::string> own_cells(const DryScene& s) {
  const FramesSummary& seen = s.frames;
  const std::string depth = seen.valid ? fmt::format("{:.0f} %", 100 * *seen.valid) : kNone;
  if (!s.scan)
    return {count_text(s.found), count_text(s.usable), count_text(s.used),
            seen.color.width > 0 ? to_string(seen.color) : kNone, depth};
  const ScanSummary& scan = *s.scan;
  const std::string source = scan.proposal_source == "annotation" ? "gt" : scan.proposal_source;
  const double vertices = static_cast<double>(scan.vertices);
  return {frames_of(s.used, s.found),
          depth,
          vertices < 1e4 ? count_text(scan.vertices, 0) : fmt::format("{:.0f}k", vertices / 1e3),
          count_text(scan.objects, 0),
          scan.proposals < 0 ? kNone : fmt::format("{} {}", scan.proposals, source),
          scan.alignment == "none"         ? kNone
          : scan.alignment == "frame list" ? "list"
                                           : scan.alignment};
}

std::vector<std::string> amount_cells(const Forecast& f, const DryRun& dry) {
  std::vector<std::string> out{size_text(f.output_bytes)};
  if (dry.of_features()) out.push_back(size_text(f.host_bytes));
  if (dry.machine.cuda) out.push_back(size_text(f.device_bytes));
  out.push_back(seconds_text(f.seconds));
  return out;
}

Table scene_table(const DryRun& dry) {
  std::vector<TableColumn> columns{{"scene"}, {"source"}};
  const auto right = [&](std::initializer_list<const char*> titles) {
    for (const char* title : titles) columns.push_back({title, Align::kRight});
  };
  if (dry.of_features()) {
    right({"frames", "usable", "used", "picture", "depth"});
  } else {
    right({"frames", "depth", "mesh", "objects", "proposals"});
    columns.push_back({"aligned"});
  }
  columns.push_back({"output"});
  right({"disk"});
  if (dry.of_features()) right({"memory"});
  if (dry.machine.cuda) right({"GPU"});
  right({"time"});
  columns.push_back({"verdict"});
  Table table(columns);
  const auto add = [&](std::vector<std::string> cells, std::vector<std::string> own,
                       const std::string& output, const Forecast& forecast,
                       const std::string& verdict) {
    cells.insert(cells.end(), own.begin(), own.end());
    cells.push_back(output);
    for (std::string& cell : amount_cells(forecast, dry)) cells.push_back(std::move(cell));
    cells.push_back(verdict);
    table.add_row(std::move(cells));
  };
  std::size_t impossible = 0;
  DryScene all;
  if (!dry.of_features()) all.scan.emplace();
  for (const DryScene& s : dry.scenes) {
    add({s.key, s.dialect.empty() ? kNone : s.dialect}, own_cells(s),
        s.existing == OutputState::kUnknown ? kNone : std::string(name_of(s.existing)),
        s.possible() ? s.forecast : Forecast{}, verdict_of(s.findings));
    impossible += s.possible() ? 0 : 1;
    all.found += s.found;
    all.usable += s.usable;
    all.used += s.possible() ? s.used : 0;
  }
  const std::size_t scenes = dry.scenes.size();
  if (scenes < 2) return table;
  std::vector<std::string> totals = own_cells(all);
  for (std::size_t i = dry.of_features() ? 3 : 1; i < totals.size(); ++i) totals[i].clear();
  table.add_rule();
  add({plural(scenes, "scene"), ""}, totals, "", dry.forecast(),
      impossible == 0 ? "ok" : fmt::format("{} of {} fail", impossible, scenes));
  return table;
}

std::string machine_text(const DryRun& dry) {
  const Machine& m = dry.machine;
  const std::string threads = plural(static_cast<std::size_t>(m.workers), "thread");
  if (!dry.of_features()) {
    return fmt::format(
        "Nothing was written. Disk, time and memory ({} at the peak) are estimates, time as "
        "measured on a frame of each scene (1 of {}).",
        bytes_text(dry.forecast().host_bytes), threads);
  }
  if (std::isfinite(m.gemm)) {
    return fmt::format(
        "Time: {} of matrix products were measured here ({}, {}, {}), of which a run "
        "reaches about {:.0f} %. Reading the model comes on top, once; so does the memory of its "
        "mapped file, where there is room.",
        m.gemm >= 1e13 ? fmt::format("{:.0f} TFLOP/s", m.gemm / 1e12)
                       : fmt::format("{:.0f} GFLOP/s", m.gemm / 1e9),
        m.device, m.dtype, m.cuda ? fmt::format("batches of {}", m.workers) : threads,
        100 * m.efficiency);
  }
  if (!m.fault.empty()) return "Time: not known, the device cannot be measured.";
  return fmt::format("Time: decoding and resizing as measured here ({}, {}).", m.device, threads);
}

// The first texts, and how many there are.
std::string shown_list(const std::vector<std::string>& texts, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < std::min(texts.size(), most); ++i)
    out += (i > 0 ? ", " : "") + texts[i];
  return texts.size() > most ? out + fmt::format(", ... ({} in all)", texts.size()) : out;
}

// Paths below the scene's own, relative to it.
std::string shortened(std::string text, const std::string& root) {
  if (root.size() < 2) return text;
  const auto folder = [](const std::string& path) {
    return path.ends_with('/') ? path : path + "/";
  };
  const std::string whole = std::filesystem::absolute(root).lexically_normal().string();
  for (const std::string& below : {folder(whole), folder(root)}) {
    for (std::size_t at = 0; (at = text.find(below, at)) != std::string::npos;) {
      // Not in the middle of another path.
      if (at > 0 && text[at - 1] == '/')
        ++at;
      else
        text.erase(at, below.size());
    }
  }
  for (const char* next : {", ", ": "}) {
    if (text.starts_with(root + next)) text.erase(0, root.size() + 2);
  }
  return text;
}

void append_finding(std::string& out, const Finding& finding, const std::string& root) {
  std::string where = shortened(finding.where, root);
  if (where == root || finding.what.find(finding.where) != std::string::npos) where.clear();
  const std::string text = frames_text(finding) + shortened(finding.what, root);
  const std::string front =
      fmt::format("  {:<8} {:<11} ", name_of(finding.severity), finding.topic);
  append_wrapped(out, front, where.empty() ? text : where + ": " + text);
  if (!finding.remedy.empty())
    append_wrapped(out, std::string(front.size(), ' ') + "-> ", finding.remedy);
}

// Findings of every scene and of the run; notes that several scenes share are said once.
void append_findings(std::string& out, const DryRun& dry) {
  std::map<std::string, std::vector<std::string>> shared;  // notes, and the keys of their scenes
  const auto can_be_shared = [](const Finding& f) {
    return f.severity == Severity::kNote && f.frames.empty();
  };
  for (const DryScene& scene : dry.scenes) {
    for (const Finding& f : scene.findings.list()) {
      if (can_be_shared(f)) shared[f.what].push_back(scene.key);
    }
  }
  std::erase_if(shared, [](const auto& note) { return note.second.size() < kSeveral; });
  std::size_t hidden = 0;
  for (const DryScene& scene : dry.scenes) {
    bool named = false;
    for (const Finding& finding : scene.findings.list()) {
      if (can_be_shared(finding) && shared.contains(finding.what)) continue;
      if (finding.severity == Severity::kNote && dry.scenes.size() > kScenesWithNotes) {
        ++hidden;
        continue;
      }
      if (!named) out += "\n" + scene.key + "  " + scene.input + "\n";
      named = true;
      append_finding(out, finding, scene.input);
    }
  }
  if (!shared.empty()) out += "\nseveral scenes\n";
  for (const auto& [what, keys] : shared) {
    const bool all = keys.size() == dry.scenes.size();
    append_wrapped(out, "  note     ", what + ": " + (all ? "all scenes" : shown_list(keys, 5)));
  }
  if (!dry.findings.list().empty()) out += "\nthe run\n";
  for (const Finding& finding : dry.findings.list()) append_finding(out, finding, "");
  if (hidden > 0) out += "\n" + plural(hidden, "note") + " not shown: see --report FILE.json\n";
}

}  // namespace

std::string dry_run_table(const DryRun& dry) {
  std::string out;
  const bool features = dry.of_features();
  append_wrapped(out, "",
                 fmt::format("Dry run of {}: {}{}",
                             plural(dry.scenes.size(), features ? "scene" : "scene file"),
                             dry.title, features ? "; taps " + shown_list(dry.taps, 8) : ""));
  if (features)
    append_wrapped(out, "",
                   "Nothing was computed, no weight was read. Disk, memory and time are "
                   "estimates.");
  append_wrapped(out, "", machine_text(dry));
  out += "\n" + scene_table(dry).text();
  append_findings(out, dry);
  return out;
}

}  // namespace vega::extract
