// From a caption to the words that METEOR compares: option -norm of version 1.5.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vega::metrics {

// Words after which a full stop ends no sentence ("Dr"). Case counts.
struct MeteorPrefixes {
  std::set<std::u32string> always, before_numbers;
};

// Punctuation becomes words of its own; words are lower-cased. Source: meteor-1.5.jar.
std::vector<std::u32string> meteor_words(std::u32string_view caption,
                                         const MeteorPrefixes& prefixes);

}  // namespace vega::metrics
