#include "tasks/prompts.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "tasks/pictures.h"
#include "text/unicode.h"

namespace vega::tasks {
namespace {

constexpr const char* kPromptSchema = "vega.prompts/1";
constexpr std::string_view kReleased =
#include "tasks/prompts.inc"
    ;
constexpr std::string_view kVsiBench =
#include "tasks/vsi_prompts.inc"
    ;
constexpr std::string_view kPictures =
#include "tasks/picture_prompts.inc"
    ;

// The value of a word between braces; nothing: no such word.
std::optional<std::string> value_of(std::string_view word, const TaskText& text) {
  if (word == "description") return text.description;
  if (word == "description:capitalize") return text::capitalized(text.description);
  if (word == "situation") return text.situation;
  if (word == "question") return text.question;
  if (word == "options") return text.options;
  if (word == "answer") return text.answer;
  return std::nullopt;
}

void check_form(std::string_view form, const std::string& where) {
  for (std::size_t open = form.find('{'); open != form.npos; open = form.find('{', open + 1)) {
    const std::size_t close = form.find('}', open);
    const auto word = form.substr(open + 1, close == form.npos ? 0 : close - open - 1);
    if (!value_of(word, {}))
      throw FormatError(explain(where, "{" + printable(word, 40) + "}",
                                "{description}, {description:capitalize}, {situation}, {question}, "
                                "{options} or {answer}"));
  }
}

}  // namespace

std::string filled(std::string_view form, const TaskText& text) {
  std::string out;
  while (!form.empty()) {
    const std::size_t open = std::min(form.find('{'), form.size());
    out += form.substr(0, open);
    form.remove_prefix(open);
    if (form.empty()) break;
    const std::size_t close = form.find('}');
    const auto value =
        close == form.npos ? std::nullopt : value_of(form.substr(1, close - 1), text);
    out += value ? *value : std::string(form.substr(0, 1));
    form.remove_prefix(value ? close + 1 : 1);
  }
  return out;
}

Prompts Prompts::parse(std::string_view json, const std::string& where) {
  const Json root = parse_json(json, {where, "prompts of the tasks"});
  if (root["schema"].text_or("") != kPromptSchema)
    throw FormatError(explain(where + ": schema", shown(root["schema"]), kPromptSchema));
  Prompts out;
  out.where_ = where;
  out.instruction_ = root["instruction"].text_or("");
  for (const auto& [name, value] : root["tasks"].members()) {
    const std::string place = where + ": tasks." + printable(name, 40);
    const auto task = find_choice<Task>(kTasks, name);
    if (!task) throw FormatError(explain(place, "an unknown task", listed<Task>(kTasks, ", ")));
    const std::string *user = value["user"].text(), *answer = value["answer"].text();
    const std::string* choice = value["choice"].text();
    const bool may_choose = task == Task::kVsi;
    if (user == nullptr || answer == nullptr || value.size() != (choice == nullptr ? 2U : 3U) ||
        (choice != nullptr && !may_choose))
      throw FormatError(
          explain(place, shown(value),
                  may_choose ? "the texts 'user', 'answer' and, of questions with options, 'choice'"
                             : "the texts 'user' and 'answer'"));
    const auto check_user = [&](const std::string& text, const char* member) {
      const std::string where_to = fmt::format("{}.{}", place, member);
      if (!text.starts_with("<image>"))
        throw FormatError(explain(where_to, shown(Json(text)), "a text that begins with <image>"));
      check_form(text, where_to);
    };
    check_user(*user, "user");
    if (choice != nullptr) check_user(*choice, "choice");
    check_form(*answer, place + ".answer");
    out.prompts_[*task] = {*user, *answer, choice == nullptr ? std::string() : *choice};
  }
  if (out.prompts_.empty())
    throw FormatError(explain(where + ": tasks", shown(root["tasks"]), "one task at least"));
  return out;
}

Prompts Prompts::read(const std::filesystem::path& path) {
  return parse(read_text(path, "prompts of the tasks"), path.string());
}

const Prompt& Prompts::of(Task task) const {
  const auto at = prompts_.find(task);
  if (at == prompts_.end())
    throw InputError(explain(where_, "no prompt of " + std::string(name_in<Task>(kTasks, task)),
                             "a member of 'tasks' with that name"));
  return at->second;
}

const Prompts& released_prompts() {
  static const Prompts prompts = Prompts::parse(kReleased, "data/prompts/video_3d_llm.json");
  return prompts;
}

const Prompts& released_prompts(Task task) {
  static const Prompts vsi = Prompts::parse(kVsiBench, "data/prompts/vsi_bench.json");
  static const Prompts pictures = Prompts::parse(kPictures, "data/prompts/pictures.json");
  return task == Task::kVsi                                 ? vsi
         : is_about_pictures(task) || is_about_frames(task) ? pictures
                                                            : released_prompts();
}

}  // namespace vega::tasks
