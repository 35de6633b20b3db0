#include "run/output_names.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/publish.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

// Endings of files: `-o room.jpg` is a slip, not a folder of this name.
bool is_file_ending(const std::string& ending) {
  constexpr std::string_view kEndings[] = {".png", ".jpg", ".jpeg", ".svg",  ".pdf",
                                           ".gif", ".tif", ".webp", ".json", ".h5"};
  return std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings);
}

// The text behind `"schema": "` up to the version, in the head of a JSON object; else empty.
std::string_view schema_of(std::string_view json) {
  const auto name = json.find("\"schema\"");
  if (name == json.npos) return {};
  const auto begin = json.find('"', name + 8), end = json.find_first_of("/\"", begin + 1);
  return end == json.npos ? std::string_view() : json.substr(begin + 1, end - begin - 1);
}

enum class Kind { kPng, kPdf, kJson, kText, kBytes };

Kind kind_of(std::string_view head) {
  if (head.starts_with("\x89PNG")) return Kind::kPng;
  if (head.starts_with("%PDF")) return Kind::kPdf;
  if (head.find('\0') != head.npos) return Kind::kBytes;
  const auto first = head.find_first_not_of(" \t\r\n");
  return first != head.npos && (head[first] == '{' || head[first] == '[') ? Kind::kJson
                                                                          : Kind::kText;
}

// A slip in an output's name must not destroy an input.
void refuse_other_kind(const fs::path& path, std::span<const std::byte> bytes) {
  if (is_stream(path)) return;
  std::string old(kFileKindBytes, '\0');
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return;  // none is there; or PartFile says what is wrong
  const ssize_t count = pread(fd, old.data(), old.size(), 0);
  close(fd);
  if (count <= 0 || bytes.empty()) return;
  old.resize(static_cast<std::size_t>(count));
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min(bytes.size(), kFileKindBytes));
  const Kind kind = kind_of(head);
  const bool same = kind == kind_of(old) && (kind != Kind::kJson || schema_of(head).empty() ||
                                             schema_of(head) == schema_of(old));
  if (same || kind == Kind::kBytes) return;
  const std::string_view kinds[] = {"a PNG picture", "a PDF document", "JSON", "a text"};
  std::string wanted(kinds[static_cast<int>(kind)]);
  if (kind == Kind::kJson && !schema_of(head).empty())
    wanted = "JSON of schema " + std::string(schema_of(head));
  throw UsageError(explain(path.string(),
                           file_kind(std::as_bytes(std::span(old.data(), old.size()))).name,
                           "no file, or " + wanted + " that may be replaced",
                           "choose another output path, or remove this file"));
}

}  // namespace

std::vector<fs::path> output_names(const std::vector<std::string>& inputs, const fs::path& out,
                                   const std::string& option, const std::string& ending) {
  if (inputs.empty()) throw UsageError(explain("input", "nothing", "FILE..."));
  if (out.empty()) throw UsageError(explain(option, "nothing", "FILE" + ending + " or DIR"));
  const bool folder = fs::is_directory(out) || !out.has_filename();
  const bool other =
      !folder && (is_file_ending(out.extension().string()) || fs::is_regular_file(out));
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

void publish_output(const fs::path& path, std::span<const std::byte> bytes) {
  refuse_other_kind(path, bytes);
  publish_file(path, bytes);
}

void publish_output(const fs::path& path, std::string_view text) {
  publish_output(path, std::as_bytes(std::span(text.data(), text.size())));
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
