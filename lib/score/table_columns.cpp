#include "score/table_columns.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace vega::score {
namespace {

struct KnownMetric {
  Task task;
  std::string_view name, title;
};

constexpr KnownMetric kMetrics[] = {
    {Task::kScanRefer, "Acc@0.25", ""},
    {Task::kScanRefer, "Acc@0.5", ""},
    {Task::kMulti3DRefer, "F1@0.25", ""},
    {Task::kMulti3DRefer, "F1@0.5", ""},
    {Task::kScan2Cap, "CIDEr", ""},
    {Task::kScan2Cap, "BLEU-4", ""},
    {Task::kScan2Cap, "METEOR", ""},
    {Task::kScan2Cap, "ROUGE-L", ""},
    {Task::kScanQa, "EM", ""},
    {Task::kScanQa, "BLEU-1", ""},
    {Task::kScanQa, "BLEU-2", ""},
    {Task::kScanQa, "BLEU-3", ""},
    {Task::kScanQa, "BLEU-4", ""},
    {Task::kScanQa, "METEOR", ""},
    {Task::kScanQa, "ROUGE-L", ""},
    {Task::kScanQa, "CIDEr", ""},
    {Task::kSqa3d, "EM", ""},
    {Task::kNr3d, "accuracy", "Acc."},
    {Task::kVsi, "average", "Avg."},
    {Task::kCvBench, "combined", "Avg."},
    {Task::kCvBench, "2D", ""},
    {Task::kCvBench, "3D", ""},
    {Task::kCvBench, "ADE20K", ""},
    {Task::kCvBench, "COCO", ""},
    {Task::kBlink, "average", "Avg."},
    {Task::kScanReferFrames, "Acc@0.25", ""},
    {Task::kScanReferFrames, "Acc@0.5", ""},
    {Task::kScan2CapFrames, "CIDEr", ""},
    {Task::kScan2CapFrames, "BLEU-4", ""},
    {Task::kScan2CapFrames, "METEOR", ""},
    {Task::kScan2CapFrames, "ROUGE-L", ""},
    {Task::kLibero, "average", "Avg."},
};

struct KnownGroup {
  Task task;
  std::string_view name, title, other;  // other: a second name
};

constexpr KnownGroup kGroups[] = {
    {Task::kScanRefer, "unique", "", ""},
    {Task::kScanRefer, "multiple", "", ""},
    {Task::kMulti3DRefer, "zt_wo_d", "ZT w/o d.", ""},
    {Task::kMulti3DRefer, "zt_w_d", "ZT w/ d.", ""},
    {Task::kMulti3DRefer, "st_wo_d", "ST w/o d.", ""},
    {Task::kMulti3DRefer, "st_w_d", "ST w/ d.", ""},
    {Task::kMulti3DRefer, "mt", "MT", ""},
    {Task::kScan2Cap, "unique", "", ""},
    {Task::kScan2Cap, "multiple", "", ""},
    {Task::kSqa3d, "what", "", ""},
    {Task::kSqa3d, "is", "", ""},
    {Task::kSqa3d, "how", "", ""},
    {Task::kSqa3d, "can", "", ""},
    {Task::kSqa3d, "which", "", ""},
    {Task::kSqa3d, "others", "", "other"},
    {Task::kNr3d, "easy", "", ""},
    {Task::kNr3d, "hard", "", ""},
    {Task::kNr3d, "view-dependent", "view-dep.", ""},
    {Task::kNr3d, "view-independent", "view-indep.", ""},
    {Task::kVsi, "object_counting", "Obj. count", "object count"},
    {Task::kVsi, "object_abs_distance", "Abs. dist.", "absolute distance"},
    {Task::kVsi, "object_size_estimation", "Obj. size", "object size"},
    {Task::kVsi, "room_size_estimation", "Room size", "room size"},
    {Task::kVsi, "object_rel_distance", "Rel. dist.", "relative distance"},
    {Task::kVsi, "object_rel_direction", "Rel. dir.", "relative direction"},
    {Task::kVsi, "route_planning", "Route plan", "route planning"},
    {Task::kVsi, "obj_appearance_order", "Appr. order", "appearance order"},
    {Task::kCvBench, "Count", "", ""},
    {Task::kCvBench, "Relation", "", ""},
    {Task::kCvBench, "Depth", "", ""},
    {Task::kCvBench, "Distance", "", ""},
    {Task::kBlink, "Multi-view_Reasoning", "Multi-view", "multi-view"},
    {Task::kBlink, "Relative_Depth", "Rel. depth", "depth"},
    {Task::kBlink, "Spatial_Relation", "Spat. rel.", "relation"},
    {Task::kScanReferFrames, "unique", "", ""},
    {Task::kScanReferFrames, "multiple", "", ""},
    {Task::kScan2CapFrames, "unique", "", ""},
    {Task::kScan2CapFrames, "multiple", "", ""},
    {Task::kLibero, "libero_spatial", "Spatial", "spatial"},
    {Task::kLibero, "libero_object", "Object", "object"},
    {Task::kLibero, "libero_goal", "Goal", "goal"},
    {Task::kLibero, "libero_10", "Long", "long"},
};

constexpr ColumnSet kSets[] = {
    {"table1",
     "scanrefer:Acc@0.25,scanrefer:Acc@0.5,multi3drefer:F1@0.25,multi3drefer:F1@0.5,scan2cap:CIDEr,"
     "scan2cap:BLEU-4,scanqa:CIDEr,scanqa:EM,sqa3d:EM"},
    {"scanrefer",
     "scanrefer:Acc@0.25/unique,scanrefer:Acc@0.5/unique,scanrefer:Acc@0.25/multiple,"
     "scanrefer:Acc@0.5/multiple,scanrefer:Acc@0.25,scanrefer:Acc@0.5"},
    {"multi3drefer",
     "multi3drefer:F1@0.5/zt_wo_d,multi3drefer:F1@0.5/zt_w_d,multi3drefer:F1@0.5/st_wo_d,"
     "multi3drefer:F1@0.5/st_w_d,multi3drefer:F1@0.5/mt,multi3drefer:F1@0.25,multi3drefer:F1@0.5"},
    {"scan2cap", "scan2cap:CIDEr,scan2cap:BLEU-4,scan2cap:METEOR,scan2cap:ROUGE-L"},
    {"scanqa",
     "scanqa:EM,scanqa:BLEU-1,scanqa:BLEU-2,scanqa:BLEU-3,scanqa:BLEU-4,scanqa:METEOR,"
     "scanqa:ROUGE-L,scanqa:CIDEr"},
    {"sqa3d",
     "sqa3d:EM/what,sqa3d:EM/is,sqa3d:EM/how,sqa3d:EM/can,sqa3d:EM/which,sqa3d:EM/others,sqa3d:EM"},
    {"nr3d",
     "nr3d:accuracy/easy,nr3d:accuracy/hard,nr3d:accuracy/view-dependent,"
     "nr3d:accuracy/view-independent,nr3d:accuracy"},
    {"vsi",
     "vsi:object_counting,vsi:object_abs_distance,vsi:object_size_estimation,"
     "vsi:room_size_estimation,vsi:object_rel_distance,vsi:object_rel_direction,"
     "vsi:route_planning,vsi:obj_appearance_order,vsi:average"},
    {"cvbench",
     "cvbench:Count,cvbench:Relation,cvbench:Depth,cvbench:Distance,cvbench:ADE20K,cvbench:COCO,"
     "cvbench:2D,cvbench:3D,cvbench:combined"},
    {"blink",
     "blink:Multi-view_Reasoning,blink:Relative_Depth,blink:Spatial_Relation,blink:average"},
    {"scanrefer-frames",
     "scanrefer-frames:Acc@0.25/unique,scanrefer-frames:Acc@0.5/unique,"
     "scanrefer-frames:Acc@0.25/multiple,scanrefer-frames:Acc@0.5/multiple,"
     "scanrefer-frames:Acc@0.25,scanrefer-frames:Acc@0.5"},
    {"scan2cap-frames",
     "scan2cap-frames:CIDEr,scan2cap-frames:BLEU-4,scan2cap-frames:METEOR,"
     "scan2cap-frames:ROUGE-L"},
    {"libero",
     "libero:libero_spatial,libero:libero_object,libero:libero_goal,libero:libero_10,"
     "libero:average"},
};

const KnownMetric* find_metric(Task task, std::string_view name) {
  for (const KnownMetric& metric : kMetrics)
    if (metric.task == task && plain_name(metric.name) == plain_name(name)) return &metric;
  return nullptr;
}

const KnownGroup* find_group(Task task, std::string_view name) {
  for (const KnownGroup& group : kGroups) {
    if (group.task == task &&
        (plain_name(group.name) == plain_name(name) ||
         (!group.other.empty() && plain_name(group.other) == plain_name(name))))
      return &group;
  }
  return nullptr;
}

std::string title_of(std::string_view name, std::string_view title) {
  return std::string(title.empty() ? name : title);
}

// The parts between commas outside of brackets: a matcher's name may hold commas.
std::vector<std::string> column_parts(const std::string& text) {
  std::vector<std::string> out(1);
  bool inside = false;
  for (const char c : text) {
    if (c == '[' || c == ']') inside = c == '[';
    if (c == ',' && !inside)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

}  // namespace

std::string plain_name(std::string_view name) {
  std::string out;
  for (const char c : lower(std::string(name)))
    if (c != ' ' && c != '-' && c != '_') out += c;
  return out;
}

bool is_official(Task task, std::string_view matcher) {
  const std::string plain = plain_name(matcher);
  return plain.empty() || plain == plain_name(benchmark_of(task).matchers.front()) ||
         (task == Task::kMulti3DRefer && plain == "t=0.4");
}

std::string Column::id() const {
  std::string out = std::string(name_in(task_names(), task)) + ":" + plain_name(metric);
  if (!group.empty()) out += (metric.empty() ? "" : "/") + plain_name(group);
  return out;
}

std::string Column::text() const {
  std::string out = std::string(name_in(task_names(), task)) + ":" + metric;
  if (!group.empty()) out += (metric.empty() ? "" : "/") + group;
  return matcher.empty() ? out : out + "[" + matcher + "]";
}

double Column::most() const { return plain_name(metric) == "cider" ? 1000 : 100; }

Column parse_column(const std::string& option, const std::string& text) {
  const auto refuse = [&](const std::string& got, const std::string& expected) {
    throw UsageError(explain(option, "'" + got + "'", expected));
  };
  Column out;
  std::string name(trim(text));
  const std::size_t colon = name.find(':');
  if (colon == name.npos || colon + 1 == name.size())
    refuse(name, "TASK:METRIC, TASK:METRIC/GROUP or TASK:GROUP, such as scanqa:CIDEr");
  out.task = choice_of(task_names(), option + ": " + name, lower(name.substr(0, colon)));
  name.erase(0, colon + 1);
  if (const std::size_t open = name.find('['); open != name.npos) {
    if (!name.ends_with(']')) refuse(text, "']' at the end");
    out.matcher = matcher_name(out.task, name.substr(open + 1, name.size() - open - 2));
    if (is_official(out.task, out.matcher)) out.matcher.clear();
    name.erase(open);
  }
  const std::size_t slash = name.find('/');
  const KnownGroup* group = find_group(out.task, name.substr(slash == name.npos ? 0 : slash + 1));
  const KnownMetric* metric = find_metric(out.task, name.substr(0, slash));
  if (slash == name.npos && metric == nullptr && group != nullptr) {
    out.group = group->name;
    out.title = title_of(group->name, group->title);
  } else {
    out.metric = metric != nullptr ? metric->name : name.substr(0, slash);
    out.title = metric != nullptr ? title_of(metric->name, metric->title) : out.metric;
    if (slash != name.npos) {
      out.group = group != nullptr ? group->name : name.substr(slash + 1);
      out.title += " " + (group != nullptr ? title_of(group->name, group->title) : out.group);
    }
  }
  if (slash != name.npos && (out.metric.empty() || out.group.empty()))
    refuse(text, "a name on both sides of '/'");
  out.heading = benchmark_of(out.task).title;
  if (!out.matcher.empty()) out.title += " [" + out.matcher + "]";
  return out;
}

std::vector<Column> parse_columns(const std::string& option, const std::string& text) {
  std::vector<Column> out;
  const auto add = [&](const std::string& one) {
    Column column = parse_column(option, one);
    for (const Column& other : out) {
      if (other.text() == column.text())
        throw UsageError(explain(option, "'" + column.text() + "' twice", "each column once"));
    }
    out.push_back(std::move(column));
  };
  for (const std::string& part : column_parts(text)) {
    const auto set = std::find_if(std::begin(kSets), std::end(kSets), [&](const ColumnSet& one) {
      return one.name == lower(std::string(trim(part)));
    });
    if (set != std::end(kSets)) {
      for (const std::string& one : comma_parts(std::string(set->columns))) add(one);
    } else if (part.find(':') == part.npos) {
      std::string names;
      for (const ColumnSet& one : kSets) names += std::string(one.name) + ", ";
      throw UsageError(explain(option, "'" + part + "'",
                               "one of " + names + "or TASK:METRIC, such as scanqa:CIDEr"));
    } else {
      add(part);
    }
  }
  return out;
}

std::span<const ColumnSet> column_sets() { return kSets; }

std::span<const Partition> partitions() {
  static const std::vector<Partition> all = {
      {Task::kScanRefer, {"unique", "multiple"}, false},
      {Task::kMulti3DRefer, {"zt_wo_d", "zt_w_d", "st_wo_d", "st_w_d", "mt"}, false},
      {Task::kSqa3d, {"what", "is", "how", "can", "which", "others"}, false},
      {Task::kNr3d, {"easy", "hard"}, false},
      {Task::kNr3d, {"view-dependent", "view-independent"}, false},
      {Task::kVsi,
       {"object_counting", "object_abs_distance", "object_size_estimation", "room_size_estimation",
        "object_rel_distance", "object_rel_direction", "route_planning", "obj_appearance_order"},
       true},
      {Task::kBlink, {"Multi-view_Reasoning", "Relative_Depth", "Spatial_Relation"}, true},
      {Task::kScanReferFrames, {"unique", "multiple"}, false},
      {Task::kLibero, {"libero_spatial", "libero_object", "libero_goal", "libero_10"}, true},
  };
  return all;
}

}  // namespace vega::score
