#include "tasks/picture_marks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace vega::tasks {
namespace {

// Colours as Pillow names them.
enum class Color { kRed, kBlue, kGreen, kYellow };
struct Named {
  const char* name;
  std::array<std::uint8_t, 3> rgb;
};
constexpr std::array<Named, 4> kColors = {{{"red", {255, 0, 0}},
                                           {"blue", {0, 0, 255}},
                                           {"green", {0, 128, 0}},
                                           {"yellow", {255, 255, 0}}}};

// How a mark finds its picture.
constexpr int kOnly = -1;   // the only picture there is
constexpr int kFirst = -2;  // the first of several; else a place in point_img_idx or bbox_img_idx

struct Rule {
  Color color{};
  int where = kOnly;
};

using Kind = PictureMark::Kind;

// The marks of a type, in the order of drawing. Without marks it may have any number of pictures.
struct TypeRules {
  const char* type;
  Kind kind = Kind::kDisc;
  std::vector<Rule> rules = {};
};

const std::vector<TypeRules>& all_rules() {
  using enum Color;
  static const std::vector<TypeRules> rules = {
      {"obj_spatial_relation_oo", Kind::kBox, {{kRed}, {kBlue}}},
      {"depth_prediction_oc", Kind::kDisc, {{kRed}, {kBlue}}},
      {"depth_prediction_oo", Kind::kDisc, {{kRed}, {kBlue}, {kGreen}}},
      {"distance_prediction_oc", Kind::kDisc, {{kRed}}},
      {"distance_prediction_oo", Kind::kDisc, {{kRed}, {kBlue}}},
      {"distance_infer_center_oc"},
      {"distance_infer_center_oo", Kind::kDisc, {{kRed}, {kBlue}, {kGreen}}},
      {"spatial_volume_infer", Kind::kBox, {{kRed}}},
      {"spatial_imagination_oc", Kind::kBox, {{kRed}, {kBlue}, {kGreen}}},
      {"spatial_imagination_oo", Kind::kBox, {{kRed}, {kBlue}, {kGreen}, {kYellow}}},
      {"position_matching", Kind::kBox, {{kRed, kFirst}}},
      {"view_change_infer"},
      {"depth_prediction_oc_mv", Kind::kDisc, {{kRed, 0}, {kBlue, 1}}},
      {"depth_prediction_oo_mv", Kind::kDisc, {{kRed, 0}, {kBlue, 1}, {kGreen, 2}}},
      {"distance_prediction_oc_mv", Kind::kDisc, {{kRed, 0}}},
      {"distance_prediction_oo_mv", Kind::kDisc, {{kRed, 0}, {kBlue, 1}}},
      {"distance_infer_center_oc_mv"},
      {"distance_infer_center_oo_mv", Kind::kDisc, {{kRed, 0}, {kGreen, 1}, {kBlue, 2}}},
      {"spatial_imagination_oc_mv", Kind::kBox, {{kRed, 2}, {kGreen, 0}, {kBlue, 1}}},
      {"spatial_imagination_oo_mv", Kind::kBox, {{kRed, 2}, {kGreen, 0}, {kBlue, 1}, {kYellow, 3}}},
      {"camera_motion_infer"},
      {"distance_prediction_oo_video", Kind::kDisc, {{kRed, 0}, {kBlue, 1}}},
      {"spatial_imagination_oc_video_hard"},
      {"spatial_imagination_oo_video_hard"},
      {"obj_frame_locate", Kind::kBox, {{kRed, 0}}},
      {"appearance_order"},
      {"room_size"},
      {"obj_count"},
      {"nav"}};
  return rules;
}

// Labels in the letters of OpenCV stand beside their marks.
constexpr std::array<std::string_view, 4> kLabelled = {
    "spatial_imagination_map_mv", "distance_infer_center_oo_video", "spatial_imagination_oo_video",
    "spatial_imagination_oc_video"};

[[noreturn]] void refuse_mark(const std::string& member, const std::string& got,
                              const std::string& expected, const std::string& remedy = {}) {
  throw FormatError(explain("spar_info." + member, got, expected, remedy));
}

class Marks {
 public:
  Marks(const Json& info, std::size_t pictures) : info_(info), pictures_(pictures) {}

  std::vector<PictureMark> all() {
    const std::string type = info_["type"].text_or("");
    if (std::ranges::find(kLabelled, type) != kLabelled.end())
      refuse_mark("type", type, "a type without written labels",
                  "vega does not draw the letters of OpenCV; leave such records out");
    if (type == "obj_spatial_relation_oc_mv") return relation_to_camera();
    if (type == "obj_spatial_relation_oo_mv") return relation_of_two();
    const auto found =
        std::ranges::find_if(all_rules(), [&](const TypeRules& one) { return type == one.type; });
    if (found == all_rules().end()) refuse_mark("type", shown(info_["type"]), "a type of SPAR-7M");
    for (const Rule& rule : found->rules) add(found->kind, rule.color, rule.where);
    return std::move(out_);
  }

 private:
  static std::string member(Color color, Kind kind) {
    return fmt::format("{}_{}", kColors[static_cast<std::size_t>(color)].name,
                       kind == Kind::kDisc ? "point" : "bbox");
  }
  bool has(Color color) const {
    const Json& place = info_[member(color, Kind::kBox)];
    return place.is_list() && place.size() > 0;
  }

  // Any of red, blue and green, all on one picture.
  std::vector<PictureMark> relation_to_camera() {
    for (const Color color : {Color::kRed, Color::kBlue, Color::kGreen})
      if (has(color)) add(Kind::kBox, color, 0);
    return std::move(out_);
  }

  // The two that are there, each on a picture of its own.
  std::vector<PictureMark> relation_of_two() {
    std::vector<Color> there;
    for (const Color color : {Color::kRed, Color::kBlue, Color::kGreen})
      if (has(color)) there.push_back(color);
    if (there.size() != 2)
      refuse_mark("red_bbox, blue_bbox, green_bbox", fmt::format("{} of them", there.size()),
                  "two");
    add(Kind::kBox, there[0], 0);
    add(Kind::kBox, there[1], 1);
    return std::move(out_);
  }

  void add(Kind kind, Color color, int where) {
    PictureMark mark;
    mark.kind = kind;
    mark.color = kColors[static_cast<std::size_t>(color)].rgb;
    mark.picture = picture(kind, where);
    const std::string name = member(color, kind);
    const Json& place = info_[name][std::size_t{0}];
    const std::size_t count = kind == Kind::kDisc ? 2 : 4;
    const std::string expected = kind == Kind::kDisc ? "[[x, y]]" : "[[x1, y1, x2, y2]]";
    if (!place.is_list() || place.size() != count) refuse_mark(name, shown(info_[name]), expected);
    for (std::size_t i = 0; i < count; ++i) {
      const auto number = place[i].number();
      constexpr double kMost = 1e5;
      if (!number || !(std::abs(*number) <= kMost))
        refuse_mark(name, shown(info_[name]), expected + " of thousandths of the picture's sides");
      mark.place[i] = *number;
    }
    if (kind == Kind::kBox && (mark.place[0] > mark.place[2] || mark.place[1] > mark.place[3]))
      refuse_mark(name, shown(info_[name]), "x1 up to x2 and y1 up to y2");
    out_.push_back(mark);
  }

  std::size_t picture(Kind kind, int where) const {
    if (where == kOnly) {
      if (pictures_ != 1)
        refuse_mark("type",
                    fmt::format("{} about {} pictures", info_["type"].text_or(""), pictures_),
                    "one picture");
      return 0;
    }
    if (pictures_ < 2)
      refuse_mark("type", fmt::format("{} about one picture", info_["type"].text_or("")),
                  "several pictures");
    if (where == kFirst) return 0;
    const char* name = kind == Kind::kDisc ? "point_img_idx" : "bbox_img_idx";
    const Json& list = info_[name][std::size_t{0}];
    const auto index = list.is_list() && list.size() > static_cast<std::size_t>(where)
                           ? list[static_cast<std::size_t>(where)].whole()
                           : std::optional<std::int64_t>();
    if (!index || *index < 0 || *index >= static_cast<std::int64_t>(pictures_))
      refuse_mark(
          name, shown(info_[name]),
          fmt::format("[[i, ...]] with a picture, 0 to {}, at place {}", pictures_ - 1, where));
    return static_cast<std::size_t>(*index);
  }

  const Json& info_;
  std::size_t pictures_;
  std::vector<PictureMark> out_;
};

}  // namespace

std::vector<PictureMark> spar_marks(const Json& info, std::size_t pictures) {
  const std::string* text = info.text();
  if (text == nullptr)
    throw FormatError(explain("spar_info", shown(info), "a JSON text of {type, ...}"));
  const auto parsed = parse_json(*text);
  if (!parsed || !parsed->is_object())
    throw FormatError(explain("spar_info", shown(info), "a JSON text of {type, ...}"));
  return Marks(*parsed, pictures).all();
}

}  // namespace vega::tasks
