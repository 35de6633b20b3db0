// A byte-level vocabulary and its merges as the files of tokenisers write them: bytes as printable
// characters.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "text/added_tokens.h"
#include "text/bpe.h"

namespace vega::text {

// All that makes a tokeniser.
struct TokenizerParts {
  std::vector<std::string> tokens;  // bytes by id; empty: no such id
  std::vector<Merge> merges;
  AddedTokens added;         // not built
  std::size_t digits = 1;    // the most digits of one word
  bool whole_words = false;  // a word that is a token stays whole
};

// Ids of one file must be smaller: what a damaged one says must not cost memory.
inline constexpr std::int64_t kMostIds = std::int64_t{1} << 22;

// Throws FormatError "PATH: KEY: got GOT, expected EXPECTED; REMEDY".
[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& key,
                         const std::string& got, const std::string& expected,
                         const std::string& remedy = "fetch the file again");

// Gets tokens and merges in the order of the files.
class VocabularyReader {
 public:
  // `key` of the vocabulary and of the merges, for messages ("model.vocab"; empty: the whole file).
  VocabularyReader(std::filesystem::path path, std::string key);

  // All tokens come first, then one check that the 256 bytes are among them, then the merges. These
  // throw FormatError.
  void add_token(const std::string& token, const Json& id);
  void check_bytes() const;
  void add_merge(std::string_view left, std::string_view right, const std::filesystem::path& path,
                 const std::string& where);

  // Moves the vocabulary and the merges into `parts`.
  void finish(TokenizerParts& parts);

 private:
  std::int32_t id_of(std::string_view token, const std::filesystem::path& path,
                     const std::string& where) const;

  std::filesystem::path path_;
  std::string key_, joined_;
  std::unordered_map<std::string, std::int32_t> ids_;
  std::vector<std::string> tokens_;
  std::vector<Merge> merges_;
};

// One added token as files describe it: content, special, normalized, single_word, lstrip, rstrip.
// Without `normalized`, only special tokens are searched before NFC. Throws FormatError.
AddedToken read_added_token(const Json& token, std::int64_t id, const std::filesystem::path& path,
                            const std::string& key);

// Adds a token to `parts`, or changes how the one with its text is treated. Throws FormatError
// where the text has another id, or the id another text.
void put_added_token(const AddedToken& token, TokenizerParts& parts,
                     const std::filesystem::path& path, const std::string& key);

// A whole number from 0 that may be an id. Throws FormatError.
std::int64_t read_id(const Json& value, const std::filesystem::path& path, const std::string& key);

}  // namespace vega::text
