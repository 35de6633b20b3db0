// ScanRefer and Scan2Cap about posed frames, out of the files of the spatial-reasoning release of
// VEGA-3D (scripts/preprocess/convert_scanrefer.py, process_scan2cap.py): a JSON list, whose rows
// have no ids, with the words of each question.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "score/benchmark.h"
#include "score/prepare_conversion.h"
#include "score/prepare_found.h"
#include "tasks/pictures.h"
#include "tasks/sample_members.h"

namespace vega::score {
namespace {

// The words behind the frames, as the released evaluation asks them: ScanRefer's are a member of
// their own; of Scan2Cap's first turn every "<image>" is taken out, and the newline behind it
// stays.
std::string words_of(tasks::Task task, const Row& row) {
  if (task == tasks::Task::kScanReferFrames) return row.words("prompt");
  const Json& turn = row.json["conversations"][std::size_t{0}]["value"];
  if (turn.text() == nullptr || is_blank(*turn.text()))
    row.refuse("conversations", "a first turn with the question");
  constexpr std::string_view kImage = "<image>";
  std::string out = *turn.text();
  for (std::size_t at = out.find(kImage); at != out.npos; at = out.find(kImage, at))
    out.erase(at, kImage.size());
  return out;
}

tasks::Sample question_of(Conversion& work, const Row& row) {
  const tasks::Task task = work.sources.task;
  // The release calls them as the benchmarks that they come from; their form says which they are.
  tasks::check_frames_dataset(row.json, tasks::dataset_name(task), row.at("metadata.dataset"));
  Json record = row.json;
  record.set("id", row.index);
  Json first = {{"value", "<image>" + words_of(task, row)}, {"from", "human"}};
  Json turns = Json::list({std::move(first)});
  if (const Json& answer = row.json["conversations"][std::size_t{1}]; answer.is_object())
    turns.push(answer);
  record.set("conversations", std::move(turns));
  return tasks::sample_of(record, task);
}

}  // namespace

void convert_frames(Conversion& work) {
  FoundFiles pictures(work.sources.images,
                      {"picture", "names of frames begin there", "--images DIR names the folder"});
  std::vector<AbsentFile> absent;
  const std::string title(
      benchmark_of(
          choice_of(task_names(), "prepare", std::string(tasks::dataset_name(work.sources.task))))
          .title);
  work.each_row(work.sources.annotations, "questions of " + title, [&](const Row& row) {
    tasks::Sample one = question_of(work, row);
    for (const std::string& name : one.pictures) {
      if (pictures.has(name)) continue;
      absent.push_back({work.out.samples.size(), row.place, name});
      break;
    }
    work.add(std::move(one));
  });
  work.leave_out_absent(pictures, absent);
  work.out.missed = std::ranges::count_if(work.out.samples,
                                          [](const tasks::Sample& one) { return one.no_proposal; });
}

}  // namespace vega::score
