#include "score/published.h"

namespace vega::score {
namespace {

struct PublishedFile {
  std::string_view name, text;
};

constexpr PublishedFile kFiles[] = {
#include "score/published.inc"
};

}  // namespace

std::string_view published_file(std::string_view name) {
  for (const PublishedFile& file : kFiles)
    if (file.name == name) return file.text;
  return {};
}

std::vector<std::string_view> published_names() {
  std::vector<std::string_view> out;
  for (const PublishedFile& file : kFiles) out.push_back(file.name);
  return out;
}

std::string_view without_comments(std::string_view csv) {
  while (csv.starts_with('#')) {
    const std::size_t end = csv.find('\n');
    csv.remove_prefix(end == csv.npos ? csv.size() : end + 1);
  }
  return csv;
}

}  // namespace vega::score
