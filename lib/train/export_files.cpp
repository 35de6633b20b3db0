#include "train/export_files.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/publish.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "text/tokenizer_file.h"
#include "train/part_folder.h"
#include "weights/safetensors_writer.h"
#include "weights/torch_writer.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

bool is_float(DType dtype) {
  return dtype == DType::kBF16 || dtype == DType::kF16 || dtype == DType::kF32 ||
         dtype == DType::kF64;
}

DType stored_type(const TensorView& view, DType dtype) {
  return is_float(view.dtype) ? dtype : view.dtype;
}

std::vector<TensorSpec> specs_of(const std::vector<Outgoing>& tensors, DType dtype) {
  std::vector<TensorSpec> out;
  for (const Outgoing& one : tensors)
    out.push_back({one.name, stored_type(one.view, dtype), one.view.shape});
  return out;
}

template <typename Write>
void convert(const TensorView& view, DType dtype, const Write& write) {
  if (stored_type(view, dtype) == view.dtype) return write(std::span(view.data, view.bytes()));
  const at::Tensor value = tensor_from(view).to(scalar_type(dtype)).contiguous();
  const TensorView made = view_of(value);
  write(std::span(made.data, made.bytes()));
}

}  // namespace

const char* torch_name(DType dtype) { return dtype == DType::kBF16 ? "bfloat16" : "float32"; }

void write_safetensors(const fs::path& path, const std::vector<Outgoing>& tensors, DType dtype) {
  SafetensorsWriter writer(path, specs_of(tensors, dtype), {{"format", "pt"}});
  for (const Outgoing& one : tensors)
    convert(one.view, dtype, [&](auto bytes) { writer.write(one.name, bytes); });
  writer.publish();
}

void write_torch(const fs::path& path, const std::vector<Outgoing>& tensors, DType dtype) {
  std::vector<TorchEntry> entries;
  for (const Outgoing& one : tensors)
    entries.push_back({{one.name, stored_type(one.view, dtype), one.view.shape},
                       [&one, dtype](const ByteSink& sink) { convert(one.view, dtype, sink); }});
  write_torch_file(path, entries);
}

void write_shards(const fs::path& folder, const std::vector<Outgoing>& tensors, DType dtype,
                  std::int64_t shard_bytes) {
  ShardedWriter writer(folder, "model", specs_of(tensors, dtype),
                       static_cast<std::uint64_t>(shard_bytes), {{"format", "pt"}});
  for (const Outgoing& one : tensors)
    convert(one.view, dtype, [&](auto bytes) { writer.write(one.name, bytes); });
  writer.publish();
}

Json exported_config(const vlm::VlmCheckpoint& c, DType dtype) {
  Json config = read_json(c.config_folder / "config.json", "a model's configuration");
  config.set(config.contains("dtype") ? "dtype" : "torch_dtype", torch_name(dtype));
  config.set("vocab_size", c.config.text.vocab);
  if (!c.modules.initial_values) config.erase("vega_initial_values");
  return config;
}

bool is_tokenizer_file(const std::string& name) {
  return std::ranges::find(text::kTokenizerFiles, name) != text::kTokenizerFiles.end();
}

void copy_side_files(const vlm::VlmCheckpoint& c, const fs::path& folder) {
  // All of one folder: files of two tokenisers contradict each other.
  for (const fs::path& from : {c.path, c.config_folder, c.base}) {
    std::error_code error;
    const bool has = std::ranges::any_of(text::kTokenizerFiles, [&](const char* name) {
      return fs::is_regular_file(from / name, error);
    });
    if (!has) continue;
    for (const char* name : text::kTokenizerFiles)
      if (fs::is_regular_file(from / name, error)) copy_into(from / name, folder);
    break;
  }
  std::error_code error;
  for (const fs::path& file :
       {c.generation_folder / "generation_config.json", c.base / "preprocessor_config.json"})
    if (fs::is_regular_file(file, error)) copy_into(file, folder);
}

}  // namespace vega::train
