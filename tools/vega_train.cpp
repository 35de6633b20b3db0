#include "cli/program.h"
#include "score/scored.h"
#include "store/file_verbs.h"
#include "train/export.h"
#include "train/import.h"
#include "train/loop.h"
#include "train/plan.h"
#include "train/plot.h"
#include "train/video/video_files.h"
#include "train/world/sample.h"
#include "train/world/world.h"

int main(int argc, char** argv) {
  using namespace vega;
  const tasks::ReadScored read_scored = [](const tasks::ScoredSources& sources) {
    return score::scored_questions(sources, {});
  };
  cli::Program program{
      "vega-train",
      "Features in, trained checkpoints out.",
      {train::run_verb(read_scored, train::video_files()), train::plan_verb(train::video_files()),
       train::world_verb(), train::sample_verb(), train::plot_verb(),
       train::export_verb(train::export_world), train::import_verb()}};
  for (Verb& verb : file_verbs(program.name)) program.verbs.push_back(std::move(verb));
  return cli::run(argc, argv, program);
}
