// The files of a made-up checkpoint: rows of tensors whose values follow the weight law.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "nn/named_tensors.h"
#include "synth/model.h"
#include "weights/torch_writer.h"

namespace vega::synth {

// One tensor to make up: the name in the file, the canonical name that its values hang on, the
// shape.
struct Row {
  std::string file_name, law_name;
  Shape shape;
};

// `prefix` stands before the canonical names in the law.
std::vector<Row> rows_of(const std::vector<NamedTensor>& tensors, const std::string& prefix,
                         KeyLayout layout);

class ModelWriter {
 public:
  // values: how many the whole model has, for the progress bar.
  ModelWriter(const ModelOptions& options, std::int64_t values);

  // `shards` files of about the same size and an index, or one without. Throws OutputError.
  void safetensors(const std::filesystem::path& folder, const std::string& stem,
                   const std::vector<Row>& rows, int shards);

  // One file as torch.save writes it. Throws OutputError.
  void torch(const std::filesystem::path& path, const std::vector<Row>& rows);

  // The same values for another writer, which must not outlive this one.
  std::function<void(const NamedTensor&, const ByteSink&)> source(const std::string& prefix);

 private:
  void count(const Shape& shape);

  const ModelOptions& options_;
  Progress progress_;
  std::int64_t values_ = 0, shown_ = 0;
};

}  // namespace vega::synth
