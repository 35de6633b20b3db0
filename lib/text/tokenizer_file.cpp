// The folder of a tokeniser: which files count, and those beside tokenizer.json.
#include "text/tokenizer_file.h"

#include <set>
#include <system_error>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/text.h"

namespace vega::text {
namespace {

namespace fs = std::filesystem;

// Whatever hinders a look, the opening of the file that follows says it.
bool is_there(const fs::path& path) {
  std::error_code code;
  return fs::exists(path, code);
}

bool is_folder(const fs::path& path) {
  std::error_code code;
  return fs::is_directory(path, code);
}

JsonLimits vocabulary_limits() {
  JsonLimits limits;
  limits.bytes = std::size_t{64} << 20;
  limits.values = 4'000'000;
  return limits;
}

void read_vocabulary(const fs::path& folder, TokenizerParts& parts) {
  const fs::path vocabulary = folder / "vocab.json", merges = folder / "merges.txt";
  VocabularyReader reader(vocabulary, "");
  const Json json =
      read_json(vocabulary, "a vocabulary: tokens and their ids", vocabulary_limits());
  if (!json.is_object()) refuse(vocabulary, "", shown(json), "an object of tokens and ids");
  for (const JsonMember& token : json.members()) reader.add_token(token.name, token.value);
  reader.check_bytes();

  const std::string text =
      read_text(merges, "a merge a line: two tokens with a blank between", std::size_t{64} << 20);
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    const std::size_t blank = line.find(' ');
    const std::string where = "line " + std::to_string(number);
    if (blank == line.npos || blank == 0 || blank + 1 == line.size() ||
        line.find(' ', blank + 1) != line.npos)
      refuse(merges, where, shown(std::string(line)), "two tokens with a blank between");
    reader.add_merge(line.substr(0, blank), line.substr(blank + 1), merges, where);
  }
  reader.finish(parts);
}

// Texts of eos_token, additional_special_tokens and their like: texts, or objects with `content`.
void collect_special(const Json& json, std::set<std::string>& special) {
  const auto take = [&](const Json& value) {
    if (const auto* text = value.text()) special.insert(*text);
    if (const auto* text = value["content"].text()) special.insert(*text);
  };
  for (const char* name :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"})
    take(json[name]);
  for (const Json& one : json["additional_special_tokens"].elements()) take(one);
}

// {"<ground>": 151647, ...}: without a description of each.
void read_added_tokens(const fs::path& path, const std::set<std::string>& special,
                       TokenizerParts& parts) {
  const Json json = read_json(path, "added tokens and their ids");
  if (!json.is_object()) refuse(path, "", shown(json), "an object of tokens and ids");
  for (const JsonMember& token : json.members()) {
    const std::string key = printable(token.name, 60);
    const std::int64_t id = read_id(token.value, path, key);
    const Json described{{"content", token.name}, {"special", special.contains(token.name)}};
    const AddedToken made = read_added_token(described, id, path, key);
    const AddedToken* known = parts.added.find(made.id);  // its description stands elsewhere
    if (known == nullptr || known->text != made.text) put_added_token(made, parts, path, key);
  }
}

void read_config_tokens(const Json& config, const fs::path& path, TokenizerParts& parts) {
  const Json& tokens = config["added_tokens_decoder"];
  if (tokens.is_null()) return;
  if (!tokens.is_object())
    refuse(path, "added_tokens_decoder", shown(tokens), "an object of ids and tokens");
  for (const JsonMember& token : tokens.members()) {
    const std::string key = "added_tokens_decoder." + printable(token.name, 60);
    const auto number = parse_whole(token.name);
    const std::int64_t id = read_id(number ? Json(*number) : Json(token.name), path, key);
    put_added_token(read_added_token(token.value, id, path, key), parts, path, key);
  }
}

// A class of another family splits words differently, and vocab.json does not say how.
void check_class(const Json& config, const fs::path& path) {
  const Json& name = config["tokenizer_class"];
  if (name.is_null() || name == Json("Qwen2Tokenizer") || name == Json("Qwen2TokenizerFast"))
    return;
  refuse(path, "tokenizer_class", shown(name), "Qwen2Tokenizer beside vocab.json",
         "bring the model's tokenizer.json");
}

TokenizerParts read_folder(const fs::path& folder) {
  const fs::path whole = folder / "tokenizer.json", config_path = folder / "tokenizer_config.json",
                 map_path = folder / "special_tokens_map.json",
                 added_path = folder / "added_tokens.json";
  Json config, map;
  if (is_there(config_path)) config = read_json(config_path, "the settings of a tokeniser");
  if (!config.is_null() && !config.is_object())
    refuse(config_path, "", shown(config), "an object with the settings of a tokeniser");
  if (is_there(map_path)) map = read_json(map_path, "names of special tokens");
  TokenizerParts parts;
  if (is_there(whole)) {
    parts = read_tokenizer_json(whole);
  } else if (is_there(folder / "vocab.json")) {
    check_class(config, config_path);
    read_vocabulary(folder, parts);
  } else {
    throw InputError(explain(folder.string(), "no tokenizer.json and no vocab.json",
                             "the folder of a tokeniser",
                             "copy tokenizer.json from the release of the model"));
  }
  read_config_tokens(config, config_path, parts);
  if (is_there(added_path)) {
    std::set<std::string> special;
    collect_special(config, special);
    collect_special(map, special);
    read_added_tokens(added_path, special, parts);
  }
  return parts;
}

}  // namespace

TokenizerParts read_tokenizer(const fs::path& path) {
  return is_folder(path) ? read_folder(path) : read_tokenizer_json(path);
}

}  // namespace vega::text
