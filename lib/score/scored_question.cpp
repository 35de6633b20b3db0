#include "score/scored_question.h"

#include <fmt/core.h>

#include <cmath>

#include "base/text.h"
#include "tasks/grounding.h"
#include "tasks/prompts.h"

namespace vega::score {
namespace {

// The words of a prompt: the instruction and the place of the picture stand in front.
std::string_view behind_image(std::string_view prompt) {
  constexpr std::string_view kImage = "<image>";
  const std::size_t at = prompt.rfind(kImage);
  return trim(at == prompt.npos ? prompt : prompt.substr(at + kImage.size()));
}

// A prompt without the instruction, the place of the picture and the sentences that the release
// puts around every description.
std::string plain_question(std::string_view prompt) {
  // Multi3DRefer's has them on both sides; those of ScanRefer and Nr3D begin with the same.
  const std::string_view form =
      behind_image(tasks::released_prompts().of(tasks::Task::kMulti3DRefer).user);
  const std::string_view before = trim(form.substr(0, form.find('{')));
  const std::string_view behind = trim(form.substr(form.find('}') + 1));
  prompt = behind_image(prompt);
  if (prompt.starts_with(before)) prompt.remove_prefix(before.size());
  if (prompt.ends_with(behind)) prompt.remove_suffix(behind.size());
  return std::string(trim(prompt));
}

// Puts the centre of the given box in the place of "<coord>", which Scan2Cap's prompt has.
void write_coordinate(const std::optional<tasks::BoxNumbers>& box, std::string& question) {
  constexpr std::string_view kCoord = "<coord>";
  const std::size_t at = question.find(kCoord);
  if (!box || at == question.npos) return;
  const std::size_t end = at + kCoord.size();
  question.replace(at, kCoord.size() + (question.compare(end, 2, " ,") == 0 ? 1 : 0),
                   fmt::format("({:.2f}, {:.2f}, {:.2f}) m", (*box)[0], (*box)[1], (*box)[2]));
}

}  // namespace

tasks::ScoredAnswer scored_answer(const Answer& answer, Task task, const Matching& matching) {
  tasks::ScoredAnswer out;
  out.text = answer.text;
  out.object = answer.object;
  out.unreadable = answer.unreadable;
  out.empty = answer.empty;
  out.cut = answer.cut;
  const bool chosen_by_scores =
      task == Task::kMulti3DRefer && !answer.scores.empty() && !std::isnan(answer.scores[0]);
  if (!chosen_by_scores) {
    out.boxes.assign(answer.boxes.begin(), answer.boxes.end());
  } else {
    for (const std::size_t i : tasks::chosen_boxes(
             answer.scores, {matching.threshold, matching.matcher == "renormalised"}))
      out.boxes.push_back(answer.boxes[i]);
  }
  return out;
}

tasks::ScoredQuestion scored_question(const Question& one, Task task, const Matching& matching) {
  tasks::ScoredQuestion out;
  out.id = one.truth.id;
  out.scene = one.truth.scene.empty() ? one.answer.scene : one.truth.scene;
  out.type = one.truth.type;
  out.question =
      plain_question(one.truth.question.empty() ? one.answer.prompt : one.truth.question);
  out.texts = one.truth.answers;
  out.boxes.assign(one.truth.boxes.begin(), one.truth.boxes.end());
  out.objects = one.truth.objects;
  out.given_box = one.truth.given_box;
  write_coordinate(out.given_box, out.question);
  out.answer = scored_answer(one.answer, task, matching);
  return out;
}

}  // namespace vega::score
