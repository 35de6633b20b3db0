// config.json of a Qwen2 decoder, or generation_config.json beside one; the first byte chooses.
#include <filesystem>

#include "fuzz/target.h"
#include "models/qwen2/config_json.h"
#include "models/qwen2/generation_config.h"

using namespace vega;
using namespace vega::fuzz;

namespace {

// What every other part of the program relies on.
void check(const qwen2::Config& c) {
  require(c.hidden > 0 && c.layers > 0 && c.mlp > 0 && c.vocab > 0, "sizes from 1");
  require(c.kv_heads > 0 && c.heads % c.kv_heads == 0, "key heads that divide the heads");
  require(c.head_dim > 0 && c.head_dim % 2 == 0, "heads of even width");
  require(c.rope_theta > 0 && c.norm_eps > 0, "theta and epsilon above 0");
  const auto& s = c.rope_sections;
  const std::int64_t sum = s[0] + s[1] + s[2];
  require(sum == 0 || sum == c.head_dim / 2, "sections that fill half a head");
}

void check(const qwen2::GenerationConfig& c) {
  for (const std::int64_t id : c.stop_ids) require(id >= 0, "stop ids from 0");
  const SamplingOptions& s = c.sampling;
  require(s.repetition_penalty > 0 && s.temperature > 0, "penalty and temperature above 0");
  require(s.top_k >= 0 && s.top_p > 0 && s.top_p <= 1, "top_k from 0, top_p in (0, 1]");
  require(c.max_new_tokens > 0, "a limit from 1");
  require(!c.describe().empty(), "a description");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  if (size == 0) return 0;
  const bool generation = data[0] % 2 == 1;
  const auto bytes = bytes_of(data + 1, size - 1);
  std::filesystem::remove(folder / "generation_config.json");
  write(folder / (generation ? "generation_config.json" : "config.json"), bytes);
  if (!generation) {
    attempt([&] { check(qwen2::config_from_json(folder / "config.json")); });
    return 0;
  }
  const char model[] = R"({"eos_token_id": 3})";
  write(folder / "config.json", std::as_bytes(std::span(model, sizeof model - 1)));
  attempt([&] {
    check(qwen2::benchmark_generation(folder.path()));
    check(qwen2::ask_generation(folder.path()));
  });
  return 0;
}
