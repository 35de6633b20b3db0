// VSI-Bench: JSON Lines of the data set, a question a line, about videos.
#include <fmt/core.h>

#include <cmath>
#include <utility>

#include "base/key.h"
#include "score/prepare_conversion.h"
#include "score/prepare_found.h"
#include "score/question_lines.h"
#include "tasks/vsi.h"
#include "text/unicode.h"

namespace vega::score {
namespace {

// Options as they are shown; empty: a question for a number.
std::vector<std::string> options_of(const Row& row, const tasks::VsiTask& task) {
  constexpr const char* kOptions = "two options at least, each a text \"A. ...\", in order";
  std::vector<std::string> out;
  if (task.number) return out;
  const Json& list = row.json["options"];
  if (!list.is_list() || list.size() < 2) row.refuse("options", kOptions);
  for (const Json& one : list.elements()) {
    const std::string* text = one.text();
    if (text == nullptr ||
        !text->starts_with(fmt::format("{}.", static_cast<char>('A' + out.size()))))
      row.refuse("options", kOptions);
    out.push_back(*text);
  }
  return out;
}

// The right answer; empty: the file has none.
std::string answer_of(const Row& row, const tasks::VsiTask& task, std::size_t options) {
  if (row.json["ground_truth"].is_null()) return {};
  std::string out = text_or_number(row.json, row.place, "ground_truth");
  if (task.number) {
    const auto number = tasks::python_float(text::decode_utf8(out));
    if (!number || !std::isfinite(*number) || *number == 0)
      row.refuse("ground_truth", "a number other than 0");
  } else if (out.size() != 1 || out[0] < 'A' || static_cast<std::size_t>(out[0] - 'A') >= options) {
    row.refuse("ground_truth", "the letter of an option");
  }
  return out;
}

void add_question(Conversion& work, const Row& row, FoundFiles& videos) {
  const std::string id = row.id("id");
  const std::string data_set = row.text("dataset");
  const std::string scene = text_or_number(row.json, row.place, "scene_name");
  if (!is_key(data_set) || data_set.front() == '.')
    row.refuse("dataset", "scannet, scannetpp or arkitscenes: the folder of the video");
  if (!is_key(scene) || scene.front() == '.')
    row.refuse("scene_name", "the name of a video: letters, digits, '.', '_', '-'");
  const std::string type = row.text("question_type");
  const int place = tasks::vsi_task(type);
  if (place < 0) row.refuse("question_type", "a question type of VSI-Bench");
  const tasks::VsiTask& task = tasks::kVsiTasks[static_cast<std::size_t>(place)];
  const std::vector<std::string> options = options_of(row, task);
  tasks::TaskText text{.question = row.words("question"),
                       .answer = answer_of(row, task, options.size())};
  for (const std::string& option : options)
    text.options += (text.options.empty() ? "" : "\n") + option;
  work.check_new(row, id);
  tasks::Sample one = work.sample(row.json["id"], scene, text);
  one.video = data_set + "/" + scene;
  one.question_type = type;
  one.options = options;
  if (!work.sources.videos.empty()) videos.require(tasks::vsi_video({}, one.video));
  work.add(std::move(one));
}

}  // namespace

void convert_vsi(Conversion& work) {
  FoundFiles videos(work.sources.videos, {"video", "it holds scannet/, scannetpp/ and arkitscenes/",
                                          "unpack the archives of the data set below --videos"});
  work.each_line(work.sources.annotations, {"id", "scene_name"},
                 [&](const Row& row) { add_question(work, row, videos); });
  work.out.videos = videos.found();
}

}  // namespace vega::score
