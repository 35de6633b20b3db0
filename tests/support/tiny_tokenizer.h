// A tokeniser of a few merges. The 256 bytes have their values as ids, merges follow.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "text/bpe_trainer.h"

namespace vega::test {

using Pairs = std::vector<std::pair<std::string, std::string>>;  // of bytes

// The content of a tokenizer.json.
inline Json tiny_tokenizer(const Pairs& merges = {}) {
  text::TrainedBpe made;
  for (int byte = 0; byte < 256; ++byte) made.tokens.emplace_back(1, static_cast<char>(byte));
  const auto id_of = [&](const std::string& bytes) {
    std::int32_t id = 0;
    while (made.tokens.at(static_cast<std::size_t>(id)) != bytes) ++id;
    return id;
  };
  for (const auto& [left, right] : merges) {
    made.tokens.push_back(left + right);
    made.merges.push_back({id_of(left), id_of(right), id_of(left + right)});
  }
  return *parse_json(text::tokenizer_json(made, {}));
}

inline Json added_token(const std::string& content, int id, bool special) {
  return Json{{"id", id},          {"content", content}, {"single_word", false},
              {"lstrip", false},   {"rstrip", false},    {"normalized", !special},
              {"special", special}};
}

}  // namespace vega::test
