// Published results that come with the program: the files of data/published. Each is a CSV with
// lines of comments ("# ...") in front, which name its source.
#pragma once

#include <string_view>

namespace vega::score {

// The text of a file, "vsi.csv". Empty: there is none of this name.
std::string_view published_file(std::string_view name);

}  // namespace vega::score
