// One scene of `vega-extract scene`: opens it, compares it with the output that exists, writes it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "extract/dry_run.h"
#include "extract/scene_input.h"
#include "extract/scene_rows.h"
#include "run/provenance.h"
#include "run/run.h"
#include "scene/frame_checks.h"
#include "store/decide.h"
#include "store/scene_file.h"

namespace vega::extract {

// Bytes of the cells of objects that are held together.
inline constexpr std::size_t kCellBytes = std::size_t{8} << 20;

class SceneFileWork final : public ItemWork {
 public:
  SceneFileWork(const Item& item, const SceneRecipe& recipe,
                Findings::AtError at_error = Findings::AtError::kThrow)
      : item_(item),
        recipe_(recipe),
        output_(std::filesystem::path(recipe.output.out) / (item.key + ".h5")),
        findings_(at_error) {}

  void prepare() override;
  bool complete() const override { return plan_.decision == Decision::kSkip; }
  void compute() override;
  void finish() override;
  std::string output() const override { return output_.string(); }
  void describe(ItemReport& report) const override;

  // What a run would do with the scene; collects every fault. several: the run has more scenes.
  DryScene look(const Machine& machine, bool several);

 private:
  // Several objects of one kind, and their place among those whose cells are held together.
  struct Group {
    ObjectKind kind;
    std::size_t first, count, place;
  };
  using Groups = std::vector<Group>;

  FrameRule rule() const { return {recipe_.source.on_decode_error == OnDecodeError::kSkip, true}; }
  void look_at_frames();
  void check_picture(std::size_t row, const SceneRow& data) const;
  void drop_rows(const std::vector<std::size_t>& lost);
  void describe_file();
  void add_row(std::size_t row, const SceneRow& data);
  std::string key_options() const;
  double output_bytes(const FramesSummary& seen) const;
  double host_bytes(const FramesSummary& seen) const;
  double measure_frame() const;
  ScanSummary scan_summary() const;
  Provenance provenance() const;
  std::vector<Groups> batches() const;
  void place_frame(std::size_t row, SceneRow& data, const DepthPixels& grid, const Groups& groups,
                   std::vector<std::uint8_t>& cells) const;
  void count_cells(std::size_t row, const PointMap& map, const Groups& groups,
                   std::vector<std::uint8_t>& cells) const;
  void write_cells(const Groups& groups, const std::vector<std::uint8_t>& cells);
  const SceneObjects& objects(ObjectKind kind) const {
    return kind == ObjectKind::kGt ? scene_.gt : scene_.proposals;
  }

  const Item item_;
  const SceneRecipe& recipe_;
  const std::filesystem::path output_;
  SceneInput in_;
  Findings findings_;
  std::int64_t left_out_ = 0;    // frames that cannot be read
  std::vector<FrameSeen> seen_;  // of the source's frames
  bool checked_ = false;         // the used frames were decoded already
  std::optional<SceneRows> rows_;
  SceneFile scene_;                         // without what a SceneWriter is given piece by piece
  std::vector<std::size_t> picture_bytes_;  // a row
  std::optional<SceneWriter> writer_;
  RerunDecision plan_;
};

}  // namespace vega::extract
