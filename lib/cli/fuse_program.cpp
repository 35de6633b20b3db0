#include <memory>

#include "cli/file_verbs.h"
#include "cli/programs.h"
#include "fuse/preview.h"
#include "fuse/tokens.h"

namespace vega::cli {
namespace {

constexpr auto kTokens =
    R"(Projects both streams to the width of the language model, pools the semantic one from 27x27 to 14x14 cells, and
blends them token by token. Writes one HDF5 file a scene: fused tokens, the gate, which cells the generative view covers;
with --scenes also positions of the cells and features of the objects. Every finished scene is a line KEY<TAB>PATH on
stdout. Without a checkpoint the values are seeded: the output says so, and every picture of it.

Examples:
  vega-fuse tokens features/wan-832x480-mllm-14x14/*.h5 --semantic features/siglip --checkpoint VEGA-3D-7B -o tokens
  vega-fuse tokens features/wan/*.h5 --semantic features/siglip --scenes scenes --align pixel -o tokens
  vega-extract features --list scans.txt --model Wan2.1-T2V-1.3B -o features |
      vega-fuse tokens --list - --semantic features/siglip --checkpoint VEGA-3D-7B --device cuda -o tokens

See also: preview, inspect, verify; docs/fusion.md, docs/formats.md)";

constexpr auto kPreview =
    R"(Where the fused tokens come from: the gate of every cell over the frames (1: all semantic, 0: all generative), with its
histogram; as JSON too.

Examples:
  vega-fuse preview tokens/*/kitchen.h5 -o gates
  vega-fuse preview tokens/vega/kitchen.h5 --json kitchen.json -o kitchen.png

See also: tokens)";

template <typename Options>
Verb verb(const std::string& name, const std::string& summary, const std::string& details,
          RunResult (*run)(const Options&, const Context&)) {
  auto options = std::make_shared<Options>();
  return {name, summary, details, [options](OptionVisitor& v) { options->visit(v); },
          [options, run](const Common& common) {
            return run(*options, {common.progress_mode(), print_manifest, print_text}).exit_code;
          }};
}

}  // namespace

Program fuse_program() {
  Program p{.name = "vega-fuse", .summary = "Features in, projected and fused tokens out (HDF5)."};
  p.details = "Run 'vega-fuse VERB --help' for the options of a verb.";
  p.verbs.push_back(
      verb("tokens", "fuse generative and semantic features", kTokens, fuse::run_tokens));
  p.verbs.push_back(verb("preview", "draw the gate of fused tokens over the frames", kPreview,
                         fuse::run_preview));
  for (auto& shared : file_verbs(p.name)) p.verbs.push_back(std::move(shared));
  return p;
}

}  // namespace vega::cli
