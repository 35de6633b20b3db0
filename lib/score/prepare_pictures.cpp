// CV-Bench and BLINK-spatial: JSON Lines of the data sets, a question a line, about pictures.
#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "score/prepare_conversion.h"
#include "score/prepare_found.h"
#include "score/question_lines.h"
#include "tasks/pictures.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> choices_of_row(const Row& row) {
  constexpr const char* kChoices = "2 to 6 texts";
  const Json& list = row.json["choices"];
  if (!list.is_list() || list.size() < 2 || list.size() > tasks::kOptionLetters.size())
    row.refuse("choices", kChoices);
  std::vector<std::string> out;
  for (const Json& one : list.elements()) {
    if (one.text() == nullptr) row.refuse("choices", kChoices);
    out.push_back(*one.text());
  }
  return out;
}

// The letter of the right option; empty: the file does not say it.
std::string right_option(const Row& row, std::size_t options) {
  const Json& answer = row.json["answer"];
  if (answer.is_null() || answer.text_or("") == "hidden") return {};
  const auto letter = tasks::right_letter(answer.text_or(""));
  if (!letter || tasks::kOptionLetters.find(*letter) >= options)
    row.refuse("answer", "the letter of a choice, as (C)");
  return std::string(1, *letter);
}

std::string one_of(const Row& row, std::string_view field, std::span<const std::string_view> known,
                   std::string_view expected) {
  std::string out = row.text(field);
  if (std::ranges::find(known, out) == known.end()) row.refuse(field, expected);
  return out;
}

// The folder of a file as names of pictures begin with it; empty: it is that of the pictures, or
// lies elsewhere.
fs::path below(const fs::path& images, const fs::path& file) {
  if (images.empty()) return {};
  const fs::path folder = fs::absolute(file).lexically_normal().parent_path();
  fs::path base = fs::absolute(images).lexically_normal();
  if (base.filename().empty()) base = base.parent_path();
  const fs::path out = folder.lexically_relative(base);
  return out.empty() || out == "." || *out.begin() == ".." ? fs::path() : out;
}

// The name of a picture below the folder of the pictures: as it stands, or beside its file.
std::string name_below(FoundFiles& pictures, const fs::path& beside, const std::string& name) {
  if (beside.empty() || pictures.has(name)) return name;
  std::string out = (beside / name).string();
  pictures.has(out);
  return out;
}

tasks::Sample question_of_row(Conversion& work, const Row& row, FoundFiles& pictures,
                              const fs::path& beside) {
  const tasks::Task asked = work.sources.task;
  const bool blink = asked == tasks::Task::kBlink;
  const std::string id = row.id("idx");
  std::string type =
      blink ? one_of(row, "sub_task", tasks::kBlinkTypes, "a task of BLINK")
            : one_of(row, "task", tasks::kCvBenchTypes, "Count, Relation, Depth or Distance");
  std::string source =
      blink ? "" : one_of(row, "source", tasks::kCvBenchSources, "ADE20K, COCO or Omni3D");
  const std::vector<std::string> options = tasks::lettered(choices_of_row(row));
  tasks::TaskText text{.question = row.words(blink ? "prompt" : "question"),
                       .answer = right_option(row, options.size())};
  for (const std::string& option : options)
    text.options += (text.options.empty() ? "" : "\n") + option;
  std::vector<std::string> names =
      picture_names(blink ? Task::kBlink : Task::kCvBench, row.json, row.place);
  for (std::string& name : names) {
    if (!tasks::is_picture_name(name))
      throw FormatError(explain(row.place, shown(Json(name)),
                                "the name of a picture below the folder of the pictures"));
    name = name_below(pictures, beside, name);
  }
  work.check_new(row, id);
  tasks::Sample one = work.sample(row.json["idx"], tasks::joined_names(names), text);
  one.video.clear();
  one.pictures = std::move(names);
  one.source = std::move(source);
  one.question_type = std::move(type);
  one.options = options;
  one.has_truth = !one.answer.empty();
  return one;
}

}  // namespace

void convert_pictures(Conversion& work) {
  const bool blink = work.sources.task == tasks::Task::kBlink;
  FoundFiles pictures(work.sources.images, {"picture", "names of pictures begin there",
                                            "--images DIR names the folder"});
  std::vector<fs::path> files = {work.sources.annotations};
  files.insert(files.end(), work.sources.more.begin(), work.sources.more.end());
  std::vector<AbsentFile> absent;
  for (const fs::path& file : files) {
    const fs::path beside = below(work.sources.images, file);
    work.each_line(file, {"idx", blink ? "image_1" : "filename"}, [&](const Row& row) {
      if (blink && tasks::is_other_blink_task(row.json["sub_task"].text_or(""))) {
        ++work.out.dropped["of BLINK's other tasks"];
        return;
      }
      tasks::Sample one = question_of_row(work, row, pictures, beside);
      const auto missing = std::ranges::find_if(
          one.pictures, [&](const std::string& name) { return !pictures.has(name); });
      if (missing != one.pictures.end())
        absent.push_back({work.out.samples.size(), row.place, *missing});
      work.add(std::move(one));
    });
  }
  work.leave_out_absent(pictures, absent);
}

}  // namespace vega::score
