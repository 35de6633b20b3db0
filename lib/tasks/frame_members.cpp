#include "tasks/frame_members.h"

#include <cmath>
#include <cstddef>

#include "base/error.h"
#include "tasks/sample.h"

namespace vega::tasks {
namespace {

Pose pose_of(const Json& value, const std::string& where) {
  Pose out{};
  bool whole = value.is_list() && value.size() == 4;
  for (std::size_t row = 0; whole && row < 4; ++row) {
    whole = value[row].is_list() && value[row].size() == 4;
    for (std::size_t column = 0; whole && column < 4; ++column) {
      const auto number = value[row][column].number();
      whole = number.has_value();
      if (whole) out[4 * row + column] = *number;
    }
  }
  if (!whole || !is_rigid(out))
    throw FormatError(explain(where, shown(value), "a 4x4 matrix of a rotation and a shift"));
  return out;
}

}  // namespace

OrientedBox oriented_box_of(const Json& value, const std::string& where) {
  OrientedBox out{};
  bool whole = value.is_list() && value.size() == out.size();
  for (std::size_t i = 0; whole && i < out.size(); ++i) {
    const auto number = value[i].number();
    whole = number && std::abs(*number) < kMostMetres;
    if (whole) out[i] = *number;
  }
  if (!whole)
    throw FormatError(explain(where, shown(value),
                              "nine numbers: centre and full extents in metres, three angles"));
  return out;
}

std::vector<Pose> FrameCameras::world() const {
  std::vector<Pose> out;
  for (const Pose& frame : frames) out.push_back(multiply(align, frame));
  return out;
}

FrameCameras frame_cameras(const Json& record, const std::string& place) {
  const Json& list = record["cam2global"];
  const std::string where = place + "cam2global";
  if (!list.is_list() || list.size() == 0)
    throw FormatError(explain(where, shown(list), "a 4x4 matrix for each frame"));
  FrameCameras out;
  out.align = pose_of(record["axis_align_matrix"], place + "axis_align_matrix");
  for (std::size_t i = 0; i < list.size(); ++i)
    out.frames.push_back(pose_of(list[i], where + "[" + std::to_string(i) + "]"));
  return out;
}

Json rows_of(const Pose& pose) {
  Json out = Json::list();
  for (std::size_t row = 0; row < 4; ++row)
    out.push(std::vector<double>(pose.begin() + static_cast<std::ptrdiff_t>(4 * row),
                                 pose.begin() + static_cast<std::ptrdiff_t>(4 * row + 4)));
  return out;
}

}  // namespace vega::tasks
