// `vega-eval answer` with Qwen2.5-VL: questions about the frames of a scan or a video.
#pragma once

#include "evaluate/answer_options.h"
#include "run/context.h"

namespace vega::evaluate {

// Reads the frames straight from the scan or video; no file is made. Streams the answers to stdout.
// Returns the exit code: 4 where one of several questions could not be asked. Throws UsageError
// (options that this model has no use for), InputError, FormatError, OutputError, DeviceError,
// Stopped.
int run_answer_frames(const AnswerVerb& options, const Context& context);

}  // namespace vega::evaluate
