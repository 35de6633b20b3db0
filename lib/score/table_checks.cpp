#include "score/table_checks.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace vega::score {
namespace {

using Counts = std::vector<std::int64_t>;

// Questions of the groups of a partition; empty: not known.
Counts counts_of(const Partition& partition, const std::vector<TableRow>& rows) {
  if (partition.task == Task::kSqa3d) return {1147, 652, 465, 338, 351, 566};
  for (const TableRow& row : rows) {
    for (const Scores& scores : row.scores) {
      if (scores.partial() || find_choice(task_names(), scores.task) != partition.task) continue;
      Counts counts;
      for (const std::string_view group : partition.groups) {
        for (const auto& [name, metrics] : scores.breakdown)
          if (plain_name(name) == plain_name(group) && !metrics.empty())
            counts.push_back(metrics.front().second.n);
      }
      if (counts.size() == partition.groups.size()) return counts;
    }
  }
  return {};
}

// "" where the groups can make the overall value, else why not.
std::string fault_of(const Cell& overall, const std::vector<Cell>& parts, bool plain_mean,
                     const Counts& counts) {
  double low = parts.front().value, high = low, slack = 0, sum = 0, weights = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    low = std::min(low, parts[i].value);
    high = std::max(high, parts[i].value);
    slack = std::max(slack, parts[i].rounding);
    const double weight = plain_mean ? 1 : counts.empty() ? 0 : static_cast<double>(counts[i]);
    sum += weight * parts[i].value;
    weights += weight;
  }
  slack += overall.rounding + 1e-9;
  if (overall.value < low - slack || overall.value > high + slack)
    return fmt::format("{:g} is not between its groups' least and largest, {:g} and {:g}",
                       overall.value, low, high);
  if (weights > 0 && std::abs(overall.value - sum / weights) > slack)
    return fmt::format("{:g} is not what its groups give, {:.1f}", overall.value, sum / weights);
  return {};
}

void mark(Cell& cell, const std::string& why) {
  cell.notes.push_back(why + "; not ranked");
  cell.ranked = false;
}

void check_parts(TableRow& row, const std::vector<TableRow>& rows) {
  for (auto& [text, cell] : row.cells) {
    const Column column = parse_column("column", text);
    if (!column.group.empty()) continue;
    for (const Partition& partition : partitions()) {
      if (partition.task != column.task) continue;
      std::vector<Cell> parts;
      for (const std::string_view group : partition.groups) {
        Column part = column;
        part.group = group;
        if (partition.plain_mean) part.metric.clear();
        if (const auto found = row.cells.find(part.text()); found != row.cells.end())
          parts.push_back(found->second);
      }
      if (parts.size() != partition.groups.size()) continue;
      const std::string fault =
          fault_of(cell, parts, partition.plain_mean, counts_of(partition, rows));
      if (fault.empty()) continue;
      mark(cell, fault);
      break;
    }
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void check_unit(TableRow& row, const std::vector<TableRow>& rows) {
  for (auto& [text, cell] : row.cells) {
    if (cell.value <= 0 || cell.value > 2) continue;
    const Column column = parse_column("column", text);
    std::vector<double> others;
    for (const TableRow& other : rows) {
      if (other.name == row.name && other.file == row.file && other.origin == row.origin) continue;
      if (const auto found = cell_of(other, column)) others.push_back(found->value);
    }
    if (others.empty() || median(others) < 20 * cell.value) continue;
    mark(cell, fmt::format("{:g} looks like a fraction among percents ({:g} %?)", cell.value,
                           100 * cell.value));
  }
}

}  // namespace

void mark_impossible(std::vector<TableRow>& rows) {
  const std::vector<TableRow> before = rows;
  for (TableRow& row : rows) {
    if (row.origin == Origin::kScored) continue;
    check_parts(row, before);
    if (!row.percent) check_unit(row, before);
  }
}

}  // namespace vega::score
