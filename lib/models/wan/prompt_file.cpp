#include "models/wan/prompt_file.h"

#include <ATen/ATen.h>

#include <fstream>

#include "base/error.h"
#include "core/tensor.h"
#include "store/prompt.h"
#include "weights/torch_file.h"

namespace vega::wan {
namespace fs = std::filesystem;
namespace {

constexpr auto kMake = "make one with: vega-extract prompt --model UMT5 -o prompt.h5";

bool is_hdf5(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  char magic[4] = {};
  in.read(magic, 4);
  return std::string_view(magic, 4) == "\x89HDF";
}

at::Tensor from_hdf5(const fs::path& path) {
  const Prompt prompt = read_prompt(path);
  const TensorView view{DType::kBF16,
                        {prompt.rows, prompt.width},
                        reinterpret_cast<const std::byte*>(prompt.context.data())};
  return owned_float_from(view);
}

at::Tensor from_torch(const fs::path& path) {
  const TensorSet set = read_torch_file(path);
  for (const char* name : {"", "context", "embedding", "prompt_embeds"}) {
    const TensorView* view = set.find(name);
    if (view == nullptr) continue;
    set.verify(name);
    return owned_float_from(*view);
  }
  throw FormatError(explain(path.string(), std::to_string(set.size()) + " tensors of other names",
                            "a tensor, or a dict with context, embedding or prompt_embeds", kMake));
}

// Zero rows at the end are padding, which diffusers' encode_prompt adds up to 512 rows.
at::Tensor without_padding(const at::Tensor& prompt) {
  const at::Tensor filled = prompt.ne(0).any(1).nonzero();
  return prompt.slice(0, 0, filled.numel() > 0 ? filled.max().item<std::int64_t>() + 1 : 1);
}

}  // namespace

at::Tensor read_prompt_file(const fs::path& path, std::int64_t width) {
  if (!fs::exists(path))
    throw InputError(
        explain("--prompt " + path.string(), "no such file", "a .pt or .h5 file", kMake));
  at::Tensor prompt = is_hdf5(path) ? from_hdf5(path) : from_torch(path);
  if (prompt.dim() == 3 && prompt.size(0) == 1) prompt = prompt[0];
  if (prompt.dim() != 2 || prompt.size(0) < 1 || prompt.size(1) != width) {
    throw FormatError(explain(path.string(), to_string(prompt.sizes().vec()),
                              "(rows, " + std::to_string(width) + ")", kMake));
  }
  if (!at::isfinite(prompt).all().item<bool>()) {
    throw InputError(explain(path.string(), "values that are not finite", "an embedding"));
  }
  return without_padding(prompt);
}

fs::path find_prompt(const fs::path& asked, const fs::path& model) {
  if (!asked.empty()) return asked;
  for (const char* name : {"prompt.h5", "prompt.pt", "wan_prompt_embedding.pt"}) {
    if (fs::exists(model / name)) return model / name;
  }
  throw InputError(explain(
      "--prompt",
      "none, and no prompt.h5, prompt.pt or wan_prompt_embedding.pt in " + model.string(),
      "the embedding of the empty text",
      "make it once with: vega-extract prompt --model UMT5 -o " + (model / "prompt.h5").string()));
}

}  // namespace vega::wan
