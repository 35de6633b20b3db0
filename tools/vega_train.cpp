#include "cli/program.h"
#include "store/file_verbs.h"

int main(int argc, char** argv) {
  using namespace vega;
  cli::Program program{"vega-train", "Features in, trained checkpoints out.", {}};
  for (Verb& verb : file_verbs(program.name)) program.verbs.push_back(std::move(verb));
  return cli::run(argc, argv, program);
}
