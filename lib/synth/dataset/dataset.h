// `vega-synth dataset`: rooms of the study's world as ScanNet scans, and what people might say and
// ask about them, laid out as the data folder of Video-3D-LLM. docs/dataset.md.
//   scannet/scans/SCENE/            a scan (synth/scene.h)
//   metadata/scannet_{train,val,test}_gt_box.json, scannet_{val,test}_pred_box.json
//   scannetv2-labels.combined.tsv, scannetv2_{train,val,test}.txt
//   benchmark/..., meanings.jsonl   synth/dataset/annotations.h
//   benchmark/vsi_bench/scannet/SCENE.mp4   with VSI-Bench's questions: the pictures of the walk
//   tokenizer/                      synth/dataset/dataset_tokenizer.h
//   dataset.json                    the recipe and counts; written last
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/options.h"
#include "run/context.h"
#include "run/option_groups.h"
#include "run/run.h"
#include "run/verb.h"
#include "synth/dataset/annotations.h"
#include "synth/scene.h"

namespace vega::synth {

inline constexpr WholeRange kDatasetRooms{1, 9999};  // four digits name a scene
inline constexpr WholeRange kDatasetTexts{1, 1000};
inline constexpr WholeRange kDatasetVsi{0, 1000};
inline constexpr WholeRange kDatasetPictures{0, 1000};

struct DatasetOptions {
  std::string out;
  std::int64_t rooms = 20, seed = 42, frames = 32, quality = 92, texts = 40, vocabulary = 1024;
  std::int64_t vsi =
      0;  // questions of VSI-Bench's kind a question type and room; 0: none, no videos
  std::int64_t pictures = 0;  // of CV-Bench's and BLINK-spatial's kinds, likewise; 0: none
  std::optional<std::int64_t> val, test;  // unset: a fifth of the rooms, at least 1
  ImageSize size{320, 240};
  MaskNoise masks = MaskNoise::kNoisy;
  ScanReferTexts scanrefer = ScanReferTexts::kMixed;
  RunOptions run;
  bool stacked = false, overwrite = false;

  void visit(OptionVisitor& v);
};

// Renders the rooms that are not there yet, then writes the texts. Throws UsageError (no room left
// to train), RefusedError (the folder holds another data set), OutputError.
RunResult run_dataset(const DatasetOptions& options, const Context& context);

Verb dataset_verb();

}  // namespace vega::synth
