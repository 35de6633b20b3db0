#include "cli/program.h"
#include "exchange/export.h"
#include "exchange/import.h"
#include "extract/features.h"
#include "extract/model_reader.h"
#include "extract/preview.h"
#include "extract/profile_verb.h"
#include "extract/prompt.h"
#include "extract/scene_verb.h"
#include "store/file_verbs.h"

int main(int argc, char** argv) {
  using namespace vega;
  cli::Program program{"vega-extract",
                       "Scenes in, backbone features out (HDF5).",
                       {extract::features_verb(), extract::scene_verb(), extract::preview_verb(),
                        extract::profile_verb(), extract::prompt_verb(), exchange::export_verb(),
                        exchange::import_verb()}};
  for (Verb& verb : file_verbs(program.name, {h5_reader(), extract::model_reader()}))
    program.verbs.push_back(std::move(verb));
  return cli::run(argc, argv, program);
}
