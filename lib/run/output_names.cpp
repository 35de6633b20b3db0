#include "run/output_names.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>

#include "base/error.h"
#include "base/publish.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

// Names that are no folders, so that `-o room.jpg` is a slip and no folder of this name.
bool is_picture_ending(const std::string& ending) {
  constexpr std::string_view kEndings[] = {".png", ".jpg", ".jpeg", ".svg",  ".pdf",
                                           ".gif", ".tif", ".webp", ".json", ".h5"};
  return std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings);
}

}  // namespace

std::vector<fs::path> output_names(const std::vector<std::string>& inputs, const fs::path& out,
                                   const std::string& option, const std::string& ending) {
  if (inputs.empty()) throw UsageError(explain("input", "nothing", "FILE..."));
  if (out.empty()) throw UsageError(explain(option, "nothing", "FILE" + ending + " or DIR"));
  const bool folder = fs::is_directory(out) || !out.has_filename();
  const bool other =
      !folder && (is_picture_ending(out.extension().string()) || fs::is_regular_file(out));
  const bool dangling = fs::is_symlink(fs::symlink_status(out)) && !fs::exists(out);
  if (!folder && (out.extension() == ending || dangling || is_stream(out))) {
    if (inputs.size() == 1) return {out};
    throw UsageError(explain(option + " " + out.string(),
                             "one name for " + std::to_string(inputs.size()) + " files", "a folder",
                             "give " + option + " DIR"));
  }
  if (other) {
    throw UsageError(explain(option + " " + out.string(), "a file of another kind",
                             "a name that ends in " + ending + ", or a folder"));
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

void refuse_inputs_as_outputs(const std::vector<fs::path>& outputs,
                              const std::vector<fs::path>& inputs) {
  for (const fs::path& output : outputs) {
    for (const fs::path& input : inputs) {
      std::error_code error;
      if (fs::is_regular_file(output, error) && fs::equivalent(output, input, error) && !error)
        throw UsageError(explain(output.string(), "an input of this run", "an output of its own",
                                 "choose another output path"));
    }
  }
}

}  // namespace vega
