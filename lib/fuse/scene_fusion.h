// One scene on its way through `vega-fuse tokens`.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "fuse/inputs.h"
#include "fuse/modules.h"
#include "fuse/recipe.h"
#include "fusion/objects.h"
#include "fusion/streams.h"
#include "run/provenance.h"
#include "run/run.h"
#include "store/decide.h"
#include "store/tokens_file.h"

namespace vega::fuse {

// What a run would do with a scene.
struct SceneForecast {
  std::size_t frames = 0;
  std::string generative, semantic, scene;  // tap and grid; what of the scene file is used
  double covered = 0;                       // share of the cells; NaN where nothing is to do
  bool complete = false, replaced = false;
  double bytes = 0;  // of the output; 0 where nothing is to do
};

// What all scenes of a run share.
struct FuseRun {
  const Recipe& recipe;
  Modules& modules;
  ProgressMode progress = ProgressMode::kOff;
  std::map<std::string, SceneForecast>* forecasts = nullptr;  // by key; a dry run fills them
};

// DIR/TAG of an item's output. Throws UsageError (--tag).
std::filesystem::path folder_of(const Item& item, const FuseRun& run);

class SceneFusion final : public ItemWork {
 public:
  SceneFusion(Item item, const FuseRun& run) : item_(std::move(item)), run_(run) {}

  void prepare() override;
  bool complete() const override {
    return plan_.decision == Decision::kSkip && run_.forecasts == nullptr;
  }
  void compute() override;
  void finish() override;
  double wait_s() const override { return wait_s_; }
  double load_s() const override { return load_s_; }
  std::string output() const override { return output_.string(); }
  void describe(ItemReport& report) const override;

 private:
  // Frames of one step as read, (frames, cells, C) float32 on the CPU; and what became of them.
  struct Feed {
    at::Tensor semantic, generative;  // semantic: undefined without --semantic
  };

  SceneForecast forecast() const;
  void check_training();
  std::string options_json() const;
  std::string input_fingerprint() const;
  void align_frames();
  TokensInfo info() const;
  at::Tensor aligned(std::size_t first, std::size_t count, std::size_t padded) const;
  Feed read(std::size_t first, std::size_t count, std::size_t padded) const;
  Streams step(const StreamModules& modules, const Feed& feed, std::size_t first,
               std::size_t count) const;
  at::Tensor uncovered_cells(std::size_t first, std::size_t count, const Streams& streams) const;
  void store(std::size_t first, std::size_t count, const Streams& step);
  void take(std::size_t first, std::size_t count, const Streams& step);
  void by_frames(const StreamModules& modules, Progress& progress);
  void by_batches(const StreamModules& modules, Progress& progress);

  Item item_;
  const FuseRun& run_;
  std::filesystem::path output_;
  SceneInputs in_;
  FileHeader header_;
  RerunDecision plan_;
  std::vector<std::shared_ptr<const Alignment>> alignment_;  // a frame; equal ones are shared
  std::vector<ObjectMeans> objects_;
  std::vector<ObjectKind> kinds_;  // of objects_
  std::unique_ptr<TokensWriter> writer_;
  std::mutex writing_;
  Provenance provenance_;
  GeometryType geometry_ = GeometryType::kBf16;  // of the scene file's coordinates
  bool mismatch_ = false;  // other features than the checkpoint was trained on
  double wait_s_ = 0, load_s_ = 0, covered_ = 0, area_ = 0;
  std::size_t frames_ = 0;
};

}  // namespace vega::fuse
