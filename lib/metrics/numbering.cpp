#include "metrics/numbering.h"

#include <xxhash.h>

#include <stdexcept>

namespace vega::metrics {
namespace {

std::uint32_t hash_of(std::string_view text) {
  return static_cast<std::uint32_t>(XXH3_64bits(text.data(), text.size()));
}

}  // namespace

std::size_t TextNumbers::slot(std::string_view text, std::uint32_t hash) const {
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].number != kNoNumber &&
         (slots_[at].hash != hash || this->text(slots_[at].number) != text))
    at = (at + 1) & (slots_.size() - 1);
  return at;
}

void TextNumbers::grow() {
  std::vector<Slot> old(2 * slots_.size());
  old.swap(slots_);
  for (const Slot& s : old) {
    if (s.number == kNoNumber) continue;
    std::size_t at = s.hash & (slots_.size() - 1);
    while (slots_[at].number != kNoNumber) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = s;
  }
}

std::uint32_t TextNumbers::add(std::string_view text) {
  const std::uint32_t hash = hash_of(text);
  std::size_t at = slot(text, hash);
  if (slots_[at].number != kNoNumber) return slots_[at].number;
  if (texts_.size() + text.size() >= kNoNumber) throw std::length_error("over 4 GB of texts");
  if (2 * (size() + 1) > slots_.size()) {
    grow();
    at = slot(text, hash);
  }
  slots_[at] = {hash, static_cast<std::uint32_t>(size())};
  texts_.append(text);
  at_.push_back(static_cast<std::uint32_t>(texts_.size()));
  return slots_[at].number;
}

std::uint32_t TextNumbers::find(std::string_view text) const {
  return slots_[slot(text, hash_of(text))].number;
}

}  // namespace vega::metrics
