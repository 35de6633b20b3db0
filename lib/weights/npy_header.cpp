#include <array>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "weights/detail.h"
#include "weights/npy.h"

namespace vega {
namespace detail = weights_detail;
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kMostNpyExtents = 32;  // numpy 1; numpy 2 allows 64
constexpr const char* kSaveAgain = "save it again: np.save(path, array.astype('float32'))";

// Reads the header's Python dict: literal keys, a text, a bool, a tuple of whole numbers.
class Literal {
 public:
  Literal(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  NpyHeader parse() {
    NpyHeader header;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!take('}')) {
      const auto key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        descr = true;
        header.dtype = element_type();
      } else if (key == "fortran_order" && !order) {
        order = true;
        header.fortran = boolean();
      } else if (key == "shape" && !shape) {
        shape = true;
        header.shape = extents();
      } else {
        broken("the key '" + detail::printable(key) + "'");
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    if (!descr || !order || !shape) broken("a header without descr, fortran_order or shape");
    return header;
  }

 private:
  [[noreturn]] void broken(const std::string& got) const {
    detail::fail(where_, got, "{'descr': text, 'fortran_order': bool, 'shape': (counts)}",
                 detail::kFetchAgain);
  }

  void spaces() {
    while (at_ < text_.size() && std::strchr(" \t\n\r", text_[at_]) != nullptr) ++at_;
  }
  bool take(char c) {
    spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (take(c)) return;
    broken("a header that breaks at its byte " + std::to_string(at_));
  }

  std::string_view quoted() {
    spaces();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    const auto end = quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : text_.npos;
    if (end == text_.npos) broken("a header that breaks at its byte " + std::to_string(at_));
    const auto value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }

  bool boolean() {
    spaces();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      return value;
    }
    broken("a fortran_order that is neither True nor False");
  }

  Shape extents() {
    Shape shape;
    expect('(');
    while (!take(')')) {
      spaces();
      std::int64_t value = 0;
      const auto rest = text_.substr(at_);
      const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
      if (code != std::errc() || value < 0 || shape.size() >= kMostNpyExtents)
        broken("a shape that breaks at byte " + std::to_string(at_) + " of the header");
      shape.push_back(value);
      at_ += static_cast<std::size_t>(end - rest.data());
      take('L');  // Python 2
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }

  DType element_type() {
    spaces();
    if (at_ < text_.size() && text_[at_] == '[')
      detail::fail(where_, "an array of structures", "floating-point values",
                   "save the field of interest alone: np.save(path, array['FIELD'])");
    const auto text = quoted();
    if (text.size() < 2) broken("the element type '" + detail::printable(text) + "'");
    const char order = text[0];
    const auto kind = text.substr(1);
    if (order == '>')
      detail::fail(where_, "big-endian values (" + detail::printable(text) + ")", "little endian",
                   "save it again: np.save(path, array.astype(array.dtype.newbyteorder('<')))");
    if (kind.starts_with('O'))
      detail::fail(where_, "an array of Python objects (a pickle, which is never executed)",
                   "floating-point values", "save the arrays themselves, one array a name");
    if (kind == "V2")
      detail::fail(where_, "2 raw bytes a value (" + detail::printable(text) + ")",
                   "a type that numpy knows; bfloat16 loses its name in .npy", kSaveAgain);
    struct Row {
      std::string_view name;
      DType type;
    };
    static constexpr std::array<Row, 12> kRows{{{"b1", DType::kBool},
                                                {"u1", DType::kU8},
                                                {"i1", DType::kI8},
                                                {"i2", DType::kI16},
                                                {"u2", DType::kU16},
                                                {"i4", DType::kI32},
                                                {"u4", DType::kU32},
                                                {"i8", DType::kI64},
                                                {"u8", DType::kU64},
                                                {"f2", DType::kF16},
                                                {"f4", DType::kF32},
                                                {"f8", DType::kF64}}};
    for (const auto& row : kRows) {
      if (row.name == kind && (order == '<' || order == '|' || order == '=')) return row.type;
    }
    detail::fail(where_, "element type '" + detail::printable(text) + "'",
                 "float16, float32 or float64 ('<f2', '<f4', '<f8'), integers or bool", kSaveAgain);
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> bytes, const std::string& where) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic) || text.size() < 10)
    detail::fail_kind(where, bytes, "a file written by numpy.save");
  const int version = static_cast<unsigned char>(text[6]);
  if (version < 1 || version > 3)
    detail::fail(where, "version " + std::to_string(version) + " of the format", "1, 2 or 3",
                 kSaveAgain);
  const std::size_t fixed = version == 1 ? 10 : 12;
  std::size_t size = 0;
  if (version == 1) {
    size = detail::load<std::uint16_t>(bytes, 8);
  } else if (text.size() >= fixed) {
    size = detail::load<std::uint32_t>(bytes, 8);
  }
  if (fixed + size > kNpyHeaderBytes || fixed + size > text.size())
    detail::fail(where, "a header of " + std::to_string(size) + " bytes",
                 "one within the file, of at most " + std::to_string(kNpyHeaderBytes) + " bytes",
                 detail::kFetchAgain);
  NpyHeader header = Literal(text.substr(fixed, size), where).parse();
  header.data_begin = fixed + size;
  try {
    const auto count = element_count(header.shape);
    if (count > INT64_MAX / 8) throw InputError("too large");
  } catch (const InputError&) {
    detail::fail(where, "shape " + to_string(header.shape), "a shape that fits memory",
                 detail::kFetchAgain);
  }
  return header;
}

NpyWriter::NpyWriter(std::filesystem::path path, DType dtype, const Shape& shape)
    : part_(std::move(path)) {
  std::string kind;
  switch (dtype) {
    case DType::kBool: kind = "|b1"; break;
    case DType::kU8: kind = "|u1"; break;
    case DType::kI8: kind = "|i1"; break;
    case DType::kBF16:
      throw InputError(explain(part_.final_path().string(), "bf16 values", "a type of numpy",
                               "widen them to f32, which is exact"));
    default: {
      const std::string name(name_of(dtype));  // i16, u32, f64, ...
      kind = "<" + name.substr(0, 1) + std::to_string(size_of(dtype));
    }
  }
  std::string tuple;
  for (const auto extent : shape) tuple += std::to_string(extent) + ", ";
  if (shape.size() > 1) tuple.resize(tuple.size() - 2);
  if (shape.size() == 1) tuple.pop_back();
  std::string text =
      "{'descr': '" + kind + "', 'fortran_order': False, 'shape': (" + tuple + "), }";
  const std::size_t bare = 10 + text.size() + 1;
  text += std::string((64 - bare % 64) % 64, ' ') + "\n";  // values begin at a multiple of 64
  std::string head(kMagic);
  head += std::string("\x01\x00", 2);
  head += static_cast<char>(text.size() & 0xffU);
  head += static_cast<char>(text.size() >> 8);
  head += text;
  detail::write_at(part_.descriptor(), part_.path(), detail::as_bytes(head), 0);
  at_ = head.size();
  end_ = at_ + TensorView{dtype, shape, nullptr}.bytes();
}

void NpyWriter::write(std::span<const std::byte> piece) {
  if (piece.size() > end_ - at_)
    throw InputError(explain(part_.final_path().string(), "more bytes than the shape holds",
                             std::to_string(end_ - at_) + " left"));
  detail::write_at(part_.descriptor(), part_.path(), piece, at_);
  at_ += piece.size();
}

void NpyWriter::publish() {
  if (at_ != end_)
    throw InputError(explain(part_.final_path().string(),
                             std::to_string(end_ - at_) + " bytes too few", "the whole array"));
  part_.publish();
}

}  // namespace vega
