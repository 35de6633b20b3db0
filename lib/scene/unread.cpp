#include "scene/unread.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/error.h"
#include "base/text.h"

namespace vega::detail {
namespace fs = std::filesystem;
namespace {

// Longer endings come first: "_vh_clean.aggregation.json" ends in ".aggregation.json" too.
constexpr std::array kScanEndings{"_vh_clean_2.0.010000.segs.json",
                                  "_vh_clean.aggregation.json",
                                  "_vh_clean.segs.json",
                                  "_vh_clean_2.labels.ply",
                                  "_vh_clean_2.ply",
                                  "_vh_clean.ply",
                                  ".aggregation.json",
                                  ".mask.npz"};

// Words in names, and endings, of what a scene could be made of.
constexpr std::array kTelling{"pose",      "traj",   "groundtruth", "camera", "intrinsic",
                              "extrinsic", "calib",  "transform",   "align",  "odom",
                              "depth",     "color",  "rgb",         "image",  "frame",
                              "segs.json", "stamps", "aggregation"};
constexpr std::array kTellingEndings{".sens", ".ply", ".obj",  ".npz", ".npy", ".pgm", ".exr",
                                     ".jpg",  ".png", ".jpeg", ".mp4", ".mov", ".avi", ".mkv"};
constexpr std::array kHarmless{"scannetv2-labels.combined.tsv", "objects.json", "thumbs.db",
                               "desktop.ini"};

bool is_harmless(const std::string& name) {
  const std::string small = lower(name);
  return std::find(kHarmless.begin(), kHarmless.end(), small) != kHarmless.end() ||
         small.starts_with("readme") || small.starts_with("license") ||
         small.starts_with("licence") || small.ends_with(".md") || small.ends_with(".html");
}

bool is_telling(const std::string& name) {
  const std::string small = lower(name);
  return std::any_of(kTelling.begin(), kTelling.end(),
                     [&](const char* word) { return small.find(word) != std::string::npos; }) ||
         std::any_of(kTellingEndings.begin(), kTellingEndings.end(),
                     [&](const char* ending) { return small.ends_with(ending); });
}

std::string own_name(const fs::path& folder) {
  const fs::path whole = fs::absolute(folder).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

// Lists few names one by one, many by their ending: "40 files *.npy (000.npy, ...)".
std::string listed(const std::map<std::string, std::vector<std::string>>& by_ending) {
  constexpr std::size_t kNamed = 3;
  std::string text;
  const auto append = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  for (const auto& [ending, names] : by_ending) {
    if (names.size() <= kNamed) {
      for (const std::string& name : names) append(name);
    } else {
      append(fmt::format("{} files *{} ({}, ...)", names.size(), ending, names.front()));
    }
  }
  return text;
}

// One of the scan's files but for capitals: "NAME.TXT".
bool differs_in_case(const std::string& name, const std::string& scan) {
  const auto is = [&](const std::string& read) {
    return name != read && lower(name) == lower(read);
  };
  return is(scan + ".txt") || is(scan + ".sens") ||
         std::any_of(kScanEndings.begin(), kScanEndings.end(),
                     [&](const char* ending) { return is(scan + ending); });
}

}  // namespace

bool Entries::has_folder(const std::string& name) const {
  return std::binary_search(folders.begin(), folders.end(), name);
}

Entries list_entries(const fs::path& folder) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) {
    throw InputError(explain(folder.string(), fs::exists(folder, code) ? "a file" : "nothing there",
                             "a folder with the frames of a scene"));
  }
  Entries out;
  fs::directory_iterator entry(folder, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
    std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name.empty() || name[0] == '.') continue;
    (entry->is_directory(ignored) ? out.folders : out.files).push_back(std::move(name));
  }
  if (code) {
    throw InputError(explain(folder.string(), "a folder that cannot be read: " + code.message(),
                             "read permission"));
  }
  std::sort(out.files.begin(), out.files.end());
  std::sort(out.folders.begin(), out.folders.end());
  return out;
}

std::set<std::string> scan_names(const Entries& entries) {
  std::set<std::string> out;
  for (const std::string& name : entries.files) {
    for (const std::string ending : kScanEndings) {
      if (!name.ends_with(ending)) continue;
      out.insert(name.substr(0, name.size() - ending.size()));
      break;
    }
  }
  return out;
}

std::string scan_name(const fs::path& folder, const Entries& entries, Findings& findings) {
  const std::string own = own_name(folder);
  std::set<std::string> names = scan_names(entries);
  for (const std::string& name : entries.files) {
    const fs::path path(name);
    if (path.extension() == ".sens") names.insert(path.stem().string());
    // The text file alone, as it lies beside exported frames: sceneNNNN_NN.txt, or of its own name.
    if (path.extension() != ".txt") continue;
    const std::string stem = path.stem().string();
    if (stem == own || (stem.size() == 12 && stem.starts_with("scene") && stem[9] == '_'))
      names.insert(stem);
  }
  if (names.empty() || names.contains(own)) return own;
  if (names.size() == 1) {
    findings.add(Severity::kNote, "files", folder.string(),
                 "the files of scan " + *names.begin() + " in a folder of another name");
    return *names.begin();
  }
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  findings.add(Severity::kWarning, "files", folder.string(),
               "files of several scans, of which none is called " + own + " as the folder: " + all,
               "alignment, mesh and annotation are not read: one scan a folder");
  return own;
}

void report_unread(const fs::path& folder, const Entries& entries,
                   const std::set<std::string>& taken, const std::string& scan,
                   Findings& findings) {
  // Folders of which files were taken.
  std::set<std::string> open;
  for (const std::string& name : taken) open.insert(name.substr(0, name.find('/')));
  std::map<std::string, std::vector<std::string>> telling, others;
  for (const std::string& name : entries.files) {
    const bool of_scan = name.starts_with(scan + ".") || name.starts_with(scan + "_");
    const bool misspelt = differs_in_case(name, scan);
    if (!misspelt && (taken.contains(name) || of_scan || is_harmless(name))) continue;
    const std::string ending = fs::path(name).extension().string();
    (misspelt || is_telling(name) ? telling : others)[ending].push_back(name);
  }
  // Unread files of one ending, at least half as many as the files that are read, are probably one
  // for each frame.
  for (auto& [ending, names] : others) {
    if (names.size() < 2 || 2 * names.size() < taken.size()) continue;
    auto& all = telling[ending];
    all.insert(all.end(), names.begin(), names.end());
    names.clear();
  }
  for (const std::string& name : entries.folders) {
    if (!open.contains(name)) (is_telling(name) ? telling : others)["/"].push_back(name + "/");
  }
  const auto add_finding = [&](Severity severity, const auto& names) {
    if (const std::string text = listed(names); !text.empty())
      findings.add(severity, "files", folder.string(), "not read: " + text,
                   "docs/formats.md (Scenes that are read) says which names count");
  };
  add_finding(Severity::kWarning, telling);
  add_finding(Severity::kNote, others);
}

}  // namespace vega::detail
