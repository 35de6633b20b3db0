#include "models/qwen2/generation_config.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/json_fields.h"
#include "models/model_path.h"

namespace vega::qwen2 {
namespace fs = std::filesystem;
namespace {

constexpr auto kRemoveIt =
    "remove the entry from generation_config.json, or give another checkpoint";
constexpr std::int64_t kMostId = (1 << 24) - 1;

// Settings of transformers that vega does not have, with the values that change nothing. null is
// one always.
struct Foreign {
  const char* name;
  std::vector<Json> neutral;
  bool samples;  // has an effect on drawn answers only
};
const std::vector<Foreign>& foreign() {
  static const std::vector<Foreign> all{{"min_p", {0}, true},
                                        {"top_h", {}, true},
                                        {"typical_p", {1}, true},
                                        {"epsilon_cutoff", {0}, true},
                                        {"eta_cutoff", {0}, true},
                                        {"penalty_alpha", {0}, false},
                                        {"num_beams", {1}, false},
                                        {"num_beam_groups", {1}, false},
                                        {"diversity_penalty", {0}, false},
                                        {"no_repeat_ngram_size", {0}, false},
                                        {"encoder_no_repeat_ngram_size", {0}, false},
                                        {"encoder_repetition_penalty", {1}, false},
                                        {"min_length", {0}, false},
                                        {"min_new_tokens", {0}, false},
                                        {"bad_words_ids", {Json::list()}, false},
                                        {"force_words_ids", {Json::list()}, false},
                                        {"suppress_tokens", {Json::list()}, false},
                                        {"begin_suppress_tokens", {Json::list()}, false},
                                        {"forced_bos_token_id", {}, false},
                                        {"forced_eos_token_id", {}, false},
                                        {"forced_decoder_ids", {Json::list()}, false},
                                        {"exponential_decay_length_penalty", {}, false},
                                        {"sequence_bias", {}, false},
                                        {"guidance_scale", {1}, false},
                                        {"watermarking_config", {}, false},
                                        {"stop_strings", {Json::list()}, false},
                                        {"dola_layers", {}, false},
                                        {"constraints", {}, false},
                                        {"remove_invalid_values", {false}, false},
                                        {"renormalize_logits", {false, true}, false}};
  return all;
}

// Ids of a key that holds one or a list; nothing where it is absent.
std::optional<std::vector<std::int64_t>> ids_of(const JsonFields& fields, const char* name) {
  const Json* json = fields.find(name);
  if (json == nullptr) return std::nullopt;
  std::vector<std::int64_t> ids;
  const auto take = [&](const Json& one) {
    const auto id = one.whole();
    if (!id || *id < 0 || *id > kMostId)
      fields.refuse(name, "a token id, or a list of them", kRemoveIt);
    if (std::ranges::find(ids, *id) == ids.end()) ids.push_back(*id);
  };
  if (json->is_list())
    for (const Json& one : json->elements()) take(one);
  else
    take(*json);
  return ids;
}

// A folder's two files; either may be absent.
struct Files {
  explicit Files(const fs::path& folder) {
    if (const fs::path path = folder / "generation_config.json"; is_there(path))
      generation.emplace(path);
    if (const fs::path path = folder / "config.json"; is_there(path)) {
      config.emplace(path);
      if (const Json* inner = config->find("text_config"); inner != nullptr && inner->is_object())
        text.emplace(*inner, path);
    }
  }
  // What config.json says, within its "text_config" first.
  std::optional<std::vector<std::int64_t>> model_ids(const char* name) const {
    if (text) {
      if (auto ids = ids_of(*text, name)) return ids;
    }
    return config ? ids_of(*config, name) : std::nullopt;
  }
  std::optional<JsonFields> generation, config, text;
};

std::string listed_ids(std::vector<std::int64_t> ids) {
  return ids.empty() ? "none" : fmt::format("{}", fmt::join(ids, ", "));
}

void read_ids(const Files& files, GenerationConfig& out) {
  const auto own = files.generation ? ids_of(*files.generation, "eos_token_id") : std::nullopt;
  const auto model = files.model_ids("eos_token_id");
  out.stop_ids = own ? *own : model.value_or(std::vector<std::int64_t>{});
  const auto sorted = [](std::vector<std::int64_t> ids) {
    std::ranges::sort(ids);
    return ids;
  };
  if (own && model && sorted(*own) != sorted(*model))
    out.notes.push_back(fmt::format(
        "generation_config.json stops at {}, config.json names {}: generation_config.json counts",
        listed_ids(*own), listed_ids(*model)));
  if (out.stop_ids.empty())
    out.notes.push_back(
        "neither generation_config.json nor config.json names a stop id: answers "
        "end at the limit");
  auto pad = files.generation ? ids_of(*files.generation, "pad_token_id") : std::nullopt;
  if (!pad) pad = files.model_ids("pad_token_id");
  if (pad && !pad->empty()) out.pad_id = pad->front();
}

void read_penalty(const Files& files, GenerationConfig& out) {
  if (!files.generation) return;
  out.sampling.repetition_penalty = files.generation->positive("repetition_penalty").value_or(1);
}

// As transformers 4.57 and 5 read them: max_new_tokens counts where both are there; max_length
// alone takes in the prompt's tokens, be they ids or embeddings.
void read_limit(const JsonFields& fields, GenerationConfig& out) {
  const auto fresh = fields.whole("max_new_tokens"), whole = fields.whole("max_length");
  if (fresh) {
    out.max_new_tokens = *fresh;
    if (whole)
      out.notes.push_back(fmt::format(
          "generation_config.json has max_new_tokens {} and max_length {}: max_new_tokens counts",
          *fresh, *whole));
  } else if (whole) {
    out.max_new_tokens = out.max_length = *whole;
  }
}

// Settings that vega does not have and that would change an answer.
std::vector<std::string> foreign_settings(const JsonFields& fields, bool sampled) {
  std::vector<std::string> out;
  for (const Foreign& setting : foreign()) {
    const Json* json = fields.find(setting.name);
    if (json == nullptr || (setting.samples && !sampled)) continue;
    if (std::ranges::find(setting.neutral, *json) == setting.neutral.end())
      out.push_back(setting.name);
  }
  return out;
}

}  // namespace

std::string GenerationConfig::describe() const {
  std::string text = fmt::format("stop ids {}, repetition penalty {}, ", listed_ids(stop_ids),
                                 sampling.repetition_penalty);
  if (sampling.sample)
    text += fmt::format("drawn: temperature {}, top_k {}, top_p {}, seed {}", sampling.temperature,
                        sampling.top_k, sampling.top_p, seed);
  else
    text += "greedy";
  if (max_length > 0) text += fmt::format(", at most {} tokens with the prompt", max_length);
  return max_length > 0 && max_new_tokens >= max_length
             ? text
             : text + fmt::format(", at most {} tokens", max_new_tokens);
}

GenerationConfig benchmark_generation(const fs::path& folder) {
  GenerationConfig out;
  const Files files(folder);
  read_ids(files, out);
  read_penalty(files, out);
  if (!files.generation) return out;
  std::vector<std::string> left;
  if (files.generation->flag("do_sample").value_or(false)) left.emplace_back("do_sample");
  std::ranges::copy(foreign_settings(*files.generation, false), std::back_inserter(left));
  if (!left.empty())
    out.notes.push_back(fmt::format("{}: left out, a benchmark answers greedily: {}",
                                    files.generation->path().string(), fmt::join(left, ", ")));
  return out;
}

GenerationConfig ask_generation(const fs::path& folder) {
  GenerationConfig out;
  const Files files(folder);
  read_ids(files, out);
  read_penalty(files, out);
  if (!files.generation) return out;
  const JsonFields& fields = *files.generation;
  SamplingOptions& sampling = out.sampling;
  sampling.sample = fields.flag("do_sample").value_or(false);
  for (const auto& name : foreign_settings(fields, sampling.sample))
    fields.deny(name,
                "settings that vega has: do_sample, temperature, top_k, top_p, "
                "repetition_penalty, max_new_tokens, eos_token_id",
                kRemoveIt);
  if (sampling.sample) {
    // A setting that the file leaves out has the default of transformers.
    sampling.temperature = fields.positive("temperature").value_or(1);
    sampling.top_k = fields.whole("top_k", 0).value_or(50);
    sampling.top_p = fields.positive("top_p").value_or(1);
    if (sampling.top_p > 1) fields.refuse("top_p", "more than 0, at most 1", kRemoveIt);
  }
  read_limit(fields, out);
  return out;
}

}  // namespace vega::qwen2
