// What a run trains on: files of annotations, and how many questions of each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tasks/sample.h"

namespace vega::train {

// Which questions of a file are taken. `percent`: `count` is percent of them, rounded up.
struct Share {
  enum class Kind { kAll, kFirst, kEnd, kRandom };
  Kind kind = Kind::kAll;
  std::int64_t count = 0;
  bool percent = false;

  std::string text() const;  // "first:100", as in the YAML
};

struct MixtureEntry {
  std::filesystem::path annotations;
  tasks::Task task{};
  Share share;
  std::filesystem::path media;  // folder of pictures and videos, of questions about such
};

// A mixture is one of two forms:
//   JSON   [{"annotations": "scanqa_train.json", "task": "scanqa", "count": 100}, ...];
//          count: a number, which takes the first ones, "all" (default), or a share as below
//          Of spar and llava-hound also "media": the folder below which their pictures and videos
//          are (default: that of the annotations)
//   YAML   datasets:
//            - json_path: scanqa_train_llava_style.json
//              sampling_strategy: all          (or first:N, end:N, random:N; N may be 10%)
//          The task is that of the file's questions: metadata.dataset of the first one.
// Relative names are looked for beside the mixture, then from the working folder. Source of the
// YAML: LLaVA-NeXT, llava/train/train.py (LazySupervisedDataset). Throws InputError (no such file),
// FormatError (line or member, what is expected).
std::vector<MixtureEntry> read_mixture(const std::filesystem::path& path);

// "all", "first:100", "end:10%", "random:100". Throws FormatError that begins with `where`.
Share parse_share(const std::string& text, const std::string& where);

// The places that a share takes of `count` questions, ascending. seed: of kRandom, with `name`.
std::vector<std::size_t> taken(const Share& share, std::size_t count, std::uint64_t seed,
                               const std::string& name);

}  // namespace vega::train
