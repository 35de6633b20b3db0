// Files of a tokeniser, and texts for one. The first byte chooses: tokenizer.json; merges.txt
// beside a good vocab.json; tokenizer_config.json or added_tokens.json beside a good
// tokenizer.json; a text.
#include "text/tokenizer.h"

#include "base/json.h"
#include "fuzz/target.h"
#include "text/bpe_trainer.h"
#include "text/nfc.h"

using namespace vega;
using namespace vega::fuzz;
using namespace vega::text;

namespace {

constexpr std::string_view kText = "a chair's 12 legs\n\n<|end|> \u4e2d e\u0301";

const TrainedBpe& trained() {
  static const TrainedBpe made = [] {
    const std::string lesson = "a chair, the chair's legs; a chair by the window\n\n";
    return train_bpe(std::span(&lesson, 1), 300);
  }();
  return made;
}

std::string good_json() {
  const auto id = static_cast<std::int32_t>(trained().tokens.size());
  const AddedToken end{"<|end|>", id, true, false};
  return tokenizer_json(trained(), std::span(&end, 1));
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  write(path, std::as_bytes(std::span(text)));
}

// A folder with one file of the input beside good ones.
struct Place {
  explicit Place(bool whole) {
    if (whole)
      write_text(folder / "tokenizer.json", good_json());
    else
      write_text(folder / "vocab.json", (*parse_json(good_json()))["model"]["vocab"].dump());
  }
  Folder folder;
};

void use(const Tokenizer& tokenizer) {
  for (const Control control : {Control::kText, Control::kTokens}) {
    const auto ids = tokenizer.encode(kText, control);
    for (const std::int32_t id : ids)
      require(static_cast<std::size_t>(id) < tokenizer.size() && tokenizer.has_token(id), "ids");
    TokenStream stream(tokenizer, true);
    std::string all;
    for (const std::int32_t id : ids) all += stream.push(id);
    require(all + stream.flush() == tokenizer.decode(ids, true), "a stream that says all");
  }
  require(tokenizer.count_control(kText) <= kText.size(), "control words that the text holds");
}

void read_text_of(std::string_view text) {
  static const Place place(true);
  static const Tokenizer tokenizer = Tokenizer::open(place.folder.path());
  const auto ids = tokenizer.encode(text, Control::kText);
  std::string storage;
  require(tokenizer.decode(ids, false) == nfc(text, storage), "a text that comes back");
  require(ids.size() <= std::max(text.size(), storage.size()), "fewer ids than bytes");
  tokenizer.encode(text, Control::kTokens);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = bytes_of(data + 1, size - 1);
  attempt([&] {
    static const Place beside(true), added(true), merges(false);
    switch (data[0] % 5) {
      case 0: {
        const InputFile file(bytes);
        return use(Tokenizer::open(file.path()));
      }
      case 1:
        write(merges.folder / "merges.txt", bytes);
        return use(Tokenizer::open(merges.folder.path()));
      case 2:
        write(beside.folder / "tokenizer_config.json", bytes);
        return use(Tokenizer::open(beside.folder.path()));
      case 3:
        write(added.folder / "added_tokens.json", bytes);
        return use(Tokenizer::open(added.folder.path()));
      default: read_text_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
  });
  return 0;
}
