#include "store/decide.h"

#include <optional>
#include <set>

#include "base/error.h"
#include "base/json.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr const char* kRemedy =
    "pass --overwrite to compute it again, or choose another -o or --tag";

std::string text_of(const Json& value) { return value.text_or(value.dump()); }

void compare(const std::string& name, const Json* file, const Json* asked,
             std::vector<std::string>& lines) {
  if (file != nullptr && asked != nullptr && *file == *asked) return;
  if (file != nullptr && asked != nullptr && file->is_object() && asked->is_object()) {
    std::set<std::string> names;
    for (const auto& member : file->members()) names.insert(member.name);
    for (const auto& member : asked->members()) names.insert(member.name);
    for (const auto& inner : names) {
      compare(name.empty() ? inner : name + "." + inner, file->find(inner), asked->find(inner),
              lines);
    }
    return;
  }
  lines.push_back(name + ": file has " + (file != nullptr ? text_of(*file) : "no such option") +
                  ", asked " + (asked != nullptr ? text_of(*asked) : "without it"));
}

void compare_fingerprints(const char* name, const std::string& file, const std::string& asked,
                          std::vector<std::string>& lines) {
  if (file == asked || (file.empty() && asked.empty())) return;
  const auto text = [](const std::string& fp) { return fp.empty() ? "none" : fp; };
  lines.push_back(std::string(name) + ": file has fingerprint " + text(file) + ", asked " +
                  text(asked));
}

std::vector<std::string> differences(const FileHeader& file, const FileHeader& asked) {
  auto lines = option_differences(file.options_json, asked.options_json);
  compare_fingerprints("model", file.model_fp, asked.model_fp, lines);
  compare_fingerprints("input frames", file.input_fp, asked.input_fp, lines);
  if (lines.empty()) {
    lines.push_back("the options agree; the input frames, the model or the program differ");
  }
  return lines;
}

[[noreturn]] void refuse(const fs::path& path, const std::vector<std::string>& lines) {
  std::string text =
      path.string() + ": a file made with other options is there; nothing was changed";
  for (const auto& line : lines) text += "\n  " + line;
  throw RefusedError(text + "\n  " + kRemedy);
}

// The open, complete file of that schema.
h5::File open_existing(const fs::path& path, const std::string& schema) {
  try {
    h5::File file = h5::File::open(path);
    require_complete(file, schema);
    return file;
  } catch (const FormatError& error) {
    throw FormatError(std::string(error.what()) + "; " + kRemedy);
  }
}

// Everything but the taps; nothing when these still have to be looked at.
std::optional<RerunDecision> decide_early(const fs::path& path, bool overwrite) {
  std::error_code error;  // a link to nothing is no file: it will be made where the link leads
  if (!fs::exists(path, error)) return RerunDecision{Decision::kCompute, {}, "no such file yet"};
  if (overwrite)
    return RerunDecision{Decision::kOverwrite, {}, "--overwrite: the old file is replaced"};
  return std::nullopt;
}

FileHeader matching_header(const h5::File& file, const FileHeader& wanted) {
  FileHeader header = read_header(file);
  if (header.cache_key != wanted.cache_key) {
    refuse(file.path(), differences(header, wanted));
  }
  return header;
}

}  // namespace

std::vector<std::string> option_differences(const std::string& file_json,
                                            const std::string& asked_json) {
  const auto file = parse_json(file_json), asked = parse_json(asked_json);
  std::vector<std::string> lines;
  if (file && asked && file->is_object() && asked->is_object()) {
    compare("", &*file, &*asked, lines);
  } else if (file_json != asked_json) {
    lines.push_back("options: file has " + file_json + ", asked " + asked_json);
  }
  return lines;
}

RerunDecision decide(const fs::path& final_path, const FeatureHeader& wanted,
                     std::span<const TapInfo> taps, bool overwrite) {
  if (auto early = decide_early(final_path, overwrite)) return *early;
  const h5::File file = open_existing(final_path, kFeaturesSchema);
  matching_header(file, wanted);
  RerunDecision found{Decision::kSkip, {}, "complete, with the same key"};
  std::vector<std::string> lines;
  for (const auto& tap : taps) {
    const std::string group = "/taps/" + tap.name;
    if (!file.exists(group)) {
      found.missing_taps.push_back(tap.name);
      continue;
    }
    const std::string got = file.read_text(group, "cache_key");
    if (got != tap.cache_key) {
      lines.push_back("tap " + tap.name + ": file has key " + got + ", asked " + tap.cache_key);
    }
  }
  if (!lines.empty()) refuse(final_path, lines);
  if (found.missing_taps.empty()) return found;
  found.decision = Decision::kAddTaps;
  found.reason = "complete, with the same key, but without";
  for (const auto& name : found.missing_taps) found.reason += " " + name;
  return found;
}

RerunDecision decide(const fs::path& final_path, const std::string& schema,
                     const FileHeader& wanted, bool overwrite) {
  if (auto early = decide_early(final_path, overwrite)) return *early;
  const h5::File file = open_existing(final_path, schema);
  matching_header(file, wanted);
  return {Decision::kSkip, {}, "complete, with the same key"};
}

}  // namespace vega
