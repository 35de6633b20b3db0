#include "weights/safetensors_writer.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "weights/detail.h"
#include "weights/safetensors_names.h"

namespace vega {
namespace fs = std::filesystem;
namespace detail = weights_detail;
namespace {

// Large elements first, then by name.
std::vector<const TensorSpec*> in_file_order(const std::vector<TensorSpec>& tensors) {
  std::vector<const TensorSpec*> order;
  for (const auto& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorSpec* a, const TensorSpec* b) {
    const auto size_a = size_of(a->dtype), size_b = size_of(b->dtype);
    return size_a != size_b ? size_a > size_b : a->name < b->name;
  });
  return order;
}

std::uint64_t bytes_of(const TensorSpec& spec) {
  return TensorView{spec.dtype, spec.shape, nullptr}.bytes();
}

void check_utf8(const std::string& text, const fs::path& path) {
  if (is_utf8(text)) return;
  throw InputError(
      explain(path.string(), "a tensor name or metadata that is not UTF-8", "UTF-8", "rename it"));
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(fs::path path, const std::vector<TensorSpec>& tensors,
                                     const std::map<std::string, std::string>& metadata)
    : part_(std::move(path)) {
  Json header = Json::object();
  if (!metadata.empty()) header.add("__metadata__", metadata);
  for (const auto& [key, value] : metadata) {
    check_utf8(key, part_.final_path());
    check_utf8(value, part_.final_path());
  }
  std::uint64_t end = 0;
  for (const auto* spec : in_file_order(tensors)) {
    const auto size = bytes_of(*spec);
    if (spec->name == "__metadata__" || !slots_.try_emplace(spec->name, Slot{end, size, 0}).second)
      throw InputError(explain(detail::where(part_.final_path(), spec->name),
                               "a name that is taken", "unique names", "rename it"));
    check_utf8(spec->name, part_.final_path());
    header.add(spec->name, {{"dtype", safetensors_dtype_name(spec->dtype)},
                            {"shape", spec->shape},
                            {"data_offsets", Json::list({end, end + size})}});
    end += size;
  }
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t size = text.size();
  detail::write_at(part_.descriptor(), part_.path(), std::as_bytes(std::span(&size, 1)), 0);
  detail::write_at(part_.descriptor(), part_.path(), detail::as_bytes(text), 8);
  for (auto& entry : slots_) entry.second.begin += 8 + size;
}

SafetensorsWriter::~SafetensorsWriter() = default;

void SafetensorsWriter::write(const std::string& name, std::span<const std::byte> piece) {
  const auto place = slots_.find(name);
  const auto where = detail::where(part_.final_path(), name);
  if (place == slots_.end())
    throw InputError(explain(where, "a tensor that was not declared", "a declared name"));
  auto& slot = place->second;
  if (piece.size() > slot.size - slot.written)
    throw InputError(explain(where, std::to_string(slot.written + piece.size()) + " bytes",
                             std::to_string(slot.size) + " as declared"));
  detail::write_at(part_.descriptor(), part_.path(), piece, slot.begin + slot.written);
  slot.written += piece.size();
}

void SafetensorsWriter::publish() {
  for (const auto& [name, slot] : slots_) {
    if (slot.written != slot.size)
      throw InputError(explain(detail::where(part_.final_path(), name),
                               std::to_string(slot.written) + " bytes written",
                               std::to_string(slot.size) + " as declared"));
  }
  part_.publish();
}

ShardedWriter::ShardedWriter(fs::path folder, std::string stem,
                             const std::vector<TensorSpec>& tensors, std::uint64_t max_shard_bytes,
                             const std::map<std::string, std::string>& metadata)
    : folder_(std::move(folder)), stem_(std::move(stem)) {
  std::vector<std::vector<TensorSpec>> groups(1);
  std::uint64_t filled = 0;
  for (const auto& spec : tensors) {
    const auto size = bytes_of(spec);
    if (!groups.back().empty() && filled + size > max_shard_bytes) {
      groups.emplace_back();
      filled = 0;
    }
    if (!shard_of_.try_emplace(spec.name, groups.size() - 1).second)
      throw InputError(explain(detail::where(folder_ / stem_, spec.name), "a name that is taken",
                               "unique names", "rename it"));
    groups.back().push_back(spec);
    filled += size;
    total_bytes_ += size;
  }
  const auto digits = [](std::size_t n) {
    const auto text = std::to_string(n);
    return std::string(text.size() < 5 ? 5 - text.size() : 0, '0') + text;
  };
  for (std::size_t k = 0; k < groups.size(); ++k) {
    const auto name = groups.size() == 1 ? stem_ + ".safetensors"
                                         : stem_ + "-" + digits(k + 1) + "-of-" +
                                               digits(groups.size()) + ".safetensors";
    paths_.push_back(folder_ / name);
    shards_.push_back(std::make_unique<SafetensorsWriter>(paths_.back(), groups[k], metadata));
  }
}

ShardedWriter::~ShardedWriter() = default;

void ShardedWriter::write(const std::string& name, std::span<const std::byte> piece) {
  const auto place = shard_of_.find(name);
  if (place == shard_of_.end())
    throw InputError(explain(detail::where(folder_ / stem_, name), "a tensor that was not declared",
                             "a declared name"));
  shards_[place->second]->write(name, piece);
}

std::vector<fs::path> ShardedWriter::publish() {
  for (auto& shard : shards_) shard->publish();
  auto files = paths_;
  const auto index = folder_ / (stem_ + ".safetensors.index.json");
  if (shards_.size() == 1) {
    std::error_code ignored;
    fs::remove(index, ignored);
    return files;
  }
  Json map = Json::object();
  for (const auto& [name, shard] : shard_of_) map.add(name, paths_[shard].filename().string());
  const Json json{{"metadata", {{"total_size", total_bytes_}}}, {"weight_map", std::move(map)}};
  publish_file(index, json.dump(2) + "\n");
  files.push_back(index);
  return files;
}

void write_safetensors(const fs::path& path, const std::map<std::string, TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<TensorSpec> specs;
  for (const auto& [name, view] : tensors) specs.push_back({name, view.dtype, view.shape});
  SafetensorsWriter writer(path, specs, metadata);
  for (const auto& [name, view] : tensors) writer.write(name, {view.data, view.bytes()});
  writer.publish();
}

}  // namespace vega
