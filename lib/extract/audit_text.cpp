// What the tables of dry runs share: amounts, broken lines, findings.
#include "extract/audit_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "viz/table.h"

namespace vega::extract {
namespace {

constexpr std::size_t kWidth = 118;  // columns
// Of more scenes than these the notes stay in the report.
constexpr std::size_t kScenesWithNotes = 20;
constexpr std::size_t kSeveral = 4;  // scenes that share a note

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

// Paths below the scene's own are told relative to it.
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

}  // namespace

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

std::string count_text(std::int64_t count) { return count == 0 ? kNone : std::to_string(count); }

std::string verdict(const Findings& findings) {
  if (const auto n = findings.count(Severity::kError)) return plural(n, "error");
  if (const auto n = findings.count(Severity::kWarning)) return plural(n, "warning");
  return "ok";
}

void put(std::string& out, const std::string& first, const std::string& text) {
  std::string front = first;
  const std::string indent(static_cast<std::size_t>(display_width(first)), ' ');
  for (const std::string& line : wrapped(text, kWidth - indent.size())) {
    out += front + line + "\n";
    front = indent;
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

}  // namespace vega::extract
