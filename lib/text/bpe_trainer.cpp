#include "text/bpe_trainer.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/publish.h"
#include "text/nfc.h"
#include "text/pretokenize.h"
#include "text/vocabulary.h"
#include "text/written_bytes.h"

namespace vega::text {
namespace {

using Pair = std::pair<std::int32_t, std::int32_t>;

struct Word {
  std::vector<std::int32_t> ids;
  std::int64_t count;
};

// Most places first, then the smaller ids.
struct Rating {
  std::int64_t count;
  Pair pair;
  bool operator<(const Rating& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Trainer {
 public:
  explicit Trainer(std::span<const std::string> texts) {
    // As in the vocabulary of Qwen: ids in the order of the characters that stand for the bytes.
    std::map<std::string, unsigned char> bytes;
    for (unsigned b = 0; b < 256; ++b)
      bytes.emplace(written_byte(static_cast<unsigned char>(b)), static_cast<unsigned char>(b));
    std::int32_t ids[256];
    for (const auto& [written, byte] : bytes) {
      ids[byte] = static_cast<std::int32_t>(out_.tokens.size());
      add_token(std::string(1, static_cast<char>(byte)));
    }
    for (const auto& [word, count] : count_words(texts)) {
      words_.push_back({{}, count});
      for (const char c : word) words_.back().ids.push_back(ids[static_cast<unsigned char>(c)]);
      count_pairs(words_.size() - 1, 1);
    }
    for (const Pair& pair : changed_) ratings_.push({counts_[pair], pair});
    changed_.clear();
  }

  TrainedBpe train(std::size_t size) {
    while (out_.tokens.size() < size && !ratings_.empty()) {
      const Rating top = ratings_.top();
      ratings_.pop();
      if (counts_[top.pair] != top.count) continue;  // rated anew since
      if (top.count < 2) break;
      merge(top.pair);
    }
    return std::move(out_);
  }

 private:
  static std::map<std::string, std::int64_t> count_words(std::span<const std::string> texts) {
    std::map<std::string, std::int64_t> counts;
    std::string storage;
    for (const std::string& text : texts) {
      if (!is_utf8(text))
        throw InputError(explain("tokeniser",
                                 "a text that is not UTF-8: '" + printable(text, 60) + "'", "UTF-8",
                                 "convert the text"));
      WordSplitter words(nfc(text, storage), 1);
      for (auto word = words.next(); !word.empty(); word = words.next())
        ++counts[std::string(word)];
    }
    return counts;
  }

  std::int32_t add_token(const std::string& bytes) {
    const auto [found, is_new] = ids_.emplace(bytes, static_cast<std::int32_t>(out_.tokens.size()));
    if (is_new) out_.tokens.push_back(bytes);
    return found->second;
  }

  // Adds the pairs of a word to the counts, or takes them away (sign -1).
  void count_pairs(std::size_t index, int sign) {
    const Word& word = words_[index];
    for (std::size_t i = 0; i + 1 < word.ids.size(); ++i) {
      const Pair pair{word.ids[i], word.ids[i + 1]};
      counts_[pair] += sign * word.count;
      changed_.insert(pair);
      if (sign > 0) places_[pair].insert(index);
    }
  }

  void merge(const Pair& pair) {
    const auto id_of = [&](std::int32_t id) { return out_.tokens[static_cast<std::size_t>(id)]; };
    const std::int32_t merged = add_token(id_of(pair.first) + id_of(pair.second));
    out_.merges.push_back({pair.first, pair.second, merged});
    for (const std::size_t index : std::exchange(places_[pair], {})) {
      count_pairs(index, -1);
      join(words_[index].ids, pair, merged);
      count_pairs(index, 1);
    }
    for (const Pair& one : changed_) ratings_.push({counts_[one], one});
    changed_.clear();
  }

  static void join(std::vector<std::int32_t>& ids, const Pair& pair, std::int32_t merged) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i + 1 < ids.size() && ids[i] == pair.first && ids[i + 1] == pair.second)
        ids[kept++] = merged, ++i;
      else
        ids[kept++] = ids[i];
    }
    ids.resize(kept);
  }

  TrainedBpe out_;
  std::unordered_map<std::string, std::int32_t> ids_;
  std::vector<Word> words_;
  std::map<Pair, std::int64_t> counts_;
  std::map<Pair, std::set<std::size_t>> places_;  // words that have, or had, the pair
  std::set<Pair> changed_;                        // since they were rated
  std::priority_queue<Rating> ratings_;
};

Json added_json(const AddedToken& token) {
  return Json{
      {"id", token.id},          {"content", token.text},  {"single_word", token.single_word},
      {"lstrip", token.lstrip},  {"rstrip", token.rstrip}, {"normalized", token.normalized},
      {"special", token.special}};
}

}  // namespace

TrainedBpe train_bpe(std::span<const std::string> texts, std::size_t vocabulary_size) {
  if (vocabulary_size < 256 || vocabulary_size > static_cast<std::size_t>(kMostIds))
    throw InputError(explain("tokeniser", "a vocabulary of " + std::to_string(vocabulary_size),
                             "256 to " + std::to_string(kMostIds) + " tokens"));
  return Trainer(texts).train(vocabulary_size);
}

std::string tokenizer_json(const TrainedBpe& trained, std::span<const AddedToken> added) {
  Json vocabulary = Json::object(), merges = Json::list(), words = Json::list();
  const auto written = [&](std::int32_t id) {
    return written_bytes(trained.tokens[static_cast<std::size_t>(id)]);
  };
  for (std::size_t id = 0; id < trained.tokens.size(); ++id)
    vocabulary.add(written_bytes(trained.tokens[id]), id);
  for (const Merge& merge : trained.merges)
    merges.push(written(merge.left) + " " + written(merge.right));
  std::size_t next = trained.tokens.size();
  for (const AddedToken& token : added) {
    if (token.text.empty() || token.id != static_cast<std::int32_t>(next))
      throw InputError(explain("tokeniser: control word '" + printable(token.text, 60) + "'",
                               "id " + std::to_string(token.id),
                               "a text with id " + std::to_string(next)));
    words.push(added_json(token));
    ++next;
  }
  const Json split{{"type", "Split"},
                   {"pattern", Json{{"Regex", split_pattern(1)}}},
                   {"behavior", "Isolated"},
                   {"invert", false}};
  const Json bytes{{"type", "ByteLevel"},
                   {"add_prefix_space", false},
                   {"trim_offsets", false},
                   {"use_regex", false}};
  const Json model{{"type", "BPE"},
                   {"dropout", nullptr},
                   {"unk_token", nullptr},
                   {"continuing_subword_prefix", ""},
                   {"end_of_word_suffix", ""},
                   {"fuse_unk", false},
                   {"byte_fallback", false},
                   {"vocab", vocabulary},
                   {"merges", merges}};
  return Json{{"version", "1.0"},
              {"truncation", nullptr},
              {"padding", nullptr},
              {"added_tokens", words},
              {"normalizer", Json{{"type", "NFC"}}},
              {"pre_tokenizer",
               Json{{"type", "Sequence"}, {"pretokenizers", Json::list({split, bytes})}}},
              {"post_processor", bytes},
              {"decoder", bytes},
              {"model", model}}
             .dump(2) +
         "\n";
}

void write_tokenizer_json(const std::filesystem::path& path, const TrainedBpe& trained,
                          std::span<const AddedToken> added) {
  publish_file(path, tokenizer_json(trained, added));
}

}  // namespace vega::text
