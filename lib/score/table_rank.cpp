#include <fmt/core.h>

#include "base/text.h"
#include "score/table.h"

namespace vega::score {

std::string mean_rank(std::int64_t sum, std::int64_t count) {
  const std::int64_t tenths = 10 * sum;
  std::int64_t rounded = tenths / count;
  const std::int64_t rest = 2 * (tenths % count);
  if (rest > count || (rest == count && rounded % 2 == 1)) ++rounded;
  return fmt::format("{}.{}", rounded / 10, rounded % 10);
}

Results rank_results(std::vector<Column> columns, std::vector<TableRow> rows, int decimals) {
  Results out{.columns = std::move(columns), .rows = std::move(rows)};
  for (const TableRow& row : out.rows) {
    auto& line = out.cells.emplace_back();
    for (const Column& column : out.columns) {
      std::optional<Results::Entry> entry;
      if (auto cell = cell_of(row, column))
        entry = {std::move(*cell), fmt::format("{:.{}f}", cell->value, decimals)};
      if (entry && !row.ranked) entry->cell.ranked = false;
      line.push_back(std::move(entry));
    }
  }
  const auto ranked = [&](std::size_t r, std::size_t k) {
    return out.cells[r][k] && out.cells[r][k]->cell.ranked;
  };
  for (std::size_t k = 0; k < out.columns.size(); ++k) {
    std::vector<double> values(out.rows.size());  // as shown: what looks equal is equal
    for (std::size_t r = 0; r < out.rows.size(); ++r)
      if (ranked(r, k)) values[r] = parse_double(out.cells[r][k]->shown).value_or(0);
    int second = 0;
    for (std::size_t r = 0; r < out.rows.size(); ++r) {
      if (!ranked(r, k)) continue;
      int& rank = out.cells[r][k]->rank;
      rank = 1;
      for (std::size_t other = 0; other < out.rows.size(); ++other)
        rank += ranked(other, k) && values[other] > values[r] ? 1 : 0;
      if (rank > 1 && (second == 0 || rank < second)) second = rank;
    }
    for (std::size_t r = 0; r < out.rows.size(); ++r)
      if (ranked(r, k)) out.cells[r][k]->second = second > 0 && out.cells[r][k]->rank == second;
  }
  for (const auto& line : out.cells) {
    std::int64_t sum = 0, count = 0;
    for (const auto& entry : line) {
      if (!entry || entry->rank == 0) continue;
      sum += entry->rank;
      ++count;
    }
    out.average_rank.push_back(count == 0 ? "" : mean_rank(sum, count));
  }
  return out;
}

}  // namespace vega::score
