#include "weights/torch_writer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "weights/detail.h"
#include "weights/zip_writer.h"

namespace vega {
namespace fs = std::filesystem;
namespace detail = weights_detail;
namespace {

// Storage class and, for the types that have none, the dtype over an untyped storage.
struct TorchType {
  std::string_view storage, dtype;
};

TorchType torch_type(DType type) {
  switch (type) {
    case DType::kBool: return {"BoolStorage", {}};
    case DType::kU8: return {"ByteStorage", {}};
    case DType::kI8: return {"CharStorage", {}};
    case DType::kI16: return {"ShortStorage", {}};
    case DType::kU16: return {{}, "uint16"};
    case DType::kI32: return {"IntStorage", {}};
    case DType::kU32: return {{}, "uint32"};
    case DType::kI64: return {"LongStorage", {}};
    case DType::kU64: return {{}, "uint64"};
    case DType::kF16: return {"HalfStorage", {}};
    case DType::kBF16: return {"BFloat16Storage", {}};
    case DType::kF32: return {"FloatStorage", {}};
    case DType::kF64: return {"DoubleStorage", {}};
  }
  return {};
}

// Pickle opcodes of protocol 2 (Python pickletools), as torch.save writes them but without memo.
class Pickler {
 public:
  Pickler() { text_ = "\x80\x02"; }

  void raw(std::string_view op) { text_ += op; }
  void global(std::string_view module, std::string_view name) {
    text_ += "c" + std::string(module) + "\n" + std::string(name) + "\n";
  }
  void text(std::string_view value) { (text_ += 'X', number(value.size(), 4), text_ += value); }
  void integer(std::uint64_t value) {
    if (value <= 0x7fffffff)
      (text_ += 'J', number(value, 4));
    else
      (text_ += "\x8a\x08", number(value, 8));  // LONG1
  }
  void tuple(const Shape& values) {
    raw("(");
    for (const auto value : values) integer(static_cast<std::uint64_t>(value));
    raw("t");
  }
  void ordered_dict() { (global("collections", "OrderedDict"), raw(")R")); }

  // torch._utils._rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict()).
  void tensor(const TensorSpec& spec, const std::string& key) {
    const auto type = torch_type(spec.dtype);
    const bool typed = !type.storage.empty();
    const auto count = static_cast<std::uint64_t>(element_count(spec.shape));
    global("torch._utils", typed ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
    raw("((");
    text("storage");
    typed ? global("torch", type.storage) : global("torch.storage", "UntypedStorage");
    text(key);
    text("cpu");
    integer(typed ? count : count * size_of(spec.dtype));
    raw("tQ");
    integer(0);
    tuple(spec.shape);
    Shape stride(spec.shape.size(), 1);
    for (std::size_t d = stride.size(); d-- > 1;)
      stride[d - 1] = stride[d] * std::max<std::int64_t>(spec.shape[d], 1);
    tuple(stride);
    raw("\x89");
    ordered_dict();
    if (!typed) global("torch", type.dtype);
    raw("tR");
  }

  std::string finish() { return std::move(text_ += '.'); }

 private:
  void number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) text_ += static_cast<char>((value >> (8 * i)) & 0xffU);
  }
  std::string text_;
};

void write_archive(const fs::path& path, const std::string& pickle,
                   std::span<const TorchEntry> entries) {
  ZipWriter zip(path);
  zip.add("archive/data.pkl", pickle);
  zip.add("archive/byteorder", "little");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& spec = entries[i].spec;
    zip.add("archive/data/" + std::to_string(i),
            TensorView{spec.dtype, spec.shape, nullptr}.bytes(), entries[i].fill);
  }
  zip.add("archive/version", "3\n");
  zip.publish();
}

TorchEntry entry_of(std::string name, const TensorView& view) {
  return {{std::move(name), view.dtype, view.shape}, [view](const ByteSink& sink) {
            sink({view.data, view.bytes()});
          }};
}

}  // namespace

void write_torch_file(const fs::path& path, const std::vector<TorchEntry>& entries, bool ordered) {
  Pickler pickler;
  if (ordered)
    pickler.ordered_dict();
  else
    pickler.raw("}");
  pickler.raw("(");
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& spec = entries[i].spec;
    if (!names.insert(spec.name).second)
      throw InputError(
          explain(detail::where(path, spec.name), "a name that is taken", "unique names"));
    pickler.text(spec.name);
    pickler.tensor(spec, std::to_string(i));
  }
  pickler.raw("u");
  write_archive(path, pickler.finish(), entries);
}

void write_torch_tensor(const fs::path& path, const TorchEntry& entry) {
  Pickler pickler;
  pickler.tensor(entry.spec, "0");
  write_archive(path, pickler.finish(), {&entry, 1});
}

void write_torch_file(const fs::path& path, const std::map<std::string, TensorView>& tensors,
                      bool ordered) {
  std::vector<TorchEntry> entries;
  for (const auto& [name, view] : tensors) entries.push_back(entry_of(name, view));
  write_torch_file(path, entries, ordered);
}

void write_torch_tensor(const fs::path& path, const TensorView& tensor) {
  write_torch_tensor(path, entry_of("", tensor));
}

}  // namespace vega
