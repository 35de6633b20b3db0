#include "metrics/paraphrases.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/error.h"

namespace vega::metrics {
namespace {

// The index: a header, then arrays of u32 and the texts of the words.
//   steps     open addressing over (phrase before, word), three numbers each
//   first     phrases + 1 offsets into the partners
//   partners  phrases
//   word_at   words + 1 offsets into the texts, which ascend
// Phrases of the table have the numbers below `phrases`; those from there on only begin others.
struct Header {
  std::array<char, 16> magic = {'v', 'e', 'g', 'a', '.', 'p', 'a', 'r',
                                'a', 'p', 'h', 'r', 'a', 's', 'e', '2'};
  std::uint64_t steps = 0, numbers = 0, phrases = 0, pairs = 0, words = 0, word_bytes = 0;
};
constexpr std::uint64_t kMost = kNoNumber - 1;

// Where the search for a step begins: a share of the table.
std::size_t place_of(std::uint32_t before, std::uint32_t word, std::size_t steps) {
  return static_cast<std::size_t>(((pair_hash(before, word) >> 32) * steps) >> 32);
}

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

// The table while it is read: words and phrases have numbers in the order in which they come.
struct Table {
  TextNumbers words;
  PairNumbers phrases;                      // of the phrase before and a word
  std::vector<std::uint32_t> keys, values;  // of the pairs

  std::uint32_t phrase(std::string_view text) {
    std::uint32_t out = Paraphrases::kNothing;
    for (;;) {
      const std::size_t end = text.find(' ');
      out = phrases.add(out, words.add(text.substr(0, end)));
      if (end == text.npos) return out;
      text.remove_prefix(end + 1);
    }
  }
};

Table read_table(const std::function<std::size_t(std::span<char>)>& read,
                 const std::string& name) try {
  Table out;
  Lines lines(read);
  std::string_view line;
  std::size_t number = 0;
  const auto phrase = [&] {
    if (!lines.next(line))
      throw FormatError(explain(name, "an end after line " + std::to_string(number),
                                "three lines a pair of phrases", "fetch the file again"));
    ++number;
    return out.phrase(line);
  };
  while (lines.next(line)) {
    ++number;
    if (out.keys.size() == kMost) throw std::length_error("pairs");
    out.keys.push_back(phrase());
    out.values.push_back(phrase());
  }
  return out;
} catch (const std::length_error&) {
  throw FormatError(
      explain(name, "more phrases than 32 bits can count", "the table of METEOR 1.5"));
}

// New numbers for the phrases: those of pairs first.
std::vector<std::uint32_t> phrase_order(const Table& table, std::uint64_t& phrases) {
  std::vector<std::uint32_t> out(table.phrases.size(), 0);
  for (const auto* side : {&table.keys, &table.values})
    for (const std::uint32_t phrase : *side) out[phrase] = 1;
  phrases = static_cast<std::uint64_t>(std::accumulate(out.begin(), out.end(), std::int64_t{0}));
  std::uint32_t next = 0, other = static_cast<std::uint32_t>(phrases);
  for (std::uint32_t& number : out) number = number == 1 ? next++ : other++;
  return out;
}

// New numbers for the words, and the words in their order: ascending.
std::vector<std::uint32_t> word_order(const TextNumbers& words, std::vector<std::uint32_t>& at,
                                      std::string& texts) {
  std::vector<std::uint32_t> sorted(words.size()), out(words.size());
  std::iota(sorted.begin(), sorted.end(), 0U);
  std::sort(sorted.begin(), sorted.end(),
            [&](auto a, auto b) { return words.text(a) < words.text(b); });
  at.assign(1, 0);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    out[sorted[i]] = static_cast<std::uint32_t>(i);
    texts += words.text(sorted[i]);
    at.push_back(static_cast<std::uint32_t>(texts.size()));
  }
  return out;
}

}  // namespace

std::string build_paraphrases(const std::function<std::size_t(std::span<char>)>& read,
                              const std::string& name) {
  const Table table = read_table(read, name);
  Header header;
  std::vector<std::uint32_t> word_at;
  std::string texts;
  const auto phrase = phrase_order(table, header.phrases);
  const auto word = word_order(table.words, word_at, texts);

  std::vector<Paraphrases::Step> steps(table.phrases.size() + table.phrases.size() / 2 + 1);
  table.phrases.each([&](std::uint32_t before, std::uint32_t w, std::uint32_t number) {
    if (before != Paraphrases::kNothing) before = phrase[before];
    std::size_t at = place_of(before, word[w], steps.size());
    while (steps[at].phrase != kNoNumber) at = at + 1 == steps.size() ? 0 : at + 1;
    steps[at] = {before, word[w], phrase[number]};
  });

  // Partners by key, each key's in the order of the table.
  std::vector<std::uint32_t> first(header.phrases + 1, 0), partners(table.keys.size());
  for (const std::uint32_t key : table.keys) ++first[phrase[key] + 1];
  std::partial_sum(first.begin(), first.end(), first.begin());
  std::vector<std::uint32_t> next(first.begin(), first.end() - 1);
  for (std::size_t i = 0; i < table.keys.size(); ++i)
    partners[next[phrase[table.keys[i]]]++] = phrase[table.values[i]];

  header.steps = steps.size();
  header.numbers = phrase.size();
  header.pairs = partners.size();
  header.words = word.size();
  header.word_bytes = texts.size();
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  append(out, steps);
  append(out, first);
  append(out, partners);
  append(out, word_at);
  return out.append(texts);
}

Paraphrases::Paraphrases(std::span<const std::byte> bytes, const std::string& name) : name_(name) {
  Header header;
  if (bytes.size() < sizeof header) fail();
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != Header().magic || header.steps <= header.numbers || header.steps > kMost ||
      header.phrases > header.numbers || header.pairs > kMost || header.words > kMost ||
      header.word_bytes > kMost)
    fail();
  const std::uint64_t numbers =
      3 * header.steps + header.phrases + 1 + header.pairs + header.words + 1;
  if (bytes.size() != sizeof header + 4 * numbers + header.word_bytes) fail();
  const std::byte* at = bytes.data() + sizeof header;
  const auto take = [&]<typename T>(std::span<const T>& out, std::uint64_t count) {
    out = {reinterpret_cast<const T*>(at), static_cast<std::size_t>(count)};
    at += out.size_bytes();
  };
  take(steps_, header.steps);
  take(first_, header.phrases + 1);
  take(partners_, header.pairs);
  take(word_at_, header.words + 1);
  words_ = {reinterpret_cast<const char*>(at), static_cast<std::size_t>(header.word_bytes)};
  phrases_ = static_cast<std::uint32_t>(header.phrases);
}

void Paraphrases::fail() const {
  throw FormatError(explain(name_, "no index of paraphrases, or a damaged one", {},
                            "delete it; it is built again"));
}

std::uint32_t Paraphrases::word(std::string_view word) const {
  std::size_t low = 0, high = word_at_.empty() ? 0 : word_at_.size() - 1;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const std::uint32_t begin = word_at_[middle], end = word_at_[middle + 1];
    if (begin > end || end > words_.size()) fail();
    const auto order = words_.substr(begin, end - begin).compare(word);
    if (order == 0) return static_cast<std::uint32_t>(middle);
    order < 0 ? low = middle + 1 : high = middle;
  }
  return kNoNumber;
}

Paraphrases::Phrase Paraphrases::longer(Phrase phrase, std::uint32_t word) const {
  std::size_t at = place_of(phrase, word, steps_.size());
  for (std::size_t seen = 0; seen < steps_.size(); ++seen) {
    const Step& step = steps_[at];
    if (step.phrase == kNoNumber) return kNoNumber;
    if (step.before == phrase && step.word == word) return step.phrase;
    at = at + 1 == steps_.size() ? 0 : at + 1;
  }
  fail();  // one place is empty
}

std::span<const Paraphrases::Phrase> Paraphrases::partners(Phrase phrase) const {
  const std::uint32_t begin = first_[phrase], end = first_[phrase + 1];
  if (begin > end || end > partners_.size()) fail();
  return partners_.subspan(begin, end - begin);
}

}  // namespace vega::metrics
