// What `answer --locate` says about the object that a text means.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "geometry/pose.h"

namespace vega::evaluate {

struct Candidate {
  std::int64_t id = 0;  // of the scene file's proposals
  std::string label;    // empty: none is known
  Box box{};            // m, axis-aligned frame
  double score = 0;     // the grounding head's
};

struct Located {
  std::string text;                   // what was asked for
  std::vector<Candidate> candidates;  // best first; all proposals
  // Score of "there is no such object", where the head has one.
  std::optional<double> none;
  Pose aligned_from_scan{};  // the scene file's axis alignment

  // The best candidate, unless `none` scores more or there is none.
  const Candidate* best() const;
};

// Both frames: the axis-aligned box and its eight corners in the frame of the scan.
Json to_json(const Located& located, std::size_t most = 5);
std::string to_text(const Located& located);
// The best box over the scan, in its own frame or the aligned one (evaluate/box_mesh.h).
std::string to_mesh(const Located& located, bool aligned);

}  // namespace vega::evaluate
