#include "vlm/reply.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "text/unicode.h"

namespace vega::vlm {
namespace {

// Python's str.strip().
std::string stripped(const std::string& text) {
  const std::u32string all = text::decode_utf8(text);
  const auto blank = [](char32_t c) { return text::is_python_space(c); };
  const auto first = std::ranges::find_if_not(all, blank);
  const auto last = std::find_if_not(all.rbegin(), all.rend(), blank).base();
  return first < last ? text::encode_utf8({first, last}) : std::string();
}

}  // namespace

Reply reply_of(qwen2::Answer&& answer, const text::Tokenizer& words) {
  Reply out;
  out.answer = std::move(answer);
  std::vector<std::int32_t> ids(out.answer.ids.begin(), out.answer.ids.end());
  // Embeddings have spare rows; a model that says one says nothing, as in the release.
  std::erase_if(ids, [&words](std::int32_t id) { return !words.has_token(id); });
  out.said = words.decode(ids, true);
  out.text = stripped(out.said);
  if (constexpr std::string_view end = "<|im_end|>"; out.text.ends_with(end))
    out.text = stripped(out.text.substr(0, out.text.size() - end.size()));
  return out;
}

Reply reply_to(const qwen2::Decoder& decoder, const text::Tokenizer& words,
               const qwen2::Prompt& prompt, const qwen2::GenerationConfig& config,
               const OnText& on_text) {
  text::TokenStream stream(words);
  const auto on_token = [&](std::size_t, std::int64_t id) {
    if (!words.has_token(static_cast<std::int32_t>(id))) return true;
    const std::string text = stream.push(static_cast<std::int32_t>(id));
    return !on_text || text.empty() || on_text(text);
  };
  Reply out = reply_of(
      std::move(qwen2::generate(decoder, std::span(&prompt, 1), config, on_token).front()), words);
  if (const std::string rest = stream.flush(); on_text && !rest.empty()) on_text(rest);
  return out;
}

}  // namespace vega::vlm
