// Rows of other systems in a table of scores (CSV), and every form of the table that they make.
#include "fuzz/target.h"
#include "score/table.h"
#include "score/table_checks.h"

using namespace vega;
using namespace vega::fuzz;
using namespace vega::score;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = bytes_of(data, size);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  attempt([&] {
    std::vector<TableRow> rows = csv_rows(text, "rows.csv", Origin::kForeign);
    require(rows.size() <= size, "rows that the file holds");
    mark_impossible(rows);
    const Results results = rank_results(parse_columns("--columns", "table1,vsi"), rows, 1);
    TableOptions options;
    for (const TableFormat format : {TableFormat::kText, TableFormat::kMarkdown,
                                     TableFormat::kLatex, TableFormat::kJson, TableFormat::kCsv}) {
      options.format = format;
      const std::string table = results_text(results, options);
      if (format == TableFormat::kCsv)
        require(csv_rows(table, "again.csv", Origin::kForeign).size() == rows.size(),
                "rows that come back from their own table");
    }
  });
  return 0;
}
