#include "store/checkpoint_file.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "run/provenance.h"
#include "store/columns.h"
#include "store/part_store.h"
#include "store/step_folder.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr const char* kTensors = "/tensors";
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kPieceBytes = std::size_t{64} << 20;

std::string object_of(const std::string& name) { return std::string(kTensors) + "/" + name; }

void check_name(const fs::path& path, const std::string& name) {
  const bool plain = !name.empty() && name != "." && name != ".." &&
                     name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
  if (!plain)
    throw InputError(explain(path.string(), "a tensor named '" + name + "'",
                             "a name without '/' and zero bytes"));
}

// Rows of about 1 MiB together: a chunk of one number would cost more than the number.
std::int64_t rows_per_chunk(const TensorView& view) {
  const std::int64_t rows = view.shape[0];
  const std::size_t row = view.bytes() / static_cast<std::size_t>(rows);
  return std::clamp<std::int64_t>(extent(kChunkBytes / std::max<std::size_t>(row, 1)), 1, rows);
}

void put_tensor(PartStore& store, const std::string& name, const TensorView& view) {
  const std::string object = object_of(name);
  const std::span bytes(view.data, view.bytes());
  if (view.shape.empty() || bytes.empty()) {
    store.file().write_dataset(object, view.dtype, view.shape, bytes);
  } else {
    const std::int64_t rows = view.shape[0], chunk = rows_per_chunk(view);
    const std::size_t row = bytes.size() / static_cast<std::size_t>(rows);
    store.begin_rows(object, view.dtype, view.shape, chunk);
    // Whole chunks at a time: HDF5 would read a chunk again to add to it.
    const std::int64_t step = std::max<std::int64_t>(1, extent(kPieceBytes / row) / chunk) * chunk;
    for (std::int64_t first = 0; first < rows; first += step) {
      const std::int64_t count = std::min(step, rows - first);
      store.put_rows(object, first, count,
                     bytes.subspan(static_cast<std::size_t>(first) * row,
                                   static_cast<std::size_t>(count) * row));
    }
  }
  // HDF5 has no type of its own for truth values.
  if (view.dtype == DType::kBool) store.file().write_text(object, "dtype", "bool");
}

}  // namespace

void write_checkpoint_file(const fs::path& path, const CheckpointInfo& info,
                           const std::map<std::string, TensorView>& tensors) {
  for (const auto& [name, view] : tensors) check_name(path, name);
  FileHeader header;
  header.key = step_name(info.step);
  header.cache_key = info.run;
  PartStore store(path, kCheckpointSchema, header);
  h5::File& file = store.file();
  file.write_text("/", "content", info.content);
  file.write_int("/", "part", info.part);
  file.write_int("/", "of", info.of);
  file.write_int("/", "step", info.step);
  file.make_group(kTensors);
  for (const auto& [name, view] : tensors) put_tensor(store, name, view);
  store.finish(provenance());
}

CheckpointFile::CheckpointFile(const fs::path& path) : file_(h5::File::open(path)) {
  require_complete(file_, kCheckpointSchema);
  info_ = {.content = file_.read_text("/", "content"),
           .part = file_.read_int("/", "part"),
           .of = file_.read_int("/", "of"),
           .step = file_.read_int("/", "step"),
           .run = read_header(file_).cache_key};
  if (info_.part < 0 || info_.part >= info_.of || info_.step < 0)
    throw FormatError(explain(path.string(),
                              "part " + std::to_string(info_.part) + " of " +
                                  std::to_string(info_.of) + ", step " + std::to_string(info_.step),
                              "a part below the number of parts, a step from 0 on"));
  if (!file_.exists(kTensors))
    throw FormatError(explain(path.string(), "no group /tensors", "a file that training wrote"));
  for (const std::string& name : file_.children(kTensors)) {
    const std::string object = object_of(name);
    if (!file_.is_dataset(object))
      throw FormatError(explain(path.string() + ": " + object, "a group", "a tensor"));
    const h5::DatasetInfo found = file_.info(object);
    const bool is_bool = found.dtype == DType::kU8 && file_.has_attribute(object, "dtype") &&
                         file_.read_text(object, "dtype") == "bool";
    entries_[name] = {is_bool ? DType::kBool : found.dtype, found.shape};
  }
}

CheckpointFile::Tensor CheckpointFile::read(const std::string& name) const {
  const auto at = entries_.find(name);
  if (at == entries_.end())
    throw FormatError(
        explain(path().string(), "no tensor " + name,
                "it among the " + std::to_string(entries_.size()) + " tensors of this file"));
  const auto bytes =
      std::make_shared<const std::vector<std::byte>>(file_.read_dataset(object_of(name)));
  return {{at->second.dtype, at->second.shape, bytes->data()}, bytes};
}

std::map<std::string, CheckpointFile::Tensor> CheckpointFile::read_all() const {
  std::map<std::string, Tensor> out;
  for (const auto& [name, entry] : entries_) out.emplace(name, read(name));
  return out;
}

}  // namespace vega
