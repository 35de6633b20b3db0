// A tokeniser of a few merges, as files. The 256 bytes have their values as ids, merges follow.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "text/written_bytes.h"

namespace vega::test {

using Pairs =
    std::vector<std::pair<std::string, std::string>>;  // of bytes, not as files write them

inline const char* const kQwenPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

inline Json tiny_vocabulary(const Pairs& merges) {
  Json out = Json::object();
  int id = 0;
  for (int byte = 0; byte < 256; ++byte)
    out.add(text::written_byte(static_cast<unsigned char>(byte)), id++);
  for (const auto& [left, right] : merges) out.add(text::written_bytes(left + right), id++);
  return out;
}

// The content of a tokenizer.json.
inline Json tiny_tokenizer(const Pairs& merges = {}, bool as_pairs = true) {
  Json list = Json::list();
  for (const auto& [left, right] : merges) {
    const std::string a = text::written_bytes(left), b = text::written_bytes(right);
    list.push(as_pairs ? Json::list({a, b}) : Json(a + " " + b));
  }
  const Json split{{"type", "Split"},
                   {"pattern", Json{{"Regex", kQwenPattern}}},
                   {"behavior", "Isolated"},
                   {"invert", false}};
  const Json bytes{{"type", "ByteLevel"},
                   {"add_prefix_space", false},
                   {"trim_offsets", false},
                   {"use_regex", false}};
  return Json{
      {"version", "1.0"},
      {"added_tokens", Json::list()},
      {"normalizer", Json{{"type", "NFC"}}},
      {"pre_tokenizer", Json{{"type", "Sequence"}, {"pretokenizers", Json::list({split, bytes})}}},
      {"post_processor", bytes},
      {"decoder", bytes},
      {"model", Json{{"type", "BPE"},
                     {"dropout", nullptr},
                     {"unk_token", nullptr},
                     {"continuing_subword_prefix", ""},
                     {"end_of_word_suffix", ""},
                     {"fuse_unk", false},
                     {"byte_fallback", false},
                     {"vocab", tiny_vocabulary(merges)},
                     {"merges", list}}}};
}

inline Json added_token(const std::string& content, int id, bool special) {
  return Json{{"id", id},          {"content", content}, {"single_word", false},
              {"lstrip", false},   {"rstrip", false},    {"normalized", !special},
              {"special", special}};
}

}  // namespace vega::test
