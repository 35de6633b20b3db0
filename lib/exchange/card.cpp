#include "exchange/card.h"

#include <charconv>
#include <type_traits>

#include "base/error.h"
#include "base/image_types.h"
#include "base/json.h"
#include "base/key.h"

namespace vega::exchange {
namespace {

// Shortest text that reads back as the same number.
template <typename T>
std::string to_text(T value) {
  char buffer[32];
  const auto [end, code] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, end};
}

// Fields of a card, with errors that name them.
class Fields {
 public:
  Fields(const Card& card, const std::string& where) : card_(card), where_(where) {}

  std::string text(const std::string& name) const {
    const auto place = card_.find(name);
    if (place == card_.end()) fail(name, "nothing");
    return place->second;
  }

  template <typename T>
  T number(const std::string& name) const {
    const std::string value = text(name);
    T out{};
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), out);
    if (code != std::errc() || end != value.data() + value.size()) fail(name, "'" + value + "'");
    return out;
  }

  [[noreturn]] void fail(const std::string& name, const std::string& got) const {
    throw FormatError(explain(where_ + ": metadata '" + name + "'", got,
                              "what vega-extract export writes",
                              "export it again, or drop the metadata and pass the options"));
  }

 private:
  const Card& card_;
  const std::string& where_;
};

}  // namespace

Card make_card(const FeatureReader& reader, const TapInfo& tap, Layout layout) {
  const FeatureHeader& header = reader.header();
  std::string tag = std::filesystem::absolute(reader.path()).parent_path().filename().string();
  if (!is_key(tag) || tag.starts_with('.')) tag.clear();
  Card card{{"schema", std::string(kCardSchema)},
            {"key", header.key},
            {"tag", tag},
            {"tap", tap.name},
            {"layout", std::string(name_of(layout))},
            {"store_dtype", std::string(name_of(tap.store_dtype))},
            {"cache_key", header.cache_key},
            {"tap_cache_key", tap.cache_key},
            {"options", header.options_json},
            {"seed", std::to_string(header.seed)},
            {"size", std::to_string(tap.width) + "x" + std::to_string(tap.height)}};
  TapInfo::attributes(tap, [&](const char* name, const auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>)
      card[name] = value;
    else
      card[name] = to_text(value);
  });
  return card;
}

std::string to_json(const Card& card) { return Json(card).dump(); }

std::optional<Card> card_from_json(std::string_view text) {
  const auto parsed = parse_json(text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  Card card;
  for (const auto& [name, value] : parsed->members()) {
    if (value.text() == nullptr) return std::nullopt;
    card[name] = *value.text();
  }
  return card;
}

std::optional<Said> read_card(const Card& card, const std::string& where) {
  const auto schema = card.find("schema");
  if (schema == card.end() || !schema->second.starts_with("vega.export/")) return std::nullopt;
  const Fields fields(card, where);
  if (schema->second != kCardSchema) fields.fail("schema", "'" + schema->second + "'");
  Said said;
  said.key = fields.text("key");
  said.tag = fields.text("tag");
  const std::string layout = fields.text("layout");
  const auto found = find_choice<Layout>(kLayouts, layout);
  if (!found) fields.fail("layout", "'" + layout + "'");
  said.layout = *found;
  said.cache_key = fields.text("cache_key");
  said.options_json = fields.text("options");
  TapInfo& tap = said.tap;
  tap.name = fields.text("tap");
  if (!is_key(tap.name)) fields.fail("tap", "'" + tap.name + "'");
  TapInfo::attributes(tap, [&]<typename T>(const char* name, T& value) {
    if constexpr (std::is_same_v<T, std::string>)
      value = fields.text(name);
    else
      value = fields.number<T>(name);
  });
  const std::string size = fields.text("size");
  if (size != "0x0") {
    try {
      const ImageSize pixels = parse_size(size);
      tap.width = pixels.width;
      tap.height = pixels.height;
    } catch (const UsageError&) {
      fields.fail("size", "'" + size + "'");
    }
  }
  return said;
}

}  // namespace vega::exchange
