// The texts of the tasks' conversations. They are data: data/prompts, which is part of the
// programs, or a file of a user. docs/formats.md, "Prompts".
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "tasks/sample.h"

namespace vega::tasks {

// The texts of an annotation; a task uses those it has.
struct TaskText {
  std::string description, situation, question, answer;
  std::string options;  // of a choice, one a line; empty: there are none
};

// One task's two turns as templates. {description}, {situation}, {question}, {options} and
// {answer} stand for the annotation's texts, {description:capitalize} for the description after
// Python's str.capitalize(). "<image>", "<coord>" and "<ground>" are places of the model.
struct Prompt {
  std::string user, answer;
  std::string choice;  // the user's turn of a question with options; empty: as of all others
};

class Prompts {
 public:
  // Schema vega.prompts/1. Throws InputError (cannot be opened), FormatError: wrong schema, an
  // unknown task, member or {word}, a user turn that does not begin with "<image>".
  static Prompts read(const std::filesystem::path& path);
  static Prompts parse(std::string_view json, const std::string& where);

  // Throws InputError where the file names no prompt of the task.
  const Prompt& of(Task task) const;
  // The sentences about the input that the release puts in front of every question; may be empty.
  const std::string& instruction() const { return instruction_; }

 private:
  std::string where_, instruction_;
  std::map<Task, Prompt> prompts_;
};

// Those of Video-3D-LLM and VEGA-3D for the tasks about scans: data/prompts/video_3d_llm.json.
const Prompts& released_prompts();
// Those of a task; of VSI-Bench, CV-Bench and BLINK as VG-LLM and VEGA-3D evaluate them:
// data/prompts/vsi_bench.json and pictures.json.
const Prompts& released_prompts(Task task);

// A template with its words put in.
std::string filled(std::string_view form, const TaskText& text);

}  // namespace vega::tasks
