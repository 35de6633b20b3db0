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

}  // namespace vega::score
