// Questions of VSI-Bench's kind about made-up rooms: every answer is found again from the files of
// the scan (tests/ref/vsi_ref.h).
#include "synth/dataset/vsi.h"

#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "media/video/video.h"
#include "ref/vsi_ref.h"
#include "score/prepare.h"
#include "score/prepare_files.h"
#include "support/support.h"
#include "synth/dataset/dataset.h"
#include "tasks/vsi.h"

namespace vega::synth {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;

Thing thing(const std::string& label, RoomPoint low, RoomPoint high) {
  Thing out;
  out.label = label, out.colour = "red", out.low = low, out.high = high;
  return out;
}

}  // namespace

TEST_CASE("vsi: the distance of plain shapes is that of their surfaces") {
  const Thing box = thing("box", {0, 0, 0}, {1, 1, 1});
  CHECK(shape_distance(box, thing("box", {3, 0.5, 0}, {4, 1.5, 1})) == Approx(2));
  CHECK(shape_distance(box, thing("box", {4, 5, 0}, {5, 6, 1})) == Approx(5));
  CHECK(shape_distance(box, thing("box", {0.5, 0.5, 0.5}, {2, 2, 2})) == Approx(0).margin(1e-9));
  const Thing ball = thing("ball", {-1, -1, 4}, {1, 1, 6});  // about (0, 0, 5), radius 1
  CHECK(shape_distance(ball, thing("ball", {2, 3, 4}, {4, 5, 6})) == Approx(3));
  CHECK(shape_distance(ball, box) == Approx(3));
  const Thing can = thing("cylinder", {-1, -1, 0}, {1, 1, 2});
  CHECK(shape_distance(can, thing("cylinder", {2, 3, 1}, {4, 5, 9})) == Approx(3));
  CHECK(shape_distance(can, ball) == Approx(2));
  // A cone's side: the tip has 1/22 of the radius of the foot.
  const Thing cone = thing("cone", {-1.1, -1.1, 0}, {1.1, 1.1, 1});
  const double slope = 1.1 - 0.05, length = std::hypot(slope, 1.0);
  const Thing dot = thing("ball", {2 - 1e-6, -1e-6, 1 - 1e-6}, {2 + 1e-6, 1e-6, 1 + 1e-6});
  CHECK(shape_distance(cone, dot) == Approx(((2 - 1.1) * 1 + 1 * slope) / length).margin(1e-5));
  CHECK_THROWS_AS(shape_distance(box, thing("sofa", {0, 0, 0}, {1, 1, 1})), InputError);
}

TEST_CASE("vsi: answers are right of the rooms on disk, for all tasks", "[dataset]") {
  const test::TempFolder temp;
  Context context{.progress = ProgressMode::kOff,
                  .manifest = [](const std::string&, const std::string&) {},
                  .print = [](const std::string&) {}};
  DatasetOptions o;
  o.out = (temp / "data").string(), o.rooms = 2, o.val = 0, o.test = 2, o.frames = 36;
  o.size = {160, 120}, o.texts = 1, o.vsi = 6, o.run.threads = 1;
  CHECK(run_dataset(o, context).exit_code == 0);

  const fs::path bench = temp / "data/benchmark/vsi_bench";
  std::map<std::string, ref::VsiRoom> rooms;
  std::map<std::string, int> types;
  std::istringstream lines(test::read_text(bench / "test.jsonl"));
  int id = 0;
  for (std::string text; std::getline(lines, text); ++id) {
    const json line = json::parse(text);
    INFO(text);
    const std::string scene = line["scene_name"];
    const auto at = rooms.try_emplace(scene, temp / "data/scannet/scans" / scene).first;
    CHECK(at->second.why(line) == "");
    CHECK(line["id"] == id);
    ++types[line["question_type"]];
  }
  CHECK(test::read_text(bench / "train.jsonl").empty());
  for (const tasks::VsiTask& task : tasks::kVsiTasks) {
    int count = 0;
    for (const auto& [type, one] : types)
      count += tasks::kVsiTasks[static_cast<std::size_t>(tasks::vsi_task(type))].name == task.name
                   ? one
                   : 0;
    CAPTURE(std::string(task.name));
    CHECK(count >= 2);
  }
  CHECK(types.size() == 10);  // all three levels of direction

  // The videos show the pictures of the walk, and prepare takes it all.
  Video video(bench / "scannet/scene0001_00.mp4");
  CHECK(video.index().size() == 36);
  CHECK(video.info().size.width == 160);
  score::PrepareSources sources{.task = tasks::Task::kVsi, .split = score::Split::kTest};
  sources.annotations =
      score::find_annotations(tasks::Task::kVsi, temp / "data", std::nullopt).annotations;
  sources.videos = score::videos_beside(sources.annotations);
  CHECK(sources.videos == bench);
  const score::Prepared prepared = score::prepare_samples(sources);
  CHECK(prepared.left_out.empty());
  CHECK(prepared.videos == 2);
  CHECK(static_cast<int>(prepared.samples.size()) == id);

  // Other bytes with another seed, the same with the same.
  const std::string before = test::read_text(bench / "test.jsonl");
  const std::string walk = test::read_text(bench / "scannet/scene0000_00.mp4");
  fs::remove(temp / "data/dataset.json");
  run_dataset(o, context);
  CHECK(test::read_text(bench / "test.jsonl") == before);
  CHECK(test::read_text(bench / "scannet/scene0000_00.mp4") == walk);
}

}  // namespace vega::synth
