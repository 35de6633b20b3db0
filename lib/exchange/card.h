// The metadata of an exported file, from which import learns what the options would say.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "exchange/layout.h"
#include "store/features.h"

namespace vega::exchange {

inline constexpr std::string_view kCardSchema = "vega.export/1";

// Texts by name (docs/formats.md, "Interchange"): the metadata of a safetensors file; of a .pt one
// JSON object in UTF-8, in the tensor `metadata` u8[n].
using Card = std::map<std::string, std::string>;

Card make_card(const FeatureReader& reader, const TapInfo& tap, Layout layout);

// One JSON object, keys sorted, no spaces.
std::string to_json(const Card& card);

// Nothing when the text is no JSON object of texts.
std::optional<Card> card_from_json(std::string_view json);

// The parts of a card that import needs. Shapes and cell_to_px of `tap` are left empty.
struct Said {
  std::string key, tag;
  Layout layout = Layout::kVhwc;
  TapInfo tap;
  std::string cache_key, options_json;  // of the feature file it came from
};

// Nothing when the card is not of kCardSchema (a foreign file's metadata). Throws FormatError
// where it is and a value is missing or broken.
std::optional<Said> read_card(const Card& card, const std::string& where);

}  // namespace vega::exchange
