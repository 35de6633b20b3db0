// CV-Bench and BLINK-spatial: questions with options about still pictures, and what an answer is
// read as. Source: VEGA-3D, branch spatial-reasoning (as VG-LLM), lmms_eval/tasks/cvbench/utils.py
// and lmms_eval/tasks/blink.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/sample.h"

namespace vega::tasks {

// Whether a task is about still pictures: CV-Bench, BLINK-spatial.
bool is_about_pictures(Task task);
// Whether its questions are about posed frames of a scene, which they name (score/benchmark.h).
bool is_about_frames(Task task);

inline constexpr std::array<std::string_view, 4> kCvBenchTypes = {"Count", "Relation", "Depth",
                                                                  "Distance"};
inline constexpr std::array<std::string_view, 3> kCvBenchSources = {"ADE20K", "COCO", "Omni3D"};
// The group blink_spatial of BLINK's 14 tasks, in the order of the released list.
inline constexpr std::array<std::string_view, 3> kBlinkTypes = {
    "Multi-view_Reasoning", "Relative_Depth", "Spatial_Relation"};
// BLINK's other tasks: their questions are passed over.
bool is_other_blink_task(std::string_view sub_task);

// The letters that the released scorer looks for, and so the most options of a question.
inline constexpr std::string_view kOptionLetters = "ABCDEF";

// Pictures of a question: CV-Bench one, BLINK at most four, frames at most 256.
std::size_t most_pictures(Task task);
// Whether a name can be of a picture below a folder: relative, without ".." and control characters.
bool is_picture_name(std::string_view name);
// Names as one text, which names what a question is about: "a.png, b.png".
std::string joined_names(const std::vector<std::string>& names);

// Choices as the options of a prompt: "A. left", "B. right".
std::vector<std::string> lettered(const std::vector<std::string>& choices);

// The letter of a right answer as the data sets write it, "(C)", or alone, "C". Nothing: another
// text, such as the "hidden" of a split without public answers.
std::optional<char> right_letter(std::string_view answer);

// What the released scorer takes an answer for: without six phrases ("The answer is", ...), of
// which two are useless, the first capital A to F anywhere: "Best" is B. Nothing: there is none.
std::optional<char> released_letter(std::string_view answer);

}  // namespace vega::tasks
