#include "run/output_names.h"

#include <algorithm>
#include <map>

#include "base/error.h"

namespace vega {
namespace fs = std::filesystem;

std::vector<fs::path> output_names(const std::vector<std::string>& inputs, const fs::path& out,
                                   const std::string& option, const std::string& ending,
                                   bool any_name) {
  if (inputs.empty()) throw UsageError(explain("input", "nothing", "FILE..."));
  if (out.empty()) throw UsageError(explain(option, "nothing", "FILE" + ending + " or DIR"));
  const bool folder = fs::is_directory(out) || !out.has_filename();
  if (any_name && inputs.size() == 1 && !folder) return {out};
  if (out.extension() == ending && !folder) {
    if (inputs.size() == 1) return {out};
    throw UsageError(explain(option + " " + out.string(),
                             "one name for " + std::to_string(inputs.size()) + " files", "a folder",
                             "give " + option + " DIR"));
  }
  std::map<std::string, int> stems;
  for (const fs::path input : inputs) ++stems[input.stem().string()];
  std::vector<fs::path> outputs;
  for (const fs::path input : inputs) {
    std::string name = input.stem().string();
    if (stems[name] > 1) name = fs::absolute(input).parent_path().filename().string() + "-" + name;
    const fs::path output = out / (name + ending);
    if (std::find(outputs.begin(), outputs.end(), output) != outputs.end())
      throw UsageError(explain(output.string(), "two inputs", "one input a file"));
    outputs.push_back(output);
  }
  return outputs;
}

}  // namespace vega
