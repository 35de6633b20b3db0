#include "score/prepare_files.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "score/vsi_questions.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;
using tasks::Task;

// Where a benchmark's files lie below the folder `benchmark` of a data folder.
std::string_view subfolder(Task task) {
  switch (task) {
    case Task::kScanRefer:
    case Task::kScan2Cap: return "scanrefer";
    case Task::kMulti3DRefer: return "multi3drefer";
    case Task::kScanQa: return "scanqa";
    case Task::kSqa3d: return "sqa_task/balanced";
    case Task::kNr3d: return "nr3d";
    case Task::kVsi: return "vsi_bench";
  }
  return {};
}

std::vector<std::string> annotation_names(Task task, Split split) {
  const std::string name(name_in<Split>(kSplits, split));
  switch (task) {
    case Task::kScanRefer:
    case Task::kScan2Cap: return {"ScanRefer_filtered_" + name + ".json"};
    case Task::kMulti3DRefer: return {"multi3drefer_" + name + ".json"};
    case Task::kScanQa:
      if (split == Split::kTest)
        return {"ScanQA_v1.0_test_w_obj.json", "ScanQA_v1.0_test_wo_obj.json"};
      return {"ScanQA_v1.0_" + name + ".json"};
    case Task::kSqa3d: return {"v1_balanced_sqa_annotations_" + name + "_scannetv2.json"};
    case Task::kNr3d: return {"nr3d.csv"};
    case Task::kVsi: return {name + ".jsonl"};
  }
  return {};
}

fs::path if_there(const fs::path& path) { return fs::exists(path) ? path : fs::path(); }

fs::path find_in(const std::vector<fs::path>& folders, const std::vector<std::string>& names) {
  for (const fs::path& folder : folders)
    for (const std::string& name : names)
      if (fs::exists(folder / name)) return folder / name;
  return {};
}

// Throws FormatError where a folder holds VSI-Bench as Parquet alone.
void refuse_parquet_in(const std::vector<fs::path>& folders) {
  for (const fs::path& folder : folders) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder, none))
      if (entry.path().extension() == ".parquet") refuse_parquet("PAR1", entry.path().string());
  }
}

}  // namespace

std::optional<Split> split_in(const fs::path& file) {
  const std::string name = file.filename().string();
  for (const Choice<Split>& choice : kSplits) {
    for (std::size_t at = name.find(choice.name); at != name.npos;
         at = name.find(choice.name, at + 1)) {
      const auto ends = [](char c) { return c == '_' || c == '.' || c == '-'; };
      const std::size_t end = at + choice.name.size();
      if ((at == 0 || ends(name[at - 1])) && (end == name.size() || ends(name[end])))
        return choice.value;
    }
  }
  return std::nullopt;
}

fs::path videos_beside(const fs::path& annotations) {
  const fs::path folder = annotations.has_parent_path() ? annotations.parent_path() : ".";
  for (const char* name : {"scannet", "scannetpp", "arkitscenes"}) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder / name, none))
      if (entry.path().extension() == ".mp4") return folder;
  }
  return {};
}

AnnotationFiles find_annotations(Task task, const fs::path& folder, std::optional<Split> split) {
  const fs::path sub = subfolder(task);
  const std::vector<fs::path> folders = {folder, folder / "balanced", folder / sub,
                                         folder / "benchmark" / sub};
  std::vector<Split> splits;
  if (split) {
    splits = {*split};
  } else if (task == Task::kSqa3d || task == Task::kVsi) {
    splits = {Split::kTest, Split::kVal, Split::kTrain};
  } else {
    splits = {Split::kVal, Split::kTest, Split::kTrain};
  }
  AnnotationFiles out;
  for (const Split one : splits) {
    out.annotations = find_in(folders, annotation_names(task, one));
    out.split = one;
    if (!out.annotations.empty()) break;
  }
  if (out.annotations.empty() && task == Task::kVsi) refuse_parquet_in(folders);
  if (out.annotations.empty())
    throw InputError(explain(
        folder.string(), "no " + annotation_names(task, splits[0]).front(),
        "it in this folder, in balanced/, " + sub.string() + "/ or benchmark/" + sub.string() + "/",
        split ? "" : "--split chooses another split"));
  const std::string name(name_in<Split>(kSplits, out.split));
  if (task == Task::kSqa3d)
    out.questions = find_in({out.annotations.parent_path()},
                            {"v1_balanced_questions_" + name + "_scannetv2.json"});
  out.boxes = if_there(folder / "metadata" / ("scannet_" + name + "_gt_box.json"));
  out.proposals = if_there(folder / "metadata" / ("scannet_" + name + "_pred_box.json"));
  out.labels = if_there(folder / "scannetv2-labels.combined.tsv");
  out.scans = if_there(folder / ("scannetv2_" + name + ".txt"));
  return out;
}

}  // namespace vega::score
