// Names of the files of a ScanNet scan folder. Source: ScanNet.
#pragma once

#include <filesystem>
#include <string>

namespace vega::scan {

// Paths of the files that are there; empty: absent. NAME is the scan's name.
struct ScanFiles {
  std::string name;
  std::filesystem::path sens;         // NAME.sens
  std::filesystem::path mesh;         // NAME_vh_clean_2.ply
  std::filesystem::path segments;     // NAME_vh_clean_2.0.010000.segs.json
  std::filesystem::path aggregation;  // NAME.aggregation.json, else NAME_vh_clean.aggregation.json
  std::filesystem::path text;         // NAME.txt
  std::filesystem::path labels;  // scannetv2-labels.combined.tsv in the folder or in one of its
                                 // three parents (the user's tree), else in their meta_data/
  std::filesystem::path masks;   // NAME.mask.npz in the folder (LEO's release keeps them in a
                                 // folder of their own)

  bool has_annotation() const { return !segments.empty() && !aggregation.empty(); }
};

// Looks into `folder`; `name` empty: the folder's own name. Opens nothing. Throws InputError when
// the folder is not there.
ScanFiles find_scan_files(const std::filesystem::path& folder, std::string name = {});

}  // namespace vega::scan
