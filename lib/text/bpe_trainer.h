// A byte-level BPE learnt from texts, and its tokenizer.json.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"

namespace vega::text {

struct TrainedBpe {
  std::vector<std::string> tokens;  // bytes by id: the 256 bytes in Qwen's order, then merges
  std::vector<Merge> merges;        // in the order in which they apply
};

// Texts are normalised (NFC) and split into words as Qwen2 does it; then the pair of neighbours
// that stands in most places becomes a token, until there are `vocabulary_size` tokens or no pair
// stands in two places. Of pairs that stand equally often, the one with the smaller ids comes
// first, so the result depends on the texts alone, not on their order. Throws InputError (a text is
// not UTF-8; vocabulary_size below 256 or above 2^22).
TrainedBpe train_bpe(std::span<const std::string> texts, std::size_t vocabulary_size);

// The content of a tokenizer.json that Tokenizer::open and the `tokenizers` package (0.19 and
// newer) read, with equal ids. `added`: control words with ids behind the vocabulary, in rising
// order and without a gap, since the package counts them itself. Throws InputError (an id that does
// not follow, an empty text).
std::string tokenizer_json(const TrainedBpe& trained, std::span<const AddedToken> added);

// Writes it (base/publish.h). Throws like tokenizer_json, and OutputError.
void write_tokenizer_json(const std::filesystem::path& path, const TrainedBpe& trained,
                          std::span<const AddedToken> added = {});

}  // namespace vega::text
