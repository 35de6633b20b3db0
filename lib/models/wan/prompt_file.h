// The prompt embedding on disk: a .pt (a pickled tensor, or a dict with `context`, `embedding` or
// `prompt_embeds`), or prompt.h5.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace vega::wan {

// (n, width) float32 of a file with (n, width) or (1, n, width). Zero rows at the end are padding
// and left out (one row stays). Throws InputError (not there, not finite), FormatError (not an
// embedding).
at::Tensor read_prompt_file(const std::filesystem::path& path, std::int64_t width);

// `asked` where it is not empty, else prompt.h5, prompt.pt or the release's wan_prompt_embedding.pt
// in the model's folder. Throws InputError with the remedy.
std::filesystem::path find_prompt(const std::filesystem::path& asked,
                                  const std::filesystem::path& model);

}  // namespace vega::wan
