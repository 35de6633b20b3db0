// The prompt embedding of the empty text, without tokeniser, GPU or most of the text encoder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

namespace vega::umt5 {

// The empty text is one token (EOS, id 1). All other keys are masked, so attention returns that
// token's value vector, and q, k and the relative bias drop out: x = E[1]; per layer x += O V
// rms(x); x += gated FFN(rms(x)); final rms. Arithmetic in float32 on the stored weights, streamed
// once; at most one matrix is in memory. Right, but not bit-equal to the file VEGA ships, which was
// exported in bf16 arithmetic throughout (1-2 % away).
//
// `model`: models_t5_umt5-xxl-enc-bf16.pth, the folder that holds it, a diffusers folder with
// text_encoder/, or that folder itself. `progress` is called after each layer (done, layers).
// Returns the embedding, `dim` values (4096 for UMT5-XXL). Throws InputError, FormatError.
// Source: Wan-Video/Wan2.1 modules/t5.py.  Oracle: tests/ref/umt5_ref.h.
std::vector<float> empty_prompt(
    const std::filesystem::path& model,
    const std::function<void(std::int64_t, std::int64_t)>& progress = {});

// The files that empty_prompt reads. Headers only. Throws likewise.
std::vector<std::filesystem::path> weight_files(const std::filesystem::path& model);

}  // namespace vega::umt5
