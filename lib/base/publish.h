// Outputs appear whole or not at all: written under NAME.part-<host>-<pid>, held by flock, fsynced,
// renamed.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace vega {

// A part file beside its final name. Unless `publish` was called, the destructor removes it.
// Part files of dead writers of the same name (nobody holds their lock) are removed first. On a
// file system without locks the name alone keeps writers apart, and dead part files stay.
class PartFile {
 public:
  // Makes missing parent folders. Throws OutputError (path, reason, remedy).
  explicit PartFile(std::filesystem::path final_path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  const std::filesystem::path& path() const { return part_; }         // write here
  const std::filesystem::path& final_path() const { return final_; }  // readers look here
  int descriptor() const { return descriptor_; }  // open for reading and writing

  // Everything to disk ahead of publish(), which then has little left to wait for. Throws
  // OutputError.
  void sync();

  // fsync, rename over the final name, fsync of the folder. Throws OutputError; the old file is
  // intact then, but where only the last step failed: there the new file stands, whole.
  void publish();

 private:
  std::filesystem::path final_, part_;
  int descriptor_ = -1;
};

// Writes a small file (JSON, PNG, text) through a PartFile. Throws OutputError.
void publish_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void publish_file(const std::filesystem::path& path, std::string_view text);

// Creates a folder and its parents. Throws OutputError.
void make_folder(const std::filesystem::path& path);

// Removes the part files that dead writers left in a folder, whatever their name: a run that finds
// a file complete starts no part file of its own, which would have removed them. Never an error.
void sweep_parts(const std::filesystem::path& folder);

// What a user can do about a failed write, by its errno; 0: unknown.
std::string output_remedy(int reason);

}  // namespace vega
