// Options of the verbs that run a language model on the files of a scene: `answer` and `profile`.
#pragma once

#include <cstdint>
#include <string>

#include "run/option_groups.h"

namespace vega::evaluate {

struct ModelOptions {
  std::string checkpoint, base;
  std::string scenes, semantic, features;  // folders of KEY.h5
  std::string tap;                         // of the generative features; empty: the file's default
  std::string tower, model, prompt;        // folders of weights; a text embedding
  DeviceOptions device;                    // without --batch
  std::int64_t threads = 0;

  // Without a group: the verb names it.
  void visit_checkpoint(OptionVisitor& v);  // --checkpoint, --base
  void visit_files(OptionVisitor& v);       // --scenes, --semantic, --features, --tap
  void visit_weights(OptionVisitor& v);     // --tower, --model, --prompt
  // In the groups Device and Run.
  void visit_device(OptionVisitor& v);  // --device, --dtype, --threads

  int workers() const;  // --threads; all cores this process may use where it is 0
};

}  // namespace vega::evaluate
