// fuzz_replay SEEDS: gives every file of SEEDS/TARGET/ to that target, without a fuzzer. Fails on
// anything but vega's own errors, on a good file (ok-*) that is refused, a bad one (bad-*) that is
// read, on more than 256 MB of memory or 120 seconds of processor time for one file, and on a
// target without seeds.
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "fuzz/target.h"

namespace fs = std::filesystem;
using vega::fuzz::tally;

#define VEGA_FUZZ_TARGET(name) extern "C" int fuzz_##name(const std::uint8_t*, std::size_t);
#include "fuzz/targets.inc"
#undef VEGA_FUZZ_TARGET

namespace {

struct Target {
  const char* name;
  int (*run)(const std::uint8_t*, std::size_t);
};
constexpr Target kTargets[] = {
#define VEGA_FUZZ_TARGET(name) {#name, fuzz_##name},
#include "fuzz/targets.inc"
#undef VEGA_FUZZ_TARGET
};

#if defined(__SANITIZE_ADDRESS__)
constexpr long kMostMegabytes = 1024;  // shadow, red zones and what is kept back after free
#else
constexpr long kMostMegabytes = 256;
#endif
constexpr double kMostSeconds = 120;  // a hang; inputs take milliseconds

// A field of /proc/self/status in megabytes.
long megabytes_of(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stol(line.substr(field.size() + 1)) / 1024;
  }
  throw std::runtime_error("no " + field + " in /proc/self/status");
}

// Gives back what the file before left over, and forgets the highest memory so far. Returns what is
// still in use.
long reset_peak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
  return megabytes_of("VmRSS");
}

// What is wrong with the target's behaviour on this file; empty: nothing.
std::string problem_with(const Target& target, const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> bytes(std::istreambuf_iterator<char>(in), {});
  tally() = {};
  const long before = reset_peak();
  const std::clock_t begin = std::clock();
  try {
    target.run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  } catch (const std::exception& error) {
    return std::string("an exception that is none of vega's errors: ") + error.what();
  }
  const double seconds = double(std::clock() - begin) / CLOCKS_PER_SEC;
  const long megabytes = megabytes_of("VmHWM") - before;
  const std::string name = file.filename().string();
  if (seconds > kMostSeconds) return "took " + std::to_string(seconds) + " s";
  if (megabytes > kMostMegabytes) return "took " + std::to_string(megabytes) + " MB";
  if (tally().read + tally().refused == 0) return "nothing was tried";
  if (name.starts_with("ok-") && tally().refused > 0) return "refused: " + tally().last;
  if (name.starts_with("bad-") && tally().refused == 0) return "not refused";
  return {};
}

// Returns the number of failures.
int replay(const Target& target, const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  int failures = files.empty() ? 1 : 0;
  if (files.empty()) std::printf("FAILED %s: no seeds\n", folder.c_str());
  for (const auto& file : files) {
    const std::string problem = problem_with(target, file);
    if (problem.empty()) continue;
    std::printf("FAILED %s: %.300s\n", file.c_str(), problem.c_str());
    ++failures;
  }
  std::printf("%-12s %4zu files, %d failed\n", target.name, files.size(), failures);
  return failures;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_replay SEEDS\n");
    return 2;
  }
  int failures = 0;
  for (const Target& target : kTargets) failures += replay(target, fs::path(argv[1]) / target.name);
  return failures == 0 ? 0 : 1;
}
