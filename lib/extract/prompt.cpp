#include "extract/prompt.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/build_info.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/publish.h"
#include "base/stop.h"
#include "models/umt5/prompt.h"
#include "run/provenance.h"
#include "store/cache_key.h"
#include "store/decide.h"
#include "store/prompt.h"
#include "weights/fingerprint_memory.h"

namespace vega::extract {
namespace fs = std::filesystem;

namespace {

constexpr auto kPromptHelp =
    R"(Wan2.1 is run with an empty prompt, and the embedding of the empty text is one row of 4096 numbers. This verb
computes it from the text encoder in a closed form: no tokeniser, no GPU, under 2 GB of memory. It is right,
but not bit-equal to the file VEGA ships, which was made in bf16 arithmetic (1-2 % away).

Examples:
  vega-extract prompt --model Wan2.1-T2V-1.3B -o Wan2.1-T2V-1.3B/prompt.h5
  vega-extract prompt --model Wan2.1-T2V-1.3B-Diffusers -o prompt.h5

See also: features --prompt)";

constexpr auto kMemory =
    "umt5-prompt/1";  // what is remembered of weight files: their embedding's key

// The key is computed from the embedding's own bits, so it is equal for every layout of one model.
FileHeader header_of(const PromptOptions& options, const std::string& fingerprint) {
  FileHeader header;
  header.key = "prompt";
  header.options_json = R"({"arithmetic":"f32","text":""})";
  header.model_fp = fingerprint;
  header.cache_key = cache_key(kPromptSchema, header.options_json, fingerprint, "");
  header.provenance =
      provenance({{"ended", utc_now()}, {"model", fs::absolute(options.model).string()}});
  return header;
}

bool is_complete_already(const fs::path& out, const FileHeader& header) {
  if (!fs::exists(out)) return false;
  return decide(out, kPromptSchema, header, false).decision == Decision::kSkip;
}

Prompt compute_prompt(const PromptOptions& options, ProgressMode mode) {
  std::optional<Progress> progress;
  const auto values = umt5::empty_prompt(options.model, [&](std::int64_t, std::int64_t layers) {
    check_stop();
    if (!progress) progress.emplace("prompt", "layers", layers, mode);
    progress->add();
  });
  Prompt prompt;
  prompt.rows = 1;
  prompt.width = static_cast<std::int64_t>(values.size());
  prompt.context.resize(values.size());
  std::transform(values.begin(), values.end(), prompt.context.begin(), bf16_from_f32);
  return prompt;
}

}  // namespace

RunResult run_prompt(const PromptOptions& options, const Context& context) {
  if (options.model.empty()) throw UsageError(explain("--model", "nothing", "a UMT5 checkpoint"));
  const fs::path out = options.out;
  std::error_code code;
  if (fs::is_directory(out, code))
    throw UsageError(explain("-o " + out.string(), "a folder", "a file"));
  const auto files = umt5::weight_files(options.model);
  const FingerprintMemory memory(files, kMemory);
  const auto known = memory.recall();
  const auto skip = [&] {
    log_info("{}: complete already", out.string());
    context.manifest("prompt", out.string());
    return RunResult{.complete = 1};
  };
  if (known && !options.overwrite && is_complete_already(out, header_of(options, *known)))
    return skip();

  { const PartFile probe(out); }  // says at once when `out` cannot be written
  Prompt prompt = compute_prompt(options, context.progress);
  const std::string fingerprint = xxh3_hex(std::as_bytes(std::span(prompt.context)));
  memory.remember(fingerprint);
  prompt.header = header_of(options, fingerprint);
  if (!options.overwrite && is_complete_already(out, prompt.header)) return skip();
  write_prompt(out, prompt);
  log_info(
      "{}: 1 x {} bf16, the empty text; right, but not bit-equal to VEGA's own file, which was "
      "made in bf16 arithmetic",
      out.string(), prompt.width);
  context.manifest("prompt", out.string());
  return {.done = 1};
}

Verb prompt_verb() {
  return make_verb("prompt", "make the embedding of the empty prompt", kPromptHelp, run_prompt);
}

}  // namespace vega::extract
