// Seeds of a language model's settings. The first byte chooses the file: tests/fuzz/decoder.cpp.
#include <stdexcept>

#include "fuzz/seeds.h"

namespace vega::fuzz {

void add_decoder_seeds(const SeedFolder& seeds) {
  const auto add = [&](const std::string& name, char kind, const std::string& text) {
    seeds.add("decoder", name, std::string(1, kind) + text);
  };
  const std::string good =
      R"({"model_type": "qwen2", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
"num_key_value_heads": 1, "intermediate_size": 12, "vocab_size": 20, "rope_theta": 1000000.0,
"rope_scaling": null, "use_sliding_window": false, "tie_word_embeddings": true, "eos_token_id": 3})";
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string out = good;
    const std::size_t at = out.find(from);
    if (at == out.npos) throw std::logic_error("no " + from + " in the seed");
    return out.replace(at, from.size(), to);
  };
  const std::string theta = R"("rope_theta": 1000000.0)", scaling = R"("rope_scaling": null)";
  add("ok-flat", '\0', good);
  add("ok-nested", '\0', R"({"model_type": "qwen2_5_vl", "text_config": )" + good + "}");
  add("ok-parameters", '\0',
      with(theta, R"("rope_parameters": {"rope_type": "default", "rope_theta": 1e6})"));
  add("ok-mrope", '\0',
      with(scaling, R"("rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 0]})"));
  add("bad-theta", '\0', with(theta + ",", ""));
  add("bad-theta-text", '\0', with(theta, R"("rope_theta": "1e6")"));
  add("bad-sections", '\0',
      with(scaling, R"("rope_scaling": {"type": "mrope", "mrope_section": [9, 1]})"));
  add("bad-yarn", '\0', with(scaling, R"("rope_scaling": {"type": "yarn\u0007"})"));
  add("bad-heads", '\0', with(R"("num_key_value_heads": 1)", R"("num_key_value_heads": 16777215)"));
  add("bad-window", '\0', with("false", "true"));
  add("bad-type", '\0', with("qwen2", "gpt2"));
  add("ok-released", '\1',
      R"({"do_sample": true, "eos_token_id": [3, 4], "pad_token_id": 4, "repetition_penalty": 1.05,
"temperature": 0.7, "top_k": 20, "top_p": 0.8})");
  add("bad-ids", '\1', R"({"eos_token_id": [[3]]})");
  add("bad-beams", '\1', R"({"num_beams": 4})");
  add("bad-top-p", '\1', R"({"do_sample": true, "top_p": 2})");
}

}  // namespace vega::fuzz
