#include "score/prepare_conversion.h"

#include <fmt/core.h>

#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/lines.h"
#include "score/question_lines.h"
#include "tasks/json_list.h"
#include "text/lines.h"

namespace vega::score {

namespace fs = std::filesystem;

Conversion::Conversion(const PrepareSources& files)
    : sources(files),
      boxes(files.boxes),
      prompt_(
          (files.prompts ? *files.prompts : tasks::released_prompts(files.task)).of(files.task)) {}

void Conversion::each_row(std::string_view list, const fs::path& file, const std::string& what,
                          const std::function<void(const Row&)>& use) {
  tasks::each_element(list, file.string(), what, [&](std::size_t index, std::string_view text) {
    Json json;
    const Row row = row_of(file, index, json);
    std::string scene, id;
    try {
      json = tasks::parse_element(text, out.repaired);
      if (!json.is_object()) throw FormatError(explain(row.place, shown(json), "a JSON object"));
      scene = json["scene_id"].text_or("");
      id = id_text(json["question_id"]).value_or("");
      json.erase("token");  // long, and not needed
      use(row);
    } catch (const InputError& error) {
      if (scene.empty()) scene = tasks::member_of_broken(text, "scene_id").text_or("");
      if (id.empty()) id = id_text(tasks::member_of_broken(text, "question_id")).value_or("");
      if (!id.empty()) named_.insert(id);
      leave_out(row.place, id.empty() ? std::to_string(index) : id, scene, error.what());
    }
  });
}

void Conversion::each_row(const fs::path& file, const std::string& what,
                          const std::function<void(const Row&)>& use) {
  const MappedFile mapped(file);
  each_row(mapped.text(), file, what, use);
}

void Conversion::each_line(const fs::path& file, LineMembers members,
                           const std::function<void(const Row&)>& use) {
  const Task task = choice_of(task_names(), "prepare", std::string(dataset_name(sources.task)));
  const std::string text = file_text(file);
  refuse_parquet(task, text, file.string());
  const auto take = [&](std::size_t index, const std::string& place, std::string_view element) {
    Json json;
    try {
      json = tasks::parse_element(element, out.repaired);
      if (!json.is_object()) throw FormatError(explain(place, shown(json), "a JSON object"));
      use(Row{index, place, json});
    } catch (const InputError& error) {
      const auto member = [&](std::string_view name) {
        return id_text(json.is_object() ? json[name] : tasks::member_of_broken(element, name))
            .value_or("");
      };
      const std::string id = member(members.id);
      leave_out(place, id.empty() ? std::to_string(index) : id, member(members.scene),
                error.what());
    }
  };
  const std::string title(benchmark_of(task).title);
  if (text.starts_with('[')) {
    tasks::each_element(text, file.string(), "questions of " + title,
                        [&](std::size_t index, std::string_view element) {
                          take(index, fmt::format("{}: [{}]", file.string(), index), element);
                        });
    return;
  }
  std::size_t index = 0;
  text::each_line(text, [&](std::string_view one, std::size_t line) {
    if (!trim(one).empty()) take(index++, line_place(file.string(), line), one);
  });
  if (index == 0)
    throw FormatError(explain(file.string(), "an empty file", "JSON Lines of " + title));
}

void Conversion::leave_out(const std::string& place, const std::string& id,
                           const std::string& scene, const std::string& why) {
  out.left_out.push_back({place, printable(id, 80), printable(scene, 80), why});
}

tasks::Sample Conversion::sample(Json id, const std::string& scene,
                                 const tasks::TaskText& text) const {
  tasks::Sample one;
  one.task = sources.task;
  one.id = std::move(id);
  one.id_text = id_text(one.id).value_or("");
  one.scene = scene;
  one.video = fmt::format("scannet/{}", scene);
  const bool choice = !text.options.empty() && !prompt_.choice.empty();
  one.user = tasks::filled(choice ? prompt_.choice : prompt_.user, text);
  one.answer = tasks::filled(prompt_.answer, text);
  return one;
}

void Conversion::add(tasks::Sample&& sample) {
  tasks::sample_of(tasks::to_json(sample), sources.task);
  out.samples.push_back(std::move(sample));
}

void Conversion::leave_out_absent(FoundFiles& files, const std::vector<AbsentFile>& absent) {
  out.pictures = files.found();
  if (sources.beside && out.pictures == 0) return;
  std::set<std::size_t> gone;
  for (const AbsentFile& one : absent) {
    const tasks::Sample& sample = out.samples[one.sample];
    try {
      files.require(one.name);
    } catch (const InputError& error) {
      leave_out(one.place, sample.id_text, sample.scene, error.what());
    }
    gone.insert(one.sample);
  }
  std::size_t place = 0;
  std::erase_if(out.samples, [&](const auto&) { return gone.contains(place++); });
}

void Conversion::count_repeated(const Row& row, const char* object) {
  if (row.json["ann_id"].is_null()) return;
  count_repeated(row.json["scene_id"].dump() + row.json[object].dump() + row.json["ann_id"].dump() +
                 row.json["description"].dump());
}

void Conversion::count_repeated(const std::string& key) {
  if (!rows_.insert(key).second) ++out.repeated;
}

void Conversion::check_new(const Row& row, const std::string& id) {
  if (!ids_.insert(id).second)
    throw FormatError(explain(row.place,
                              fmt::format("question '{}' a second time", printable(id, 80)),
                              "each question once"));
}

std::int64_t object_id(const Row& row, const Json& id, std::string_view field) {
  const auto text = id_text(id);
  const auto whole = text ? parse_whole(*text) : std::nullopt;
  if (!whole) row.refuse(field, "a whole number");
  return *whole;
}

}  // namespace vega::score
