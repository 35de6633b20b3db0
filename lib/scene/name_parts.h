// Names of pictures, cut into numbers and the text around them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vega::detail {

// A stem, cut into runs of digits and the text around them: texts has one entry more.
struct Stem {
  std::vector<std::string> texts, runs;
};
Stem cut(const std::string& stem);

// Whether all have the same texts around their numbers.
bool have_one_form(const std::vector<Stem>& stems);

// A run of digits without zeros in front.
std::string_view significant(std::string_view run);

// -1, 0, 1: two runs of digits as numbers of any length.
int compare(std::string_view a, std::string_view b);

// "a" beside "a (1)" or "a_01": stems of which some have one number more at the end. The others get
// 0 in its place. False, and nothing is changed, where the stems differ in more.
bool complete_copies(std::vector<Stem>& stems);

}  // namespace vega::detail
