// Which frames are used, and the keys of scenes.
#include <catch2/catch.hpp>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/key.h"
#include "scene/select.h"
#include "support/support.h"

using namespace vega;
using Catch::Matchers::Contains;
using Indices = std::vector<std::size_t>;

namespace {

// Frames with the given ids; time stamps of `step` seconds when step > 0.
SceneSource made_up(const std::vector<std::int64_t>& ids, double step = 0) {
  SceneSource source;
  source.dialect = "images";
  source.root = "scene";
  for (const auto id : ids) {
    FrameRef frame;
    frame.id = id;
    frame.time_s = step > 0 ? 2 + step * double(source.frames.size())
                            : std::numeric_limits<double>::quiet_NaN();
    source.frames.push_back(frame);
  }
  return source;
}

Indices select(const SceneSource& source, const std::string& selection,
               const std::string& candidates = "all") {
  return select_frames(source, parse_candidates(candidates), parse_selection(selection));
}

}  // namespace

TEST_CASE("uniform selection equals numpy.linspace") {
  std::ifstream file(test::golden("linspace.json"));
  const auto root = nlohmann::json::parse(file);
  REQUIRE(root.at("cases").size() > 50);
  for (const auto& item : root.at("cases")) {
    const std::int64_t total = item.at("T"), n = item.at("n");
    INFO("T " << total << ", n " << n);
    REQUIRE(uniform_indices(total, n) == item.at("idx").get<Indices>());
  }
  // The rounded step matters here: exact arithmetic would give 117 and 51.
  CHECK(uniform_indices(131, 31)[27] == 116);
  CHECK(uniform_indices(154, 64)[21] == 50);
  CHECK_THROWS_AS(uniform_indices(0, 3), InputError);
  CHECK_THROWS_AS(uniform_indices(3, 0), InputError);
}

TEST_CASE("uniform and stride over frames and candidates") {
  const SceneSource source = made_up({0, 5, 10, 15, 20, 25, 30});
  CHECK(select(source, "uniform:3") == Indices{0, 3, 6});
  CHECK(select(source, "uniform:1") == Indices{0});
  CHECK(select(made_up({4, 9}), "uniform:4") == Indices{0, 0, 0, 1});
  CHECK(select(source, "stride:3") == Indices{0, 3, 6});
  CHECK(select(source, "stride:100") == Indices{0});
  // Candidates go by the frame's own number, not by its place.
  CHECK(select(source, "stride:1", "every:10") == Indices{0, 2, 4, 6});
  CHECK(select(source, "uniform:2", "every:10") == Indices{0, 6});
  CHECK_THROWS_WITH(select(made_up({3, 5}), "stride:1", "every:10"),
                    Contains("multiple of 10") && Contains("--candidates all"));
}

TEST_CASE("list selection keeps the list's order") {
  const SceneSource source = made_up({0, 5, 10, 15});
  test::TempFolder folder;
  test::write_text(folder / "ids.txt", "15\n 0\r\n\n5\n15\n");
  const std::string option = "list:" + (folder / "ids.txt").string();
  CHECK(select(source, option) == Indices{3, 0, 1, 3});
  CHECK_THROWS_WITH(select(source, option, "every:10"), Contains("frame 15"));
  test::write_text(folder / "ids.txt", "5\n7\n");
  CHECK_THROWS_WITH(select(source, option), Contains("ids.txt") && Contains("frame 7"));
  test::write_text(folder / "ids.txt", "5\nseven\n");
  CHECK_THROWS_WITH(select(source, option), Contains("line 2") && Contains("seven"));
  test::write_text(folder / "ids.txt", "\n");
  CHECK_THROWS_WITH(select(source, option), Contains("no frame id"));
  CHECK_THROWS_AS(select(source, "list:" + (folder / "none").string()), InputError);
}

TEST_CASE("ids of another file") {
  const SceneSource source = made_up({0, 5, 10, 15});
  CHECK(select_ids(source, std::vector<std::int64_t>{10, 5, 10}) == Indices{2, 1, 2});
  CHECK_THROWS_WITH(select_ids(source, std::vector<std::int64_t>{10, 6}, "other.h5"),
                    Contains("other.h5") && Contains("frame 6"));
  CHECK_THROWS_AS(select(source, "frames:somewhere"), InputError);
}

TEST_CASE("fps needs time stamps") {
  CHECK_THROWS_WITH(select(made_up({0, 1, 2}), "fps:2"),
                    Contains("time stamp") && Contains("uniform:N"));
  const SceneSource film = made_up({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0.25);  // 2.25 s at 4 fps
  CHECK(select(film, "fps:4") == Indices{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(select(film, "fps:2") == Indices{0, 2, 4, 6, 8});
  CHECK(select(film, "fps:1") == Indices{0, 4, 8});
  CHECK(select(film, "fps:1e9") == Indices{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(select(film, "fps:0.01") == Indices{0});
  CHECK(select(made_up({3}, 1), "fps:5") == Indices{0});
  // Times that fall, jump back, or stand still.
  SceneSource odd = film;
  for (FrameRef& frame : odd.frames) frame.time_s = 9 - frame.time_s;
  CHECK(select(odd, "fps:2") == Indices{1, 3, 5, 7, 9});
  odd.frames[0].time_s = 0;
  CHECK(select(odd, "fps:0.001") == Indices{0});
  for (FrameRef& frame : odd.frames) frame.time_s = 7;
  CHECK(select(odd, "fps:2").size() == 1);
}

TEST_CASE("selections parse") {
  CHECK(parse_selection("uniform:32").count == 32);
  CHECK(parse_selection("stride:7").kind == SelectKind::kStride);
  CHECK(parse_selection("fps:0.5").fps == 0.5);
  CHECK(parse_selection("list:a:b.txt").path == "a:b.txt");
  CHECK(parse_selection("frames:features/siglip").kind == SelectKind::kFrames);
  CHECK(parse_selection("stride:7").text == "stride:7");
  for (const char* bad : {"", "uniform", "uniform:", "uniform:0", "uniform:-3", "uniform:3.5",
                          "stride:x", "fps:0", "fps:nan", "fps:inf", "every:3", "list:"}) {
    INFO(bad);
    CHECK_THROWS_AS(parse_selection(bad), UsageError);
  }
  CHECK(parse_candidates("all").every == 1);
  CHECK(parse_candidates("every:10").every == 10);
  for (const char* bad : {"", "every", "every:", "every:0", "some", "every:1x"}) {
    INFO(bad);
    CHECK_THROWS_AS(parse_candidates(bad), UsageError);
  }
}

TEST_CASE("keys") {
  CHECK(is_key("scene0415_00"));
  CHECK(is_key("a.b-C_9"));
  CHECK_FALSE(is_key(""));
  CHECK_FALSE(is_key("a/b"));
  CHECK_FALSE(is_key("a b"));
  CHECK(clean_key("my room (2)") == "my_room__2_");
  CHECK(clean_key("k\xc3\xbc"
                  "che") == "k_che");  // one character of two bytes
  CHECK_THROWS_AS(clean_key(""), InputError);

  test::TempFolder folder;
  std::filesystem::create_directories(folder / "scene0000_00.v2");
  test::write_text(folder / "film one.mp4", "x");
  CHECK(scene_key(folder / "scene0000_00.v2") == "scene0000_00.v2");
  CHECK(scene_key((folder / "scene0000_00.v2").string() + "/") == "scene0000_00.v2");
  CHECK(scene_key(folder / "scene0000_00.v2/.") == "scene0000_00.v2");
  CHECK(scene_key(folder / "film one.mp4") == "film_one");
  CHECK(is_key(scene_key(".")));
  CHECK_THROWS_AS(scene_key("/"), InputError);
}
