#include "text/ptb_words.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "text/lines.h"

namespace vega::text {
namespace {

// data/text/ptb_words.txt, as a string.
constexpr std::string_view kFile =
#include "text/ptb_words.inc"
    ;

constexpr std::array<std::string_view, 9> kNames = {
    "Ends",           "EndsCapital", "Keeps",     "KeepsCapital",  "BeforeNumbers",
    "SentenceStarts", "DottedExtra", "KeptWhole", "FileExtensions"};

using AllLists = std::array<std::vector<std::string_view>, kNames.size()>;

AllLists read_lists() {
  AllLists out;
  each_line(kFile, [&](std::string_view line, std::size_t) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    const auto name = std::find(kNames.begin(), kNames.end(), line.substr(0, colon));
    if (name != kNames.end())
      out[static_cast<std::size_t>(name - kNames.begin())] = blank_words(line.substr(colon + 1));
  });
  return out;
}

}  // namespace

const std::vector<std::string_view>& ptb_words(PtbWords list) {
  static const AllLists all = read_lists();
  return all[static_cast<std::size_t>(list)];
}

}  // namespace vega::text
