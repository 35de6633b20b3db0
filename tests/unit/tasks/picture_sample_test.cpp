// Records of SPAR-7M and LLaVA-Hound: what is read, what is left out and why.
#include "tasks/picture_sample.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "support/support.h"

using namespace vega;
using namespace vega::tasks;
using Catch::Matchers::Contains;

namespace {

Json gold() { return read_json(test::golden("spatial_train.json"), "the notes of the exporter"); }

std::string record(const std::string& members) {
  return R"({"id": "a", "conversations": [{"from": "human", "value": "<image>\nq"}, {"from": "gpt", "value": "a"}], )" +
         members + "}";
}

std::string why(const std::string& members, Task task = Task::kSpar) {
  const PictureFile file = parse_picture_samples(
      "[" + record(R"("images": ["good.jpg"])") + ",\n" + record(members) + "]", "f.json", task);
  REQUIRE(file.samples.size() == 1);
  REQUIRE(file.bad.size() == 1);
  CHECK(file.bad[0].place == "f.json: [1]");
  return file.bad[0].why;
}

std::string spar(const std::string& info, const std::string& pictures = R"("p.jpg")") {
  std::string escaped;
  for (const char c : info)
    escaped += c == '"' ? std::string("\\\"") : std::string(1, c == '\n' ? ' ' : c);
  return "\"images\": [" + pictures + "], \"spar_info\": \"" + escaped + "\"";
}

}  // namespace

TEST_CASE("picture samples: frames of videos are those of the released loader") {
  const Json all = gold();
  for (const Json& one : all["frames_of"].elements()) {
    std::vector<std::int64_t> want;
    for (const Json& frame : one[std::size_t{2}].elements()) want.push_back(frame.whole().value());
    CHECK(training_frames(one[std::size_t{0}].whole().value(),
                          one[std::size_t{1}].number().value()) == want);
  }
  CHECK_THROWS_AS(training_frames(0, 1), InputError);
  CHECK_THROWS_AS(training_frames(10, 0), InputError);
}

TEST_CASE("picture samples: lists and lines, videos and pictures") {
  const std::string video = R"({"id": 7, "video": "a/b.mp4", "conversations":
 [{"role": "user", "content": "<video>\nWhat?"}, {"role": "assistant", "content": "That."}]})";
  std::string line = video;
  std::erase(line, '\n');
  for (const std::string& text : {"[" + video + "]", line + "\n\n" + line}) {
    const PictureFile file = parse_picture_samples(text, "f", Task::kLlavaHound);
    const PictureSample& one = file.samples.at(0);
    CHECK(one.id == "7");
    CHECK(one.video == "a/b.mp4");
    const auto turns = shown_turns(one, 3);
    CHECK(turns[0].text == "<image><image><image>What?");
    CHECK(turns[1].answers);
  }
  CHECK(parse_picture_samples(line + "\n\n" + line, "f", Task::kLlavaHound).samples[1].place ==
        "f, line 3");
  const std::string folder = record(R"("video": "./walks/one/")");
  CHECK(parse_picture_samples("[" + folder + "]", "f", Task::kLlavaHound).samples[0].video ==
        "walks/one");
  // Another number of places than of pictures.
  const PictureFile file =
      parse_picture_samples("[" + record(R"("images": ["a", "b"])") + "]", "f", Task::kSpar);
  CHECK_THROWS_WITH(shown_turns(file.samples[0], 2),
                    Contains("1 <image>") && Contains("2, one for each"));
}

TEST_CASE("picture samples: a bad record costs itself and is named") {
  CHECK_THAT(why(R"("x": 1)"), Contains("image") && Contains("a list of paths"));
  CHECK_THAT(why(R"("images": [])"), Contains("images"));
  CHECK_THAT(why(R"("images": ["/etc/passwd"])"),
             Contains("images[0]") && Contains("below the folder"));
  CHECK_THAT(why(R"("video": "../a.mp4")"), Contains("video"));
  CHECK_THAT(why(spar(R"({"type": "of another world"})")), Contains("a type of SPAR-7M"));
  CHECK_THAT(why(spar("no json")), Contains("spar_info"));
  CHECK_THAT(why(spar(R"({"type": "depth_prediction_oc", "red_point": [[1, 2]]})")),
             Contains("blue_point"));
  CHECK_THAT(why(spar(R"({"type": "depth_prediction_oc_mv", "red_point": [[1, 2]]})")),
             Contains("several pictures"));
  CHECK_THAT(
      why(spar(R"({"type": "distance_prediction_oc", "red_point": [[1, 2]]})", R"("a", "b")")),
      Contains("one picture"));
  CHECK_THAT(
      why(spar(R"({"type": "obj_frame_locate", "red_bbox": [[1, 2, 3, 4]], "bbox_img_idx": [[2]]})",
               R"("a", "b")")),
      Contains("bbox_img_idx") && Contains("0 to 1"));
  CHECK_THAT(why(spar(R"({"type": "spatial_volume_infer", "red_bbox": [[9, 2, 3, 4]]})")),
             Contains("x1 up to x2"));
  const std::string two = R"("a", "b")";
  CHECK_THAT(why(spar(R"({"type": "spatial_imagination_map_mv", "bbox_list": [[[1, 2, 3, 4]]]})")),
             Contains("several pictures"));
  CHECK_THAT(why(spar(R"({"type": "spatial_imagination_map_mv"})", two)), Contains("bbox_list"));
  CHECK_THAT(why(spar(R"({"type": "spatial_imagination_map_mv", "bbox_img_idx": [[0, 1]],
 "bbox_list": [[[1, 2, 3, 4], [1, 2, 3]]]})",
                      two)),
             Contains("bbox_list[0][1]") && Contains("[x1, y1, x2, y2]"));
  CHECK_THAT(why(spar(R"({"type": "distance_infer_center_oo_video", "point_img_idx": [[0]],
 "point_list": [[[1, 2], [3, 4]]]})",
                      two)),
             Contains("point_img_idx") && Contains("at place 1"));
  CHECK_THAT(why(spar(R"({"type": "spatial_imagination_oc_video", "bbox_img_idx": [[0, 1, 0]],
 "green_bbox": [[1, 2, 3, 4]], "blue_bbox": [[1, 2, 3, 4]]})",
                      two)),
             Contains("red_bbox"));
  CHECK_THROWS_AS(parse_picture_samples("{", "f", Task::kSpar), FormatError);
  CHECK_THROWS_AS(parse_picture_samples("[]", "f", Task::kSpar), FormatError);
}

TEST_CASE("picture samples: marks with labels, in the order of drawing") {
  const auto marks = [](const std::string& info) {
    return parse_picture_samples("[" + record(spar(info, R"("a", "b", "c")")) + "]", "f",
                                 Task::kSpar)
        .samples.at(0)
        .marks;
  };
  using Style = PictureMark::Style;
  using Rgb = std::array<std::uint8_t, 3>;
  const auto boxes = marks(R"({"type": "spatial_imagination_map_mv",
 "bbox_list": [[[1, 2, 3, 4], [5, 6, 7, 8]]], "bbox_img_idx": [[2, 0]]})");
  REQUIRE(boxes.size() == 2);
  CHECK(boxes[0].label == "object0");
  CHECK(boxes[1].label == "object1");
  CHECK(boxes[0].picture == 2);
  CHECK(boxes[1].kind == PictureMark::Kind::kBox);
  CHECK(boxes[1].place == std::array<double, 4>{5, 6, 7, 8});
  CHECK(boxes[1].style == Style::kLetters);
  CHECK(boxes[1].color == Rgb{0, 0, 255});

  const auto discs = marks(R"({"type": "distance_infer_center_oo_video",
 "point_list": [[[1, 2], [3, 4], [5, 6]]], "point_img_idx": [[0, 1, 2]]})");
  REQUIRE(discs.size() == 3);
  CHECK(discs[0].label == "objectA");
  CHECK(discs[1].label == "object0");
  CHECK(discs[2].label == "object1");
  CHECK(discs[2].kind == PictureMark::Kind::kDisc);
  CHECK(discs[2].place == std::array<double, 4>{5, 6, 0, 0});

  const auto signs = marks(R"({"type": "spatial_imagination_oo_video",
 "red_bbox": [[1, 1, 3, 4]], "blue_bbox": [[2, 1, 3, 4]], "green_bbox": [[3, 1, 3, 4]],
 "yellow_bbox": [[0, 1, 3, 4]], "bbox_img_idx": [[0, 1, 2, 0]]})");
  REQUIRE(signs.size() == 4);
  CHECK(signs[0].place[0] == 3);
  CHECK(signs[0].color == Rgb{0, 255, 0});
  CHECK(signs[0].style == Style::kSign);
  CHECK(signs[2].label == "object2");
  CHECK(signs[2].color == Rgb{255, 0, 0});
  CHECK(signs[2].picture == 2);
  CHECK(signs[3].color == Rgb{0, 225, 225});
  CHECK(marks(R"({"type": "spatial_imagination_oc_video", "red_bbox": [[1, 1, 3, 4]],
 "blue_bbox": [[2, 1, 3, 4]], "green_bbox": [[3, 1, 3, 4]], "bbox_img_idx": [[0, 1, 2]]})")
            .size() == 3);
}
