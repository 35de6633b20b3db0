// ScanRefer, Multi3DRefer and Scan2Cap: descriptions of objects. Scan2Cap asks about ScanRefer's
// rows.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "score/object_classes.h"
#include "score/prepare_conversion.h"

namespace vega::score {
namespace {

using tasks::Sample;

constexpr std::size_t kMostProposals = 50;  // of a scene, as the release takes them
constexpr double kStandsFor = 0.5;          // IoU from which a proposal stands for an object

// A row of ScanRefer's file, kept: its type may depend on other rows.
struct ReferRow {
  std::size_t index = 0;
  std::string place;
  Json json;
  std::string type;  // question_type: unique or multiple

  Row row() const { return {index, place, json}; }
};

// unique or multiple: by the labels, or else as the rows have it.
void set_types(const PrepareSources& sources, std::vector<ReferRow>& rows) {
  if (!sources.labels.empty()) {
    std::vector<NamedObject> objects;
    for (const ReferRow& one : rows) objects.push_back(named_object(one.json));
    const std::vector<ObjectClass> classes = object_classes(objects, sources.labels);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].type = question_type(classes[i]);
    return;
  }
  for (ReferRow& one : rows) one.type = one.json["eval_type"].text_or("");
  const auto untyped = [](const ReferRow& one) { return one.type.empty(); };
  if (sources.split != Split::kTest && std::any_of(rows.begin(), rows.end(), untyped))
    throw InputError(explain(sources.annotations.string(), "rows without eval_type",
                             "unique or multiple, which the release adds to the file",
                             "give --labels scannetv2-labels.combined.tsv"));
}

std::vector<ReferRow> scanrefer_rows(Conversion& work) {
  std::vector<ReferRow> rows;
  work.each_row(work.sources.annotations, "ScanRefer_filtered_*.json", [&](const Row& row) {
    if (work.sources.task == tasks::Task::kScan2Cap)  // there it is an answer
      row.text("description");
    else
      row.words("description");
    row.scene();
    if (!work.is_test()) row.id("object_id");
    work.count_repeated(row, "object_id");
    rows.push_back({row.index, row.place, row.json, {}});
  });
  set_types(work.sources, rows);
  return rows;
}

// Gives the rows to `use`. One for which it throws InputError is left out.
void each_refer_row(Conversion& work, const std::vector<ReferRow>& rows,
                    const std::function<void(const ReferRow&, const Row&)>& use) {
  for (const ReferRow& one : rows) {
    const Row row = one.row();
    try {
      use(one, row);
    } catch (const InputError& error) {
      work.leave_out(row.place, std::to_string(row.index), row.json["scene_id"].text_or(""),
                     error.what());
    }
  }
}

Sample refer_sample(const Conversion& work, const ReferRow& one, const Row& row) {
  Sample out = work.sample(row.index, row.scene(), {.description = row.text("description")});
  out.question_type = one.type;
  out.ann_id = row.json["ann_id"];
  out.object_id = row.json["object_id"];
  return out;
}

metrics::BoxNumbers refer_box(Conversion& work, const Row& row, const Sample& sample) {
  return work.boxes.box(row.at("object_id"), sample.scene,
                        object_id(row, sample.object_id, "object_id"));
}

void note_test(Conversion& work) {
  if (work.is_test())
    work.out.notes.emplace_back(
        "test split: its objects are not public; boxes are null, and answers come from the "
        "proposals of a detector");
}

// Rows of one key describe one object of Scan2Cap.
std::string object_key(const Row& row) {
  return fmt::format("{}|{}|{}", row.scene(), row.id("object_id"),
                     row.json["object_name"].text_or(""));
}

// The proposal that overlaps the object most, where one does by half.
std::optional<metrics::BoxNumbers> stand_in(const Row& row, BoxSource& proposals,
                                            const Sample& one) {
  std::optional<metrics::BoxNumbers> out;
  double most = 0;
  std::size_t taken = 0;
  for (const auto& [place, box] : proposals.of(row.place, one.scene)) {
    if (taken++ == kMostProposals) break;
    const double iou = metrics::box_iou(box, one.boxes[0]);
    if (iou >= kStandsFor && iou > most) most = iou, out = box;
  }
  return out;
}

// Every proposal of the scenes that the file names is a question.
void scan2cap_test(Conversion& work, const std::vector<ReferRow>& rows, BoxSource& proposals) {
  std::set<std::string> scenes;
  each_refer_row(work, rows, [&](const ReferRow&, const Row& row) {
    const std::string scene = row.scene();
    if (!scenes.insert(scene).second) return;
    std::size_t taken = 0;
    for (const auto& [place, box] : proposals.of(row.place, scene)) {
      if (taken++ == kMostProposals) break;
      Sample one = work.sample(fmt::format("{}_{}", scene, place), scene, {});
      one.box_input = box;
      one.has_truth = false;
      work.add(std::move(one));
    }
  });
  work.out.notes.emplace_back(
      "test split: its objects are not public; every proposal of its scenes is a question");
}

}  // namespace

void convert_scanrefer(Conversion& work) {
  each_refer_row(work, scanrefer_rows(work), [&](const ReferRow& refer, const Row& row) {
    Sample one = refer_sample(work, refer, row);
    if (work.is_test())
      one.has_truth = false;
    else
      one.boxes = {refer_box(work, row, one)};
    work.add(std::move(one));
  });
  note_test(work);
}

void convert_multi3drefer(Conversion& work) {
  work.each_row(work.sources.annotations, "multi3drefer_*.json", [&](const Row& row) {
    work.count_repeated(row, "object_ids");
    Sample one = work.sample(row.index, row.scene(), {.description = row.words("description")});
    one.question_type = row.json["eval_type"].text_or("");
    one.ann_id = row.json["ann_id"];
    one.object_id = row.json["object_ids"];
    one.has_truth = !work.is_test();
    if (!work.is_test()) {
      if (!one.object_id.is_list()) row.refuse("object_ids", "a list of object ids");
      row.text("eval_type");
      for (const Json& id : one.object_id.elements())
        one.boxes.push_back(
            work.boxes.box(row.at("object_ids"), one.scene, object_id(row, id, "object_ids")));
    }
    work.add(std::move(one));
  });
  note_test(work);
}

void convert_scan2cap(Conversion& work) {
  const std::vector<ReferRow> rows = scanrefer_rows(work);
  const PrepareSources& sources = work.sources;
  BoxSource proposals(sources.proposals);
  const bool train = sources.split == Split::kTrain;
  if (!train) proposals.require_files(sources.annotations.string());
  if (work.is_test()) {
    scan2cap_test(work, rows, proposals);
    return;
  }
  std::map<std::string, std::vector<std::string>> captions;
  if (!train)
    for (const ReferRow& one : rows)
      captions[object_key(one.row())].push_back(one.row().text("description"));
  std::set<std::string> objects;
  each_refer_row(work, rows, [&](const ReferRow& refer, const Row& row) {
    const std::string key = object_key(row);
    if (!train && !objects.insert(key).second) return;  // an object is one question
    Sample one = refer_sample(work, refer, row);
    one.boxes = {refer_box(work, row, one)};
    one.box_input = train ? one.boxes[0] : stand_in(row, proposals, one);
    one.no_proposal = !one.box_input;
    if (!train) one.captions = captions.at(key);
    const bool missed = one.no_proposal;
    work.add(std::move(one));
    work.out.missed += missed ? 1 : 0;
  });
}

}  // namespace vega::score
