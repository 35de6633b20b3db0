#include "cli/program.h"
#include "score/file_readers.h"
#include "score/merge.h"
#include "score/plot.h"
#include "score/prepare.h"
#include "score/published.h"
#include "score/score.h"
#include "score/scored.h"
#include "score/table.h"
#include "score/validate.h"
#ifndef VEGA_SCORE_ONLY
#include "evaluate/answer.h"
#include "evaluate/correspondence.h"
#include "evaluate/probe.h"
#include "evaluate/profile.h"
#include "evaluate/report.h"
#include "evaluate/scene_boxes.h"
#include "evaluate/show.h"
#include "extract/scan_part.h"
#include "store/file_verbs.h"
#include "vlm/qwen_reader.h"
#endif

// The verbs of answers and scores are there in every build; those of features are where HDF5 and
// LibTorch are.
int main(int argc, char** argv) {
  using namespace vega;
  cli::Program program{"vega-eval", "Answers and features in, scores and tables out.", {}};
#ifdef VEGA_SCORE_ONLY
  const score::ReadScene read_scene, read_proposals;
  std::vector<FileReader> readers = {score::json_reader(), score::h5_absent()};
#else
  const score::ReadScene read_scene = evaluate::scene_boxes,
                         read_proposals = evaluate::scene_proposals;
  std::vector<FileReader> readers = {h5_reader(), score::json_reader(), vlm::qwen_reader()};
#endif
  program.verbs = {score::prepare_verb(read_scene, read_proposals),
                   score::score_verb(read_scene),
                   score::validate_verb(),
                   score::merge_verb(),
                   score::table_verb(),
                   score::plot_verb()};
#ifndef VEGA_SCORE_ONLY
  program.verbs.push_back(evaluate::answer_verb(extract::make_scan_part));
  program.verbs.push_back(evaluate::correspondence_verb());
  program.verbs.push_back(evaluate::probe_verb());
  program.verbs.push_back(evaluate::profile_verb(score::published_file("profiling.csv")));
  const tasks::ReadScored read_scored = [](const tasks::ScoredSources& sources) {
    return score::scored_questions(sources, evaluate::scene_boxes);
  };
  program.verbs.push_back(evaluate::show_verb(read_scored));
  program.verbs.push_back(evaluate::report_verb(read_scored));
#endif
  for (Verb& verb : file_verbs(program.name, std::move(readers)))
    program.verbs.push_back(std::move(verb));
  return cli::run(argc, argv, program);
}
