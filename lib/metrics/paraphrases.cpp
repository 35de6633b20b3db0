#include "metrics/paraphrases.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"

namespace vega::metrics {
namespace {

// The index: a header, then four arrays of u32 and the texts.
//   slots     open addressing over XXH3 of the phrase; phrase + 1, 0: empty
//   text_at   phrases + 1 offsets into the texts
//   first     phrases + 1 offsets into the partners
//   partners  phrases
struct Header {
  char magic[16] = {'v', 'e', 'g', 'a', '.', 'p', 'a', 'r', 'a', 'p', 'h', 'r', 'a', 's', 'e', '1'};
  std::uint64_t slots = 0, phrases = 0, pairs = 0, text_bytes = 0, longest = 0;
};

constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max() - 1;

std::size_t hash_of(std::string_view text) {
  return static_cast<std::size_t>(XXH3_64bits(text.data(), text.size()));
}

// Numbers for phrases in the order in which they come.
class Numbering {
 public:
  Numbering() : slots_(std::size_t{1} << 16, 0) { text_at_.push_back(0); }

  std::uint32_t of(std::string_view phrase, const std::string& name) {
    std::size_t at = slot(phrase);
    if (slots_[at] != 0) return slots_[at] - 1;
    if (texts_.size() + phrase.size() > kMost || text_at_.size() > kMost)
      throw FormatError(explain(name, "over 4 GB of phrases", "the table of METEOR 1.5"));
    texts_.append(phrase);
    text_at_.push_back(static_cast<std::uint32_t>(texts_.size()));
    slots_[at] = static_cast<std::uint32_t>(text_at_.size() - 1);
    if (text_at_.size() * 2 > slots_.size()) grow();
    return static_cast<std::uint32_t>(text_at_.size() - 2);
  }
  std::size_t size() const { return text_at_.size() - 1; }

  std::vector<std::uint32_t> slots_, text_at_;
  std::string texts_;

 private:
  std::string_view text(std::size_t phrase) const {
    return std::string_view(texts_).substr(text_at_[phrase],
                                           text_at_[phrase + 1] - text_at_[phrase]);
  }
  std::size_t slot(std::string_view phrase) const {
    std::size_t at = hash_of(phrase) & (slots_.size() - 1);
    while (slots_[at] != 0 && text(slots_[at] - 1) != phrase) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow() {
    slots_.assign(slots_.size() * 2, 0);
    for (std::size_t phrase = 0; phrase < size(); ++phrase)
      slots_[slot(text(phrase))] = static_cast<std::uint32_t>(phrase + 1);
  }
};

// Lines of a stream.
class Lines {
 public:
  explicit Lines(const std::function<std::size_t(std::span<char>)>& read) : read_(read) {}

  bool next(std::string_view& line) {
    for (;;) {
      const std::size_t end = buffer_.find('\n', at_);
      if (end != std::string::npos) {
        line = std::string_view(buffer_).substr(at_, end - at_);
        at_ = end + 1;
        return true;
      }
      buffer_.erase(0, at_);
      at_ = 0;
      const std::size_t had = buffer_.size();
      buffer_.resize(had + (std::size_t{1} << 20));
      const std::size_t got = read_({buffer_.data() + had, buffer_.size() - had});
      buffer_.resize(had + got);
      if (got > 0) continue;
      if (buffer_.empty()) return false;
      line = buffer_;
      at_ = buffer_.size();
      return true;
    }
  }

 private:
  const std::function<std::size_t(std::span<char>)>& read_;
  std::string buffer_;
  std::size_t at_ = 0;
};

template <typename T>
void append(std::string& out, const std::vector<T>& values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

}  // namespace

std::string build_paraphrases(const std::function<std::size_t(std::span<char>)>& read,
                              const std::string& name) {
  Numbering numbering;
  std::vector<std::uint32_t> keys, values;
  Lines lines(read);
  std::string_view line;
  std::size_t number = 0;
  Header header;
  const auto phrase = [&] {
    if (!lines.next(line))
      throw FormatError(explain(name, "an end after line " + std::to_string(number),
                                "three lines a pair of phrases", "fetch the file again"));
    ++number;
    header.longest = std::max<std::uint64_t>(
        header.longest, static_cast<std::uint64_t>(std::count(line.begin(), line.end(), ' ')) + 1);
    return numbering.of(line, name);
  };
  while (lines.next(line)) {
    ++number;
    keys.push_back(phrase());
    values.push_back(phrase());
  }
  header.phrases = numbering.size();
  header.pairs = keys.size();
  header.text_bytes = numbering.texts_.size();
  header.slots = numbering.slots_.size();

  // Partners by key, each key's in the order of the table.
  std::vector<std::uint32_t> first(numbering.size() + 1, 0), partners(keys.size());
  for (const std::uint32_t key : keys) ++first[key + 1];
  for (std::size_t i = 1; i < first.size(); ++i) first[i] += first[i - 1];
  std::vector<std::uint32_t> next(first.begin(), first.end() - 1);
  for (std::size_t i = 0; i < keys.size(); ++i) partners[next[keys[i]]++] = values[i];

  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  append(out, numbering.slots_);
  append(out, numbering.text_at_);
  append(out, first);
  append(out, partners);
  return out.append(numbering.texts_);
}

Paraphrases::Paraphrases(std::span<const std::byte> bytes, const std::string& name) {
  Header header;
  const Header expected;
  const auto fail = [&] {
    throw FormatError(explain(name, "no index of paraphrases, or a damaged one", {},
                              "delete it; it is built again"));
  };
  if (bytes.size() < sizeof header) fail();
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, expected.magic, sizeof header.magic) != 0 ||
      !std::has_single_bit(header.slots) || header.slots > kMost || header.phrases > kMost ||
      header.pairs > kMost || header.text_bytes > kMost || header.phrases >= header.slots)
    fail();
  const std::uint64_t numbers = header.slots + 2 * (header.phrases + 1) + header.pairs;
  if (bytes.size() != sizeof header + 4 * numbers + header.text_bytes) fail();
  const auto* at = reinterpret_cast<const std::uint32_t*>(bytes.data() + sizeof header);
  const auto take = [&](std::uint64_t count) {
    const std::span<const std::uint32_t> out(at, static_cast<std::size_t>(count));
    at += count;
    return out;
  };
  slots_ = take(header.slots);
  text_at_ = take(header.phrases + 1);
  first_ = take(header.phrases + 1);
  partners_ = take(header.pairs);
  texts_ = {reinterpret_cast<const char*>(at), static_cast<std::size_t>(header.text_bytes)};
  longest_ = static_cast<std::size_t>(header.longest);
  if (text_at_.back() != texts_.size() || first_.back() != partners_.size()) fail();
}

std::string_view Paraphrases::text(Phrase phrase) const {
  return texts_.substr(text_at_[phrase], text_at_[phrase + 1] - text_at_[phrase]);
}

std::optional<Paraphrases::Phrase> Paraphrases::find(std::string_view phrase) const {
  if (slots_.empty()) return std::nullopt;
  for (std::size_t at = hash_of(phrase) & (slots_.size() - 1); slots_[at] != 0;
       at = (at + 1) & (slots_.size() - 1)) {
    if (text(slots_[at] - 1) == phrase) return slots_[at] - 1;
  }
  return std::nullopt;
}

std::span<const Paraphrases::Phrase> Paraphrases::partners(Phrase phrase) const {
  return partners_.subspan(first_[phrase], first_[phrase + 1] - first_[phrase]);
}

}  // namespace vega::metrics
