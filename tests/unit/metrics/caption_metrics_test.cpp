#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <numeric>

#include "base/error.h"
#include "metrics/meteor_data.h"
#include "metrics/ngram_metrics.h"
#include "support/golden_captions.h"
#include "text/ptb_tokenizer.h"

using namespace vega;
using namespace vega::metrics;

namespace {

struct Scores {
  double corpus = 0;
  std::vector<double> items;
};

Scores mean_of(std::vector<double> items) {
  const double sum = std::accumulate(items.begin(), items.end(), 0.0);
  return {sum / static_cast<double>(items.size()), std::move(items)};
}

std::map<std::string, Scores> all_scores(const std::vector<Caption>& captions, int threads) {
  const CaptionNgrams ngrams(captions);
  std::map<std::string, Scores> out = {{"rouge_l", mean_of(ngrams.rouge_l(threads))},
                                       {"cider_d", mean_of(ngrams.cider_d(threads))}};
  BleuCounts sum;
  const auto name = [](std::size_t n) { return "bleu" + std::to_string(n + 1); };
  for (const BleuCounts& counts : ngrams.bleu_counts(threads)) {
    sum.words += counts.words;
    sum.reference_words += counts.reference_words;
    for (std::size_t n = 0; n < kMostGram; ++n) {
      sum.guesses[n] += counts.guesses[n];
      sum.correct[n] += counts.correct[n];
      out[name(n)].items.push_back(bleu_of(counts)[n]);
    }
  }
  for (std::size_t n = 0; n < kMostGram; ++n) out[name(n)].corpus = bleu_of(sum)[n];
  return out;
}

void check_all(const std::vector<Caption>& captions, const Json& mode) {
  const auto several = all_scores(captions, 5);
  for (const auto& [name, scores] : all_scores(captions, 1)) {
    INFO(name);
    REQUIRE(scores.items.size() == captions.size());
    CHECK(std::abs(scores.corpus - *mode["corpus"][name].number()) <= 1e-12);
    double worst = 0;
    for (std::size_t i = 0; i < captions.size(); ++i)
      worst = std::max(worst, std::abs(scores.items[i] - *mode["items"][i][name].number()));
    CHECK(worst <= 1e-12);
    CHECK(several.at(name).items == scores.items);  // bit for bit
  }
}

// Reads a text in pieces of 100 bytes.
std::function<std::size_t(std::span<char>)> reader(const std::string& text, std::size_t& at) {
  return [&text, &at](std::span<char> buffer) {
    const std::size_t n = std::min({buffer.size(), text.size() - at, std::size_t{100}});
    std::memcpy(buffer.data(), text.data() + at, n);
    at += n;
    return n;
  };
}

std::string index_of(const std::string& table) {
  std::size_t at = 0;
  return build_paraphrases(reader(table, at), "table");
}

}  // namespace

TEST_CASE("BLEU, ROUGE-L and CIDEr-D of raw captions are pycocoevalcap's") {
  check_all(test::golden_captions().captions, test::golden_scores("scores.json")["modes"]["raw"]);
}

TEST_CASE("BLEU, ROUGE-L and CIDEr-D of tokenised captions are pycocoevalcap's") {
  test::GoldenCaptions golden = test::golden_captions();
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
  check_all(golden.captions, test::golden_scores("scores.json")["modes"]["ptb"]);
}

TEST_CASE("captions of the report cases") {
  const auto score = [](std::vector<Caption> captions) {
    const auto all = all_scores(captions, 1);
    return std::array<double, 3>{100 * all.at("bleu4").corpus, 100 * all.at("rouge_l").corpus,
                                 100 * all.at("cider_d").corpus};
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
  const Json golden = test::golden_scores("meteor_small.json");
  const auto words = [&](const std::string& name) { return *golden["words"][name].text(); };
  const std::string function_words = words("function/english.words"),
                    prefixes = words("nonbreaking/english.prefixes"),
                    synsets = words("synonym/english.synsets"),
                    exceptions = words("synonym/english.exceptions");
  MeteorData data = meteor_data({function_words, prefixes, synsets, exceptions});
  const std::string index = index_of(*golden["paraphrases"].text());
  data.paraphrases = Paraphrases(std::as_bytes(std::span(index)), "index");
  Meteor meteor(data);
  MeteorStatistics sum;
  const test::GoldenCaptions captions = test::golden_captions();
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
  // The cases of the report; a full stop is a word.
  const auto score = [&](const std::string& hypothesis, const std::string& reference) {
    return 100 * meteor.item(hypothesis, std::vector{reference}).score();
  };
  CHECK(score("chairs", "chair") == 0);  // a stem alone counts nothing
  CHECK(score("the chairs", "a chair") == 0);
  CHECK(score("red chairs", "red chair") == Approx(80));
  CHECK(score("sofa", "couch") == Approx(80));
  CHECK(score("the chairs", "the chair") == Approx(70));
  CHECK(score("The Chair", "the chair") == 100);
  CHECK(score("the chair.", "the chair") == Approx(46.04).margin(0.005));
}

TEST_CASE("white space other than a blank parts words, but not the pieces of ROUGE-L") {
  const std::vector<Caption> captions = {{" a\tb  c\u00a0d ", {"a b c d"}},
                                         {"a b c d", {"a b c d"}},
                                         {"\xff b", {"\xfe b"}}};  // both become U+FFFD
  const auto all = all_scores(captions, 1);
  CHECK(all.at("bleu4").items[0] == Approx(1));
  CHECK(all.at("rouge_l").items[0] == 0);  // "", "a\tb", "", "c\u00a0d", ""
  CHECK(all.at("rouge_l").items[1] == Approx(1));
  CHECK(all.at("bleu2").items[2] == Approx(1));
}

TEST_CASE("a phrase of the table is found word by word") {
  const std::string index = index_of("0.5\na b c\nd\n0.5\na b c\na e\n0.5\nd\na b c\n");
  const Paraphrases table(std::as_bytes(std::span(index)), "index");
  const auto find = [&](std::vector<std::string> words) {
    auto phrase = Paraphrases::kNothing;
    for (const std::string& word : words) phrase = table.longer(phrase, table.word(word));
    return phrase;
  };
  CHECK(table.pairs() == 3);
  const auto abc = find({"a", "b", "c"}), d = find({"d"}), ae = find({"a", "e"});
  CHECK(table.word("f") == kNoNumber);
  CHECK(find({"b"}) == kNoNumber);
  CHECK(find({"a", "b"}) != kNoNumber);
  CHECK_FALSE(table.stands(find({"a", "b"})));  // only begins one
  CHECK(std::vector(table.partners(abc).begin(), table.partners(abc).end()) == std::vector{d, ae});
  CHECK(table.partners(ae).empty());
  CHECK(table.partners(d).size() == 1);
}

TEST_CASE("a damaged index of paraphrases is refused, at the latest when it is used") {
  const std::string table = "0.5\na b\nb\n0.5\nb\na c\n";
  const std::string index = index_of(table);
  for (std::size_t size = 0; size < index.size(); size += 7)
    CHECK_THROWS_AS(Paraphrases(std::as_bytes(std::span(index).first(size)), "index"), FormatError);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < index.size(); ++at) {
    for (const char value : {'\0', '\1', '\x80', '\xff'}) {
      std::string bytes = index;
      bytes[at] = value;
      MeteorData data = meteor_data({});
      try {
        data.paraphrases = Paraphrases(std::as_bytes(std::span(bytes)), "index");
        const double score =
            Meteor(data).item("a b c d", std::vector<std::string>{"b a c e"}).score();
        CHECK((score >= 0 && score <= 1));
      } catch (const FormatError&) {
        ++refused;
      }
    }
  }
  CHECK(refused > 100);
  std::size_t at = 4;  // two lines of three
  CHECK_THROWS_AS(build_paraphrases(reader(table, at), "table"), FormatError);
}
