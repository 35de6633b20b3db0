// Published results that come with the program: the files of data/published. Each is a CSV with
// lines of comments ("# ...") in front, which name its source.
#pragma once

#include <string_view>
#include <vector>

namespace vega::score {

// The text of a file, "vsi.csv". Empty: there is none of this name.
std::string_view published_file(std::string_view name);

std::vector<std::string_view> published_names();

// The text behind the lines that begin with '#'.
std::string_view without_comments(std::string_view csv);

}  // namespace vega::score
