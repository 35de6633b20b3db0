#include "tasks/picture_marks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"

namespace vega::tasks {
namespace {

// Colours as Pillow names them, and as the signs have them: yellow's is cyan, its numbers being
// taken for blue, green, red.
enum class Color { kRed, kBlue, kGreen, kYellow };
using Rgb = std::array<std::uint8_t, 3>;
struct Named {
  const char* name;
  Rgb rgb, sign;
};
constexpr std::array<Named, 4> kColors = {{{"red", {255, 0, 0}, {255, 0, 0}},
                                           {"blue", {0, 0, 255}, {0, 0, 255}},
                                           {"green", {0, 128, 0}, {0, 255, 0}},
                                           {"yellow", {255, 255, 0}, {0, 225, 225}}}};
constexpr const Named& named(Color color) { return kColors[static_cast<std::size_t>(color)]; }

// How a mark finds its picture.
constexpr int kOnly = -1;   // the only picture there is
constexpr int kFirst = -2;  // the first of several; else a place in point_img_idx or bbox_img_idx

struct Rule {
  Color color{};
  int where = kOnly;
};

using Kind = PictureMark::Kind;
using Style = PictureMark::Style;

// The marks of a type, in the order of drawing. Without marks it may have any number of pictures.
struct TypeRules {
  const char* type;
  Kind kind = Kind::kDisc;
  std::vector<Rule> rules = {};
  Style style = Style::kPlain;  // signs are numbered: "object0" is the first
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
      {"spatial_imagination_oo_video",
       Kind::kBox,
       {{kGreen, 0}, {kBlue, 1}, {kRed, 2}, {kYellow, 3}},
       Style::kSign},
      {"spatial_imagination_oc_video",
       Kind::kBox,
       {{kGreen, 0}, {kBlue, 1}, {kRed, 2}},
       Style::kSign},
      {"spatial_imagination_oc_video_hard"},
      {"spatial_imagination_oo_video_hard"},
      {"obj_frame_locate", Kind::kBox, {{kRed, 0}}},
      {"appearance_order"},
      {"room_size"},
      {"obj_count"},
      {"nav"}};
  return rules;
}

constexpr std::size_t kMostMarks = 4096;

[[noreturn]] void refuse_mark(const std::string& member, const std::string& got,
                              const std::string& expected, const std::string& remedy = {}) {
  throw FormatError(explain("spar_info." + member, got, expected, remedy));
}

class Marks {
 public:
  Marks(const Json& info, std::size_t pictures) : info_(info), pictures_(pictures) {}

  std::vector<PictureMark> all() {
    const std::string type = info_["type"].text_or("");
    if (type == "spatial_imagination_map_mv") return all_of_list(Kind::kBox);
    if (type == "distance_infer_center_oo_video") return all_of_list(Kind::kDisc);
    if (type == "obj_spatial_relation_oc_mv") return relation_to_camera();
    if (type == "obj_spatial_relation_oo_mv") return relation_of_two();
    const auto found =
        std::ranges::find_if(all_rules(), [&](const TypeRules& one) { return type == one.type; });
    if (found == all_rules().end()) refuse_mark("type", shown(info_["type"]), "a type of SPAR-7M");
    for (std::size_t i = 0; i < found->rules.size(); ++i) {
      add(found->kind, found->rules[i].color, found->rules[i].where);
      if (found->style != Style::kSign) continue;
      out_.back().style = Style::kSign;
      out_.back().color = named(found->rules[i].color).sign;
      out_.back().label = fmt::format("object{}", i);
    }
    return std::move(out_);
  }

 private:
  static std::string member(Color color, Kind kind) {
    return fmt::format("{}_{}", named(color).name, kind == Kind::kDisc ? "point" : "bbox");
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

  // Blue marks with a label each, as many as listed: boxes of "object0", "object1", ...; discs of
  // "objectA", "object0", ...
  std::vector<PictureMark> all_of_list(Kind kind) {
    const char* name = kind == Kind::kDisc ? "point_list" : "bbox_list";
    const Json& list = info_[name][std::size_t{0}];
    if (!list.is_list() || list.size() > kMostMarks)
      refuse_mark(name, shown(info_[name]),
                  fmt::format("[[...]], a list of at most {} places", kMostMarks));
    for (std::size_t i = 0; i < list.size(); ++i) {
      PictureMark mark;
      mark.kind = kind;
      mark.style = Style::kLetters;
      mark.color = named(Color::kBlue).rgb;
      mark.picture = picture(kind, static_cast<int>(i));
      mark.place = place(kind, list[i], fmt::format("{}[0][{}]", name, i), false);
      const std::size_t before = kind == Kind::kDisc ? 1 : 0;
      mark.label = i < before ? "objectA" : fmt::format("object{}", i - before);
      out_.push_back(std::move(mark));
    }
    return std::move(out_);
  }

  void add(Kind kind, Color color, int where) {
    PictureMark mark;
    mark.kind = kind;
    mark.color = named(color).rgb;
    mark.picture = picture(kind, where);
    const std::string name = member(color, kind);
    mark.place = place(kind, info_[name], name, true);
    out_.push_back(std::move(mark));
  }

  // nested: the numbers are in a list of their own.
  static std::array<double, 4> place(Kind kind, const Json& given, const std::string& name,
                                     bool nested) {
    const Json& list = nested ? given[std::size_t{0}] : given;
    const std::size_t count = kind == Kind::kDisc ? 2 : 4;
    const char* numbers = kind == Kind::kDisc ? "[x, y]" : "[x1, y1, x2, y2]";
    const std::string expected = nested ? fmt::format("[{}]", numbers) : std::string(numbers);
    if (!list.is_list() || list.size() != count) refuse_mark(name, shown(given), expected);
    std::array<double, 4> out{};
    for (std::size_t i = 0; i < count; ++i) {
      const auto number = list[i].number();
      constexpr double kMost = 1e5;
      if (!number || !(std::abs(*number) <= kMost))
        refuse_mark(name, shown(given), expected + " of thousandths of the picture's sides");
      out[i] = *number;
    }
    if (kind == Kind::kBox && (out[0] > out[2] || out[1] > out[3]))
      refuse_mark(name, shown(given), "x1 up to x2 and y1 up to y2");
    return out;
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
