// Checkpoints in several safetensors files.
#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "weights/detail.h"
#include "weights/safetensors.h"

namespace vega {
namespace fs = std::filesystem;
namespace detail = weights_detail;
namespace {

constexpr std::size_t kMostIndexBytes = 64 << 20;
constexpr int kMostIndexDepth = 8;
constexpr std::size_t kMostFileNameBytes = 255;  // of a file name, NAME_MAX

// tensor name -> shard file name.
using WeightMap = std::map<std::string, std::string>;

fs::path index_path(const fs::path& folder, const std::string& stem) {
  return folder / (stem + ".safetensors.index.json");
}

// A shard must be a plain name: no folders, no "..", not absolute.
void check_inside(const fs::path& index, const std::string& tensor, const std::string& shard) {
  const fs::path path(shard);
  const auto odd = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (shard.empty() || path.is_absolute() || path.filename() != path || shard == "." ||
      shard == ".." || shard.size() > kMostFileNameBytes || std::ranges::any_of(shard, odd)) {
    detail::fail(detail::where(index, tensor), "the shard '" + detail::printable(shard) + "'",
                 "the name of a file in the same folder", "fetch the index again");
  }
}

WeightMap read_weight_map(const fs::path& index) {
  const Json json =
      read_json(index, "an index with \"weight_map\"", {kMostIndexBytes, kMostIndexDepth});
  if (json["weight_map"].members().empty()) {
    detail::fail(index.string(), "JSON without \"weight_map\", or an empty one",
                 "{\"weight_map\": {tensor: file}}", "fetch the index again");
  }
  WeightMap map;
  for (const auto& [tensor, shard] : json["weight_map"].members()) {
    if (shard.text() == nullptr) {
      detail::fail(detail::where(index, tensor), "a shard that is no text", "a file name",
                   "fetch the index again");
    }
    check_inside(index, tensor, *shard.text());
    map.emplace(tensor, *shard.text());
  }
  return map;
}

constexpr const char* kNumbered = R"(-\d{5,9}-of-(\d{5,9})\.safetensors)";  // behind the stem

// Files of the folder that begin with the stem.
std::set<std::string> safetensors_names(const fs::path& folder, const std::string& stem) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with(stem) && name.ends_with(".safetensors")) names.insert(name);
  }
  return names;
}

// The first tensor of each shard, for messages.
std::map<std::string, std::string> shards_of(const WeightMap& map) {
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, shard] : map) shards.try_emplace(shard, tensor);
  return shards;
}

[[noreturn]] void fail_no_shard(const fs::path& path, const std::string& expected) {
  detail::fail(path.string(), "no such file", expected, "fetch the missing shard");
}

// Says which numbered shards beside the index it does not name.
void warn_unnamed(const fs::path& folder, const fs::path& index, const std::string& stem,
                  const std::map<std::string, std::string>& shards) {
  std::string names;
  for (const auto& name : safetensors_names(folder, stem)) {
    if (!shards.contains(name) && std::regex_match(name.substr(stem.size()), std::regex(kNumbered)))
      names += (names.empty() ? "" : ", ") + detail::printable(name);
  }
  if (!names.empty())
    log_warn("{}: shards beside it that it does not name are not read: {}", index.string(), names);
}

std::vector<fs::path> indexed_files(const fs::path& folder, const fs::path& index,
                                    const std::string& stem, const WeightMap& map) {
  std::vector<fs::path> files{index};
  const auto shards = shards_of(map);
  const std::string whole = stem + ".safetensors";
  std::error_code code;
  if (fs::exists(folder / whole, code) && !shards.contains(whole))
    throw InputError(explain(folder.string(),
                             whole + " and " + index.filename().string() + " of other files",
                             "one checkpoint", "remove the one that is not meant"));
  warn_unnamed(folder, index, stem, shards);
  for (const auto& [shard, tensor] : shards) {
    std::error_code error;  // whatever it is, the shard is not there
    if (!fs::is_regular_file(folder / shard, error)) {
      fail_no_shard(folder / shard, "the shard with tensor '" + detail::printable(tensor) +
                                        "' that " + index.filename().string() + " names");
    }
    files.push_back(folder / shard);
  }
  return files;
}

// "STEM-00002-of-00006.safetensors".
std::string shard_name(const std::string& stem, long k, const std::string& digits_of_n) {
  std::string number = std::to_string(k);
  if (number.size() < digits_of_n.size()) number.insert(0, digits_of_n.size() - number.size(), '0');
  return stem + "-" + number + "-of-" + digits_of_n + ".safetensors";
}

// STEM.safetensors and complete series of numbered shards; nothing when there are neither.
std::vector<fs::path> numbered_files(const fs::path& folder, const std::string& stem,
                                     const std::set<std::string>& names) {
  std::vector<fs::path> files;
  if (names.contains(stem + ".safetensors")) files.push_back(folder / (stem + ".safetensors"));
  const std::regex shard(kNumbered);
  std::set<std::string> series;
  for (const auto& name : names) {
    std::smatch match;
    const std::string rest = name.substr(stem.size());
    if (!std::regex_match(rest, match, shard)) continue;
    files.push_back(folder / name);
    if (!series.insert(match[1]).second) continue;
    for (long k = 1; k <= std::stol(match[1]); ++k) {
      const auto other = shard_name(stem, k, match[1]);
      if (!names.contains(other)) fail_no_shard(folder / other, "all shards beside " + name);
    }
  }
  return files;
}

// ", but FILE" where files of another kind of model are there, such as those of a diffusion model.
std::string another_model(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (name == "model_index.json" || name.ends_with(".safetensors")) names.insert(name);
  }
  return names.empty() ? "" : ", but " + *names.begin();
}

}  // namespace

std::vector<fs::path> sharded_files(const fs::path& folder, const std::string& stem) {
  const auto index = index_path(folder, stem);
  if (fs::exists(index)) return indexed_files(folder, index, stem, read_weight_map(index));
  const auto names = safetensors_names(folder, stem);
  if (names.empty()) {
    throw InputError(explain((folder / (stem + "*.safetensors")).string(),
                             "no such file" + another_model(folder), "a checkpoint in safetensors",
                             "check the folder of the model"));
  }
  auto files = numbered_files(folder, stem, names);
  if (files.empty()) {
    for (const auto& name : names) files.push_back(folder / name);
  }
  return files;
}

TensorSet read_sharded(const fs::path& folder, const std::string& stem) {
  const auto index = index_path(folder, stem);
  TensorSet set;
  if (!fs::exists(index)) {
    for (const auto& file : sharded_files(folder, stem)) set.merge(read_safetensors(file));
    return set;
  }
  const auto map = read_weight_map(index);
  set.add_file(index);
  for (const auto& file : indexed_files(folder, index, stem, map)) {
    if (file != index) set.merge(read_safetensors(file));
  }
  for (const auto& [tensor, shard] : map) {
    const bool found = set.find(tensor) != nullptr || set.unreadable().contains(tensor);
    if (!found || set.origin(tensor) != folder / shard) {
      detail::fail(detail::where(folder / shard, tensor), "no such tensor in this shard",
                   "it, as " + index.filename().string() + " says", "fetch index and shards again");
    }
  }
  for (const auto& name : set.names()) {
    if (!map.contains(name)) {
      detail::fail(detail::where(set.origin(name), name), "a tensor that the index does not name",
                   "exactly the tensors of " + index.filename().string(),
                   "fetch index and shards again");
    }
  }
  return set;
}

}  // namespace vega
