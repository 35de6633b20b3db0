// Projected and fused tokens of a scene out of a vega.tokens/1 file, in place of features.
#pragma once

#include <string>

#include "vlm/scene.h"

namespace vega::vlm {

// Sets the tokens of `out`, and object_tokens where the checkpoint takes objects from tokens that
// the file does not hold (patch14). Returns how the tokens differ from what the checkpoint was
// trained on, a line each; empty: they do not.
// Throws InputError: tokens of other projectors, method, form, alignment (both values); a part that
// the checkpoint needs and the file lacks (what makes it); objects of another mode or scene file;
// features beside it that it was not made of. FormatError.
std::string read_tokens(const VlmCheckpoint& checkpoint, const SceneFiles& files,
                        const Switches& switches, SceneInput& out);

// The same of the settings that the tokens were made with, out of the file's header alone.
std::string check_tokens(const VlmCheckpoint& checkpoint, const SceneFiles& files,
                         const Switches& switches);

}  // namespace vega::vlm
