// Tables with a row for each frame or object: datasets of one group. A table lists them once, in
// `columns(table, visit)`, which calls visit(name, element type, shape of a row, rows).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "store/h5.h"

namespace vega {

// A number of rows, as a shape holds it.
inline std::int64_t extent(std::size_t count) { return static_cast<std::int64_t>(count); }

// Throws InputError where `what` has another number of values.
inline void check_values(const std::string& what, std::size_t got, std::size_t expected) {
  if (got == expected) return;
  throw InputError(explain(what, std::to_string(got) + " values", std::to_string(expected)));
}

// Shape of `count` rows of that shape.
inline Shape rows_of(std::size_t count, const Shape& row) {
  Shape shape{extent(count)};
  shape.insert(shape.end(), row.begin(), row.end());
  return shape;
}

template <typename Table>
void write_columns(h5::File& file, const std::string& group, const Table& table,
                   std::size_t count) {
  Table::columns(table, [&](const std::string& name, DType dtype, const Shape& row, auto& rows) {
    file.write_dataset(group + "/" + name, dtype, rows_of(count, row), h5::raw_bytes(rows));
  });
}

// Throws FormatError: another type or number of rows.
template <typename Table>
Table read_columns(const h5::File& file, const std::string& group, std::size_t count) {
  Table table;
  Table::columns(table, [&]<typename Rows>(const std::string& name, DType dtype, const Shape& row,
                                           Rows& rows) {
    rows = h5::values_of<typename Rows::value_type>(
        file.read_dataset(group + "/" + name, dtype, rows_of(count, row)));
  });
  return table;
}

// Throws InputError where a column has another number of rows; may_be_empty: or none.
template <typename Table>
void check_columns(const std::string& where, const Table& table, std::size_t count,
                   bool may_be_empty = false) {
  Table::columns(table, [&](const std::string& name, DType, const Shape&, auto& rows) {
    if (rows.size() == count || (may_be_empty && rows.empty())) return;
    throw InputError(
        explain(where + ": " + name, std::to_string(rows.size()) + " rows", std::to_string(count)));
  });
}

}  // namespace vega
