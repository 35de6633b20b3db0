#include "text/ptb_words.h"

#include <array>
#include <cstddef>

namespace vega::text {
namespace {

// data/text/ptb_words.txt, as a string.
constexpr std::string_view kFile =
#include "text/ptb_words.inc"
    ;

constexpr std::array<std::string_view, 9> kNames = {
    "Ends",           "EndsCapital", "Keeps",     "KeepsCapital",  "BeforeNumbers",
    "SentenceStarts", "DottedExtra", "KeptWhole", "FileExtensions"};

}  // namespace

std::string_view ptb_words(PtbWords list) {
  const std::string_view name = kNames[static_cast<std::size_t>(list)];
  for (std::string_view rest = kFile; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : rest.size());
    if (line.starts_with(name) && line.substr(name.size()).starts_with(": "))
      return line.substr(name.size() + 2);
  }
  return {};
}

}  // namespace vega::text
