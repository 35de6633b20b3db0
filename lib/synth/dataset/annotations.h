// Sentences about rooms in the original annotation formats of the benchmarks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/choice.h"
#include "synth/dataset/ask.h"
#include "synth/dataset/facts.h"
#include "synth/dataset/pictures.h"
#include "synth/dataset/refer.h"
#include "synth/dataset/vsi.h"

namespace vega::synth {

// All that is said of one room.
struct RoomTexts {
  std::vector<Reference> scanrefer, multi3drefer, nr3d;
  std::vector<Question> scanqa, sqa3d;
  std::vector<VsiQuestion> vsi;
  std::vector<PictureQuestion> pictures;
};

// What ScanRefer's descriptions speak of.
enum class ScanReferTexts { kMixed, kPlain, kSpace };
inline constexpr Choice<ScanReferTexts> kScanReferTexts[] = {
    {ScanReferTexts::kMixed, "mixed", "looks, sizes and places"},
    {ScanReferTexts::kPlain, "plain", "shape and colour alone, each thing in four wordings"},
    {ScanReferTexts::kSpace, "space", "places, which alone tell the thing from others like it"}};

// At most `most` texts a benchmark, of VSI-Bench `vsi` a question type. A function of the facts,
// the seed and the scene's name alone.
RoomTexts texts_of(const RoomFacts& room, std::uint64_t seed, std::size_t most,
                   ScanReferTexts scanrefer = ScanReferTexts::kMixed, std::size_t vsi = 0);

// The turns of a conversation about a question: behind the frames the prompt of the evaluation, and
// the answer.
struct VsiTurns {
  std::string user, answer;
};
VsiTurns vsi_turns(const VsiQuestion& question);

enum class Split { kTrain, kVal, kTest };
std::string_view name_of(Split split);  // "train", "val", "test"

struct DatasetRoom {
  Split split{};
  RoomFacts facts;
  RoomTexts texts;
};

// A file of the data set, by its path below the folder.
struct TextFile {
  std::filesystem::path path;
  std::string text;
  std::int64_t entries = 0;
};

// The annotation files of all benchmarks, with their questions in the order of the rooms. Lists in
// JSON have an element a line.
//   benchmark/scanrefer/ScanRefer_filtered_{train,val}.json
//   benchmark/multi3drefer/multi3drefer_{train,val}.json
//   benchmark/scanqa/ScanQA_v1.0_{train,val}.json
//   benchmark/sqa_task/balanced/v1_balanced_{questions,sqa_annotations}_{train,val,test}_scannetv2.json
//   benchmark/nr3d/nr3d.csv
//   benchmark/vsi_bench/{train,val,test}.jsonl   where a room has such questions
//   benchmark/vsi_bench/conversations_train.json   those of training, to train a model on that is
//                    shown the videos (tasks/picture_sample.h, llava-hound)
//   benchmark/cv_bench/{train,val,test}.jsonl, benchmark/blink/{train,val,test}.jsonl   likewise;
//   names of pictures begin in the folder of the data set
//   meanings.jsonl   what every text means: benchmark, split, scene, id, text, meaning, and
//                    referents or answers; not of VSI-Bench's and of pictures', which say it
//                    themselves
// SQA3D's position is in the aligned frame of the scan, z = 0; its rotation turns +x about z to
// where one looks.
std::vector<TextFile> annotation_files(const std::vector<DatasetRoom>& rooms);

}  // namespace vega::synth
