#include <memory>

#include "cli/file_verbs.h"
#include "cli/programs.h"
#include "evaluate/correspondence.h"

namespace vega::cli {
namespace {

constexpr auto kCorrespondence =
    R"(Do the features of a place agree between the views that show it, and differ from those of other places? Token
cells are placed in the room by the depth and poses of the scene files; docs/correspondence.md says what each number
means and what it is worth. Constant features score 100 in the plain voxel scores: read them beside margin and AUC.

Examples:
  vega-eval correspondence features/wan-832x480-stretch-14x14 --scenes scenes
  vega-eval correspondence --compare features/* --scenes scenes --permuted-poses -o results --pictures
  vega-eval correspondence features/wan-832x480-mllm-14x14 --tap all --scenes scenes     # blocks and timesteps
  vega-eval correspondence features/dino --scenes scenes --metrics probe3d --device cuda

See also: vega-extract features, vega-extract scene; docs/correspondence.md)";

}  // namespace

Program eval_program() {
  Program p{.name = "vega-eval", .summary = "Features in, scores and tables out."};
  p.details = "Run 'vega-eval VERB --help' for the options of a verb.";
  auto options = std::make_shared<evaluate::CorrespondenceVerb>();
  p.verbs.push_back({"correspondence", "score how well features know places across views",
                     kCorrespondence, [options](OptionVisitor& v) { options->visit(v); },
                     [options](const Common& common) {
                       const Context context{common.progress_mode(), print_manifest, print_text};
                       return evaluate::run_correspondence(*options, context).exit_code;
                     }});
  for (auto& shared : file_verbs(p.name)) p.verbs.push_back(std::move(shared));
  return p;
}

}  // namespace vega::cli
