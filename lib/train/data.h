// The samples of a mixture, ready to train on: prompts, targets, where their scenes are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tasks/picture_sample.h"
#include "train/data_record.h"
#include "train/mixture.h"
#include "train/recipe.h"
#include "train/sampler.h"
#include "vlm/scene.h"
#include "vlm/train_model.h"
#include "vlm/visual.h"

namespace vega::train {

struct ScenePlace {
  std::string key;
  std::filesystem::path semantic, generative, scene;  // empty: not needed
  std::int64_t frames = 0;                            // of the features
  std::vector<std::int32_t> object_ids;
  std::vector<std::array<float, 6>> boxes;  // of the objects, m

  // Of pictures and videos, which have none of these files (train/picture_data.h).
  std::vector<std::filesystem::path> pictures;  // those of a folder of frames too
  std::filesystem::path video;
  std::vector<std::int64_t> frame_ids;    // of what is shown; noise and stored features go by them
  std::string noise_key;                  // of Wan's noise; empty: `key`
  std::array<std::int64_t, 2> grid{};     // rows and columns of tokens of each
  std::vector<tasks::PictureMark> marks;  // drawn on them
  std::int64_t picture_tokens = 0;        // of each
  bool shows() const { return picture_tokens > 0; }
  // Tokens of the visual block, or of each picture: what kImageId stands for in a prompt. frames:
  // of the block.
  std::int64_t visual_tokens(const vlm::VlmConfig& config, std::int64_t block_frames) const {
    return shows() ? picture_tokens : vlm::block_length(config, block_frames);
  }
};

// Counts of one entry's questions: read, taken, left out and why.
struct EntryCount {
  MixtureEntry entry;
  std::int64_t read = 0, taken = 0;  // in the file, by the entry's share
  std::int64_t bad = 0;              // records that cannot be asked
  std::int64_t too_long = 0;         // longer than the limit, left out
  std::int64_t cut = 0;              // longer than the limit, kept with what is left (as released)
  std::int64_t no_object = 0;        // whose object the scene does not have
  std::int64_t no_scene = 0;         // of scenes whose files are not there (--skip-missing)
  std::int64_t samples = 0, targets = 0;  // that train
};

struct DataSample {
  vlm::TrainSample sample;  // its weight is set for each step
  std::size_t scene = 0, entry = 0;
  std::int64_t words = 0;    // of both turns
  std::int64_t targets = 0;  // 1 of grounding
  std::int64_t tokens = 0;   // of the sequence
};

struct TrainingData {
  std::vector<ScenePlace> scenes;  // by key
  std::vector<DataSample> samples;
  std::vector<EntryCount> entries;
  std::string digest;           // of the annotations and of the scenes' cache keys
  std::vector<DataFile> files;  // all that were looked at

  std::vector<SampledItem> items() const;
  std::int64_t targets() const;            // of an epoch
  std::vector<std::string> lines() const;  // of each entry, for people
};

// Widths of the features that a checkpoint reads, and the recipe of the generative ones.
struct FeatureKinds {
  std::int64_t semantic_width = 0, generative_width = 0;
  TrainedOn generative;
};
// Of the first file of each folder; 0 where there is none. Throws FormatError, InputError (no such
// tap).
FeatureKinds feature_kinds(const Recipe& recipe);

// Of the run's left-out questions and files; the first ones by name.
// Throws InputError: files are missing, unless they may be skipped; no sample is left.
// remedy: what makes the files.
void say_missing(const Recipe& recipe, const std::vector<std::string>& missing, std::size_t scenes,
                 const std::string& remedy);
void check_samples(const Recipe& recipe, const TrainingData& data, std::int64_t most_tokens);
std::int64_t word_count(const std::string& text);

// `checkpoint` as vlm::planned_checkpoint makes it. Reads annotations, and headers of the scenes'
// files. Throws InputError: files are missing (how many scenes, the first ones); a feature file of
// another recipe than the checkpoint's (both values); no sample is left, or all of them are too
// long; FormatError.
TrainingData read_data(const Recipe& recipe, const vlm::VlmCheckpoint& checkpoint);
// The same of another mixture, for validation.
TrainingData read_data(const Recipe& recipe, const std::filesystem::path& mixture,
                       const vlm::VlmCheckpoint& checkpoint);

// The inputs of one scene. Throws what vlm::read_scene throws.
vlm::SceneInput read_place(const ScenePlace& place, const Recipe& recipe,
                           const vlm::VlmCheckpoint& checkpoint);

}  // namespace vega::train
