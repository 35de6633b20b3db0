// The files of a tokeniser, read with care: whatever would give other ids than the `tokenizers`
// package gives is refused.
#pragma once

#include <array>
#include <filesystem>

#include "text/vocabulary.h"

namespace vega::text {

// The files that a model's folder may have of its tokeniser: they go with it wherever it is copied.
inline constexpr std::array kTokenizerFiles = {"tokenizer.json",    "tokenizer_config.json",
                                               "vocab.json",        "merges.txt",
                                               "added_tokens.json", "special_tokens_map.json"};

// A tokenizer.json, or a folder with it or with vocab.json and merges.txt; in a folder also the
// added tokens of added_tokens.json and tokenizer_config.json. Throws InputError (nothing there, or
// it cannot be read), FormatError.
TokenizerParts read_tokenizer(const std::filesystem::path& path);

// A tokenizer.json alone.
TokenizerParts read_tokenizer_json(const std::filesystem::path& path);

}  // namespace vega::text
