#include "score/meteor_source.h"

#include <zlib.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/publish.h"
#include "metrics/meteor_data.h"
#include "weights/zip_archive.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;

// Words that carry grammar rather than content: articles, pronouns, prepositions, conjunctions,
// auxiliaries, and punctuation that METEOR keeps as words.
constexpr const char* kFunctionWords =
    "a an the this that these those some any each every no all both "
    "i you he she it we they me him her us them my your his its our their who which what "
    "of in on at by for with about to from into onto over under between through near up down out "
    "off "
    "as than and or but nor so if because while when where there here "
    "is are was were be been being am do does did have has had will would can could may might must "
    "shall should not 's 't , . ? ! : ; - ( ) \" '";
// Words after which a full stop ends no sentence.
constexpr std::array<const char*, 22> kPrefixes = {"Mr",
                                                   "Mrs",
                                                   "Ms",
                                                   "Dr",
                                                   "Prof",
                                                   "Rev",
                                                   "Sr",
                                                   "Jr",
                                                   "St",
                                                   "v",
                                                   "vs",
                                                   "etc",
                                                   "Gen",
                                                   "Col",
                                                   "Gov",
                                                   "Sen",
                                                   "Rep",
                                                   "Ave",
                                                   "Mt",
                                                   "Ft",
                                                   "No #NUMERIC_ONLY#",
                                                   "pp #NUMERIC_ONLY#"};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<fs::path> cache_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && cache[0] == '/')
    return fs::path(cache) / "vega";
  if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/')
    return fs::path(home) / ".cache" / "vega";
  return std::nullopt;
}

std::string built_index(const MappedFile& file) {
  const std::string name = file.path().string();
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 32) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  const auto bytes = file.bytes();
  std::size_t given = 0;
  bool done = false;
  return metrics::build_paraphrases(
      [&](std::span<char> out) -> std::size_t {
        stream.next_out = reinterpret_cast<Bytef*>(out.data());
        stream.avail_out = static_cast<uInt>(out.size());
        while (!done && stream.avail_out > 0) {
          if (stream.avail_in == 0) {
            const std::size_t piece = std::min<std::size_t>(bytes.size() - given, 1 << 20);
            stream.next_in =
                const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data() + given));
            stream.avail_in = static_cast<uInt>(piece);
            given += piece;
          }
          const int code = inflate(&stream, Z_NO_FLUSH);
          if (code == Z_STREAM_END) {
            done = true;
          } else if (code != Z_OK ||
                     (stream.avail_in == 0 && given == bytes.size() && stream.avail_out > 0)) {
            throw FormatError(explain(name, "a damaged or cut gzip file",
                                      "paraphrase-en.gz of METEOR 1.5", "fetch the file again"));
          }
        }
        return out.size() - stream.avail_out;
      },
      name);
}

// Maps the index, or builds it first.
void add_paraphrases(const fs::path& path, MeteorSource& out) {
  const auto file = MappedFile::open(path);
  const std::string key = xxh3_hex(file->bytes());
  const auto folder = cache_folder();
  fs::path index;
  if (folder) index = *folder / ("paraphrases-2-" + key + ".index");
  if (folder && fs::exists(index)) {
    try {
      const auto mapped = MappedFile::open(index);
      out.data.paraphrases = metrics::Paraphrases(mapped->bytes(), index.string());
      out.index = mapped;
      return;
    } catch (const FormatError& error) {
      log_warn("{}; it is built again", error.what());
    }
  }
  log_info("building the index of {}, which is done once", path.string());
  auto built = std::make_shared<const std::string>(built_index(*file));
  const auto bytes = std::as_bytes(std::span(*built));
  out.data.paraphrases = metrics::Paraphrases(bytes, path.string());
  out.index = built;
  if (!folder) return;
  try {
    publish_file(index, bytes);
  } catch (const OutputError& error) {
    log_warn("the index of paraphrases is not kept: {}", error.what());
  }
}

void read_jar(const fs::path& folder, MeteorSource& out) {
  const fs::path jar = folder / "meteor-1.5.jar", table = folder / "data" / "paraphrase-en.gz";
  for (const fs::path& path : {jar, table}) {
    if (!fs::exists(path))
      throw InputError(explain(path.string(), "no such file",
                               "meteor-1.5.jar and data/paraphrase-en.gz",
                               "--meteor-dir takes the folder 'meteor' of pycocoevalcap"));
  }
  const ZipArchive archive(MappedFile::open(jar));
  const auto function_words = archive.read("function/english.words", true);
  const auto prefixes = archive.read("nonbreaking/english.prefixes", true);
  const auto synsets = archive.read("synonym/english.synsets", true);
  const auto exceptions = archive.read("synonym/english.exceptions", true);
  out.data = metrics::meteor_data({text_of(function_words.bytes), text_of(prefixes.bytes),
                                   text_of(synsets.bytes), text_of(exceptions.bytes)});
  add_paraphrases(table, out);
  out.files = {{"meteor-1.5.jar", jar}, {"paraphrase-en.gz", table}};
}

void read_wordnet(const fs::path& folder, MeteorSource& out) {
  std::vector<std::shared_ptr<const MappedFile>> open;
  const auto text = [&](const char* name) {
    open.push_back(MappedFile::open(folder / name));
    return text_of(open.back()->bytes());
  };
  const auto part = [&](const char* data, const char* exceptions) {
    return metrics::WordNetText::Part{text(data), text(exceptions)};
  };
  std::string words;
  for (const char* at = kFunctionWords; *at != 0; ++at) words += *at == ' ' ? '\n' : *at;
  std::string prefixes;
  for (const char* prefix : kPrefixes) prefixes += std::string(prefix) + "\n";
  out.data = metrics::meteor_data({words, prefixes, "", ""});
  const auto noun = part("data.noun", "noun.exc"), verb = part("data.verb", "verb.exc");
  const auto adjective = part("data.adj", "adj.exc"), adverb = part("data.adv", "adv.exc");
  metrics::add_wordnet({noun, verb, adjective, adverb}, out.data);
}

}  // namespace

MeteorSource open_meteor(const fs::path& meteor_folder, const fs::path& wordnet_folder) {
  MeteorSource out;
  if (!meteor_folder.empty()) {
    out.name = "meteor-1.5";
    read_jar(meteor_folder, out);
    return out;
  }
  out.name = "meteor-wordnet";
  if (!fs::exists(wordnet_folder / "data.noun")) {
    out.missing =
        "no WordNet in " + wordnet_folder.string() + ": install wordnet-base, or give --meteor-dir";
    return out;
  }
  read_wordnet(wordnet_folder, out);
  return out;
}

}  // namespace vega::score
