// Folders of Wan2.1 models for the verbs `inspect` and `verify` (run/file_verbs.h).
#pragma once

#include "run/file_verbs.h"

namespace vega::extract {

// inspect: layout, sizes, and what the model's record says it was trained on; reads headers alone.
// verify: every tensor is there and finite, checksums of the VAE's archive, record, prompt and the
// map from latents to pixels.
FileReader model_reader();

}  // namespace vega::extract
