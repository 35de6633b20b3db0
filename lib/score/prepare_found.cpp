#include "score/prepare_found.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/printable.h"

namespace vega::score {
namespace fs = std::filesystem;

FoundFiles::FoundFiles(fs::path folder, Words words)
    : folder_(std::move(folder)), words_(std::move(words)) {
  if (!folder_.empty() && !fs::is_directory(folder_))
    throw InputError(explain(folder_.string(), "no folder",
                             fmt::format("the folder of the {}s", words_.one), words_.holds));
}

bool FoundFiles::has(const fs::path& name) {
  auto at = there_.find(name);
  if (at == there_.end()) at = there_.emplace(name, is_filled_file(folder_ / name)).first;
  return at->second;
}

void FoundFiles::require(const fs::path& name) {
  if (!has(name))
    throw InputError(explain(printable((folder_ / name).string(), 1024),
                             fmt::format("no {}", words_.one), "the one that the question is about",
                             words_.remedy));
}

std::int64_t FoundFiles::found() const {
  return std::count_if(there_.begin(), there_.end(), [](const auto& one) { return one.second; });
}

}  // namespace vega::score
