#include "tasks/box_answer.h"

#include <cmath>

#include "base/json.h"
#include "base/text.h"
#include "tasks/python_literal.h"

namespace vega::tasks {
namespace {

std::string_view without(std::string_view text, std::string_view ends) {
  const std::size_t first = text.find_first_not_of(ends);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(ends) - first + 1);
}

}  // namespace

std::vector<std::string_view> answer_lines(std::string_view answer) {
  for (const std::string_view ends : {"\n", "`", "json", "\n"}) answer = without(answer, ends);
  std::vector<std::string_view> out;
  for (std::size_t at = 0;;) {
    const std::size_t end = answer.find('\n', at);
    out.push_back(answer.substr(at, end - at));
    if (end == answer.npos) return out;
    at = end + 1;
  }
}

std::optional<BoxAnswer> read_box_answer(std::string_view answer, std::size_t frames,
                                         std::string& why) {
  for (const std::string_view line : answer_lines(answer)) {
    if (line.find("bbox_3d") == line.npos) continue;
    const auto value = python_literal(line);
    if (!value || !value->is_object()) {
      why = "a line with bbox_3d that is no dictionary";
      return std::nullopt;
    }
    BoxAnswer out;
    const auto frame = (*value)["frame"].whole();
    if (!frame || *frame < 0 || static_cast<std::size_t>(*frame) >= frames) {
      why = "frame " + shown((*value)["frame"]);
      return std::nullopt;
    }
    out.frame = static_cast<std::size_t>(*frame);
    const Json& box = (*value)["bbox_3d"];
    bool whole = box.is_list() && box.size() == out.box.size();
    for (std::size_t i = 0; whole && i < out.box.size(); ++i) {
      const auto number = box[i].number();
      whole = number && std::isfinite(*number);
      if (whole) out.box[i] = *number;
    }
    if (whole) return out;
    why = "bbox_3d that is not nine numbers";
    return std::nullopt;
  }
  why = "no line with bbox_3d";
  return std::nullopt;
}

std::optional<OrientedBox> answered_box(std::string_view answer, std::span<const Pose> poses,
                                        std::string& why) {
  const auto read = read_box_answer(answer, poses.size(), why);
  if (!read) return std::nullopt;
  return moved(poses[read->frame], read->box);
}

}  // namespace vega::tasks
