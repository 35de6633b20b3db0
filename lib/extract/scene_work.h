// One scene of `vega-extract scene` on its way: opened, compared with what is there, written.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "extract/scene_input.h"
#include "extract/scene_rows.h"
#include "run/provenance.h"
#include "run/run.h"
#include "store/decide.h"
#include "store/scene_file.h"

namespace vega::extract {

class SceneWork final : public ItemWork {
 public:
  SceneWork(const Item& item, const SceneFileOptions& options, const SceneRecipe& recipe)
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

  // For a dry run, of a scene that was opened already: what a run would do with the output that is
  // there. Reads every chosen frame where there is one. Throws RefusedError, FormatError.
  Decision compare(SceneInput opened);

 private:
  // Several objects of one kind, and their place among those whose cells are held together.
  struct Group {
    ObjectKind kind;
    std::size_t first, count, place;
  };
  using Groups = std::vector<Group>;

  void describe_file();
  void add_row(std::size_t row, const SceneRow& data);
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
  std::optional<SceneRows> rows_;
  SceneFile scene_;                         // without what a SceneWriter is given piece by piece
  std::vector<std::size_t> picture_bytes_;  // a row
  std::int64_t turned_ = 0;                 // pictures whose EXIF orientation is not upright
  std::optional<SceneWriter> writer_;
  RerunDecision plan_;
};

}  // namespace vega::extract
