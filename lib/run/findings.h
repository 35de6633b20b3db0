// What a verb has to say about an item or about the run: notes, warnings, errors. A dry run
// collects them; a report lists them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vega {

enum class Severity {
  kNote,     // worth knowing
  kWarning,  // something is lost or doubtful, the output can be made
  kError     // the output of this item cannot be made
};
std::string_view name_of(Severity severity);  // "note", "warning", "error"

struct Finding {
  Severity severity = Severity::kNote;
  std::string topic;                 // frames, poses, intrinsics, color, depth, video, alignment,
                                     // noise, output, memory, disk, device
  std::string where;                 // a file or folder
  std::vector<std::int64_t> frames;  // ids, ascending; empty: it is not about single frames
  std::string ranges;                // the same for people: "10-40, 60"
  std::string what, remedy;          // remedy may be empty
};

// "10-40, 60": neighbours in `all` (ascending) make a range. Both ascending; ids of `all` only.
std::string id_ranges(std::span<const std::int64_t> ids, std::span<const std::int64_t> all);

// Findings of one item. Ranges of frames are told by the scene's own numbering.
class Findings {
 public:
  // Ids of all frames that are there, ascending: what counts as neighbours from now on.
  void number(std::vector<std::int64_t> all) { all_ = std::move(all); }

  void add(Severity severity, std::string topic, std::string where, std::string what,
           std::string remedy = {}, std::vector<std::int64_t> frames = {});
  bool has(Severity severity) const;
  std::size_t count(Severity severity) const;
  const std::vector<Finding>& list() const { return list_; }
  void sort();  // errors first, else as they were found

 private:
  std::vector<std::int64_t> all_;
  std::vector<Finding> list_;
};

}  // namespace vega
