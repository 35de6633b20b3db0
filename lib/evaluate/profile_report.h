// A profile as a table, a record and a plot, the published figures beside it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "evaluate/profile_run.h"
#include "viz/canvas.h"
#include "viz/plot.h"
#include "viz/table.h"

namespace vega::evaluate {

// One row of data/published/profiling.csv; kNoNumber: not stated.
struct PublishedProfile {
  std::string name;
  double latency_ms = kNoNumber, memory_gb = kNoNumber, tflops = kNoNumber;
  double vae_ms = kNoNumber, dit_ms = kNoNumber;
};
struct PublishedProfiles {
  std::string source;  // the file's first line of comment
  std::vector<PublishedProfile> rows;
};
// Throws FormatError.
PublishedProfiles read_published_profiles(std::string_view csv);

struct Profile {
  std::string checkpoint, fingerprint, family, device, dtype, size;  // size: of kOnline; or empty
  bool on_cpu = true, made_up = false, trained = true;
  int threads = 1;
  std::int64_t frames = 0, repeats = 0, warmup = 0;
  std::string question;
  std::vector<ProfileRow> rows;  // the baseline first
  PublishedProfiles published;
};

// The rules of counting and measuring, a sentence each, as they stand below the table.
std::vector<std::string> rules_of(const Profile& profile);

Table profile_table(const Profile& profile);
Json to_json(const Profile& profile);  // vega.profile/1

// Latency, memory, TFLOP, VAE and DiT: a row of panels of this machine, one of the paper.
inline constexpr PlotSize kProfilePage{760, 340};
Drawing plot_profile(const Profile& profile);

}  // namespace vega::evaluate
