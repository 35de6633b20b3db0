// Folders of Qwen2.5-VL models, and runs and steps of a training over one, for the verbs `inspect`
// and `verify` (run/file_verbs.h).
#pragma once

#include "run/file_verbs.h"

namespace vega::vlm {

// inspect: layout and sizes, and of a generative branch its settings, whether its transformer was
// trained, and how it differs from the paper's setting; reads headers and a few tensors.
// verify: every tensor is there and finite, the tokeniser can be read.
FileReader qwen_reader();

}  // namespace vega::vlm
