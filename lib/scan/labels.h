// The label table `scannetv2-labels.combined.tsv`: raw category to NYU40 id.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

namespace vega::scan {

class LabelMap {
 public:
  LabelMap() = default;  // empty: every label is 0

  // Columns are found by their header names raw_category and nyu40id. A category that comes twice:
  // the last counts (a dictionary's rule). Throws InputError (cannot be opened), FormatError with
  // the line: a header without these columns, a short line, no number 0..255 in nyu40id, over 16
  // MiB.
  explicit LabelMap(const std::filesystem::path& path);

  std::size_t size() const { return ids_.size(); }
  bool contains(std::string_view label) const;
  // Labels that are absent count as "case", as in the release; 0 where "case" is absent too.
  int nyu40(std::string_view label) const;

 private:
  std::unordered_map<std::string, int> ids_;
};

}  // namespace vega::scan
