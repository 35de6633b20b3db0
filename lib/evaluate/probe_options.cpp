#include "evaluate/probe_options.h"

#include "base/error.h"
#include "base/text.h"

namespace vega::evaluate {
namespace {

// "14x14": rows, then columns, as --pool has them; "native": empty.
Grid cell_grid_option(const std::string& option, const std::string& text) {
  if (text == "native") return {};
  const auto x = text.find('x');
  const auto rows = parse_whole(text.substr(0, x));
  const auto columns = x == text.npos ? std::nullopt : parse_whole(text.substr(x + 1));
  constexpr std::int64_t kMost = 1024;
  if (rows && columns && *rows > 0 && *columns > 0 && *rows <= kMost && *columns <= kMost)
    return {*rows, *columns};
  throw UsageError(explain(option, "'" + text + "'", "HxW, for example 14x14, or native"));
}

}  // namespace

void ProbeVerb::visit(OptionVisitor& v) {
  v.inputs(inputs, "NAME=DIR[:TAP]...",
           "folders of feature files (features/TAG), a row each; without NAME= it is called as the "
           "folder is");
  v.group("Input");
  v.text("--scenes", scenes, "DIR", "scene files DIR/KEY.h5 of vega-extract scene");
  v.text("--tap", tap, "NAME",
         "which features of sets without :TAP (default: the file's default tap)");
  v.text("--baseline", baseline, "NAME",
         "the set that differences are taken from (default: place alone, on the set's own cells)");
  v.group("Split");
  v.text("--fit", fit, "LIST|N",
         "scenes to fit: a file with a key a line, or the first N by sorted key (default: three "
         "quarters of them)");
  v.text("--score", score, "LIST", "scenes to score (default: all the others)");
  v.group("Cells");
  v.parsed("--grid", grid, "HxW|native", "14x14", cell_grid_option,
           "features are averaged to this grid; native: each set keeps its own");
  v.real("--min-valid", min_valid, "SHARE", {0, 1},
         "least share of a cell's pixels with depth; cells with less are left out");
  v.text("--classes", classes, "FILE",
         "names of classes, a line each (default: those with --class-cells cells in the fit)");
  v.integer("--class-cells", class_cells, "N", {.least = 1},
            "least number of cells of a class in the fit");
  v.group("Fit and intervals");
  v.real("--ridge", ridge, "R", {.least = 0, .above_least = true},
         "strength: lambda is R times the mean of the diagonal of X'X");
  v.open_integer("--shuffle", shuffle, "SEED", {.least = 0},
                 "the null test: in the fit, a scene's cells take each other's truth");
  v.integer("--draws", draws, "N", {100, 1000000}, "of scenes, for the 95 % intervals");
  v.integer("--seed", seed, "N", {.least = 0}, "of the draws");
  v.group("Output");
  v.text("-o,--out", out, "DIR|FILE.json",
         "the record as JSON (vega.probe/1); into a folder also tables (Markdown, CSV) and the "
         "plot");
  v.text("--plot", plot, "FILE", "bars with intervals: .svg, .pdf or .png");
  v.choice("--format", format, kTableFormats, "of the answer on stdout");
  run.visit(v, "say what would be fitted and scored, and the memory that it takes");
}

}  // namespace vega::evaluate
