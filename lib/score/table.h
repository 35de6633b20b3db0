// The verb `table`: rows from score files among published rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "run/context.h"
#include "run/verb.h"
#include "score/table_rows.h"
#include "viz/table.h"

namespace vega::score {

struct TableOptions {
  std::vector<std::string> inputs;
  std::string columns = "table1", rows, out;
  bool published = true;
  TableFormat format = TableFormat::kText;
  std::int64_t decimals = 1;
  bool intervals = false, references = false;

  void visit(OptionVisitor& v);
};

// A table before it is written. cells[r][k]: row r, column k.
struct Results {
  struct Entry {
    Cell cell;
    std::string shown;  // the value with the table's decimals
    int rank = 0;       // 1 + the number of strictly better ones, as shown; 0: not ranked
    bool second = false;
  };
  std::vector<Column> columns;
  std::vector<TableRow> rows;
  std::vector<std::vector<std::optional<Entry>>> cells;
  std::vector<std::string> average_rank;  // of each row, one decimal, half to even; "": none
};

// Ranks of the rows in the columns. Each row's average rank is the mean of its ranks over the
// columns that it reports. Source: the paper, Table 1.
Results rank_results(std::vector<Column> columns, std::vector<TableRow> rows, int decimals);

// "10.2" of 41/4: the mean of ranks with one decimal, half to even, without floating point.
std::string mean_rank(std::int64_t sum, std::int64_t count);

std::string results_text(const Results& results, const TableOptions& options);

Verb table_verb();

}  // namespace vega::score
