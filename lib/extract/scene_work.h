// One scene of `vega-extract scene`: opens it, compares it with the output that exists, writes it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "extract/scene_input.h"
#include "extract/scene_rows.h"
#include "run/provenance.h"
#include "run/run.h"
#include "scene/checks.h"
#include "store/decide.h"
#include "store/scene_file.h"

namespace vega::extract {

// Bytes of the cells of objects that are held together.
inline constexpr std::size_t kCellBytes = std::size_t{8} << 20;

class SceneFileWork final : public ItemWork {
 public:
  SceneFileWork(const Item& item, const SceneFileOptions& options, const SceneRecipe& recipe)
      : item_(item),
        options_(options),
        recipe_(recipe),
        output_(std::filesystem::path(options.out) / (item.key + ".h5")) {}

  void prepare() override;
  bool complete() const override { return plan_.decision == Decision::kSkip; }
  void compute() override;
  void finish() override;
  std::string output() const override { return output_.string(); }
  void describe(ItemReport& report) const override;

  // Says, for a dry run, what a run would do with the output of a scene that is open already. Reads
  // every chosen frame if there is an output. Throws RefusedError, FormatError.
  Decision compare(SceneInput opened);

 private:
  // Several objects of one kind, and their place among those whose cells are held together.
  struct Group {
    ObjectKind kind;
    std::size_t first, count, place;
  };
  using Groups = std::vector<Group>;

  void leave_out_broken();
  void describe_file();
  void add_row(std::size_t row, const SceneRow& data);
  void check_rows();
  std::string other_size(const FrameRef& frame, ImageSize size, ImageSize usual) const;
  std::string key_options() const;
  Provenance provenance() const;
  std::vector<Groups> batches() const;
  void place_frame(std::size_t row, SceneRow& data, const DepthPixels& grid, const Groups& groups,
                   std::vector<std::uint8_t>& cells) const;
  void count_cells(std::size_t row, const PointMap& map, const Groups& groups,
                   std::vector<std::uint8_t>& cells) const;
  void put_cells(const Groups& groups, const std::vector<std::uint8_t>& cells);
  const SceneObjects& objects(ObjectKind kind) const {
    return kind == ObjectKind::kGt ? scene_.gt : scene_.proposals;
  }

  const Item item_;
  const SceneFileOptions& options_;
  const SceneRecipe& recipe_;
  const std::filesystem::path output_;
  SceneInput in_;
  Findings findings_{Findings::AtError::kThrow};
  std::int64_t left_out_ = 0;            // frames that cannot be read
  std::vector<ImageSize> picture_size_;  // of the source's frames, as far as they are used
  std::vector<DepthSeen> depth_seen_;
  std::optional<SceneRows> rows_;
  SceneFile scene_;                         // without what a SceneWriter is given piece by piece
  std::vector<std::size_t> picture_bytes_;  // a row
  std::int64_t turned_ = 0;                 // pictures whose EXIF orientation is not upright
  std::optional<SceneWriter> writer_;
  RerunDecision plan_;
};

}  // namespace vega::extract
