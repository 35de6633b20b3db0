#include "synth/model_writer.h"

#include "base/publish.h"
#include "synth/weight_law.h"
#include "weights/safetensors_writer.h"

namespace vega::synth {
namespace fs = std::filesystem;

std::vector<Row> rows_of(const std::vector<NamedTensor>& tensors, const std::string& prefix,
                         KeyLayout layout) {
  std::vector<Row> rows;
  for (const auto& tensor : tensors)
    rows.push_back({tensor.name(layout), prefix + tensor.canonical, tensor.shape});
  return rows;
}

ModelWriter::ModelWriter(const ModelOptions& options, std::int64_t values)
    : options_(options),
      progress_("writing " + options.preset, "M values", values >> 20, options.progress) {}

void ModelWriter::safetensors(const fs::path& folder, const std::string& stem,
                              const std::vector<Row>& rows, int shards) {
  std::vector<TensorSpec> specs;
  std::uint64_t total = 0;
  for (const auto& row : rows) {
    specs.push_back({row.file_name, options_.dtype, row.shape});
    total += static_cast<std::uint64_t>(element_count(row.shape)) * size_of(options_.dtype);
  }
  make_folder(folder);
  ShardedWriter writer(folder, stem, specs, shards == 1 ? total : total * 7 / 8 / (shards - 1) + 1);
  for (const auto& row : rows) {
    stream_weights(options_.seed, row.law_name, row.shape, options_.dtype,
                   [&](std::span<const std::byte> piece) { writer.write(row.file_name, piece); });
    count(row.shape);
  }
  writer.publish();
}

void ModelWriter::torch(const fs::path& path, const std::vector<Row>& rows) {
  std::vector<TorchEntry> entries;
  for (const auto& row : rows) {
    entries.push_back(
        {{row.file_name, options_.dtype, row.shape}, [this, &row](const ByteSink& sink) {
           stream_weights(options_.seed, row.law_name, row.shape, options_.dtype, sink);
           count(row.shape);
         }});
  }
  write_torch_file(path, entries, true);
}

std::function<void(const NamedTensor&, const ByteSink&)> ModelWriter::source(
    const std::string& prefix) {
  return [this, prefix](const NamedTensor& tensor, const ByteSink& sink) {
    stream_weights(options_.seed, prefix + tensor.canonical, tensor.shape, options_.dtype, sink);
    count(tensor.shape);
  };
}

void ModelWriter::count(const Shape& shape) {
  values_ += element_count(shape);
  progress_.add((values_ >> 20) - shown_);
  shown_ = values_ >> 20;
}

}  // namespace vega::synth
