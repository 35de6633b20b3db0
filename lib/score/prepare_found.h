// Files that questions are about, below a folder: videos, pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace vega::score {

class FoundFiles {
 public:
  // For messages: "video"; what the folder holds; how the files come there.
  struct Words {
    std::string one, holds, remedy;
  };
  // Throws InputError: no such folder. An empty one is none to look in.
  FoundFiles(std::filesystem::path folder, Words words);

  // Whether a file that is not empty has this name below the folder. Each is looked for once.
  bool has(const std::filesystem::path& name);
  // Throws InputError: it has not.
  void require(const std::filesystem::path& name);

  std::int64_t found() const;  // that were looked for and are there

 private:
  std::filesystem::path folder_;
  Words words_;
  std::map<std::filesystem::path, bool> there_;
};

}  // namespace vega::score
