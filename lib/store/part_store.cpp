#include "store/part_store.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/publish.h"
#include "store/columns.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kFlatChunk = std::size_t{1} << 20;

std::string offset_of(const std::string& object) { return object + "_offset"; }

// Rows that were put in one call.
struct Piece {
  std::int64_t count = 0;
  std::string xxh3;
};

struct Rows {
  h5::DatasetInfo info;
  std::map<std::int64_t, Piece> pieces;  // by first row; they do not overlap

  // The first row from `first` on that no piece holds.
  std::int64_t missing() const {
    std::int64_t next = 0;
    for (const auto& [first, piece] : pieces) {
      if (first != next) break;
      next += piece.count;
    }
    return next;
  }
};

struct Flat {
  std::vector<std::size_t> sizes;
  std::size_t next = 0;              // the run to come
  std::int64_t written = 0;          // bytes
  std::vector<std::byte> pending{};  // less than a chunk
};

}  // namespace

struct PartStore::State {
  PartFile part;  // outlives `file`: it removes what was not published
  h5::File file;
  std::mutex mutex;  // of what follows
  std::map<std::string, Rows> rows;
  std::map<std::string, Flat> flats;
  bool sealed = false;

  explicit State(const fs::path& path) : part(path), file(h5::File::create(part.path())) {}

  [[noreturn]] void fail(const std::string& object, const std::string& got,
                         const std::string& expected) const {
    throw InputError(explain(part.final_path().string() + ": " + object, got, expected));
  }
  void note_piece(const std::string& object, std::int64_t first, std::int64_t count,
                  std::span<const std::byte> bytes);
  void verify(const std::string& object, const Rows& put);
};

void PartStore::State::note_piece(const std::string& object, std::int64_t first, std::int64_t count,
                                  std::span<const std::byte> bytes) {
  Piece piece{count, xxh3_hex(bytes)};
  const std::lock_guard held(mutex);
  const auto at = rows.find(object);
  if (at == rows.end()) fail(object, "rows", "a dataset that was begun");
  Rows& put = at->second;
  const std::int64_t all = put.info.row_count();
  if (first < 0 || count < 0 || first > all || count > all - first)
    fail(object, std::to_string(count) + " rows from " + std::to_string(first),
         "rows within " + std::to_string(all));
  if (bytes.size() != static_cast<std::size_t>(count) * put.info.row_bytes())
    fail(object, std::to_string(bytes.size()) + " bytes",
         std::to_string(count) + " rows of " + std::to_string(put.info.row_bytes()));
  if (sealed) fail(object, "row " + std::to_string(first) + " after the end", "rows before it");
  if (count == 0) return;
  const auto next = put.pieces.lower_bound(first);
  const bool before =
      next != put.pieces.begin() && std::prev(next)->first + std::prev(next)->second.count > first;
  const bool after = next != put.pieces.end() && next->first < first + count;
  if (before || after)
    fail(object, "row " + std::to_string(before ? first : next->first) + " twice", "each row once");
  put.pieces.emplace_hint(next, first, std::move(piece));
}

// The whole is hashed only now, because rows come in any order.
void PartStore::State::verify(const std::string& object, const Rows& put) {
  Hasher whole;
  for (const auto& [first, piece] : put.pieces) {
    Hasher again;
    file.read_runs(object, first, piece.count, [&](std::span<const std::byte> run) {
      again.bytes(run);
      whole.bytes(run);
    });
    if (again.hex() != piece.xxh3)
      throw OutputError(explain(
          part.path().string() + ": " + object + " row " + std::to_string(first),
          "xxh3 " + again.hex() + " read back", piece.xxh3, "the disk may be faulty: run again"));
  }
  file.write_text(object, "xxh3", whole.hex());
}

PartStore::PartStore(const fs::path& final_path, const std::string& schema,
                     const FileHeader& header)
    : state_(std::make_unique<State>(final_path)) {
  write_header(state_->file, schema, header);
}

PartStore::~PartStore() = default;

h5::File& PartStore::file() { return state_->file; }
const fs::path& PartStore::part_path() const { return state_->part.path(); }
const fs::path& PartStore::final_path() const { return state_->part.final_path(); }

void PartStore::begin_rows(const std::string& object, DType dtype, const Shape& shape,
                           std::int64_t rows_per_chunk) {
  State& s = *state_;
  const std::lock_guard held(s.mutex);
  if (s.file.exists(object)) s.fail(object, "a dataset begun twice", "each once");
  s.file.create_dataset(object, dtype, shape, rows_per_chunk);
  s.rows[object].info = {dtype, shape, {}, true};
}

void PartStore::put_rows(const std::string& object, std::int64_t first, std::int64_t count,
                         std::span<const std::byte> bytes) {
  state_->note_piece(object, first, count, bytes);
  state_->file.write_rows(object, first, count, bytes);
}

void PartStore::begin_flat(const std::string& object, std::span<const std::size_t> sizes) {
  std::vector<std::int64_t> offset{0};
  for (const std::size_t size : sizes) offset.push_back(offset.back() + extent(size));
  const std::int64_t count = extent(offset.size());
  begin_rows(object, DType::kU8, {offset.back()}, extent(kFlatChunk));
  file().write_dataset(offset_of(object), DType::kI64, {count}, h5::raw_bytes(offset), count);
  state_->flats[object].sizes.assign(sizes.begin(), sizes.end());
}

// Whole chunks at a time: HDF5 would read a chunk again to add to it.
void PartStore::put_flat(const std::string& object, std::span<const std::byte> bytes) {
  State& s = *state_;
  const auto at = s.flats.find(object);
  if (at == s.flats.end()) s.fail(object, "bytes", "a dataset that was begun");
  Flat& flat = at->second;
  const std::size_t runs = flat.sizes.size();
  if (flat.next == runs) s.fail(object, "one more run of bytes", std::to_string(runs));
  if (bytes.size() != flat.sizes[flat.next])
    s.fail(object, std::to_string(bytes.size()) + " bytes of run " + std::to_string(flat.next),
           std::to_string(flat.sizes[flat.next]));
  ++flat.next;
  flat.pending.insert(flat.pending.end(), bytes.begin(), bytes.end());
  const std::size_t size = flat.pending.size();
  const std::size_t ready = flat.next == runs ? size : size / kFlatChunk * kFlatChunk;
  for (std::size_t from = 0; from < ready; from += kFlatChunk) {
    const auto piece = std::span(flat.pending).first(ready).subspan(from);
    const auto chunk = piece.first(std::min(kFlatChunk, piece.size()));
    put_rows(object, flat.written, extent(chunk.size()), chunk);
    flat.written += extent(chunk.size());
  }
  flat.pending.erase(flat.pending.begin(), flat.pending.begin() + extent(ready));
}

void PartStore::write_flat(const std::string& object,
                           const std::vector<std::vector<std::byte>>& runs) {
  std::vector<std::size_t> sizes;
  for (const auto& run : runs) sizes.push_back(run.size());
  begin_flat(object, sizes);
  for (const auto& run : runs) put_flat(object, run);
}

void PartStore::seal(const std::map<std::string, std::string>& provenance) {
  State& s = *state_;
  {
    const std::lock_guard held(s.mutex);
    if (s.sealed) s.fail("the end", "it twice", "once");
    for (const auto& [object, put] : s.rows) {
      const std::int64_t row = put.missing(), all = put.info.row_count();
      if (row < all && put.info.bytes() > 0)
        s.fail(object, "no row " + std::to_string(row), "all " + std::to_string(all) + " rows");
    }
    s.sealed = true;
  }
  s.file.close();
  s.file = h5::File::open(part_path(), h5::File::Mode::kChange);
  for (const auto& object : s.file.datasets()) {
    const auto put = s.rows.find(object);
    if (put == s.rows.end())
      s.file.check_dataset(object);
    else
      s.verify(object, put->second);
  }
  write_provenance(s.file, provenance);
  mark_complete(s.file);
  s.file.close();
  s.part.sync();
}

void PartStore::publish() { state_->part.publish(); }

namespace {

[[noreturn]] void fail_offsets(const std::string& where, std::size_t bytes) {
  throw FormatError(explain(where, "offsets that do not tile the bytes that they cut",
                            "0 up to " + std::to_string(bytes)));
}

std::vector<std::int64_t> read_offsets(const h5::File& file, const std::string& object,
                                       std::size_t count) {
  return h5::values_of<std::int64_t>(
      file.read_dataset(offset_of(object), DType::kI64, {extent(count) + 1}));
}

}  // namespace

std::vector<std::vector<std::byte>> split_flat(std::span<const std::byte> bytes,
                                               std::span<const std::int64_t> offset,
                                               const std::string& where) {
  if (offset.empty() || offset.front() != 0 || offset.back() != extent(bytes.size()) ||
      !std::is_sorted(offset.begin(), offset.end()))
    fail_offsets(where, bytes.size());
  std::vector<std::vector<std::byte>> runs;
  for (std::size_t i = 0; i + 1 < offset.size(); ++i)
    runs.emplace_back(bytes.begin() + offset[i], bytes.begin() + offset[i + 1]);
  return runs;
}

std::vector<std::vector<std::byte>> read_flat(const h5::File& file, const std::string& object,
                                              std::size_t count) {
  const auto bytes = file.read_dataset(object, DType::kU8, {-1});
  return split_flat(bytes, read_offsets(file, object, count),
                    file.path().string() + ": " + offset_of(object));
}

std::vector<std::byte> read_flat(const h5::File& file, const std::string& object, std::size_t count,
                                 std::size_t index) {
  const auto offset = read_offsets(file, object, count);
  const std::int64_t first = offset.at(index), end = offset.at(index + 1);
  const std::int64_t bytes = file.info(object).row_count();
  if (first < 0 || end < first || end > bytes)
    fail_offsets(file.path().string() + ": " + offset_of(object), static_cast<std::size_t>(bytes));
  std::vector<std::byte> run(static_cast<std::size_t>(end - first));
  file.read_rows(object, first, end - first, run);
  return run;
}

}  // namespace vega
