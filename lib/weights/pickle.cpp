// The stack machine over the opcodes of pickle_opcodes.h: one class that shares its stack and memo,
// and so one file of over 400 lines; functions are grouped as bytes, stack, values, containers,
// memo and objects.
#include "weights/pickle.h"

#include <bit>
#include <charconv>
#include <unordered_map>

#include "weights/detail.h"
#include "weights/pickle_names.h"
#include "weights/pickle_opcodes.h"

namespace vega::pickle {
namespace detail = weights_detail;
namespace {

constexpr std::size_t kMostOpcodes = 2'000'000;
constexpr std::size_t kMostExtents = 64;
constexpr std::size_t kMostBytes = std::size_t{96} << 20;  // of values, about 70,000 tensors

}  // namespace

// Reads opcodes and keeps the stack. All values lie in the document, so shared and cyclic graphs
// cost nothing to free.
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& where, Document& document)
      : bytes_(bytes), where_(where), document_(document) {}

  void run() {
    for (std::size_t count = 0;; ++count) {
      if (count > kMostOpcodes) fail("more than 2 million opcodes", "a checkpoint of tensors");
      const auto op = number<std::uint8_t>();
      if (op == kStop) break;
      if (!scalar(op) && !container(op) && !memo(op) && !object(op))
        fail("opcode " + std::to_string(op) + " at byte " + std::to_string(at_ - 1),
             "a pickle of protocol 2 to 5 that only holds data");
    }
    document_.root_ = pop();
    document_.consumed_ = at_;
  }

 private:
  using Kind = Value::Kind;

  [[noreturn]] void fail(const std::string& got, const std::string& expected,
                         const std::string& remedy = detail::kFetchAgain) const {
    detail::fail(where_, got, expected, remedy);
  }

  // --- bytes ---
  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size() - at_)
      fail("a pickle that ends inside an opcode", "all of its bytes (truncated file?)");
    const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + at_;
    at_ += size;
    return {begin, static_cast<std::size_t>(size)};
  }
  template <typename T>
  T number() {
    return detail::load<T>(detail::as_bytes(take(sizeof(T))), 0);
  }
  std::string_view line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_,
                                bytes_.size() - at_);
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) fail("a name without end", "a line of text");
    at_ += end + 1;
    return rest.substr(0, end);
  }

  // --- stack ---
  // Few opcodes can ask for much memory (the same argument list, called again and again).
  void spend(std::size_t bytes) {
    spent_ += bytes;
    if (spent_ > kMostBytes) fail("values of more than 96 MiB", "a checkpoint of tensors");
  }
  template <typename T>
  void push(Kind kind, T&& data) {
    spend(sizeof(Value));
    document_.values_.push_back({kind, std::forward<T>(data)});
    stack_.push_back(&document_.values_.back());
  }
  void push_list(List items) {
    spend(items.size() * sizeof(items[0]));
    push(Kind::kList, std::move(items));
  }
  void push_none() {
    if (none_ != nullptr) return stack_.push_back(none_);
    push(Kind::kNone, std::monostate{});
    none_ = stack_.back();
  }
  // What lies below the last mark is out of reach until the mark is taken off.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Value* pop() {
    Value* value = top();
    stack_.pop_back();
    return value;
  }
  Value* top() const {
    if (stack_.size() <= floor()) fail("an opcode that finds its stack empty", "a valid pickle");
    return stack_.back();
  }
  List pop_mark() {
    if (marks_.empty()) fail("an opcode that finds no mark", "a valid pickle");
    List items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  template <typename T>
  T& expect(Value* value, const char* what) const {
    auto* data = std::get_if<T>(&value->data);
    if (data == nullptr) fail("another kind of value", what);
    return *data;
  }
  template <typename T>
  const T& expect(const Value* value, const char* what) const {
    return expect<T>(const_cast<Value*>(value), what);
  }

  // --- opcodes ---
  bool scalar(std::uint8_t op) {
    switch (op) {
      case kProto: {
        const auto version = number<std::uint8_t>();
        if (version < 2 || version > 5)
          fail("pickle protocol " + std::to_string(version), "2 to 5", kConvert);
        return true;
      }
      case kFrame: (void)number<std::uint64_t>(); return true;
      case kNone: push_none(); return true;
      case kNewTrue: push(Kind::kBool, std::int64_t{1}); return true;
      case kNewFalse: push(Kind::kBool, std::int64_t{0}); return true;
      case kInt: push_line(line()); return true;
      case kBinInt: push(Kind::kInt, std::int64_t{number<std::int32_t>()}); return true;
      case kBinInt1: push(Kind::kInt, std::int64_t{number<std::uint8_t>()}); return true;
      case kBinInt2: push(Kind::kInt, std::int64_t{number<std::uint16_t>()}); return true;
      case kLong1: push_long(take(number<std::uint8_t>())); return true;
      case kLong4: push_long(take(number<std::uint32_t>())); return true;
      case kBinFloat: {
        const auto bits = __builtin_bswap64(number<std::uint64_t>());
        push(Kind::kFloat, std::bit_cast<double>(bits));
        return true;
      }
      case kShortBinString:
      case kShortBinUnicode:
      case kShortBinBytes: push(Kind::kText, take(number<std::uint8_t>())); return true;
      case kBinString:
      case kBinUnicode:
      case kBinBytes: push(Kind::kText, take(number<std::uint32_t>())); return true;
      case kBinUnicode8:
      case kBinBytes8:
      case kByteArray8: push(Kind::kText, take(number<std::uint64_t>())); return true;
      default: return false;
    }
  }

  void push_line(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size())
      fail("the number '" + printable(text) + "'", "a whole number of 64 bits");
    push(Kind::kInt, value);
  }

  // Two's complement, little endian. Longer ones stay bytes (the magic number of old files).
  void push_long(std::string_view raw) {
    if (raw.size() > 8) return push(Kind::kText, raw);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      const bool negative = !raw.empty() && (static_cast<std::uint8_t>(raw.back()) & 0x80U) != 0;
      const auto byte = i < raw.size() ? static_cast<std::uint8_t>(raw[i]) : (negative ? 0xff : 0);
      value |= std::uint64_t{static_cast<std::uint8_t>(byte)} << (8 * i);
    }
    push(Kind::kInt, static_cast<std::int64_t>(value));
  }

  bool container(std::uint8_t op) {
    switch (op) {
      case kMark: marks_.push_back(stack_.size()); return true;
      case kEmptyList:
      case kEmptySet:
      case kEmptyTuple: push(Kind::kList, List{}); return true;
      case kEmptyDict: push(Kind::kDict, Pairs{}); return true;
      case kList:
      case kFrozenSet:
      case kTuple: push_list(pop_mark()); return true;
      case kTuple1: return tuple(1);
      case kTuple2: return tuple(2);
      case kTuple3: return tuple(3);
      case kAppend: {
        const Value* item = pop();
        spend(2 * sizeof(item));
        expect<List>(top(), "a list").push_back(item);
        return true;
      }
      case kAppends:
      case kAddItems: {
        const auto items = pop_mark();
        spend(2 * sizeof(items[0]) * items.size());
        auto& list = expect<List>(top(), "a list");
        list.insert(list.end(), items.begin(), items.end());
        return true;
      }
      case kSetItem: {
        const Value* value = pop();
        const Value* key = pop();
        spend(4 * sizeof(key));
        expect<Pairs>(top(), "a dict").emplace_back(key, value);
        return true;
      }
      case kSetItems: {
        const auto items = pop_mark();
        set_items(expect<Pairs>(top(), "a dict"), items);
        return true;
      }
      case kDict: {
        const auto items = pop_mark();
        push(Kind::kDict, Pairs{});
        set_items(std::get<Pairs>(stack_.back()->data), items);
        return true;
      }
      default: return false;
    }
  }

  bool tuple(std::size_t size) {
    List items(size);
    for (std::size_t i = size; i-- > 0;) items[i] = pop();
    push_list(std::move(items));
    return true;
  }

  void set_items(Pairs& pairs, const List& items) {
    spend(2 * sizeof(items[0]) * items.size());
    if (items.size() % 2 != 0) fail("a dict with a key but no value", "pairs");
    for (std::size_t i = 0; i < items.size(); i += 2) pairs.emplace_back(items[i], items[i + 1]);
  }

  bool memo(std::uint8_t op) {
    switch (op) {
      case kPop:
        if (!marks_.empty() && stack_.size() == marks_.back())
          marks_.pop_back();
        else
          pop();
        return true;
      case kPopMark: pop_mark(); return true;
      case kDup: stack_.push_back(top()); return true;
      case kMemoize: return keep(static_cast<std::uint32_t>(memo_.size()));
      case kBinPut: return keep(number<std::uint8_t>());
      case kLongBinPut: return keep(number<std::uint32_t>());
      case kBinGet: return recall(number<std::uint8_t>());
      case kLongBinGet: return recall(number<std::uint32_t>());
      default: return false;
    }
  }

  bool keep(std::uint32_t index) {
    constexpr std::size_t kNode = 48;  // of the map, and its share of the buckets
    spend(kNode);
    memo_[index] = top();
    return true;
  }

  bool recall(std::uint32_t index) {
    const auto place = memo_.find(index);
    if (place == memo_.end()) fail("a memo entry that was never made", "a valid pickle");
    stack_.push_back(place->second);
    return true;
  }

  bool object(std::uint8_t op) {
    switch (op) {
      case kGlobal: {
        const auto module = line();
        push_global(module, line());
        return true;
      }
      case kStackGlobal: {
        const auto name = expect<std::string_view>(pop(), "a name");
        push_global(expect<std::string_view>(pop(), "a module"), name);
        return true;
      }
      case kReduce: {
        const Value* args = pop();
        const Value* callee = pop();
        reduce(expect<Global>(callee, "a known function"), expect<List>(args, "arguments"));
        return true;
      }
      case kBuild: {  // attributes, such as `_metadata` of a state dict
        pop();
        if (top()->kind != Kind::kDict && top()->kind != Kind::kTensor)
          fail("attributes of another object", "a dict or tensor");
        return true;
      }
      case kBinPersId: push_storage(expect<List>(pop(), "a storage")); return true;
      default: return false;
    }
  }

  void push_global(std::string_view module, std::string_view name) {
    if (find_known(module, name) == nullptr) {
      fail("the name '" + detail::printable(module) + "." + detail::printable(name) +
               "' (nothing was executed)",
           "only tensors, numbers, texts and containers", kConvert);
    }
    push(Kind::kGlobal, Global{module, name});
  }

  void reduce(const Global& callee, const List& args) {
    switch (find_known(callee.module, callee.name)->role) {
      case Role::kOrderedDict: return push_ordered(args);
      case Role::kSize:
      case Role::kSet:
        if (args.empty()) return push(Kind::kList, List{});
        if (args.size() != 1 || args[0]->kind != Kind::kList) break;
        return stack_.push_back(const_cast<Value*>(args[0]));
      case Role::kRebuildParameter:
        if (args.size() < 2 || args[0]->kind != Kind::kTensor) break;
        return stack_.push_back(const_cast<Value*>(args[0]));
      // (storage, offset, shape, stride[, requires_grad, hooks[, metadata]])
      case Role::kRebuildTensor: return push_tensor(args, nullptr, 6);
      // (storage, offset, shape, stride, requires_grad, hooks, dtype[, metadata])
      case Role::kRebuildTensorV3: {
        if (args.size() < 7) break;
        const auto& type = expect<Global>(args[6], "a torch dtype");
        const auto* known = find_known(type.module, type.name);
        if (known->role != Role::kDType) break;
        return push_tensor(args, known, 7);
      }
      case Role::kUnreadTensor: return push_unread(find_known(callee.module, callee.name)->unread);
      case Role::kWord: return push_none();
      default: break;
    }
    fail("a call of '" + std::string(callee.module) + "." + std::string(callee.name) +
             "' with odd arguments",
         "what torch.save writes", kConvert);
  }

  // OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 writes it.
  void push_ordered(const List& args) {
    push(Kind::kDict, Pairs{});
    if (args.empty()) return;
    auto& pairs = std::get<Pairs>(stack_.back()->data);
    const auto& items = expect<List>(args[0], "a list of pairs");
    spend(2 * sizeof(items[0]) * 2 * items.size());
    for (const Value* item : items) {
      const auto& pair = expect<List>(item, "a pair");
      if (pair.size() != 2) fail("an OrderedDict with a key but no value", "pairs");
      pairs.emplace_back(pair[0], pair[1]);
    }
  }

  void push_unread(std::string_view what) {
    Tensor tensor;
    tensor.unread = what;
    spend(sizeof(Tensor));
    push(Kind::kTensor, std::make_unique<const Tensor>(std::move(tensor)));
  }

  // What a tensor's metadata says beside shape and strides: {"neg": ..., "conj": ...}. Conjugates
  // are complex, which no readable type is.
  void read_metadata(const Value* metadata, Tensor& tensor) const {
    if (metadata->kind == Kind::kNone) return;
    for (const auto& [key, value] : expect<Pairs>(metadata, "metadata of a tensor")) {
      const auto name = expect<std::string_view>(key, "a name");
      const auto* bit = std::get_if<std::int64_t>(&value->data);
      if (value->kind != Kind::kBool || bit == nullptr)
        fail("metadata '" + printable(name) + "' of a tensor", "true or false", kConvert);
      if (*bit == 0) continue;
      if (name != "neg")
        fail("a tensor with metadata '" + printable(name) + "' set", "none, or 'neg'",
             "call .clone() or .resolve_conj() before saving");
      tensor.negative = true;
    }
  }

  // `type`: of a tensor over an untyped storage. `metadata`: its place in `args`.
  void push_tensor(const List& args, const Known* type, std::size_t metadata) {
    if (args.size() < 4) fail("a tensor with few arguments", "storage, offset, shape and stride");
    Tensor tensor;
    tensor.storage = expect<Storage>(args[0], "a storage");
    const auto unread = type != nullptr ? type->unread : tensor.storage.unread;
    if (!unread.empty()) return push_unread(unread);
    const auto dtype = type != nullptr ? type->dtype : tensor.storage.dtype;
    if (!dtype) fail("a tensor over an untyped storage", "an element type", kConvert);
    tensor.dtype = *dtype;
    if (args.size() > metadata) read_metadata(args[metadata], tensor);
    tensor.offset = expect<std::int64_t>(args[1], "an offset");
    tensor.shape = extents(args[2]);
    tensor.stride = extents(args[3]);
    if (tensor.offset < 0 || tensor.shape.size() != tensor.stride.size())
      fail("a tensor of shape " + to_string(tensor.shape) + " with strides " +
               to_string(tensor.stride) + " at offset " + std::to_string(tensor.offset),
           "one stride an extent and an offset of at least 0");
    spend(sizeof(Tensor) + 2 * sizeof(std::int64_t) * tensor.shape.size());
    push(Kind::kTensor, std::make_unique<const Tensor>(std::move(tensor)));
  }

  Shape extents(const Value* value) const {
    const auto& items = expect<List>(value, "a tuple of extents");
    if (items.size() > kMostExtents)
      fail(std::to_string(items.size()) + " extents", "at most " + std::to_string(kMostExtents));
    Shape out;
    out.reserve(items.size());
    for (const auto* item : items) {
      out.push_back(expect<std::int64_t>(item, "a whole number"));
      if (out.back() < 0) fail("the extent or stride " + std::to_string(out.back()), "0 or more");
    }
    return out;
  }

  // ("storage", type, key, location, count); older files add view metadata, which must be None.
  void push_storage(const List& id) {
    if (id.size() < 5 || id.size() > 6 || expect<std::string_view>(id[0], "a text") != "storage" ||
        (id.size() == 6 && id[5]->kind != Kind::kNone))
      fail("an odd persistent id", "('storage', type, key, location, count)", kConvert);
    const auto& type = expect<Global>(id[1], "a storage type");
    const auto* known = find_known(type.module, type.name);
    Storage storage;
    storage.key = expect<std::string_view>(id[2], "a storage key");
    storage.count = expect<std::int64_t>(id[4], "a count");
    storage.dtype = known->dtype;
    storage.unread = known->unread;
    storage.unit = known->dtype ? size_of(*known->dtype) : known->unit;
    if (known->role != Role::kStorage || storage.count < 0)
      fail("an odd storage", "a torch storage type and a count of at least 0");
    push(Kind::kStorage, storage);
  }

  static constexpr const char* kConvert =
      "convert the checkpoint to safetensors with a program you trust";

  std::span<const std::byte> bytes_;
  const std::string& where_;
  Document& document_;
  std::size_t at_ = 0, spent_ = 0;
  Value* none_ = nullptr;
  std::vector<Value*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, Value*> memo_;
};

Document::Document(std::span<const std::byte> bytes, const std::string& where) {
  Machine(bytes, where, *this).run();
}

std::vector<Storage> Document::storages() const {
  std::vector<Storage> out;
  for (const auto& value : values_) {
    if (const auto* storage = std::get_if<Storage>(&value.data)) out.push_back(*storage);
  }
  return out;
}

}  // namespace vega::pickle
