// METEOR's full path in small: a jar, a gzip table of paraphrases, its index, the scores of a set.
#include "score/captions.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "support/golden_captions.h"
#include "weights/zip_writer.h"

using namespace vega;
using namespace vega::score;
using Catch::Matchers::Contains;

namespace {

void write_meteor_folder(const std::filesystem::path& folder, const Json& small) {
  std::filesystem::create_directories(folder / "data");
  ZipWriter jar(folder / "meteor-1.5.jar");
  for (const auto& [name, text] : small["words"].members()) jar.add(name, *text.text());
  jar.publish();
  const std::string& table = *small["paraphrases"].text();
  gzFile file = gzopen((folder / "data" / "paraphrase-en.gz").c_str(), "wb");
  REQUIRE(gzwrite(file, table.data(), static_cast<unsigned>(table.size())) > 0);
  gzclose(file);
}

// The cache folder of this test alone.
struct Cache {
  explicit Cache(const std::filesystem::path& folder) {
    setenv("XDG_CACHE_HOME", folder.c_str(), 1);
  }
  ~Cache() { unsetenv("XDG_CACHE_HOME"); }
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
};

}  // namespace

TEST_CASE("METEOR out of a jar and a gzip table is the released program's, with its index kept") {
  const test::TempFolder temp;
  const Cache cache(temp / "cache");
  const Json small = test::golden_scores("meteor_small.json");
  write_meteor_folder(temp / "meteor", small);
  const auto [ids, captions] = test::golden_captions();

  for (const bool again : {false, true}) {  // builds the index, then maps it
    const CaptionScorer scorer(open_meteor(temp / "meteor", {}));
    CHECK(scorer.meteor().name == "meteor-1.5");
    std::size_t kept = 0;
    for (const auto& file : std::filesystem::directory_iterator(temp / "cache/vega"))
      kept += file.path().extension() == ".index" ? 1 : 0;
    CHECK(kept == 1);
    const auto measures = scorer.measures(captions, {}, CaptionTotals::kCorpus, again ? 2 : 1);
    REQUIRE(measures.size() == 7);
    const Measure& meteor = measures[4];
    CHECK(meteor.name == "meteor-1.5");
    for (std::size_t i = 0; i < captions.size(); ++i)
      CHECK(meteor.earned[i] == 100 * *small["items"][ids[i]].number());
    CHECK(metrics::value_of(meteor.sums) == Approx(100 * *small["corpus"].number()).epsilon(1e-14));
  }
}

TEST_CASE("corpus scores, their items and their sums are those of pycocoevalcap") {
  const Json expected = test::golden_scores("scores.json")["modes"]["raw"];
  const auto [ids, captions] = test::golden_captions();
  const CaptionScorer scorer(open_meteor({}, "/no such folder"));
  const auto measures = scorer.measures(captions, {}, CaptionTotals::kCorpus, 1);
  CHECK_THAT(measures[4].missing, Contains("wordnet-base"));
  const std::vector<std::pair<std::size_t, std::string>> names = {
      {0, "bleu1"}, {1, "bleu2"}, {2, "bleu3"}, {3, "bleu4"}, {5, "rouge_l"}, {6, "cider_d"}};
  for (const auto& [m, name] : names) {
    INFO(name);
    const double corpus = *expected["corpus"][name].number();
    CHECK(metrics::value_of(measures[m].sums) == Approx(100 * corpus).epsilon(1e-12));
    for (std::size_t i = 0; i < ids.size(); ++i)
      CHECK(measures[m].earned[i] ==
            Approx(100 * *expected["items"][i][name].number()).margin(1e-9));
  }
}

TEST_CASE("a damaged table and a folder without a jar are errors") {
  const test::TempFolder temp;
  const Cache cache(temp / "cache");
  CHECK_THROWS_WITH(open_meteor(temp.path(), {}), Contains("meteor-1.5.jar"));
  write_meteor_folder(temp / "meteor", test::golden_scores("meteor_small.json"));
  const auto table = temp / "meteor" / std::filesystem::path("data/paraphrase-en.gz");
  auto bytes = test::read_bytes(table);
  bytes.resize(bytes.size() - 20);
  test::write_bytes(table, bytes);
  CHECK_THROWS_AS(open_meteor(temp / "meteor", {}), FormatError);
  CHECK_FALSE(std::filesystem::exists(temp / "cache/vega"));
}

TEST_CASE("neither a line end nor ||| parts a caption") {
  CHECK(one_line("a\nb\r\nc|||d\re||f") == "a b c d e||f");
}
