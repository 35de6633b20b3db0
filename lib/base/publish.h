// Output files appear whole or not at all: they are written as NAME.part-<host>-<pid>, which is
// locked (flock), synced to disk and renamed. An output that is no regular file is never replaced.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace vega {

// Whether bytes written to `path` pass through it: a terminal, a pipe, a FIFO, /dev/null, a
// descriptor of this process (/dev/stdout, /dev/fd/3), or a link to one of these. A program writes
// to such an output once, at its end. Throws OutputError where nothing can be written: a socket, a
// block device, a loop of links, a descriptor that is not open for writing.
bool is_stream(const std::filesystem::path& path);

// A part file beside its final name. Unless `publish` was called, the destructor removes it.
// Where the final name is a link, the file it leads to is written, in that file's own folder, and
// the link stays. Part files of dead writers of the same name (nobody holds their lock) are removed
// first; in a folder of E files only every E / 64th writer of a process looks for them. On a file
// system without locks, writers are told apart by name alone, and dead part files stay.
class PartFile {
 public:
  // Makes missing parent folders. Throws OutputError (path, reason, remedy), also where the final
  // name is a folder or a stream (is_stream).
  explicit PartFile(std::filesystem::path final_path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  const std::filesystem::path& path() const { return part_; }         // write here
  const std::filesystem::path& final_path() const { return final_; }  // readers look here
  int descriptor() const { return descriptor_; }  // open for reading and writing

  // Writes everything to disk, so that a later publish() returns sooner. Throws OutputError.
  void sync();

  // Syncs the file, renames it over the final name, syncs the folder. Throws OutputError: the old
  // file is intact then, unless only the last step failed; in that case the new file is complete.
  void publish();

 private:
  std::filesystem::path final_, part_;
  int descriptor_ = -1;
};

// Writes a small file (JSON, PNG, text) through a PartFile, or the bytes to a stream (is_stream).
// Whatever had this name is replaced. A file whose name a user typed goes through publish_output
// (run/output_names.h) instead: a slip such as `--report scans.txt` then destroys nothing. Pictures
// that a verb names itself, caches and parts of a folder of its own need no such guard.
// Throws OutputError.
void publish_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void publish_file(const std::filesystem::path& path, std::string_view text);

// Creates a folder and its parents. Throws OutputError.
void make_folder(const std::filesystem::path& path);

// Removes the part files that dead writers left in a folder, whatever their name. A run that finds
// its output complete calls this, because it makes no PartFile that would. Never an error.
void sweep_parts(const std::filesystem::path& folder);

// What a user can do about a failed write, by its errno (0: unknown).
std::string output_remedy(int reason);

}  // namespace vega
