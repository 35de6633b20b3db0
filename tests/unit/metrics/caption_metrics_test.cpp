#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "base/json.h"
#include "metrics/meteor_data.h"
#include "metrics/ngram_metrics.h"
#include "support/support.h"
#include "text/ptb_tokenizer.h"

using namespace vega;
using namespace vega::metrics;

namespace {

struct Golden {
  std::vector<std::string> ids;
  std::vector<Caption> captions;
};

Golden golden_captions() {
  Golden out;
  const auto lines = [](const std::string& name, auto use) {
    const std::string text = test::read_text(test::golden("caption_metrics/" + name));
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      if (end > at) use(parse_json(text.substr(at, end - at), {name, "a line"}));
      at = end + 1;
    }
  };
  lines("hypotheses.jsonl", [&](const Json& line) {
    out.ids.push_back(*line["id"].text());
    out.captions.push_back({*line["hypothesis"].text(), {}});
  });
  std::size_t i = 0;
  lines("references.jsonl", [&](const Json& line) {
    REQUIRE(*line["id"].text() == out.ids[i]);
    for (const Json& reference : line["references"].elements())
      out.captions[i].references.push_back(*reference.text());
    ++i;
  });
  REQUIRE(out.ids.size() == 300);
  return out;
}

Json golden_json(const std::string& name) {
  JsonLimits limits;
  limits.bytes = std::size_t{1} << 24;
  return read_json(test::golden("caption_metrics/" + name), "expected scores", limits);
}

void check_all(const std::vector<Caption>& captions, const Json& mode) {
  const auto b = bleu(captions);
  const std::vector<std::pair<std::string, Scores>> all = {{"bleu1", b[0]},
                                                           {"bleu2", b[1]},
                                                           {"bleu3", b[2]},
                                                           {"bleu4", b[3]},
                                                           {"rouge_l", rouge_l(captions)},
                                                           {"cider_d", cider_d(captions)}};
  for (const auto& [name, scores] : all) {
    INFO(name);
    REQUIRE(scores.items.size() == captions.size());
    CHECK(std::abs(scores.corpus - *mode["corpus"][name].number()) <= 1e-12);
    double worst = 0;
    for (std::size_t i = 0; i < captions.size(); ++i)
      worst = std::max(worst, std::abs(scores.items[i] - *mode["items"][i][name].number()));
    CHECK(worst <= 1e-12);
  }
}

}  // namespace

TEST_CASE("BLEU, ROUGE-L and CIDEr-D of raw captions are pycocoevalcap's") {
  check_all(golden_captions().captions, golden_json("scores.json")["modes"]["raw"]);
}

TEST_CASE("BLEU, ROUGE-L and CIDEr-D of tokenised captions are pycocoevalcap's") {
  Golden golden = golden_captions();
  std::vector<std::string> hypotheses, references;
  for (const Caption& caption : golden.captions) {
    hypotheses.push_back(caption.hypothesis);
    references.insert(references.end(), caption.references.begin(), caption.references.end());
  }
  const auto said = text::ptb_captions(hypotheses), written = text::ptb_captions(references);
  std::size_t at = 0;
  for (std::size_t i = 0; i < golden.captions.size(); ++i) {
    golden.captions[i].hypothesis = said[i];
    for (std::string& reference : golden.captions[i].references) reference = written[at++];
  }
  check_all(golden.captions, golden_json("scores.json")["modes"]["ptb"]);
}

TEST_CASE("captions of the report cases") {
  const auto score = [](std::vector<Caption> captions) {
    const auto b = bleu(captions);
    return std::array<double, 3>{100 * b[3].corpus, 100 * rouge_l(captions).corpus,
                                 100 * cider_d(captions).corpus};
  };
  const std::string mat = "the cat sat on the mat";
  // One item: the idf of everything is 0.
  const auto one = score({{mat, {mat}}});
  CHECK(one[0] == Approx(100).epsilon(1e-6));
  CHECK(one[1] == Approx(100));
  CHECK(one[2] == 0);
  // An empty caption, and seven right words.
  const std::string seven = "a red chair stands next to tables";
  const auto two = score({{"", {mat}}, {seven, {seven}}});
  CHECK(two[0] == Approx(42.4373).margin(5e-5));
  CHECK(two[1] == Approx(50));
  CHECK(two[2] == Approx(500));
  const auto none = score({{"", {""}}, {"", {""}}});
  CHECK(none[0] == Approx(0).margin(1e-3));
  CHECK(none[2] == 0);
}

TEST_CASE("METEOR is the released jar's, bit for bit, on word lists of our own") {
  const Json golden = golden_json("meteor_small.json");
  const auto words = [&](const std::string& name) { return *golden["words"][name].text(); };
  const std::string function_words = words("function/english.words"),
                    prefixes = words("nonbreaking/english.prefixes"),
                    synsets = words("synonym/english.synsets"),
                    exceptions = words("synonym/english.exceptions");
  MeteorData data = meteor_data({function_words, prefixes, synsets, exceptions});
  const std::string table = *golden["paraphrases"].text();
  std::size_t at = 0;
  const std::string index = build_paraphrases(
      [&](std::span<char> buffer) {
        const std::size_t n = std::min({buffer.size(), table.size() - at, std::size_t{100}});
        std::memcpy(buffer.data(), table.data() + at, n);
        at += n;
        return n;
      },
      "table");
  data.paraphrases = Paraphrases(std::as_bytes(std::span(index)), "index");
  Meteor meteor(data);
  MeteorStatistics sum;
  const Golden captions = golden_captions();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < captions.ids.size(); ++i) {
    const MeteorStatistics item =
        meteor.item(captions.captions[i].hypothesis, captions.captions[i].references);
    sum.add(item);
    INFO(captions.ids[i]);
    CHECK(item.score() == *golden["items"][captions.ids[i]].number());
    wrong += item.score() != *golden["items"][captions.ids[i]].number();
  }
  CHECK(wrong == 0);
  CHECK(sum.score() == *golden["corpus"].number());
}

TEST_CASE("a damaged index of paraphrases is refused") {
  const std::string table = "0.5\na\nb\n";
  std::size_t at = 0;
  const auto read = [&](std::span<char> buffer) {
    const std::size_t n = std::min(buffer.size(), table.size() - at);
    std::memcpy(buffer.data(), table.data() + at, n);
    at += n;
    return n;
  };
  const std::string index = build_paraphrases(read, "table");
  for (std::size_t size = 0; size < index.size(); size += 7)
    CHECK_THROWS(Paraphrases(std::as_bytes(std::span(index).first(size)), "index"));
  at = 4;  // two lines of three
  CHECK_THROWS(build_paraphrases(read, "table"));
}
