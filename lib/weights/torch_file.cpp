// From the records of a .pt or .pth archive to tensors. The legacy form and the zip form share the
// reading of tensor metadata, and so one file of over 400 lines.
#include "weights/torch_file.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "weights/detail.h"
#include "weights/pickle.h"
#include "weights/zip_archive.h"

namespace vega {
namespace fs = std::filesystem;
namespace detail = weights_detail;
namespace {

using pickle::Value;
using Record = ZipArchive::Record;

constexpr int kMostDepth = 64;
constexpr std::size_t kMostSetBytes = std::size_t{64} << 20;  // of names and shapes
constexpr std::size_t kMostNameBytes = 4096;
constexpr std::uint64_t kMostPickleBytes = std::uint64_t{64} << 20;
// Only tensors that overlap (expanded ones) need more than the file's own size once copied.
constexpr std::uint64_t kSpareCopies = std::uint64_t{4} << 20;
constexpr const char* kConvert = "convert the checkpoint to safetensors with a program you trust";

struct Loaded {
  Record record;
  TensorSet::Check check;
};
// Finds the bytes of a storage; throws FormatError.
using Loader = std::function<Loaded(const pickle::Storage&)>;

std::uint64_t storage_bytes(const pickle::Storage& storage, const std::string& where) {
  const std::uint64_t unit = storage.unit;
  const auto count = static_cast<std::uint64_t>(storage.count);
  if (count > INT64_MAX / unit)
    detail::fail(where, "a storage of " + std::to_string(count) + " elements",
                 "one that fits memory", detail::kFetchAgain);
  return count * unit;
}

// Copies a strided tensor into C order. T has the element's size.
template <typename T>
void gather(const std::byte* from, const Shape& shape, const Shape& stride, std::byte* to) {
  const std::size_t last = shape.size() - 1;
  Shape index(shape.size(), 0);
  for (;;) {
    std::int64_t start = 0;
    for (std::size_t d = 0; d < last; ++d) start += index[d] * stride[d];
    for (std::int64_t i = 0; i < shape[last]; ++i, to += sizeof(T))
      std::memcpy(to, from + static_cast<std::size_t>(start + i * stride[last]) * sizeof(T),
                  sizeof(T));
    std::size_t d = last;
    while (d > 0 && ++index[d - 1] == shape[d - 1]) index[--d] = 0;
    if (d == 0) return;
  }
}

void gather(const std::byte* from, const pickle::Tensor& tensor, std::byte* to) {
  switch (size_of(tensor.dtype)) {
    case 1: return gather<std::uint8_t>(from, tensor.shape, tensor.stride, to);
    case 2: return gather<std::uint16_t>(from, tensor.shape, tensor.stride, to);
    case 4: return gather<std::uint32_t>(from, tensor.shape, tensor.stride, to);
    default: return gather<std::uint64_t>(from, tensor.shape, tensor.stride, to);
  }
}

// Negates floats by their sign bit, whole numbers as two's complement. T has the element's size.
template <typename T>
void negate(std::span<std::byte> values, bool floating) {
  constexpr T kSign = static_cast<T>(T{1} << (8 * sizeof(T) - 1));
  for (std::size_t at = 0; at < values.size(); at += sizeof(T)) {
    T bits;
    std::memcpy(&bits, values.data() + at, sizeof(T));
    bits = static_cast<T>(floating ? bits ^ kSign : T{0} - bits);
    std::memcpy(values.data() + at, &bits, sizeof(T));
  }
}

void negate(std::span<std::byte> values, DType type) {
  const bool floating =
      type == DType::kF16 || type == DType::kBF16 || type == DType::kF32 || type == DType::kF64;
  switch (size_of(type)) {
    case 1: return negate<std::uint8_t>(values, floating);
    case 2: return negate<std::uint16_t>(values, floating);
    case 4: return negate<std::uint32_t>(values, floating);
    default: return negate<std::uint64_t>(values, floating);
  }
}

bool is_contiguous(const pickle::Tensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t d = tensor.shape.size(); d-- > 0;) {
    if (tensor.shape[d] == 1) continue;
    if (tensor.stride[d] != expected) return false;
    expected *= tensor.shape[d];
  }
  return true;
}

// Walks the values of a pickle and puts its tensors into a set.
class Flattener {
 public:
  Flattener(const fs::path& path, std::uint64_t file_bytes, Loader loader)
      : path_(path), copies_left_(file_bytes + kSpareCopies), loader_(std::move(loader)) {
    set_.add_file(path);
  }

  TensorSet run(const pickle::Document& document) {
    // A few shared values are usual; lists that each hold the one before twice are a bomb.
    constexpr std::size_t kFew = 10'000, kTimes = 4;
    nodes_left_ = kFew + kTimes * document.size();
    visit(document.root(), "", 0);
    return std::move(set_);
  }

 private:
  void visit(const Value& value, const std::string& name, int depth) {
    count_node();
    if (depth > kMostDepth || name.size() > kMostNameBytes)
      detail::fail(detail::where(path_, name), "values nested deeper than any checkpoint",
                   std::to_string(kMostDepth) + " levels", kConvert);
    if (value.kind == Value::Kind::kTensor)
      return add(*std::get<std::unique_ptr<const pickle::Tensor>>(value.data), name);
    const std::string prefix = depth == 0 ? "" : name + ".";
    if (const auto* list = std::get_if<pickle::List>(&value.data)) {
      for (std::size_t i = 0; i < list->size(); ++i) {
        if (is_branch(*(*list)[i])) visit(*(*list)[i], prefix + std::to_string(i), depth + 1);
      }
    }
    if (const auto* pairs = std::get_if<pickle::Pairs>(&value.data)) {
      for (const auto& [key, item] : last_of_each(*pairs)) {
        if (is_branch(*item)) visit(*item, prefix + key, depth + 1);
      }
    }
  }

  void count_node() {
    if (nodes_left_-- == 0)
      detail::fail(path_.string(), "the same values in very many places", "a checkpoint", kConvert);
  }

  static bool is_branch(const Value& value) {
    return value.kind == Value::Kind::kTensor || value.kind == Value::Kind::kList ||
           value.kind == Value::Kind::kDict;
  }

  // A key that is set again replaces its value, as in Python. Keys other than texts and whole
  // numbers cannot name a tensor.
  std::vector<std::pair<std::string, const Value*>> last_of_each(const pickle::Pairs& pairs) {
    std::vector<std::pair<std::string, const Value*>> out;
    std::map<std::string, std::size_t> places;
    for (const auto& [key, item] : pairs) {
      count_node();
      std::string text;
      if (const auto* name = std::get_if<std::string_view>(&key->data)) {
        if (name->size() > kMostNameBytes) continue;
        text = *name;
      } else if (const auto* number = std::get_if<std::int64_t>(&key->data)) {
        text = std::to_string(*number);
      } else {
        continue;
      }
      const auto [place, fresh] = places.try_emplace(text, out.size());
      if (fresh)
        out.emplace_back(text, item);
      else
        out[place->second].second = item;
    }
    return out;
  }

  void add(const pickle::Tensor& tensor, const std::string& name) {
    const auto where = detail::where(path_, name);
    // One tensor may lie in many containers, under a long name in each.
    constexpr std::size_t kEntry = 400;
    set_bytes_ += kEntry + 2 * name.size() + sizeof(std::int64_t) * tensor.shape.size();
    if (set_bytes_ > kMostSetBytes)
      detail::fail(where, "names of more than 64 MiB", "fewer tensors, each under one name",
                   kConvert);
    if (!tensor.unread.empty()) return set_.add_unreadable(name, std::string(tensor.unread), path_);
    TensorView view{tensor.dtype, tensor.shape, nullptr};
    std::uint64_t bytes = 0;
    try {
      bytes = view.bytes();
    } catch (const InputError&) {
      detail::fail(where, "shape " + to_string(tensor.shape),
                   "a shape whose product does not overflow", detail::kFetchAgain);
    }
    const auto [record, check] = loader_(tensor.storage);
    if (bytes == 0) return set_.add(name, view, record.owner, path_);
    if (tensor.negative && tensor.dtype == DType::kBool)
      detail::fail(where, "a negated tensor of bool", "numbers", kConvert);
    check_bounds(tensor, record.bytes.size() / size_of(tensor.dtype), where);
    const auto* begin =
        record.bytes.data() + static_cast<std::size_t>(tensor.offset) * size_of(tensor.dtype);
    if (is_contiguous(tensor) && !tensor.negative) {
      view.data = begin;
      return set_.add(name, view, record.owner, path_, check);
    }
    if (bytes > copies_left_)
      detail::fail(where,
                   "a strided or negated tensor of " + std::to_string(bytes) +
                       " bytes, which must be copied",
                   "copies not larger than the file", "call .contiguous() before saving");
    copies_left_ -= bytes;
    auto copy = std::make_shared<std::vector<std::byte>>(bytes);
    if (is_contiguous(tensor))
      std::memcpy(copy->data(), begin, bytes);
    else
      gather(begin, tensor, copy->data());
    if (tensor.negative) negate(*copy, tensor.dtype);
    view.data = copy->data();
    set_.add(name, view, std::move(copy), path_, check);
  }

  // offset + sum of (extent - 1) * stride is the last element touched.
  static void check_bounds(const pickle::Tensor& tensor, std::uint64_t capacity,
                           const std::string& where) {
    std::int64_t last = tensor.offset;
    bool overflow = false;
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
      std::int64_t reach = 0;
      overflow |= __builtin_mul_overflow(tensor.shape[d] - 1, tensor.stride[d], &reach) ||
                  __builtin_add_overflow(last, reach, &last);
    }
    if (overflow || static_cast<std::uint64_t>(last) >= capacity)
      detail::fail(where,
                   "shape " + to_string(tensor.shape) + ", strides " + to_string(tensor.stride) +
                       ", offset " + std::to_string(tensor.offset),
                   "elements within a storage of " + std::to_string(capacity), detail::kFetchAgain);
  }

  const fs::path& path_;
  std::uint64_t copies_left_;
  Loader loader_;
  std::size_t nodes_left_ = 0, set_bytes_ = 0;
  TensorSet set_;
};

// "archive/" of "archive/data.pkl".
std::string archive_prefix(const ZipArchive& zip, const fs::path& path) {
  std::string prefix;
  std::size_t found = 0;
  for (const auto& [name, entry] : zip.entries()) {
    const auto slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash) != "/data.pkl") continue;
    prefix = name.substr(0, slash + 1);
    ++found;
  }
  if (found != 1 || zip.entries().contains(prefix + "constants.pkl")) {
    detail::fail(path.string(),
                 found == 1 ? "a TorchScript program" : "a zip archive without one data.pkl",
                 "a checkpoint as torch.save writes it", kConvert);
  }
  return prefix;
}

TensorSet read_zip(const fs::path& path, const std::shared_ptr<const MappedFile>& file) {
  const auto zip = std::make_shared<const ZipArchive>(file);
  const auto prefix = archive_prefix(*zip, path);
  if (zip->entries().contains(prefix + "byteorder")) {
    const auto order = zip->read(prefix + "byteorder", true);  // owns what was inflated
    const std::string text(reinterpret_cast<const char*>(order.bytes.data()), order.bytes.size());
    if (text != "little")
      detail::fail(path.string() + ": record 'byteorder'", "'" + detail::printable(text) + "'",
                   "'little'", "save the checkpoint again on a little-endian machine");
  }
  const auto size = zip->entries().at(prefix + "data.pkl").size;
  const auto where = path.string() + ": record 'data.pkl'";
  if (size > kMostPickleBytes)
    detail::fail(where, std::to_string(size) + " bytes", "a pickle of at most 64 MiB", kConvert);
  const auto text = zip->read(prefix + "data.pkl", true);
  const pickle::Document document(text.bytes, where);
  std::map<std::string, Record> records;
  const Loader loader = [&](const pickle::Storage& storage) {
    const auto name = prefix + "data/" + std::string(storage.key);
    auto place = records.find(name);
    if (place == records.end()) place = records.emplace(name, zip->read(name, false)).first;
    const auto wanted = storage_bytes(storage, where);
    if (place->second.bytes.size() != wanted)
      detail::fail(path.string() + ": record '" + detail::printable(name) + "'",
                   std::to_string(place->second.bytes.size()) + " bytes",
                   std::to_string(wanted) + " as the pickle says", detail::kFetchAgain);
    return Loaded{place->second, [zip, name] { zip->verify(name); }};
  };
  return Flattener(path, file->bytes().size(), loader).run(document);
}

// Before PyTorch 1.6: pickles of a magic number, a version, the machine, the object and the list of
// storage keys, then for each key its count (i64) and its raw data.
class LegacyReader {
 public:
  LegacyReader(const fs::path& path, std::shared_ptr<const MappedFile> file)
      : path_(path), file_(std::move(file)) {}

  TensorSet read() {
    check_magic(next("magic number"));
    check_version(next("version"));
    check_machine(next("machine"));
    const auto object = next("object");
    const auto keys = next("storage keys");
    map_storages(object.storages(), keys.root());
    const Loader loader = [&](const pickle::Storage& storage) {
      const auto place = storages_.find(std::string(storage.key));
      if (place == storages_.end())
        detail::fail(path_.string(), "no data for storage '" + detail::printable(storage.key) + "'",
                     "all storages", detail::kFetchAgain);
      return Loaded{{place->second, file_}, {}};
    };
    return Flattener(path_, file_->bytes().size(), loader).run(object);
  }

 private:
  pickle::Document next(const std::string& what) {
    const auto rest = file_->bytes().subspan(at_);
    pickle::Document document(rest.first(std::min<std::size_t>(rest.size(), kMostPickleBytes)),
                              path_.string() + ": " + what);
    at_ += document.consumed();
    return document;
  }

  void check_magic(const pickle::Document& magic) const {
    constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
    const auto* text = std::get_if<std::string_view>(&magic.root().data);
    if (text == nullptr || *text != kMagic)
      detail::fail(path_.string(), "a pickle that is no torch checkpoint",
                   "a file written by torch.save", kConvert);
  }

  void check_version(const pickle::Document& version) const {
    const auto* number = std::get_if<std::int64_t>(&version.root().data);
    if (number == nullptr || *number != 1001)
      detail::fail(path_.string(), "an unknown version", "1001", kConvert);
  }

  void check_machine(const pickle::Document& machine) const {
    const auto* pairs = std::get_if<pickle::Pairs>(&machine.root().data);
    if (pairs != nullptr) {
      for (const auto& [key, value] : *pairs) {
        const auto* name = std::get_if<std::string_view>(&key->data);
        const auto* number = std::get_if<std::int64_t>(&value->data);
        if (name != nullptr && *name == "little_endian" && number != nullptr && *number == 1)
          return;
      }
    }
    detail::fail(path_.string(), "data of a big-endian machine", "little endian",
                 "save the checkpoint again on a little-endian machine");
  }

  void map_storages(const std::vector<pickle::Storage>& mentioned, const Value& keys) {
    std::map<std::string_view, const pickle::Storage*> known;
    for (const auto& storage : mentioned) {
      const auto [place, fresh] = known.try_emplace(storage.key, &storage);
      if (!fresh &&
          (place->second->dtype != storage.dtype || place->second->count != storage.count))
        detail::fail(path_.string(), "a storage with two types or sizes", "one",
                     detail::kFetchAgain);
    }
    const auto* list = std::get_if<pickle::List>(&keys.data);
    if (list == nullptr)
      detail::fail(path_.string(), "no list of storage keys", "one", detail::kFetchAgain);
    const auto bytes = file_->bytes();
    for (const auto* key : *list) {
      const auto* name = std::get_if<std::string_view>(&key->data);
      const auto place = name == nullptr ? known.end() : known.find(*name);
      if (place == known.end())
        detail::fail(path_.string(), "data of a storage that no tensor uses", "only used storages",
                     detail::kFetchAgain);
      const auto where = path_.string() + ": storage '" + detail::printable(*name) + "'";
      const auto size = storage_bytes(*place->second, where);
      if (bytes.size() - at_ < 8 || size > bytes.size() - at_ - 8)
        detail::fail(where, std::to_string(bytes.size() - at_) + " bytes left in the file",
                     std::to_string(size) + " and a count", detail::kFetchAgain);
      const auto count = detail::load<std::int64_t>(bytes, at_);
      if (count != place->second->count)
        detail::fail(where, std::to_string(count) + " elements",
                     std::to_string(place->second->count), detail::kFetchAgain);
      storages_.emplace(*name, bytes.subspan(at_ + 8, size));
      at_ += 8 + size;
    }
  }

  const fs::path& path_;
  std::shared_ptr<const MappedFile> file_;
  std::size_t at_ = 0;
  std::map<std::string, std::span<const std::byte>> storages_;
};

}  // namespace

TensorSet read_torch_file(const fs::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  if (ZipArchive::is_zip(bytes)) return read_zip(path, file);
  if (!bytes.empty() && bytes[0] == std::byte{0x80}) return LegacyReader(path, file).read();
  detail::fail_kind(path.string(), bytes, "a torch checkpoint");
}

}  // namespace vega
