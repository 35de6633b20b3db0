#include "score/prepare_files.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "score/question_lines.h"
#include "tasks/pictures.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;
using Asked = tasks::Task;  // score::Task knows more benchmarks

// Where a benchmark's files lie below the folder `benchmark` of a data folder.
std::string_view subfolder(Asked task) {
  switch (task) {
    case Asked::kScanRefer:
    case Asked::kScan2Cap: return "scanrefer";
    case Asked::kMulti3DRefer: return "multi3drefer";
    case Asked::kScanQa: return "scanqa";
    case Asked::kSqa3d: return "sqa_task/balanced";
    case Asked::kNr3d: return "nr3d";
    case Asked::kVsi: return "vsi_bench";
    case Asked::kCvBench: return "cv_bench";
    case Asked::kBlink: return "blink";
    case Asked::kScanReferFrames: return "evaluation/scanrefer";
    case Asked::kScan2CapFrames: return "evaluation/scan2cap";
    case Asked::kSpar:
    case Asked::kLlavaHound: break;  // are trained on as they are
  }
  return {};
}

std::vector<std::string> annotation_names(Asked task, Split split) {
  const std::string name(name_in<Split>(kSplits, split));
  switch (task) {
    case Asked::kScanRefer:
    case Asked::kScan2Cap: return {"ScanRefer_filtered_" + name + ".json"};
    case Asked::kMulti3DRefer: return {"multi3drefer_" + name + ".json"};
    case Asked::kScanQa:
      if (split == Split::kTest)
        return {"ScanQA_v1.0_test_w_obj.json", "ScanQA_v1.0_test_wo_obj.json"};
      return {"ScanQA_v1.0_" + name + ".json"};
    case Asked::kSqa3d: return {"v1_balanced_sqa_annotations_" + name + "_scannetv2.json"};
    case Asked::kNr3d: return {"nr3d.csv"};
    case Asked::kVsi:
    case Asked::kCvBench:
    case Asked::kBlink: return {name + ".jsonl"};
    case Asked::kScanReferFrames: return {"scanrefer_" + name + "_32frames.json"};
    case Asked::kScan2CapFrames: return {"scan2cap_" + name + "_32frames.json"};
    case Asked::kSpar:
    case Asked::kLlavaHound: break;
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

// Throws FormatError where a folder holds a data set of lines as Parquet alone.
void refuse_parquet_in(Asked task, const std::vector<fs::path>& folders) {
  const auto named = choice_of(task_names(), "prepare", std::string(tasks::dataset_name(task)));
  for (const fs::path& folder : folders) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder, none))
      if (entry.path().extension() == ".parquet")
        refuse_parquet(named, "PAR1", entry.path().string());
  }
}

// The files of a split of CV-Bench (test_2d.jsonl, test_3d.jsonl) or of BLINK (in a folder a task),
// in the first of some folders that has any.
std::vector<fs::path> picture_files(Asked task, const std::vector<fs::path>& folders, Split split) {
  const std::string name(name_in<Split>(kSplits, split));
  std::vector<fs::path> out;
  for (const fs::path& folder : folders) {
    if (task == Asked::kCvBench) {
      for (const char* part : {"_2d.jsonl", "_3d.jsonl"})
        if (fs::exists(folder / (name + part))) out.push_back(folder / (name + part));
    } else {
      for (const std::string_view type : tasks::kBlinkTypes) {
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(folder / type, none))
          if (entry.path().extension() == ".jsonl" && split_in(entry.path()) == split)
            out.push_back(entry.path());
      }
    }
    if (out.empty() && fs::exists(folder / (name + ".jsonl")))
      out.push_back(folder / (name + ".jsonl"));
    if (!out.empty()) break;
  }
  std::ranges::sort(out);
  return out;
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

AnnotationFiles find_annotations(Asked task, const fs::path& folder, std::optional<Split> split) {
  const fs::path sub = subfolder(task);
  const std::vector<fs::path> folders = {folder, folder / "balanced", folder / sub,
                                         folder / "benchmark" / sub};
  std::vector<Split> splits;
  if (split) {
    splits = {*split};
  } else if (task == Asked::kSqa3d || task == Asked::kVsi || task == Asked::kCvBench) {
    splits = {Split::kTest, Split::kVal, Split::kTrain};
  } else {
    splits = {Split::kVal, Split::kTest, Split::kTrain};
  }
  AnnotationFiles out;
  for (const Split one : splits) {
    if (tasks::is_about_pictures(task)) {
      out.more = picture_files(task, folders, one);
      if (!out.more.empty()) {
        out.annotations = out.more.front();
        out.more.erase(out.more.begin());
      }
    } else {
      out.annotations = find_in(folders, annotation_names(task, one));
    }
    out.split = one;
    if (!out.annotations.empty()) break;
  }
  if (out.annotations.empty() && (task == Asked::kVsi || tasks::is_about_pictures(task))) {
    std::vector<fs::path> all = folders;
    if (task == Asked::kBlink)
      for (const std::string_view type : tasks::kBlinkTypes) all.push_back(folder / type);
    refuse_parquet_in(task, all);
  }
  if (out.annotations.empty())
    throw InputError(explain(
        folder.string(), "no " + annotation_names(task, splits[0]).front(),
        "it in this folder, in balanced/, " + sub.string() + "/ or benchmark/" + sub.string() + "/",
        split ? "" : "--split chooses another split"));
  const std::string name(name_in<Split>(kSplits, out.split));
  if (task == Asked::kSqa3d)
    out.questions = find_in({out.annotations.parent_path()},
                            {"v1_balanced_questions_" + name + "_scannetv2.json"});
  out.boxes = if_there(folder / "metadata" / ("scannet_" + name + "_gt_box.json"));
  out.proposals = if_there(folder / "metadata" / ("scannet_" + name + "_pred_box.json"));
  out.labels = if_there(folder / "scannetv2-labels.combined.tsv");
  out.scans = if_there(folder / ("scannetv2_" + name + ".txt"));
  return out;
}

}  // namespace vega::score
