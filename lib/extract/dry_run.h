// `--dry-run` of `vega-extract features` and `vega-extract scene`: what is wrong with each scene,
// and what a run would take. A dry run takes the same steps as a run, but collects what a run would
// stop at. It reads pictures, poses and headers, and no weight.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "extract/forecast.h"
#include "run/run.h"
#include "scene/frame_checks.h"
#include "store/decide.h"

namespace vega::extract {

// The output file of a scene that already exists, against what a run would write. The model's
// fingerprint is taken from that file, because computing it reads the weights.
enum class OutputState {
  kAbsent,
  kComplete,     // same frames and options, all taps
  kTapsMissing,  // the same, some taps
  kOther,        // made with other options or frames; a run refuses it
  kDamaged,      // incomplete or unreadable
  kReplaced,     // anything, with --overwrite
  kUnknown       // the scene cannot be read, so the output is not compared
};

// What lies beside the frames of a scene file. -1: there is none, or it cannot be read.
struct ScanSummary {
  std::string alignment = "none";  // text, frame list, none
  std::int64_t vertices = -1, objects = -1, proposals = -1;
  std::string proposal_source;  // annotation, masks, boxes
  bool dense_ids = true;        // of the annotated objects
};

struct DryScene {
  std::string key, input, output, dialect;
  std::int64_t found = 0, usable = 0;  // frames; usable ones have a finite pose and are candidates
  std::int64_t used = 0, rows = 0;     // frames that a run computes; rows that it writes
  FramesSummary frames;
  std::optional<ScanSummary> scan;  // of scene files
  OutputState existing = OutputState::kUnknown;
  std::vector<std::string> taps;  // of features: those that a run would compute
  Forecast forecast;
  Findings findings;

  bool possible() const { return !findings.has(Severity::kError); }
};

struct DryRun {
  std::string title;              // backbone and recipe, for people
  std::vector<std::string> taps;  // of features; empty: scene files
  Machine machine;
  std::vector<DryScene> scenes;
  Findings findings;  // of the run as a whole

  bool of_features() const { return !taps.empty(); }
  Forecast forecast() const;  // over the scenes that can be done
};

// Looks at every item, one after the other. Prints the table (context.print), and gives the report
// of `how` all of it (docs/formats.md, "Dry runs"). Throws OutputError, Stopped.
RunResult dry_run(DryRun& dry, const ItemList& list, const RunOptions& how, const Context& context,
                  const std::function<DryScene(const Item&)>& look);

// Fills in what a run would do with scene.output. decide: as the run does it; called where the
// output exists, no error was found and `overwrite` is off. What it refuses becomes an error.
void compare_output(DryScene& scene, bool overwrite, const std::function<Decision()>& decide);

// Counts of a scene whose rows use the frames; says where frames fill several rows.
void count_frames(DryScene& scene, std::size_t rows, std::size_t frames);

// A row a scene and a line of totals, the findings below; at most 118 columns but for long keys.
std::string dry_run_table(const DryRun& dry);

std::string_view name_of(OutputState state);  // "absent", "complete", "taps missing", ...

}  // namespace vega::extract
