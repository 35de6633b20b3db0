#include "tasks/pictures.h"

#include <fmt/core.h>

#include <algorithm>

namespace vega::tasks {
namespace {

// In the order in which they are taken out. Two commas are missing in the released list, so that
// its last four phrases are two that no answer has.
constexpr std::array<std::string_view, 6> kPhrases = {"The best answer is",
                                                      "The correct answer is",
                                                      "The answer is",
                                                      "The answer",
                                                      "The best option isThe correct option is",
                                                      "Best answer:Best option:"};

constexpr std::array<std::string_view, 11> kOtherBlinkTasks = {"Art_Style",
                                                               "Counting",
                                                               "Forensic_Detection",
                                                               "Functional_Correspondence",
                                                               "IQ_Test",
                                                               "Jigsaw",
                                                               "Object_Localization",
                                                               "Relative_Reflectance",
                                                               "Semantic_Correspondence",
                                                               "Visual_Correspondence",
                                                               "Visual_Similarity"};

}  // namespace

bool is_about_pictures(Task task) { return task == Task::kCvBench || task == Task::kBlink; }

bool is_about_frames(Task task) {
  return task == Task::kScanReferFrames || task == Task::kScan2CapFrames;
}

bool is_other_blink_task(std::string_view sub_task) {
  return std::ranges::find(kOtherBlinkTasks, sub_task) != kOtherBlinkTasks.end();
}

std::size_t most_pictures(Task task) {
  return is_about_frames(task) ? 256 : task == Task::kBlink ? 4 : 1;
}

bool is_picture_name(std::string_view name) {
  constexpr std::size_t kMostBytes = 1024;
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (name.empty() || name.size() > kMostBytes || std::ranges::any_of(name, is_control))
    return false;
  const std::filesystem::path path(name);
  return path.is_relative() && path.has_filename() &&
         std::none_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
}

std::string joined_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::vector<std::string> lettered(const std::vector<std::string>& choices) {
  std::vector<std::string> out;
  for (const std::string& choice : choices)
    out.push_back(fmt::format("{}. {}", static_cast<char>('A' + out.size()), choice));
  return out;
}

std::optional<char> right_letter(std::string_view answer) {
  if (answer.size() == 3 && answer.front() == '(' && answer.back() == ')')
    answer = answer.substr(1, 1);
  if (answer.size() != 1 || kOptionLetters.find(answer[0]) == kOptionLetters.npos)
    return std::nullopt;
  return answer[0];
}

std::optional<char> released_letter(std::string_view answer) {
  std::string text(answer);
  for (const std::string_view phrase : kPhrases)
    for (std::size_t at = text.find(phrase); at != text.npos; at = text.find(phrase, at))
      text.erase(at, phrase.size());
  const std::size_t at = text.find_first_of(kOptionLetters);
  if (at == text.npos) return std::nullopt;
  return text[at];
}

}  // namespace vega::tasks
