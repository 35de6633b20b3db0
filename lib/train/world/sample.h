// `vega-train sample`: what a generator has learnt, to look at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/image_types.h"
#include "media/view.h"
#include "run/verb.h"

namespace vega::train {

struct SampleOptions {
  std::vector<std::string> inputs;  // a model's folder, or a run's with a model
  std::string out;                  // .png

  std::int64_t clips = 4, frames = 4, steps = 40;
  double shift = 1;

  std::string denoise;  // frames: a folder, stream or video
  std::string select = "uniform:4";
  std::optional<View> view;  // unset: of the record, else stretch
  std::vector<double> noise{0.1, 0.3, 0.5, 0.7};

  ImageSize size;  // empty: of the record
  std::int64_t seed = 42, tile = 0;
  std::string device = "cpu";
  std::optional<DType> dtype;  // unset: usual_world_type
  std::int64_t batch = 8, threads = 0;

  void visit(OptionVisitor& v);
};

// Draws clips from noise, a row each, or with `denoise` frames that were noised and made clear
// again, and writes the picture. Throws UsageError, InputError (no model; no way from latents back
// to pixels), FormatError, OutputError, DeviceError, Stopped.
RunResult run_sample(const SampleOptions& options, const Context& context);

Verb sample_verb();

}  // namespace vega::train
