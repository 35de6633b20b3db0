#include "scan/files.h"

#include "base/error.h"
#include "scan/detail.h"

namespace vega::scan {
namespace fs = std::filesystem;
namespace {

// The first of the candidates that is a file (or a link to one); empty: none.
fs::path first_of(const std::initializer_list<fs::path>& candidates) {
  std::error_code ignored;
  for (const fs::path& path : candidates) {
    if (fs::is_regular_file(path, ignored)) return path;
  }
  return {};
}

fs::path find_labels(fs::path folder) {
  constexpr const char* kName = "scannetv2-labels.combined.tsv";
  for (int up = 0; up <= 3; ++up) {
    const fs::path found = first_of({folder / kName, folder / "meta_data" / kName});
    if (!found.empty() || !folder.has_relative_path()) return found;
    folder = folder.parent_path();
  }
  return {};
}

}  // namespace

ScanFiles find_scan_files(const fs::path& folder, std::string name) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    throw InputError(explain(folder.string(), "no such folder", "the folder of a ScanNet scan",
                             "check the path"));
  fs::path whole = fs::absolute(folder).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  ScanFiles files;
  files.name = name.empty() ? whole.filename().string() : std::move(name);
  const auto in_folder = [&](const char* suffix) { return folder / (files.name + suffix); };
  files.sens = first_of({in_folder(".sens")});
  files.mesh = first_of({in_folder("_vh_clean_2.ply")});
  files.segments = first_of({in_folder("_vh_clean_2.0.010000.segs.json")});
  files.aggregation =
      first_of({in_folder(".aggregation.json"), in_folder("_vh_clean.aggregation.json")});
  files.text = first_of({in_folder(".txt")});
  files.labels = find_labels(whole);
  files.masks = first_of({in_folder(".mask.npz")});
  return files;
}

}  // namespace vega::scan
