// A folder of outputs that appears whole or not at all: it is filled beside its final name, its
// files and itself are synced, and it is renamed.
#pragma once

#include <filesystem>

namespace vega::train {

// FOLDER.part-HOST-PID. Unless `publish` was called, the destructor removes it.
class PartFolder {
 public:
  // Makes it, empty, and missing parent folders. Throws OutputError.
  explicit PartFolder(std::filesystem::path final_path);
  ~PartFolder();
  PartFolder(const PartFolder&) = delete;
  PartFolder& operator=(const PartFolder&) = delete;

  const std::filesystem::path& path() const { return part_; }  // fill it with publish_file

  // Renames it. The final name must be free, or that of an empty folder; with `replace` a folder
  // that is there is taken away, once the new one stands. Throws OutputError.
  void publish(bool replace = false);

 private:
  std::filesystem::path final_, part_;
  bool published_ = false;
};

// Takes a folder away: it is renamed first, so that half of it never looks like the whole. Where
// that fails a warning is logged.
void remove_whole_folder(const std::filesystem::path& folder);

// Copies a file into a folder under its own name. Throws InputError, OutputError.
void copy_into(const std::filesystem::path& file, const std::filesystem::path& folder);

}  // namespace vega::train
