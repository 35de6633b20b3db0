// VSI-Bench: what an answer earns. Source: vision-x-nyu/thinking-in-space,
// lmms_eval/tasks/vsibench/utils.py.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vega::tasks {

// The eight tasks in the order of the published table. Relative direction has three levels, each
// with a mean of its own.
struct VsiTask {
  std::string_view name, question_type;
  bool number = false;  // else a letter
};
constexpr std::array<VsiTask, 8> kVsiTasks = {{
    {"object count", "object_counting", true},
    {"absolute distance", "object_abs_distance", true},
    {"object size", "object_size_estimation", true},
    {"room size", "room_size_estimation", true},
    {"relative distance", "object_rel_distance", false},
    {"relative direction", "object_rel_direction", false},
    {"route planning", "route_planning", false},
    {"appearance order", "obj_appearance_order", false},
}};

// The task of a question type ("object_rel_direction_easy" is relative direction); -1: no such
// type.
int vsi_task(std::string_view question_type);

// The frames of a video of `total` that the released evaluation shows: all where there are fewer
// than `most`, else `most` places from the first to the last, evenly spread and rounded down
// (linspace to whole numbers). Throws InputError: total or most below 1.
inline constexpr std::int64_t kVsiFrames = 32;
std::vector<std::int64_t> vsi_frames(std::int64_t total, std::int64_t most = kVsiFrames);

// Where a video lies: video is "DATASET/SCENE", as questions name it.
std::filesystem::path vsi_video(const std::filesystem::path& folder, std::string_view video);

// strict: the text up to the first blank, without dots behind it; options by their letter,
// numbers as Python's float reads them. lenient: the first number or English number word anywhere;
// the first option letter among those that the text commits itself to most.
enum class VsiParser { kStrict, kLenient };
// How many thresholds, and whether an error equal to one counts: ten with <= (as released), eleven
// with <=, ten with <.
enum class VsiThresholds { kOfficial, kEleven, kStrictLess };

// A number as Python's float() reads it; nothing where it raises. "nan" and "inf" are numbers.
std::optional<double> python_float(std::u32string_view text);

// What VSI's strict reader makes of an answer.
std::u32string vsi_strict_text(std::string_view answer);

std::optional<double> vsi_number(std::string_view answer, VsiParser parser);
// The letter of an option, upper-case; nothing where the answer names none of `options` (kLenient;
// kStrict takes any letter).
std::optional<char> vsi_letter(std::string_view answer, std::string_view options, VsiParser parser);

// Mean relative accuracy: the share of thresholds that |p - t| / t meets. truth is not 0.
double mean_relative_accuracy(double predicted, double truth, VsiThresholds thresholds);

}  // namespace vega::tasks
