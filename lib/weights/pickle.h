// Python pickles, as data: a stack machine that builds plain values and calls nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/dtype.h"

namespace vega::pickle {

// Bytes that a tensor lives in, not loaded yet.
struct Storage {
  std::string_view key;        // record data/KEY
  std::optional<DType> dtype;  // nothing: untyped, counted in bytes, or `unread`
  std::string_view unread;     // the name of an element type that is not read
  std::size_t unit = 1;        // bytes of an element
  std::int64_t count = 0;      // elements (bytes when untyped)
};

struct Tensor {
  Storage storage;
  DType dtype = DType::kF32;
  std::int64_t offset = 0;  // elements
  Shape shape, stride;      // elements
  bool negative = false;    // the values are the negated ones of the storage
  std::string_view unread;  // element type or kind that is not read; nothing above holds then
};

struct Value;
using List = std::vector<const Value*>;
using Pairs = std::vector<std::pair<const Value*, const Value*>>;

struct Global {
  std::string_view module, name;
};

// One object. Dicts and OrderedDicts are Pairs in order of insertion; lists, tuples and sets are
// List; bytes are text. Graphs may share values and hold cycles. Small, as there are many: a tensor
// lies elsewhere.
struct Value {
  enum class Kind { kNone, kBool, kInt, kFloat, kText, kList, kDict, kGlobal, kStorage, kTensor };
  Kind kind = Kind::kNone;
  std::variant<std::monostate, std::int64_t, double, std::string_view, List, Pairs, Global, Storage,
               std::unique_ptr<const Tensor>>
      data;
};

// The values of one pickle live as long as it (text: as long as the bytes it was read from).
class Document {
 public:
  // Reads one pickle from the front of `bytes`. Throws FormatError that begins with `where`: for
  // a truncated pickle, an unknown opcode, more than 2 million opcodes or 96 MiB of values, and any
  // global name that is not on the list (the message names it, and the remedy).
  Document(std::span<const std::byte> bytes, const std::string& where);

  Document(Document&&) = default;  // values stay where they are
  Document(const Document&) = delete;

  const Value& root() const { return *root_; }
  std::size_t size() const { return values_.size(); }  // values made
  std::vector<Storage> storages() const;               // all that are mentioned
  std::size_t consumed() const { return consumed_; }   // bytes up to and with STOP

 private:
  friend class Machine;
  std::deque<Value> values_;
  const Value* root_ = nullptr;
  std::size_t consumed_ = 0;
};

}  // namespace vega::pickle
