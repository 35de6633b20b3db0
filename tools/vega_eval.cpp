#include "cli/program.h"
#include "evaluate/correspondence.h"
#include "store/file_verbs.h"

int main(int argc, char** argv) {
  using namespace vega;
  cli::Program program{
      "vega-eval", "Features in, scores and tables out.", {evaluate::correspondence_verb()}};
  for (Verb& verb : file_verbs(program.name)) program.verbs.push_back(std::move(verb));
  return cli::run(argc, argv, program);
}
