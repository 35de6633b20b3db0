// Where METEOR's knowledge of English comes from: the released jar, or WordNet and lists of our
// own.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "metrics/meteor.h"

namespace vega::score {

struct MeteorSource {
  std::string name;     // "meteor-1.5" or "meteor-wordnet"
  std::string missing;  // why it cannot be computed; empty: it can
  metrics::MeteorData data;
  std::map<std::string, std::filesystem::path> files;  // for the record

  std::shared_ptr<const void> index;  // keeps the paraphrases alive
};

inline constexpr const char* kWordNetFolder = "/usr/share/wordnet";

// meteor_folder holds meteor-1.5.jar and data/paraphrase-en.gz, as pycocoevalcap does; empty:
// WordNet 3.0's files in `wordnet_folder` (Debian's package wordnet-base), without paraphrases. The
// index of the paraphrases is built once and kept in ${XDG_CACHE_HOME:-~/.cache}/vega under the
// fingerprint of the file. Throws InputError, FormatError where a given folder lacks a file or
// holds a damaged one; WordNet that is not installed makes `missing`.
MeteorSource open_meteor(const std::filesystem::path& meteor_folder,
                         const std::filesystem::path& wordnet_folder);

}  // namespace vega::score
