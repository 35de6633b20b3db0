#include "cli/program.h"
#include "fuse/preview.h"
#include "fuse/tokens.h"
#include "store/file_verbs.h"

int main(int argc, char** argv) {
  using namespace vega;
  cli::Program program{"vega-fuse",
                       "Features in, projected and fused tokens out (HDF5).",
                       {fuse::tokens_verb(), fuse::preview_verb()}};
  for (Verb& verb : file_verbs(program.name)) program.verbs.push_back(std::move(verb));
  return cli::run(argc, argv, program);
}
