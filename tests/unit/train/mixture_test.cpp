// Both forms of a mixture, and which questions a share takes.
#include "train/mixture.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/support.h"

using namespace vega;
using namespace vega::train;
using Catch::Matchers::Contains;
using tasks::Task;

namespace {

struct Folder {
  test::TempFolder temp;

  Folder() {
    file("qa.json", R"([{"id": 1, "metadata": {"dataset": "scanQA"}}])");
    file("refer.json", R"([{"id": "say \"dataset\": x", "metadata": {"dataset":"scanrefer"}}])");
  }
  std::filesystem::path file(const std::string& name, const std::string& text) const {
    test::write_text(temp / name, text);
    return temp / name;
  }
  std::vector<MixtureEntry> read(const std::string& text) const {
    return read_mixture(file("mixture", text));
  }
};

}  // namespace

TEST_CASE("a mixture as JSON") {
  const Folder folder;
  const auto all = folder.read(R"([{"annotations": "qa.json", "task": "scanqa"},
      {"annotations": "refer.json", "count": 3},
      {"annotations": "refer.json", "task": "multi3drefer", "count": "random:25%"},
      {"annotations": "qa.json", "count": "all"}])");
  REQUIRE(all.size() == 4);
  CHECK(all[0].task == Task::kScanQa);
  CHECK(all[0].share.text() == "all");
  CHECK(all[0].annotations == folder.temp / "qa.json");
  CHECK(all[1].task == Task::kScanRefer);  // by metadata.dataset
  CHECK(all[1].share.text() == "first:3");
  CHECK(all[2].task == Task::kMulti3DRefer);
  CHECK(all[2].share.text() == "random:25%");
  CHECK(all[3].share.text() == "all");
}

TEST_CASE("the official YAML") {
  const Folder folder;
  const auto all = folder.read(
      "# what is trained on\n"
      "datasets:\n"
      "  - json_path: qa.json      # all of it\n"
      "    sampling_strategy: all\n"
      "\n"
      "  - json_path: \"refer.json\"\n"
      "    sampling_strategy: \"first:10%\"\r\n"
      "  -\n"
      "    sampling_strategy: end:7\n"
      "    json_path: 'qa.json'\n"
      "  - json_path: qa.json\n");
  REQUIRE(all.size() == 4);
  CHECK(all[0].task == Task::kScanQa);
  CHECK(all[1].task == Task::kScanRefer);
  CHECK(all[1].share.text() == "first:10%");
  CHECK(all[2].share.text() == "end:7");
  CHECK(all[3].share.text() == "all");
  CHECK(folder.read("datasets:\n- json_path: qa.json\n  sampling_strategy: random:5\n").size() ==
        1);
}

TEST_CASE("what a mixture cannot be is said with its place") {
  const Folder folder;
  const auto fails = [&](const std::string& text, const std::string& says) {
    CHECK_THROWS_WITH(folder.read(text), Contains(says));
    CHECK_THROWS_AS(folder.read(text), InputError);
  };
  fails("datasets:\n  - json_path: qa.json\n    weight: 3\n", "line 3: got 'weight: 3'");
  fails("sets:\n", "line 1: got 'sets:'");
  fails("datasets:\n  json_path: qa.json\n", "line 2");
  fails("datasets:\n  - sampling_strategy: all\n", "without json_path");
  fails("datasets:\n  - json_path: lost.json\n", "no such file: 'lost.json'");
  fails("datasets:\n  - json_path: qa.json\n    sampling_strategy: last:3\n", "'last:3'");
  fails("datasets:\n", "no annotations");
  fails("[]", "no annotations");
  fails("{}", "expected a list");
  fails(R"([{"annotations": "qa.json", "counts": 3}])", "'counts'");
  fails(R"([{"annotations": "qa.json", "count": 0}])", "[0].count: got 0");
  fails(R"([{"annotations": "qa.json", "task": "scanqaa"}])", "scanqaa");
  fails(R"([{"task": "scanqa"}])", "[0].annotations");
  folder.file("other.json", R"([{"metadata": {"dataset": "vqa"}}])");
  fails(R"([{"annotations": "other.json"}])", "dataset 'vqa'");
}

TEST_CASE("a share takes the first, the last or drawn questions, in their order") {
  using Places = std::vector<std::size_t>;
  const auto take = [](const std::string& share, std::size_t count, std::uint64_t seed = 1) {
    return taken(parse_share(share, "here"), count, seed, "qa.json");
  };
  CHECK(take("all", 3) == Places{0, 1, 2});
  CHECK(take("first:2", 5) == Places{0, 1});
  CHECK(take("end:2", 5) == Places{3, 4});
  CHECK(take("first:9", 2) == Places{0, 1});
  CHECK(take("first:10%", 11) == Places{0, 1});  // 1.1, rounded up
  CHECK(take("end:100%", 2) == Places{0, 1});
  const Places drawn = take("random:20", 100);
  CHECK(drawn.size() == 20);
  CHECK(std::is_sorted(drawn.begin(), drawn.end()));
  CHECK(drawn == take("random:20", 100));
  CHECK(drawn != take("random:20", 100, 2));
  for (const char* bad : {"", "first", "first:", "first:0", "end:-1", "random:101%", "first:1.5"})
    CHECK_THROWS_AS(parse_share(bad, "here"), FormatError);
}
