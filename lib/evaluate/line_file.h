// Files that grow line by line, each line on disk before the next: what a kill or a power failure
// leaves of them is mended by the next run.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace vega::evaluate {

// A file of lines that is on disk as soon as `append` returns. Locked (flock) while it is open.
class LineFile {
 public:
  // Opens or makes it, and removes a last line that a killed run left unfinished; one that is a
  // whole JSON object gets its end. Throws InputError: another process writes it; OutputError.
  explicit LineFile(std::filesystem::path path);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  // `line` without its end. Throws OutputError; the file then ends with a whole line.
  void append(std::string_view line);

  const std::filesystem::path& path() const { return path_; }
  std::size_t mended_bytes() const { return mended_; }  // of the unfinished line

 private:
  void mend();

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::size_t mended_ = 0;
};

// Whether another process holds a LineFile of it.
bool is_being_written(const std::filesystem::path& path);

// All bytes: after a power failure the end of a file may be anything. Throws InputError.
std::string bytes_of_lines(const std::filesystem::path& path);

}  // namespace vega::evaluate
