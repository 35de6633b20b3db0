#include "cli/program.h"
#include "evaluate/correspondence.h"
#include "evaluate/scene_boxes.h"
#include "score/score.h"
#include "store/file_verbs.h"

int main(int argc, char** argv) {
  using namespace vega;
  cli::Program program{"vega-eval",
                       "Features in, scores and tables out.",
                       {evaluate::correspondence_verb(), score::score_verb(evaluate::scene_boxes)}};
  for (Verb& verb : file_verbs(program.name)) program.verbs.push_back(std::move(verb));
  return cli::run(argc, argv, program);
}
