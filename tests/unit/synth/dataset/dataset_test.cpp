// A whole data set on disk: its own files checked against each other, and what happens when a room
// cannot be made.
#include "synth/dataset/dataset.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "ref/room_words_ref.h"
#include "scan/proposals.h"
#include "score/truth.h"
#include "support/support.h"

namespace vega::synth {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;

DatasetOptions small(const fs::path& folder) {
  DatasetOptions o;
  o.out = folder.string(), o.rooms = 2, o.test = 0, o.frames = 8, o.size = {80, 60};
  o.texts = 20, o.masks = MaskNoise::kExact, o.run.threads = 1;
  return o;
}

// The names of the rooms that a run puts into its manifest.
struct Told {
  std::vector<std::string> keys;
  Context context{
      .progress = ProgressMode::kOff,
      .manifest = [this](const std::string& key, const std::string&) { keys.push_back(key); },
      .print = [](const std::string&) {}};
};

}  // namespace

TEST_CASE("dataset: the texts are true of the rooms on disk, and the boxes are theirs",
          "[dataset]") {
  const test::TempFolder temp;
  Told told;
  const DatasetOptions o = small(temp / "data");
  const RunResult result = run_dataset(o, told.context);
  CHECK(result.done == 2);
  CHECK(result.exit_code == 0);
  CHECK(told.keys == std::vector<std::string>{"scene0000_00", "scene0001_00"});

  std::map<std::string, ref::RoomWords> words;
  std::map<std::string, json> rooms;
  for (const std::string& key : told.keys) {
    rooms[key] = json::parse(test::read_text(temp / "data/scannet/scans" / key / "objects.json"));
    words.emplace(key, ref::RoomWords(rooms[key]["objects"]));
  }
  std::ifstream in(temp / "data/meanings.jsonl");
  int lines = 0;
  for (std::string text; std::getline(in, text); ++lines) {
    const json line = json::parse(text);
    INFO(text);
    CHECK(words.at(line["scene"]).why(line) == "");
    for (const int id : line["referents"]) {  // seen: a quarter of a cell of the 14x14 grid
      const auto pixels = rooms[line["scene"]]["objects"][id]["pixels"].get<std::vector<int>>();
      CHECK(*std::max_element(pixels.begin(), pixels.end()) * 784 >= 80 * 60);
    }
  }
  CHECK(lines == 2 * 5 * 20);

  // The readers of vega-eval take the annotations; boxes are those of the room.
  const fs::path gt = temp / "data/metadata/scannet_val_gt_box.json";
  const fs::path bench = temp / "data/benchmark";
  const auto truth =
      score::read_truth(score::Task::kMulti3DRefer,
                        {.annotations = bench / "multi3drefer/multi3drefer_val.json", .boxes = gt});
  REQUIRE(truth.questions.size() == 20);
  int boxes = 0;
  for (const score::Truth& one : truth.questions) {
    CHECK(one.scene == "scene0000_00");
    for (std::size_t i = 0; i < one.boxes.size(); ++i, ++boxes) {
      const json& object = rooms[one.scene]["objects"][one.objects[i]];
      for (int a = 0; a < 3; ++a) {
        const double low = object["min"][a], high = object["max"][a];
        CHECK(one.boxes[i][a] == (low + high) / 2);
        CHECK(one.boxes[i][3 + a] == high - low);
      }
    }
  }
  CHECK(boxes > 10);
  const auto scan2cap = score::read_truth(
      score::Task::kScan2Cap, {.annotations = bench / "scanrefer/ScanRefer_filtered_val.json"});
  CHECK(scan2cap.questions.size() < 20);
  const auto nr3d = score::read_truth(
      score::Task::kNr3d,
      {.annotations = bench / "nr3d/nr3d.csv", .scans = temp / "data/scannetv2_val.txt"});
  CHECK(nr3d.questions.size() > 8);
  // Exact masks: every shape has its box among the proposals.
  const auto proposals =
      scan::read_box_json(temp / "data/metadata/scannet_val_pred_box.json", "scene0000_00");
  REQUIRE(proposals);
  for (const json& object : rooms["scene0000_00"]["objects"]) {
    if (!object.contains("colour")) continue;
    double nearest = 1e9;
    for (const scan::Box& box : *proposals) {
      double off = 0;
      for (int a = 0; a < 3; ++a)
        off = std::max({off, std::abs(box[a] - box[3 + a] / 2 - object["min"][a].get<double>()),
                        std::abs(box[a] + box[3 + a] / 2 - object["max"][a].get<double>())});
      nearest = std::min(nearest, off);
    }
    CHECK(nearest < 1e-6);
  }
  // What stands there is enough, and nothing is written again.
  const auto before = fs::last_write_time(temp / "data/dataset.json");
  CHECK(run_dataset(o, told.context).complete == 2);
  CHECK(fs::last_write_time(temp / "data/dataset.json") == before);
}

TEST_CASE("dataset: without all rooms there are no texts", "[dataset]") {
  const test::TempFolder temp;
  Told told;
  DatasetOptions o = small(temp / "data");
  o.frames = 1, o.size = {32, 24};
  const fs::path foreign = temp / "data/scannet/scans/scene0001_00";
  fs::create_directories(foreign);
  test::write_text(foreign / "dear.txt", "keep me");
  const RunResult result = run_dataset(o, told.context);
  CHECK(result.exit_code == 4);
  CHECK(result.failed == 1);
  CHECK(result.done == 1);
  CHECK(!fs::exists(temp / "data/dataset.json"));
  CHECK(!fs::exists(temp / "data/meanings.jsonl"));
  CHECK(test::read_text(foreign / "dear.txt") == "keep me");
  CHECK_THROWS_AS(run_dataset({}, told.context), UsageError);
  o.val = 3;
  CHECK_THROWS_AS(run_dataset(o, told.context), UsageError);
}

}  // namespace vega::synth
