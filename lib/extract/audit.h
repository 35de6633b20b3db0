// `vega-extract features --dry-run` and `vega-extract scene --dry-run`: what is wrong with each
// scene, and what a run would take. Reads pictures, poses and headers; no weight.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "extract/audit_estimate.h"
#include "extract/recipe.h"
#include "run/items.h"
#include "run/run.h"
#include "scene/audit_pictures.h"

namespace vega::extract {

// The output file of a scene that already exists, against what a run would write. The model's
// fingerprint is not compared, because computing it reads the weights.
enum class OutputState {
  kAbsent,
  kComplete,     // same frames and options, all taps
  kTapsMissing,  // the same, some taps
  kOther,        // made with other options or frames; a run refuses it
  kDamaged,      // incomplete or unreadable
  kReplaced,     // anything, with --overwrite
  kUnknown       // the scene cannot be read, or the output is not compared
};
std::string_view name_of(OutputState state);  // "absent", "complete", "taps missing", ...

struct OutputAudit {
  OutputState state = OutputState::kUnknown;
  std::vector<std::size_t> wanted;       // taps of the backbone that a run would compute
  std::vector<std::string> differences;  // "shift: file has 5.0, asked 3.0"
  std::string fault;                     // kDamaged: what is wrong
};

// What a scene file is made of beside its frames.
struct ScanAudit {
  std::string alignment = "none";  // text, frame list, none
  std::int64_t vertices = -1;      // of the mesh; -1: there is none, or it cannot be read
  std::int64_t objects = -1;       // annotated; -1: no annotation
  std::int64_t proposals = -1;
  std::string proposal_source;  // annotation, masks, boxes
  bool dense_ids = true;        // of the annotated objects
};

struct SceneAudit {
  std::string key, input, output, dialect;
  std::int64_t found = 0, candidates = 0;  // frames; candidates have a finite pose
  std::int64_t selected = 0, rows = 0;     // frames a run computes; rows it writes
  PictureAudit pictures;
  ScanAudit scan;  // of a dry run of scene files
  OutputAudit existing;
  Forecast estimate;
  Findings findings;

  bool possible() const { return !findings.has(Severity::kError); }
};

struct Audit {
  std::string title;       // backbone and recipe, for people
  bool of_scenes = false;  // scene files, not features: scan, no taps
  std::vector<std::string> taps;
  Machine machine;
  std::vector<SceneAudit> scenes;
  Findings findings;      // of the run as a whole
  bool alone = false;     // one input, not a list
  int exit_code() const;  // 0 all scenes can be extracted, 3 the only one cannot, 4 some cannot
};

// Audits one scene and collects all its faults. Never calls fingerprint() or load() of the
// backbone.
SceneAudit audit_scene(const Item& item, const FeatureOptions& options, const Recipe& recipe,
                       const Backbone& backbone, const Machine& machine,
                       const std::filesystem::path& output, ProgressMode progress);

// Audits every scene. folder: where a run would write KEY.h5.
Audit audit_scenes(const std::vector<Item>& items, const FeatureOptions& options,
                   const Recipe& recipe, const Backbone& backbone,
                   const std::filesystem::path& folder, ProgressMode progress);

// A table with a row a scene and a line of totals, the findings below; at most 118 columns but for
// long keys.
std::string audit_table(const Audit& audit);

// Over the scenes that can be done: sums of disk, time and work, the largest memory.
struct AuditTotals {
  std::int64_t found = 0, candidates = 0, selected = 0;
  Forecast estimate;
  std::size_t impossible = 0, complete = 0;
};
AuditTotals add_up(const Audit& audit);

// Schema "vega.audit/1" (docs/formats.md).
std::string audit_json(const Audit& audit);

// What the disk, the memory and the device lack for the whole run.
Findings run_findings(const Audit& audit);

// The table to context.print, the JSON to `report` where that is not empty. Throws OutputError.
RunResult publish_audit(const Audit& audit, const std::string& report, const Context& context);

// For audit_scene. input_fp: of the frames as selected; header options as a run would write them.
OutputAudit audit_output(const std::filesystem::path& path, const std::string& options_json,
                         const std::string& input_fp, const Backbone& backbone, bool overwrite);

}  // namespace vega::extract
