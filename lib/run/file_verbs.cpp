#include "run/file_verbs.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/log.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

struct FileOptions {
  std::vector<std::string> inputs;
  bool json = false;
};

using Readers = std::vector<FileReader>;

std::string kinds_of(const Readers& readers) {
  std::string out;
  for (const FileReader& reader : readers) out += (out.empty() ? "" : " or ") + reader.kind;
  return out;
}

bool is_wanted(const fs::path& file, const Readers& readers) {
  for (const FileReader& reader : readers) {
    for (const std::string& ending : reader.endings)
      if (file.extension() == ending) return true;
  }
  return false;
}

// The reader of a whole folder; null: its files are looked at.
const FileReader* folder_reader(const fs::path& folder, const Readers& readers) {
  for (const FileReader& reader : readers)
    if (reader.fits_folder && reader.fits_folder(folder)) return &reader;
  return nullptr;
}

// Files as they are, and folders that a reader takes whole; of other folders everything below that
// is such a folder or has an ending of a reader, in order of name.
std::vector<fs::path> files_of(const std::vector<std::string>& inputs, const Readers& readers) {
  if (inputs.empty()) throw UsageError(explain("input", "nothing", "FILE or DIR"));
  std::vector<fs::path> files;
  for (const fs::path input : inputs) {
    if (!fs::exists(input)) throw InputError(explain(input.string(), "no such file or folder"));
    if (!fs::is_directory(input) || folder_reader(input, readers) != nullptr) {
      files.push_back(input);
      continue;
    }
    const std::size_t first = files.size();
    for (auto entry = fs::recursive_directory_iterator(input);
         entry != fs::recursive_directory_iterator(); ++entry) {
      const bool whole = entry->is_directory() && folder_reader(entry->path(), readers) != nullptr;
      if (whole) entry.disable_recursion_pending();
      if (whole || (entry->is_regular_file() && is_wanted(entry->path(), readers)))
        files.push_back(entry->path());
    }
    if (files.size() == first)
      throw InputError(
          explain(input.string(), "no file below it that can be read here", kinds_of(readers)));
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(first), files.end());
  }
  return files;
}

const FileReader& reader_of(const fs::path& file, const Readers& readers) {
  if (fs::is_directory(file)) return *folder_reader(file, readers);
  std::vector<std::byte> head(kFileKindBytes);
  std::ifstream in(file, std::ios::binary);
  in.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  for (const FileReader& reader : readers)
    if (reader.fits(file, head)) return reader;
  return readers.front();
}

int run_inspect(const FileOptions& options, const Readers& readers, const Context& context) {
  for (const auto& file : files_of(options.inputs, readers)) {
    const FileReader& reader = reader_of(file, readers);
    context.print((options.json ? reader.inspect_json(file) : reader.inspect(file)) + "\n");
  }
  return 0;
}

int run_verify(const FileOptions& options, const Readers& readers, const Context& context) {
  std::size_t bad = 0, count = 0;
  for (const auto& file : files_of(options.inputs, readers)) {
    const auto faults = reader_of(file, readers).verify(file);
    for (const auto& fault : faults)
      context.print(fault.path.string() + (fault.where.empty() ? "" : ": " + fault.where) + ": " +
                    fault.what + "\n");
    if (faults.empty()) context.print(file.string() + ": ok\n");
    bad += faults.empty() ? 0 : 1;
    ++count;
  }
  if (bad == 0) return 0;
  log_error("{} of {} files are faulty; make them again with --overwrite", bad, count);
  return 3;
}

}  // namespace

FileReader reader_of(ModelFolders models) {
  FileReader out;
  out.kind = models.kind;
  out.file = out.folder = models.name;
  out.fits = [](const fs::path&, std::span<const std::byte>) { return false; };
  out.fits_folder = models.fits;
  out.inspect = models.print;
  out.inspect_json = [describe = models.describe](const fs::path& folder) {
    return describe(folder).dump(2);
  };
  out.verify = [check = models.check](const fs::path& folder) -> std::vector<Fault> {
    try {
      check(folder);
    } catch (const Error& error) {
      return {{folder, "", error.what()}};
    }
    return {};
  };
  return out;
}

std::vector<Verb> file_verbs(const std::string& program, std::vector<FileReader> readers) {
  auto options = std::make_shared<FileOptions>();
  const auto known = std::make_shared<const Readers>(std::move(readers));
  const std::string help = kinds_of(*known) + ", or folders that hold them";
  const auto inputs = [options, help](OptionVisitor& v) {
    v.inputs(options->inputs, "PATH...", help.c_str());
  };
  const FileReader& first = known->front();
  Verb inspect{.name = "inspect",
               .summary = "show what a file holds: schema, options, contents, statistics"};
  inspect.details = "Examples:\n  " + program + " inspect " + first.file + "\n  " + program +
                    " inspect --json " + first.folder +
                    " | jq .schema\n\nSee also: verify; docs/formats.md";
  inspect.options = [options, inputs](OptionVisitor& v) {
    inputs(v);
    v.flag("--json", options->json, "one JSON object a file");
  };
  inspect.run = [options, known](const Context& context) {
    return run_inspect(*options, *known, context);
  };
  Verb verify{.name = "verify",
              .summary = "read files whole and check what can be checked; exit 3 at a fault"};
  verify.details = "Examples:\n  " + program + " verify " + first.folder + "\n  " + program +
                   " verify " + first.file + "\n\nSee also: inspect; docs/formats.md";
  verify.options = inputs;
  verify.run = [options, known](const Context& context) {
    return run_verify(*options, *known, context);
  };
  return {inspect, verify};
}

}  // namespace vega
