#include "bench/program.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "base/error.h"

namespace vega::bench {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() { fs::create_directories(path_); }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_ = fs::temp_directory_path() / fmt::format("vega-bench-{}", getpid());
};

}  // namespace

int run_in_folder(const std::string& program,
                  const std::function<int(const fs::path& folder)>& work) {
  try {
    const Folder folder;
    return work(folder.path());
  } catch (const Error& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    return 1;
  }
}

}  // namespace vega::bench
