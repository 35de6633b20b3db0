// The parts of `vega-eval prepare` that the conversions of all benchmarks share: reading rows one
// by one, making samples, and naming the questions that are left out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "score/prepare.h"
#include "score/prepare_found.h"
#include "score/row.h"

namespace vega::score {

// The members of a record that say its id and what it is about, for messages.
struct LineMembers {
  std::string_view id, scene;
};

// A question of which a file is not there.
struct AbsentFile {
  std::size_t sample;  // its place among those that were converted
  std::string place, name;
};

// One call of prepare_samples.
class Conversion {
 public:
  explicit Conversion(const PrepareSources& files);

  const PrepareSources& sources;
  BoxSource boxes;
  Prepared out;

  bool is_test() const { return sources.split == Split::kTest; }

  // Gives the objects of a JSON list to `use`. An element that is none, and one for which `use`
  // throws InputError, is left out. Throws FormatError: no list, or one that breaks off.
  void each_row(std::string_view list, const std::filesystem::path& file, const std::string& what,
                const std::function<void(const Row&)>& use);
  void each_row(const std::filesystem::path& file, const std::string& what,
                const std::function<void(const Row&)>& use);

  // The same of records in a data set's own lines (score/question_lines.h). Throws FormatError: a
  // Parquet file, or an empty one.
  void each_line(const std::filesystem::path& file, LineMembers members,
                 const std::function<void(const Row&)>& use);

  void leave_out(const std::string& place, const std::string& id, const std::string& scene,
                 const std::string& why);
  // Whether each_row left out the question of this id.
  bool was_left_out(const std::string& question) const { return named_.contains(question); }

  // A sample with the members that every task has. A text with options is asked as a choice, where
  // the task has such a prompt.
  tasks::Sample sample(Json id, const std::string& scene, const tasks::TaskText& text) const;
  // Throws FormatError where the readers of processed questions would refuse the sample.
  void add(tasks::Sample&& sample);

  // Leaves out the questions of absent files, of `files`; where nobody named their folder and not
  // one of them is there, none is.
  void leave_out_absent(FoundFiles& files, const std::vector<AbsentFile>& absent);

  // Counts rows of equal text; they are asked again, as released. object: the member with the ids.
  void count_repeated(const Row& row, const char* object);
  void count_repeated(const std::string& key);
  // Throws FormatError where an earlier row had this id.
  void check_new(const Row& row, const std::string& id);

 private:
  const tasks::Prompt prompt_;
  std::set<std::string> ids_, rows_;
  std::set<std::string> named_;  // ids of questions that each_row left out
};

// Throws FormatError that names the field unless `id` is a whole number, also as a text.
std::int64_t object_id(const Row& row, const Json& id, std::string_view field);

// A conversion a benchmark. They throw as prepare_samples does.
void convert_scanrefer(Conversion& work);
void convert_multi3drefer(Conversion& work);
void convert_scan2cap(Conversion& work);
void convert_scanqa(Conversion& work);
void convert_sqa3d(Conversion& work);
void convert_nr3d(Conversion& work);
void convert_vsi(Conversion& work);
void convert_pictures(Conversion& work);  // CV-Bench, BLINK
void convert_frames(Conversion& work);    // ScanRefer and Scan2Cap about frames

}  // namespace vega::score
