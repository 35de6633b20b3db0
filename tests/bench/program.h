// The frame of a benchmark's main().
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace vega::bench {

// Runs `work` in a fresh folder, which is removed at the end, and returns its exit code. An error
// goes to stderr behind the program's name; the exit code is the error's own, 1 where it has none.
int run_in_folder(const std::string& program,
                  const std::function<int(const std::filesystem::path& folder)>& work);

}  // namespace vega::bench
