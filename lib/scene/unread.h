// Names in a scene's folder: what is there, what the scan is called, which files nobody reads.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "run/findings.h"

namespace vega::detail {

// Files and folders without hidden ones (such as the "._x.jpg" of other systems), in byte order.
struct Entries {
  std::vector<std::string> files, folders;
  bool has_folder(const std::string& name) const;
};

// Throws InputError: nothing there, a file, no permission.
Entries list_entries(const std::filesystem::path& folder);

// Names that the files of scans have before "_vh_clean_2.ply", ".aggregation.json", ...
std::set<std::string> scan_names(const Entries& entries);

// What the files of the scan in a folder are called: the folder's own name where one of them has
// it, else the one name that they have; several: the folder's, and a warning.
std::string scan_name(const std::filesystem::path& folder, const Entries& entries,
                      Findings& findings);

// Names the files that are neither taken nor the scan's: a warning for those that look like poses,
// cameras, depth, annotation or pictures, a note for others.
void report_unread(const std::filesystem::path& folder, const Entries& entries,
                   const std::set<std::string>& taken, const std::string& scan, Findings& findings);

}  // namespace vega::detail
