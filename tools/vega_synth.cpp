#include "cli/program.h"
#include "store/file_verbs.h"
#include "synth/dataset/dataset.h"
#include "synth/verbs.h"

int main(int argc, char** argv) {
  using namespace vega;
  cli::Program program{"vega-synth",
                       "Made-up models and rooms, for demo, tests and trials.",
                       {synth::model_verb(), synth::scene_verb(), synth::dataset_verb()}};
  for (Verb& verb : file_verbs(program.name)) program.verbs.push_back(std::move(verb));
  return cli::run(argc, argv, program);
}
