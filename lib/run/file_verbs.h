// `inspect` and `verify`: the verbs that every program has. Which kinds of files they read is up to
// the program: each kind is a FileReader.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "run/verb.h"

namespace vega {

struct Fault {
  std::filesystem::path path;
  std::string where;  // object in the file: "/taps/rgb/tokens", "line 3"
  std::string what;   // got, expected
};

// One kind of file, or of folder that is looked at as a whole (a model).
struct FileReader {
  std::string kind;                  // for messages: "HDF5 files (.h5)"
  std::vector<std::string> endings;  // files of folders that are read: ".h5"
  std::string file, folder;          // of the examples in --help
  // Whether a file is of this kind, by its name and its first bytes (base/file_kind.h).
  std::function<bool(const std::filesystem::path& path, std::span<const std::byte> head)> fits;
  // Whether a folder is of this kind; its files are not looked at then. Unset: none is.
  std::function<bool(const std::filesystem::path& folder)> fits_folder = {};
  // Both throw InputError.
  std::function<std::string(const std::filesystem::path&path)> inspect, inspect_json;
  // Empty: sound. Never throws for a bad file.
  std::function<std::vector<Fault>(const std::filesystem::path& path)> verify;
};

// Folders of models, each looked at as a whole.
struct ModelFolders {
  std::string kind, name;  // "folders of Wan2.1 models"; of the examples: "Wan2.1-T2V-1.3B"
  std::function<bool(const std::filesystem::path& folder)> fits;
  std::function<Json(const std::filesystem::path& folder)> describe;
  std::function<std::string(const std::filesystem::path& folder)> print;  // for people
  // Reads all of it. Throws an Error that says what is wrong.
  std::function<void(const std::filesystem::path& folder)> check;
};
FileReader reader_of(ModelFolders models);

// program: its name, for the examples. A file that fits none of the readers goes to the first one,
// which says what is wrong with it. readers: at least one.
std::vector<Verb> file_verbs(const std::string& program, std::vector<FileReader> readers);

}  // namespace vega
