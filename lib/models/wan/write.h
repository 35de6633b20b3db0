// Writes the folder of a Wan2.1 text-to-video model, in either layout, under the names of names.h.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/choice.h"
#include "base/dtype.h"
#include "models/wan/config.h"
#include "models/wan/linear_vae.h"
#include "models/wan/record.h"
#include "nn/named_tensors.h"
#include "nn/weight_table.h"
#include "weights/torch_writer.h"

namespace vega::wan {

enum class ModelLayout { kOriginal, kDiffusers };
inline constexpr Choice<ModelLayout> kModelLayouts[] = {
    {ModelLayout::kOriginal, "original",
     "as Wan-AI/Wan2.1-T2V-1.3B: config.json, diffusion_pytorch_model.safetensors, Wan2.1_VAE.pth"},
    {ModelLayout::kDiffusers, "diffusers", "model_index.json, transformer/, vae/"}};

// Gives the elements of one tensor (canonical name and shape in it) to the sink, in C order and in
// the type of the file, in as many pieces as it likes.
using TensorSource = std::function<void(const NamedTensor& tensor, const ByteSink& sink)>;

// The element types of a model's files: one for all tensors but those that are named.
struct StoredTypes {
  StoredTypes(DType all = DType::kBF16) : usual(all) {}
  DType of(const std::string& name) const {  // a canonical name of the transformer or the VAE
    const auto found = others.find(name);
    return found == others.end() ? usual : found->second;
  }
  DType usual;  // f32, f16 or bf16, as the others
  std::map<std::string, DType> others;
};

struct ModelFiles {
  ModelLayout layout = ModelLayout::kOriginal;
  DitConfig dit;
  VaeConfig vae;
  StoredTypes types = DType::kF32;
  int dit_shards = 1;  // files of the transformer, at least 1
  TensorSource dit_source, vae_source;
};

// Writes the weights and, in the diffusers layout, vae/config.json and model_index.json. Files
// appear whole or not at all, and replace those of the same name. Throws InputError (a source gives
// too few bytes or too many), OutputError.
void write_model_weights(const std::filesystem::path& folder, const ModelFiles& files);

// The configuration of the transformer. It is written last, because without it the folder is no
// model. Throws OutputError.
void write_model_config(const std::filesystem::path& folder, ModelLayout layout,
                        const DitConfig& config);

// A whole model that vega-extract and diffusers read: weights, configuration, prompt.h5,
// pixels.safetensors where the VAE has the way back, and the record (its pixel_map is set here).
// folder: made where it is not there; train/part_folder.h makes the whole appear at once.
// dit: exactly the tensors of dit_tensors(config), of any floating type; the VAE as in LinearVae.
// types: what both are rounded to; the VAE's own types (LinearVae::types) come first. prompt
// (n, text_dim): what the text parts read; undefined: one row of zeros, for a network whose text
// parts are silent. Rows that bfloat16 does not hold go to prompt.pt, float32, in place of
// prompt.h5. Throws InputError (a tensor that is missing, unknown, of another shape or not finite,
// named), OutputError.
void write_wan_model(const std::filesystem::path& folder, ModelLayout layout,
                     const DitConfig& config, const WeightTable& dit, const LinearVae& vae,
                     const ModelRecord& record, StoredTypes types = {},
                     const at::Tensor& prompt = {});

// Views on the tensors of a table, which must outlive them and lie contiguous on the CPU: what
// VaeEncoder and Dit are made of. Throws InputError.
WeightViews views_of(const WeightTable& weights);

}  // namespace vega::wan
