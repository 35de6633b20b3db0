#include "train/data_record.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/publish.h"
#include "base/stop.h"
#include "base/text.h"
#include "store/inspect.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr auto kDataSchema = "vega.run_data/1";
constexpr std::size_t kNamedFiles = 5;

using Place = std::pair<std::string, std::string>;  // kind, name

Json json_of(const DataFile& file) {
  return {{"kind", file.kind}, {"name", file.name},   {"path", file.path.string()},
          {"key", file.key},   {"bytes", file.bytes}, {"time_ns", file.time_ns}};
}

// The files of RUN/data.json; nothing where there is none, as in runs of earlier programs.
std::optional<std::map<Place, DataFile>> recorded(const fs::path& run) {
  constexpr JsonLimits kLimits{.bytes = std::size_t{1} << 30, .values = std::size_t{1} << 26};
  std::error_code error;
  const fs::path path = run / kDataFile;
  if (!fs::exists(path, error)) return std::nullopt;
  const Json json = read_json(path, "the files that a run trains on", kLimits);
  if (json["schema"].text_or("") != kDataSchema) return std::nullopt;
  std::map<Place, DataFile> out;
  for (const Json& one : json["files"].elements()) {
    DataFile file{one["kind"].text_or(""),           one["name"].text_or(""),
                  one["path"].text_or(""),           one["key"].text_or(""),
                  one["bytes"].whole().value_or(-1), one["time_ns"].whole().value_or(-1)};
    Place place{file.kind, file.name};
    out.emplace(std::move(place), std::move(file));
  }
  return out;
}

std::string changed_text(const DataFile& file) {
  if (file.kind == "annotations") return file.path.string() + ": other questions or answers";
  if (file.kind == "video") return file.path.string() + ": another size";
  if (file.kind == "pictures")
    return fmt::format("{}: more or fewer pictures, or of other sizes", file.name);
  return file.path.string() + ": made with other options or inputs";
}

// Annotations are read whole at every start, so their key tells all.
bool is_touched(const DataFile& then, const DataFile& now) {
  return now.kind != "annotations" && (then.bytes != now.bytes || then.time_ns != now.time_ns);
}

void check_touched(const fs::path& run, const DataFile& file) {
  check_stop();
  const std::vector<Fault> faults = verify(file.path);
  if (faults.empty()) return;
  throw InputError(
      explain(file.path.string(),
              "values that were changed after the file was made (" + faults[0].what + ")",
              "the values that " + run.string() + " was trained on",
              "bring the old file back, or extract it again with --overwrite"));
}

}  // namespace

DataFile data_file(std::string kind, std::string name, fs::path path, std::string key) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0)
    throw InputError(explain(path.string(), std::strerror(errno), "a file that can be read"));
  constexpr std::int64_t kNanos = 1'000'000'000;
  const std::int64_t time = static_cast<std::int64_t>(info.st_mtim.tv_sec) * kNanos +
                            static_cast<std::int64_t>(info.st_mtim.tv_nsec);
  return {std::move(kind),
          std::move(name),
          std::move(path),
          std::move(key),
          static_cast<std::int64_t>(info.st_size),
          time};
}

std::vector<std::string> changed_data(const fs::path& run, const std::vector<DataFile>& files) {
  auto then = recorded(run);
  if (!then) return {};
  std::vector<std::string> all;
  for (const DataFile& file : files) {
    const auto before = then->find({file.kind, file.name});
    if (before == then->end())
      all.push_back(file.path.string() + ": was not among them");
    else if (before->second.key != file.key)
      all.push_back(changed_text(file));
    if (before != then->end()) then->erase(before);
  }
  for (const auto& [place, file] : *then)
    all.push_back(file.path.string() + ": is not among them any more");
  if (all.size() > kNamedFiles) {
    const std::size_t more = all.size() - kNamedFiles;
    all.resize(kNamedFiles);
    all.push_back(fmt::format("and {} more", plural(more, "file")));
  }
  return all;
}

void record_data(const fs::path& run, const std::vector<DataFile>& files) {
  const auto then = recorded(run);
  std::size_t touched = 0;
  if (then) {
    for (const DataFile& file : files) {
      const auto before = then->find({file.kind, file.name});
      if (before == then->end() || !is_touched(before->second, file)) continue;
      check_touched(run, file);
      ++touched;
    }
    if (touched > 0)
      log_info("{} of the scenes, written again since the run began, with the values of then",
               plural(touched, "file"));
  }
  if (then && touched == 0) return;
  Json list = Json::list();
  for (const DataFile& file : files) list.push(json_of(file));
  publish_file(run / kDataFile,
               Json{{"schema", kDataSchema}, {"files", std::move(list)}}.dump(2) + "\n");
}

}  // namespace vega::train
