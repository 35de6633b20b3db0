#include "text/added_tokens.h"

#include <algorithm>
#include <iterator>

#include "text/char_class.h"
#include "text/nfc.h"
#include "text/written_bytes.h"

namespace vega::text {
namespace {

bool is_class_at(std::string_view text, std::size_t at, unsigned classes) {
  return (CharClasses::get().of(next_char(text, at)) & classes) != 0;
}

bool ends_with_word(std::string_view text) {
  if (text.empty()) return false;
  std::size_t at = text.size();
  return (CharClasses::get().of(previous_char(text, at)) & kWordPart) != 0;
}

}  // namespace

TextTrie::TextTrie() : nodes_(1) { std::fill(std::begin(first_), std::end(first_), -1); }

std::int32_t TextTrie::child_of(std::int32_t node, char byte) const {
  if (node == 0) return first_[static_cast<unsigned char>(byte)];
  std::int32_t child = nodes_[static_cast<std::size_t>(node)].child;
  while (child >= 0 && nodes_[static_cast<std::size_t>(child)].byte != byte)
    child = nodes_[static_cast<std::size_t>(child)].sibling;
  return child;
}

void TextTrie::add(std::string_view text, std::int32_t id) {
  std::int32_t node = 0;
  for (const char byte : text) {
    std::int32_t child = child_of(node, byte);
    if (child < 0) {
      child = static_cast<std::int32_t>(nodes_.size());
      std::int32_t& head = node == 0 ? first_[static_cast<unsigned char>(byte)]
                                     : nodes_[static_cast<std::size_t>(node)].child;
      const std::int32_t sibling = node == 0 ? -1 : head;
      head = child;
      nodes_.push_back({-1, sibling, -1, byte});
    }
    node = child;
  }
  nodes_[static_cast<std::size_t>(node)].id = id;
}

std::pair<std::size_t, std::int32_t> TextTrie::longest(std::string_view text,
                                                       std::size_t at) const {
  std::pair<std::size_t, std::int32_t> found{0, -1};
  std::int32_t node = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    node = child_of(node, text[i]);
    if (node < 0) break;
    const std::int32_t id = nodes_[static_cast<std::size_t>(node)].id;
    if (id >= 0) found = {i + 1 - at, id};
  }
  return found;
}

void AddedTokens::put(const AddedToken& token) {
  tokens_.insert_or_assign(token.id, token);
  ids_.insert_or_assign(token.text, token.id);
}

void AddedTokens::build() {
  raw_ = normalized_ = TextTrie();
  bytes_.clear();
  std::string storage;
  for (const auto& [id, token] : tokens_) {
    const std::string_view text = token.normalized ? nfc(token.text, storage) : token.text;
    (token.normalized ? normalized_ : raw_).add(text, id);
    bytes_.emplace(id, bytes_of_written(text));
  }
}

const std::string* AddedTokens::bytes_of(std::int32_t id) const {
  const auto found = bytes_.find(id);
  return found == bytes_.end() ? nullptr : &found->second;
}

const AddedToken* AddedTokens::find(std::int32_t id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : &found->second;
}

std::optional<std::int32_t> AddedTokens::id_of(std::string_view text) const {
  const auto found = ids_.find(text);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

// A token that is found within a word though it must not be counts as read: the search goes on
// behind it. White space that a token takes is not looked through for the next one's beginning.
void AddedTokens::split_by(const TextTrie& trie, std::string_view text,
                           const std::function<void(const AddedToken&)>& word,
                           const std::function<void(std::string_view)>& rest) const {
  std::size_t taken = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto [length, id] = trie.longest(text, at);
    if (length == 0) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + length;
    at = end;
    const AddedToken& token = tokens_.at(id);
    if (token.single_word && (ends_with_word(text.substr(0, begin)) ||
                              (end < text.size() && is_class_at(text, end, kWordPart))))
      continue;
    if (token.lstrip) {
      for (std::size_t i = begin; i > 0; begin = i)
        if ((CharClasses::get().of(previous_char(text, i)) & kSpace) == 0) break;
      begin = std::max(begin, taken);
    }
    if (token.rstrip) {
      for (std::size_t i = end; i < text.size(); end = i)
        if ((CharClasses::get().of(next_char(text, i)) & kSpace) == 0) break;
    }
    if (taken < begin) rest(text.substr(taken, begin - taken));
    word(token);
    taken = end;
  }
  if (taken < text.size()) rest(text.substr(taken));
}

void AddedTokens::split(std::string_view text, const std::function<void(const AddedToken&)>& word,
                        const std::function<void(std::string_view)>& rest) const {
  std::string storage;
  split_by(raw_, text, word,
           [&](std::string_view part) { split_by(normalized_, nfc(part, storage), word, rest); });
}

}  // namespace vega::text
