#include "score/prepare.h"

#include <utility>

#include "score/prepare_conversion.h"
#include "tasks/pictures.h"

namespace vega::score {

using tasks::Task;

bool has_objects(Task task) {
  return task != Task::kScanQa && task != Task::kSqa3d && task != Task::kVsi &&
         !tasks::is_about_pictures(task) && !tasks::is_about_frames(task);
}

Prepared prepare_samples(const PrepareSources& sources) {
  Conversion work(sources);
  if (has_objects(sources.task) && !work.is_test())
    work.boxes.require_files(sources.annotations.string());
  switch (sources.task) {
    case Task::kScanRefer: convert_scanrefer(work); break;
    case Task::kMulti3DRefer: convert_multi3drefer(work); break;
    case Task::kScan2Cap: convert_scan2cap(work); break;
    case Task::kScanQa: convert_scanqa(work); break;
    case Task::kSqa3d: convert_sqa3d(work); break;
    case Task::kNr3d: convert_nr3d(work); break;
    case Task::kVsi: convert_vsi(work); break;
    case Task::kCvBench:
    case Task::kBlink: convert_pictures(work); break;
    case Task::kScanReferFrames:
    case Task::kScan2CapFrames: convert_frames(work); break;
    case Task::kSpar:
    case Task::kLlavaHound: break;
  }
  return std::move(work.out);
}

}  // namespace vega::score
