// Columns of `vega-eval table`: a metric of a benchmark each, and sets of them that have a name.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "score/benchmark.h"

namespace vega::score {

// A column is written TASK:METRIC, TASK:METRIC/GROUP or TASK:GROUP, and [MATCHER] may follow:
// "scanqa:CIDEr", "scanrefer:Acc@0.5/unique", "vsi:route_planning", "sqa3d:EM[refined]". Case,
// blanks, '-' and '_' in names do not count.
struct Column {
  Task task{};
  std::string metric;   // as scores.json names it; empty: the first one of the group
  std::string group;    // of the breakdown; empty: all questions
  std::string matcher;  // empty: the official one
  std::string heading, title;

  std::string id() const;    // as above, without the matcher: equal for equal columns
  std::string text() const;  // with it
  double most() const;       // the largest value that the metric has
};

// A name without what does not count.
std::string plain_name(std::string_view name);

// Whether a matcher is the official scorer's.
bool is_official(Task task, std::string_view matcher);

// option: where the text comes from, for messages. Throws UsageError: no such form, task or
// matcher. Metrics and groups that are not known keep their names.
Column parse_column(const std::string& option, const std::string& text);

// Columns and names of sets, separated by commas. Throws UsageError, also where a column comes
// twice.
std::vector<Column> parse_columns(const std::string& option, const std::string& text);

struct ColumnSet {
  std::string_view name, columns;
};
std::span<const ColumnSet> column_sets();

// Groups that make up all questions of a task, each question in one: {"unique", "multiple"}.
struct Partition {
  Task task;
  std::vector<std::string_view> groups;
  bool plain_mean;  // the value of all is the mean of the groups' values
};
std::span<const Partition> partitions();

}  // namespace vega::score
