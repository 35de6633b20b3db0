// Pictures of questions, on a made-up room whose pixels are known.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "evaluate/show.h"
#include "evaluate/show_case.h"
#include "evaluate/show_mesh.h"
#include "evaluate/show_page.h"
#include "media/jpeg.h"
#include "support/support.h"
#include "support/write_scene.h"
#include "synth/room.h"

using namespace vega;
using namespace vega::evaluate;
using Catch::Matchers::Contains;

namespace {

constexpr int kWidth = 160, kHeight = 120, kShowFrames = 6;
constexpr Pose kTurned{0, -1, 0, 0.5, 1, 0, 0, -0.25, 0, 0, 1, 0.125, 0, 0, 0, 1};

struct MadeRoom {
  Room room{3, RoomKind::kStudy};
  std::vector<RoomView> views;
  SceneFile file;

  explicit MadeRoom(bool pictures) {
    const std::vector<Pose> walk = room.walk(kShowFrames);
    const RoomIntrinsics k = Room::intrinsics(kWidth, kHeight);
    SceneFrames& f = file.frames;
    f.depth_width = kWidth, f.depth_height = kHeight;
    for (int v = 0; v < kShowFrames; ++v) {
      views.push_back(room.render(walk[std::size_t(v)], kWidth, kHeight));
      f.id.push_back(10 * v);
      f.time_s.push_back(v);
      f.world_from_cam.push_back(walk[std::size_t(v)]);
      f.K_color.push_back({k.fx, 0, k.cx, 0, k.fy, k.cy, 0, 0, 1});
      f.size_color.push_back({kHeight, kWidth});
      f.depth.insert(f.depth.end(), views.back().depth_mm.v.begin(), views.back().depth_mm.v.end());
      if (pictures) f.color_jpeg.push_back(encode_jpeg(views.back().color, 90));
    }
    f.K_depth = f.K_color;
    file.header.key = "scene0001_00";
    file.header.cache_key = "0";
    file.axis_align = kTurned;
    file.patches.view = "mllm";
    file.patches.world14.assign(kShowFrames * 196 * 3, 0);
    file.patches.valid14.assign(kShowFrames * 196, 1);
    file.has_gt = true;
    for (const RoomObject& object : room.objects()) {
      file.gt.id.push_back(object.id);
      file.gt.label.push_back(object.label);
      file.gt.nyu40.push_back(0);
      file.gt.score.push_back(1);
      file.gt.box.push_back(box_of(object));
    }
    file.gt.source = "annotation";
    file.gt.cells.assign(file.gt.id.size() * kShowFrames * 27 * 27, 0);
  }

  static Box box_of(const RoomObject& object) {
    Box out{};
    for (std::size_t k = 0; k < 3; ++k) {
      out[k] = float((object.box_min[k] + object.box_max[k]) / 2);
      out[3 + k] = float(object.box_max[k] - object.box_min[k]);
    }
    return out;
  }
  std::int64_t pixels(int frame, int object) const {
    const auto& ids = views[std::size_t(frame)].object_id;
    return std::count(ids.begin(), ids.end(), object);
  }
};

struct Rect {
  double left = 1e9, top = 1e9, right = -1e9, bottom = -1e9;
  void add(double x, double y) {
    left = std::min(left, x), right = std::max(right, x);
    top = std::min(top, y), bottom = std::max(bottom, y);
  }
  double area() const { return (right - left) * (bottom - top); }
};

tasks::ScoredQuestion question_about(const Box& truth, const Box& answer) {
  tasks::ScoredQuestion out;
  out.id = "7";
  out.scene = "scene0001_00";
  out.question = "the thing \x1b[31m <script>\u578b " + std::string(3000, 'x');
  out.boxes.emplace_back();
  out.answer.boxes.emplace_back();
  for (std::size_t k = 0; k < 6; ++k) {
    out.boxes[0][k] = double(truth[k]);
    out.answer.boxes[0][k] = double(answer[k]);
  }
  out.answer.earned = {0, 12.5};
  return out;
}

tasks::ScoredFile file_of(std::vector<tasks::ScoredQuestion> questions) {
  tasks::ScoredFile out;
  out.task = "scanrefer";
  out.title = "ScanRefer";
  out.split = "val";
  out.metrics = {{"Acc@0.25", 100}, {"IoU", 100}};
  out.main = {1};
  out.questions = std::move(questions);
  return out;
}

}  // namespace

TEST_CASE("a drawn box of an object is around the object's pixels, and close to them") {
  const test::TempFolder folder;
  const MadeRoom made(true);
  write_scene_file(folder / "scene0001_00.h5", made.file);
  const ShownScene scene(folder / "scene0001_00.h5");
  REQUIRE(scene.frame_count() == kShowFrames);
  int judged = 0, tight = 0;
  for (const RoomObject& object : made.room.objects()) {
    if (object.colour.empty()) continue;  // walls, furniture
    const Box box = MadeRoom::box_of(object);
    for (int v = 0; v < kShowFrames; ++v) {
      if (made.pixels(v, object.id) < 150) continue;
      const auto camera = scene.camera(std::size_t(v));
      REQUIRE(camera);
      Rect lines, pixels;
      const auto drawn = box_lines(box, *camera);
      for (const Path& line : drawn)
        for (const Point2& p : line) lines.add(p.x, p.y);
      const auto& ids = made.views[std::size_t(v)].object_id;
      for (int i = 0; i < kWidth * kHeight; ++i)
        if (ids[std::size_t(i)] == object.id) {
          pixels.add(i % kWidth, i / kWidth);
          pixels.add(i % kWidth + 1, i / kWidth + 1);
        }
      CAPTURE(object.label, object.colour, v, lines.left, lines.right, pixels.left, pixels.right);
      if (drawn.size() == 12) {  // whole in the picture
        CHECK(lines.left <= pixels.left + 1);
        CHECK(lines.top <= pixels.top + 1);
        CHECK(lines.right >= pixels.right - 1);
        CHECK(lines.bottom >= pixels.bottom - 1);
        tight += lines.area() < 2.5 * pixels.area() ? 1 : 0;
        ++judged;
      }
    }
  }
  CAPTURE(judged, tight);
  CHECK(judged >= 10);
  CHECK(tight >= judged / 2);  // others are hidden in part
}

TEST_CASE("the frame that shows an object best is the one with most of its pixels") {
  const test::TempFolder folder;
  const MadeRoom made(true);
  write_scene_file(folder / "scene0001_00.h5", made.file);
  const ShownScene scene(folder / "scene0001_00.h5");
  int judged = 0;
  for (const RoomObject& object : made.room.objects()) {
    if (object.colour.empty()) continue;
    std::vector<std::int64_t> pixels;
    for (int v = 0; v < kShowFrames; ++v) pixels.push_back(made.pixels(v, object.id));
    const std::int64_t most = *std::max_element(pixels.begin(), pixels.end());
    if (most < 200) continue;
    const Box box = MadeRoom::box_of(object);
    const auto best = scene.best_frames({&box, 1}, 2);
    REQUIRE_FALSE(best.empty());
    CAPTURE(object.label, object.colour, best[0], most);
    CHECK(pixels[best[0]] >= 0.8 * double(most));  // the box also holds some floor
    ++judged;
  }
  CHECK(judged >= 6);
  const Box nowhere{50, 50, 50, 1, 1, 1};
  CHECK(scene.best_frames({&nowhere, 1}, 3).empty());
  CHECK(scene.even_frames(3) == std::vector<std::size_t>{0, 2, 5});
}

TEST_CASE("pages show pictures or depth, and any text, box and question") {
  for (const bool pictures : {true, false}) {
    const test::TempFolder folder;
    const MadeRoom made(pictures);
    write_scene_file(folder / "scene0001_00.h5", made.file);
    const ShownScene scene(folder / "scene0001_00.h5");
    CHECK(scene.has_pictures() == pictures);
    const Box box = scene.object_box(ObjectKind::kGt, 8).value();
    std::vector<tasks::ScoredQuestion> questions = {question_about(box, {50, 50, 50, 1, 1, 1}),
                                                    question_about(box, box)};
    questions[1].against = questions[0].answer;
    questions.push_back(questions[0]);
    questions[2].boxes = {{0, 0, 0, 1e300, 1, 1}};  // beyond float32
    questions[2].answer.boxes.clear();
    questions[2].question.clear();
    questions.push_back(questions[2]);
    questions[3].boxes.clear();
    const tasks::ScoredFile file = file_of(questions);
    for (const tasks::ScoredQuestion& question : questions) {
      const ImageU8 page = case_page(file, question, {"heading", "1 of 4"}, {"A", "B"}, scene, 3);
      CHECK(page.width > 900);
      CHECK(page.height > 500);
      CHECK(page.height < 2500);
    }
    // Where the answer is, and where the truth is: both colours are on the frames.
    questions[0].answer.boxes[0] = {box[0] + 0.3, box[1], box[2], 0.3, 0.3, 0.3};
    const auto boxes = case_boxes(questions[0], scene);
    REQUIRE(boxes.size() == 2);
    const auto frames = case_frames(boxes, scene, 3, {320, 240});
    REQUIRE_FALSE(frames.empty());
    CHECK_THAT(frames[0].caption, Contains(" shows the true box"));
    const auto same = case_frames(case_boxes(questions[1], scene), scene, 1, {320, 240});
    CHECK(same.at(0).caption == "frame " + std::to_string(same[0].id) +
                                    (pictures ? "" : " (depth)") +
                                    " shows the true box and A's answer");
    CHECK((frames[0].caption.find("depth") == std::string::npos) == pictures);
    const auto has = [&](const ImageU8& image, BoxOf of) {
      const Color color = box_pen(of).color;
      for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x)
          if (pixel(image, x, y) == color) return true;
      return false;
    };
    CHECK(has(frames[0].picture, BoxOf::kTruth));

    // Objects have the label of the scene file, where there is one.
    tasks::ScoredQuestion object = questions[0];
    object.objects = {8, 9};
    object.answer.object = 999;
    const std::string label = scene.object_label(ObjectKind::kGt, 8);
    REQUIRE_FALSE(label.empty());
    CHECK(truth_words(object, "nr3d", &scene) ==
          "object 8 (" + label + "), among 2 objects of its class");
    CHECK(answer_words(object.answer, "nr3d", &scene) == "object 999");
    CHECK(answer_words({.object = 8}, "nr3d") == "object 8");
    const ImageU8 top = top_view(boxes, scene, frames, {300, 300});
    CHECK(std::max(top.width, top.height) == 300);
    CHECK(has(top, BoxOf::kTruth));
    CHECK(has(top, BoxOf::kAnswer));
    CHECK_FALSE(has(top, BoxOf::kAgainst));
  }
}

TEST_CASE("a scene without cameras, or without depth, still has a page") {
  for (const bool depth : {true, false}) {
    const test::TempFolder folder;
    MadeRoom made(true);
    SceneFrames& f = made.file.frames;
    for (int v = 0; v < kShowFrames; ++v) {
      f.K_color[std::size_t(v)].fill(std::nan(""));
      f.K_depth[std::size_t(v)].fill(std::nan(""));
      if (!depth) f.world_from_cam[std::size_t(v)].fill(std::nan(""));
    }
    if (!depth) std::fill(f.depth.begin(), f.depth.end(), std::uint16_t{0});
    made.file.has_gt = false;
    write_scene_file(folder / "scene0001_00.h5", made.file);
    const ShownScene scene(folder / "scene0001_00.h5");
    CHECK(scene.dots().empty());
    CHECK_FALSE(scene.object_box(ObjectKind::kGt, 8));
    const tasks::ScoredFile file =
        file_of({question_about({0, 0, 1, 1, 1, 1}, {1, 0, 1, 1, 1, 1})});
    const ImageU8 page = case_page(file, file.questions[0], {"", ""}, {}, scene, 3);
    CHECK(page.width > 900);
    const auto boxes = case_boxes(file.questions[0], scene);
    const auto frames = case_frames(boxes, scene, 3, {200, 200});
    REQUIRE(frames.size() == 3);
    CHECK(frames[0].caption == "frame 0 shows no box");
  }
}

TEST_CASE("show draws the questions that it can, by rank, and names the others") {
  const test::TempFolder folder;
  const MadeRoom made(true);
  write_scene_file(folder / "scene0001_00.h5", made.file);
  const Box box = made.file.gt.box[8];
  std::vector<tasks::ScoredQuestion> questions = {
      question_about(box, box), question_about(box, box), question_about(box, box)};
  questions[0].id = "../a b";
  questions[0].answer.earned = {100, 90};
  questions[1].id = "9";
  questions[2].scene = "scene0009_00";
  questions[2].answer.earned = {0, 50};
  ShowVerb options;
  options.inputs = {"scanrefer"};
  options.answers = "a.jsonl";
  options.sources.scenes = folder.path().string();
  options.out = (folder / "out").string();
  options.boxes = (folder / "boxes.json").string();
  std::vector<std::string> manifest;
  Context context;
  context.progress = ProgressMode::kOff;
  context.manifest = [&](const std::string& id, const std::string& path) {
    manifest.push_back(id + " " + std::filesystem::path(path).filename().string());
  };
  const auto read = [&](const tasks::ScoredSources& sources) {
    CHECK(sources.task == "scanrefer");
    return file_of(questions);
  };
  CHECK(run_show(options, read, context) == 4);
  CHECK(manifest == std::vector<std::string>{"9 1-IoU_12.5-9.png", "../a b 3-IoU_90.0-.._a_b.png"});
  const Json boxes = read_json(folder / "boxes.json", "boxes");
  CHECK(boxes["schema"].text_or("") == "vega.boxes/1");
  REQUIRE(boxes["boxes"].size() == 4);
  // The corner with the lowest coordinates, turned back by hand: x = y' + 0.25, y = 0.5 - x'.
  const Json& first = boxes["boxes"][std::size_t{0}];
  CHECK(first["of"].text_or("") == "truth");
  const Json& corner = first["corners_scan"][std::size_t{0}];
  const double low[3] = {box[0] - box[3] / 2, box[1] - box[4] / 2, box[2] - box[5] / 2};
  CHECK(corner[std::size_t{0}].number().value() == Approx(low[1] + 0.25).margin(1e-5));
  CHECK(corner[std::size_t{1}].number().value() == Approx(0.5 - low[0]).margin(1e-5));
  CHECK(corner[std::size_t{2}].number().value() == Approx(low[2] - 0.125).margin(1e-5));

  // A mesh for each frame of reference.
  options.ids = {"9, ../a b"};
  options.boxes = (folder / "boxes.ply").string();
  manifest.clear();
  CHECK(run_show(options, read, context) == 0);
  CHECK(manifest.size() == 2);
  CHECK_THAT(test::read_text(folder / "boxes.ply"), Contains("frame of the scan"));
  CHECK_THAT(test::read_text(folder / "boxes-aligned.ply"), Contains("axis-aligned frame"));

  // Boxes of several scenes do not lie in one mesh.
  BoxFile several(folder / "all.ply");
  const CaseBox one{box, BoxOf::kAnswer};
  several.add("1", "scene0001_00", {&one, 1}, kTurned);
  several.add("2", "a/b", {&one, 1}, kTurned);
  several.add("3", "scene0001_00", {&one, 1}, kTurned);
  several.write();
  CHECK_FALSE(std::filesystem::exists(folder / "all.ply"));
  CHECK(std::filesystem::exists(folder / "all-a_b-aligned.ply"));
  const auto size = [&](const char* name) { return std::filesystem::file_size(folder / name); };
  CHECK(size("all-scene0001_00.ply") > size("all-a_b.ply"));

  // Without a question there is nothing to show, whatever the scores.
  const auto none = [&](const std::string& why) {
    return [&, why](const tasks::ScoredSources&) {
      tasks::ScoredFile out = file_of({});
      out.no_cases = why;
      return out;
    };
  };
  CHECK_THROWS_WITH(run_show(options, none("gt.json: other questions"), context),
                    Contains("gt.json: other questions"));
  CHECK_THROWS_WITH(run_show(options, none(""), context), Contains("a.jsonl: got no question"));

  options.ids = {"77"};
  CHECK_THROWS_WITH(run_show(options, read, context), Contains("--ids") && Contains("77"));
  options.ids.clear();
  options.order = CaseOrder::kGain;
  CHECK_THROWS_AS(run_show(options, read, context), UsageError);
  options.boxes = "boxes.obj";
  CHECK_THROWS_AS(run_show(options, read, context), UsageError);
}

TEST_CASE("cases are ordered by loss, by gain and by id, what has no number last") {
  std::vector<tasks::ScoredQuestion> list(5);
  const double a[] = {50, 0, 100, std::nan(""), 0}, b[] = {60, 100, 100, 0, 100};
  for (std::size_t i = 0; i < list.size(); ++i) {
    list[i].id = "q" + std::to_string(12 - 2 * i);
    list[i].type = i < 2 ? "hard view-dependent" : "easy view-independent";
    list[i].answer.earned = {0, a[i]};
    list[i].against = tasks::ScoredAnswer{};
    list[i].against->earned = {0, b[i]};
  }
  const tasks::ScoredFile file = file_of(list);
  const auto order = [&](const CaseChoice& choice) {
    std::vector<std::size_t> out;
    for (const ShownCase& one : chosen_cases(file, choice)) out.push_back(one.question);
    return out;
  };
  using Places = std::vector<std::size_t>;
  CHECK(order({}) == Places{1, 4, 0, 2, 3});
  CHECK(order({.order = CaseOrder::kGain}) == Places{1, 4, 0, 2, 3});
  CHECK(order({.order = CaseOrder::kId}) == Places{4, 3, 2, 1, 0});
  CHECK(order({.types = {"easy"}}) == Places{4, 2, 3});
  CHECK(order({.count = 2}) == Places{1, 4});
  CHECK(order({.ids = {"q8", "q12"}}) == Places{0, 2});
  CHECK(chosen_cases(file, {.order = CaseOrder::kGain})[2].value == "IoU +10.0");
  CHECK_THROWS_WITH(order({.types = {"eazy"}}), Contains("easy, easy view-independent"));
  CHECK_THROWS_WITH(order({.metric = "EM"}), Contains("Acc@0.25, IoU"));
}
