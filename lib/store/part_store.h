// The one writer of HDF5 files of vega: a part file beside the final name that is filled, read back
// and compared with what was put, marked complete, synced and renamed. A schema is a short file
// that says which datasets and attributes there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "store/attrs.h"

namespace vega {

// Unless `publish` returned, nothing is left behind and an older file stays as it was. Errors:
// InputError (a wrong call: sizes, rows twice or missing), OutputError (disk).
class PartStore {
 public:
  // Makes the part file with its header (store/attrs.h).
  PartStore(const std::filesystem::path& final_path, const std::string& schema,
            const FileHeader& header);
  ~PartStore();
  PartStore(const PartStore&) = delete;
  PartStore& operator=(const PartStore&) = delete;

  // For attributes, groups and datasets that are written whole; also reads rows that were put. Not
  // after `seal`.
  h5::File& file();
  const std::filesystem::path& part_path() const;
  const std::filesystem::path& final_path() const;

  // A dataset whose rows are put later: each once, in any order, from any thread. Its chunks have
  // `rows_per_chunk` rows.
  void begin_rows(const std::string& object, DType dtype, const Shape& shape,
                  std::int64_t rows_per_chunk = 1);
  // bytes: rows [first, first + count) as stored.
  void put_rows(const std::string& object, std::int64_t first, std::int64_t count,
                std::span<const std::byte> bytes);

  // Runs of bytes of different lengths, one after the other: `object` u8 [total] and
  // `object`_offset i64 [n + 1]. Put in order, from one thread.
  void begin_flat(const std::string& object, std::span<const std::size_t> sizes);
  void put_flat(const std::string& object, std::span<const std::byte> bytes);
  void write_flat(const std::string& object, const std::vector<std::vector<std::byte>>& runs);

  // Ends the filling: every row is there, the file is read back (put rows against what was put, all
  // other datasets against their `xxh3`), marked complete and synced.
  void seal(const std::map<std::string, std::string>& provenance = {});
  // Renames the sealed file over the final name.
  void publish();
  void finish(const std::map<std::string, std::string>& provenance = {}) {
    seal(provenance);
    publish();
  }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The runs that `begin_flat` and `put_flat` wrote: all, or one of them. Throws FormatError: another
// number of runs, offsets that do not tile the bytes.
std::vector<std::vector<std::byte>> read_flat(const h5::File& file, const std::string& object,
                                              std::size_t count);
std::vector<std::byte> read_flat(const h5::File& file, const std::string& object, std::size_t count,
                                 std::size_t index);

// The same of bytes and offsets that lie in memory; `where` names them.
std::vector<std::vector<std::byte>> split_flat(std::span<const std::byte> bytes,
                                               std::span<const std::int64_t> offset,
                                               const std::string& where);

}  // namespace vega
