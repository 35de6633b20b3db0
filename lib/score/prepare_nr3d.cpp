#include <fmt/core.h>

#include <utility>

#include "base/error.h"
#include "base/key.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/nr3d_table.h"
#include "score/prepare_conversion.h"

namespace vega::score {
namespace {

using tasks::Sample;

void check_words(const Nr3dRow& row, const std::string& place) {
  if (!is_utf8(row.utterance))
    throw FormatError(explain(place + ": utterance", "bytes that are not UTF-8", "UTF-8",
                              "save the file as UTF-8"));
  if (is_blank(row.utterance))
    throw FormatError(explain(place + ": utterance", "nothing", "a description"));
  if (!is_key(row.stimulus.scan))
    throw FormatError(explain(place + ": stimulus_id", printable(row.stimulus.scan, 80),
                              "the name of a scan in front"));
}

Sample nr3d_sample(Conversion& work, const Nr3dRow& row, const std::string& place) {
  check_words(row, place);
  Sample one = work.sample(*parse_whole(row.id), row.stimulus.scan, {.description = row.utterance});
  one.question_type = row.type;
  one.boxes = {work.boxes.box(place, one.scene, row.stimulus.target)};
  if (const auto assignment = parse_whole(row.assignment)) one.ann_id = *assignment;
  one.object_id = std::to_string(row.stimulus.target);
  one.distractors = row.stimulus.distractors;
  for (const auto& [id, box] : work.boxes.of(place, one.scene)) one.candidates.push_back(id);
  return one;
}

}  // namespace

void convert_nr3d(Conversion& work) {
  const std::string file = work.sources.annotations.string();
  const MappedFile mapped(work.sources.annotations);
  const auto use = [&](Nr3dRow&& row) {
    if (!row.left_out.empty()) {
      ++work.out.dropped[row.left_out];
      return;
    }
    const std::string place = fmt::format("{}: row {}", file, row.id);
    if (!row.assignment.empty())
      work.count_repeated(fmt::format("{}|{}|{}|{}", row.stimulus.scan, row.stimulus.target,
                                      row.assignment, row.utterance));
    try {
      work.add(nr3d_sample(work, row, place));
    } catch (const InputError& error) {
      work.leave_out(place, row.id, row.stimulus.scan, error.what());
    }
  };
  const auto broken = [&](const std::string& id, const std::string& place,
                          const std::string& what) { work.leave_out(place, id, "", what); };
  each_nr3d_row(strip_bom(mapped.text()), file, work.sources.scans, use, broken, {"utterance"});
}

}  // namespace vega::score
