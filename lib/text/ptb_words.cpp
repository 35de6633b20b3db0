#include "text/ptb_words.h"

#include <algorithm>
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

using AllLists = std::array<std::vector<std::string_view>, kNames.size()>;

AllLists read_lists() {
  AllLists out;
  for (std::string_view rest = kFile; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto name = std::find(kNames.begin(), kNames.end(),
                                line.substr(0, std::min(line.find(':'), line.size())));
    if (name == kNames.end()) continue;
    for (line.remove_prefix(name->size() + 1); !line.empty();) {
      line.remove_prefix(1);  // the blank before each word
      const std::size_t end = std::min(line.find(' '), line.size());
      out[static_cast<std::size_t>(name - kNames.begin())].push_back(line.substr(0, end));
      line.remove_prefix(end);
    }
  }
  return out;
}

}  // namespace

const std::vector<std::string_view>& ptb_words(PtbWords list) {
  static const AllLists all = read_lists();
  return all[static_cast<std::size_t>(list)];
}

}  // namespace vega::text
