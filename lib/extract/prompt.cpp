#include "extract/prompt.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/build_info.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/publish.h"
#include "models/umt5/prompt.h"
#include "store/cache_key.h"
#include "store/prompt.h"

namespace vega::extract {
namespace fs = std::filesystem;

Report run_prompt(const PromptOptions& options, const Context& context) {
  if (options.model.empty()) throw UsageError(explain("--model", "nothing", "a UMT5 checkpoint"));
  const fs::path out = options.out;
  if (fs::exists(out) && !options.overwrite) {
    throw RefusedError(
        explain(out.string(), "an existing file", "a new one", "give another -o, or --overwrite"));
  }
  { const PartFile probe(out); }  // says at once when `out` cannot be written
  std::optional<Progress> progress;
  const auto values = umt5::empty_prompt(options.model, [&](std::int64_t, std::int64_t layers) {
    if (!progress) progress.emplace("prompt", "layers", layers, context.progress);
    progress->add();
  });
  progress.reset();
  Prompt prompt;
  prompt.rows = 1;
  prompt.width = static_cast<std::int64_t>(values.size());
  prompt.context.resize(values.size());
  std::transform(values.begin(), values.end(), prompt.context.begin(), bf16_from_f32);
  prompt.header.key = "prompt";
  prompt.header.options_json = R"({"arithmetic":"f32","text":""})";
  prompt.header.model_fp = xxh3_hex(std::as_bytes(std::span(prompt.context)));
  prompt.header.cache_key =
      cache_key(kPromptSchema, prompt.header.options_json, prompt.header.model_fp, "");
  prompt.header.provenance = {{"version", version()},
                              {"command", command_line()},
                              {"host", host_name()},
                              {"ended", utc_now()},
                              {"model", fs::absolute(options.model).string()}};
  write_prompt(out, prompt);
  log_info(
      "{}: 1 x {} bf16, the empty text; right, but not bit-equal to VEGA's own file, which was "
      "made in bf16 arithmetic",
      out.string(), prompt.width);
  context.manifest("prompt", out.string());
  return {.done = 1};
}

}  // namespace vega::extract
