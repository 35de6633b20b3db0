#include "store/file_verbs.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "store/inspect.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

struct FileOptions {
  std::vector<std::string> inputs;
  bool json = false;
};

// Files as they are; of folders every .h5 file below, in order of name.
std::vector<fs::path> files_of(const std::vector<std::string>& inputs) {
  if (inputs.empty()) throw UsageError(explain("input", "nothing", "FILE or DIR"));
  std::vector<fs::path> files;
  for (const fs::path input : inputs) {
    if (!fs::exists(input)) throw InputError(explain(input.string(), "no such file or folder"));
    if (!fs::is_directory(input)) {
      files.push_back(input);
      continue;
    }
    const std::size_t first = files.size();
    for (const auto& entry : fs::recursive_directory_iterator(input)) {
      if (entry.is_regular_file() && entry.path().extension() == ".h5")
        files.push_back(entry.path());
    }
    if (files.size() == first)
      throw InputError(explain(input.string(), "no .h5 file below it", "vega files"));
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(first), files.end());
  }
  return files;
}

int run_inspect(const FileOptions& options, const Context& context) {
  for (const auto& file : files_of(options.inputs))
    context.print((options.json ? inspect_json(file) : inspect(file)) + "\n");
  return 0;
}

int run_verify(const FileOptions& options, const Context& context) {
  std::size_t bad = 0, count = 0;
  for (const auto& file : files_of(options.inputs)) {
    const auto faults = verify(file);
    for (const auto& fault : faults)
      context.print(fault.path.string() + (fault.where.empty() ? "" : ": " + fault.where) + ": " +
                    fault.what + "\n");
    if (faults.empty()) context.print(file.string() + ": ok\n");
    bad += faults.empty() ? 0 : 1;
    ++count;
  }
  if (bad == 0) return 0;
  log_error("{} of {} files are faulty; compute them again with --overwrite", bad, count);
  return 3;
}

}  // namespace

std::vector<Verb> file_verbs(const std::string& program) {
  auto options = std::make_shared<FileOptions>();
  const auto inputs = [options](OptionVisitor& v) {
    v.inputs(options->inputs, "PATH...", "vega HDF5 files, or folders that hold them");
  };
  Verb inspect{.name = "inspect",
               .summary = "show what a file holds: schema, key, options, datasets, statistics"};
  inspect.details = "Examples:\n  " + program +
                    " inspect features/rgb-832x480-mllm-14x14/room.h5\n  " + program +
                    " inspect --json features | jq .options\n\nSee also: verify; docs/formats.md";
  inspect.options = [options, inputs](OptionVisitor& v) {
    inputs(v);
    v.flag("--json", options->json, "one JSON object a file");
  };
  inspect.run = [options](const Context& context) { return run_inspect(*options, context); };
  Verb verify{.name = "verify",
              .summary = "read files whole and check every checksum; exit 3 at a fault"};
  verify.details =
      "Examples:\n  " + program + " verify features\n  " + program +
      " verify features/rgb-832x480-mllm-14x14/room.h5\n\nSee also: inspect; docs/formats.md";
  verify.options = inputs;
  verify.run = [options](const Context& context) { return run_verify(*options, context); };
  return {inspect, verify};
}

}  // namespace vega
