// The files that a run trains on, as they were when it began (RUN/data.json): what a run that goes
// on compares them with. Layout: docs/formats.md, vega.run_data/1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace vega::train {

inline constexpr auto kDataFile = "data.json";

struct DataFile {
  std::string kind;  // "annotations", "semantic", "features", "scene", "video", "pictures"
  std::string name;  // key of the scene; of annotations their place in the mixture, from 1
  std::filesystem::path path;
  std::string key;  // of what is in it: cache key, XXH3-128 of annotations, digest of sizes
  std::int64_t bytes = 0, time_ns = 0;  // size and time of the last change
};

// Size and time are looked up. Throws InputError (no such file).
DataFile data_file(std::string kind, std::string name, std::filesystem::path path, std::string key);

// What differs from the files of RUN/data.json, a line each: "a.json: other questions". A handful,
// then how many more. Empty: nothing differs, or the run has no such file.
std::vector<std::string> changed_data(const std::filesystem::path& run,
                                      const std::vector<DataFile>& files);

// Of a run that goes on: files with the key of then and another size or time were written again, or
// changed where they are. Each is read whole and held against its checksums. Throws InputError: one
// that was changed. Then, and where a run begins, writes RUN/data.json; throws OutputError.
void record_data(const std::filesystem::path& run, const std::vector<DataFile>& files);

}  // namespace vega::train
