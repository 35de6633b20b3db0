// What a verb has to say about an item or about the run: notes, warnings, errors. A run stops at
// the first error, a dry run collects all of them; both say the warnings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

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
                                     // files, objects, noise, output, memory, disk, device
  std::string where;                 // a file or folder
  std::vector<std::int64_t> frames;  // ids, ascending; empty: it is not about single frames
  std::string ranges;                // the same for people: "10-40, 60"
  std::string what, remedy;          // remedy may be empty

  // On one line: "WHERE: frames 10-40, 60: WHAT; REMEDY", without the place where it is `root`.
  std::string line(std::string_view root = {}) const;
};

// "frame 3: ", "frames 10-40, 60: " with at most 60 characters of ranges; empty without frames.
std::string frames_text(const Finding& finding);

// "10-40, 60": neighbours in `all` (ascending) make a range. Both ascending; ids of `all` only.
std::string id_ranges(std::span<const std::int64_t> ids, std::span<const std::int64_t> all);

// Findings of one item. Ranges of frames are told by the scene's own numbering.
class Findings {
 public:
  enum class AtError {
    kCollect,  // a dry run: errors are kept, the work goes on
    kThrow     // a run: an error finding is thrown as InputError
  };
  explicit Findings(AtError at_error = AtError::kCollect) : at_error_(at_error) {}

  bool collects() const { return at_error_ == AtError::kCollect; }

  // Ids of all frames that are there, ascending: what counts as neighbours in ranges from now on.
  void number(std::vector<std::int64_t> all) { all_ = std::move(all); }

  // Throws InputError with the finding on one line (severity kError, AtError::kThrow).
  void add(Severity severity, std::string topic, std::string where, std::string what,
           std::string remedy = {}, std::vector<std::int64_t> frames = {});

  // Runs `part`. Where findings are collected, an InputError that it throws becomes an error
  // finding; else it passes. Returns whether `part` came to its end.
  template <typename Part>
  bool attempt(const std::string& topic, const std::string& where, const Part& part) {
    try {
      part();
      return true;
    } catch (const InputError& error) {
      if (!collects()) throw;
      add(Severity::kError, topic, where, error.what());
      return false;
    }
  }

  bool has(Severity severity) const { return count(severity) > 0; }
  std::size_t count(Severity severity) const;
  const std::vector<Finding>& list() const { return list_; }
  void sort();  // errors first, else as they were found

  // Logs what a run found: "KEY: ...", a line a warning, and one line with all notes. root: of the
  // scene; it is not said again.
  void log(std::string_view key, const std::string& root) const;

 private:
  AtError at_error_;
  std::vector<std::int64_t> all_;
  std::vector<Finding> list_;
};

}  // namespace vega
