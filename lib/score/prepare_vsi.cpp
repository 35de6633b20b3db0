// VSI-Bench: JSON Lines of the data set, a question a line, about videos.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/key.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/lines.h"
#include "score/prepare_conversion.h"
#include "score/vsi_questions.h"
#include "tasks/json_list.h"
#include "tasks/vsi.h"
#include "text/lines.h"
#include "text/unicode.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;

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
  std::string out = vsi_member(row.json, row.place, "ground_truth");
  if (task.number) {
    const auto number = tasks::python_float(text::decode_utf8(out));
    if (!number || !std::isfinite(*number) || *number == 0)
      row.refuse("ground_truth", "a number other than 0");
  } else if (out.size() != 1 || out[0] < 'A' || static_cast<std::size_t>(out[0] - 'A') >= options) {
    row.refuse("ground_truth", "the letter of an option");
  }
  return out;
}

// The videos of a data set, each looked for once.
class Videos {
 public:
  explicit Videos(fs::path folder) : folder_(std::move(folder)) {
    if (!folder_.empty() && !fs::is_directory(folder_))
      throw InputError(explain(folder_.string(), "no folder", "the folder of the videos",
                               "it holds scannet/, scannetpp/ and arkitscenes/"));
  }
  // Throws InputError: the video is not there.
  void require(const std::string& video) {
    if (folder_.empty()) return;
    const fs::path path = tasks::vsi_video(folder_, video);
    auto at = there_.find(video);
    if (at == there_.end()) at = there_.emplace(video, tasks::is_vsi_video(path)).first;
    if (!at->second)
      throw InputError(explain(path.string(), "no video", "the one that the question is about",
                               "unpack the archives of the data set below --videos"));
  }
  std::int64_t found() const {
    return std::count_if(there_.begin(), there_.end(), [](const auto& one) { return one.second; });
  }

 private:
  fs::path folder_;
  std::map<std::string, bool> there_;
};

void add_question(Conversion& work, const Row& row, Videos& videos) {
  const std::string id = row.id("id");
  const std::string data_set = row.text("dataset");
  const std::string scene = vsi_member(row.json, row.place, "scene_name");
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
  videos.require(one.video);
  work.add(std::move(one));
}

}  // namespace

void convert_vsi(Conversion& work) {
  const fs::path& file = work.sources.annotations;
  Videos videos(work.sources.videos);
  const std::string text = file_text(file);
  refuse_parquet(text, file.string());
  const auto take = [&](std::size_t index, const std::string& place, std::string_view element) {
    Json json;
    try {
      json = tasks::parse_element(element, work.out.repaired);
      if (!json.is_object()) throw FormatError(explain(place, shown(json), "a JSON object"));
      add_question(work, Row{index, place, json}, videos);
    } catch (const InputError& error) {
      const auto member = [&](const char* name) {
        return id_text(json.is_object() ? json[name] : tasks::member_of_broken(element, name))
            .value_or("");
      };
      const std::string id = member("id");
      work.leave_out(place, id.empty() ? std::to_string(index) : id, member("scene_name"),
                     error.what());
    }
  };
  if (text.starts_with('[')) {
    tasks::each_element(text, file.string(), "questions of VSI-Bench",
                        [&](std::size_t index, std::string_view element) {
                          take(index, fmt::format("{}: [{}]", file.string(), index), element);
                        });
  } else {
    std::size_t index = 0;
    text::each_line(text, [&](std::string_view one, std::size_t line) {
      if (!trim(one).empty()) take(index++, line_place(file.string(), line), one);
    });
    if (index == 0)
      throw FormatError(explain(file.string(), "an empty file", "test.jsonl of VSI-Bench"));
  }
  work.out.videos = videos.found();
}

}  // namespace vega::score
