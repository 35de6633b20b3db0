#include "scan/detail.h"

#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/printable.h"

namespace vega::scan::detail {
namespace {

constexpr std::size_t kMostToken = std::size_t{64} << 10, kMostValues = 1'000'000;
constexpr int kMostDepth = 32;

// Builds the elements of one list, one after the other, and skips everything else.
class ListEvents final : public JsonEvents {
 public:
  ListEvents(const std::string& where, const std::string& name, const std::string& expected,
             const TakeElement& take)
      : where_(where + ": " + name), name_(name), expected_(expected), take_(take) {}

  void open(bool list) override {
    if (in_list_) {
      parts_.push_back({list ? Json::list() : Json::object(), {}});
    } else if (depth_ == 1 && member_ == name_) {
      if (!list || seen_) refuse(list ? "the list twice" : "an object");
      seen_ = in_list_ = true;
    }
    ++depth_;
  }
  void close() override {
    --depth_;
    if (parts_.empty()) {
      in_list_ = false;
      return;
    }
    Json done = std::move(parts_.back().value);
    parts_.pop_back();
    add(std::move(done));
  }
  void key(const std::string& name) override {
    if (!parts_.empty()) parts_.back().key = name;
    if (depth_ == 1) member_ = name;
  }
  void value(const Json& scalar) override {
    if (in_list_) return add(scalar);
    if (depth_ == 1 && member_ == name_) refuse(shown(scalar));
  }
  void finish() const {
    if (!seen_) refuse("a file without it");
  }

 private:
  struct Part {
    Json value;
    std::string key;
  };

  // A value is complete: a part of the element at hand, or the element itself.
  void add(Json value) {
    if (++values_ > kMostValues)
      refuse("element " + std::to_string(index_) + " with more than " +
             std::to_string(kMostValues) + " values");
    if (parts_.empty()) {
      take_(index_++, value, twice_);
      values_ = 0;
      twice_.clear();
    } else if (Part& part = parts_.back(); part.value.is_list()) {
      part.value.push(std::move(value));
    } else if (part.value.contains(part.key)) {
      twice_ = printable(part.key);
    } else {
      part.value.add(part.key, std::move(value));
    }
  }
  [[noreturn]] void refuse(const std::string& got) const { fail(where_, got, expected_); }

  const std::string where_, name_, expected_;
  const TakeElement& take_;
  int depth_ = 0;
  bool seen_ = false, in_list_ = false;
  std::string member_, twice_;
  std::size_t index_ = 0, values_ = 0;
  std::vector<Part> parts_;
};

struct Text {
  explicit Text(const std::filesystem::path& file) : mapped(file) {}
  std::string_view text() const { return mapped.text(); }
  JsonLimits limits() const {
    return {mapped.bytes().size(), kMostDepth, kMostToken, false, kMostValues};
  }

  MappedFile mapped;
};

}  // namespace

std::string release_name(const std::string& scene) {
  constexpr std::string_view kPrefix = "scannet/";
  return scene.starts_with(kPrefix) ? scene : std::string(kPrefix) + scene;
}

std::string printable(std::string_view text) { return vega::printable(text, 80); }

void fail(const std::string& where, const std::string& got, const std::string& expected,
          const std::string& remedy) {
  throw FormatError(explain(where, got, expected, remedy));
}

void read_list(const std::filesystem::path& file, const std::string& name,
               const std::string& expected, const TakeElement& take) {
  const Text json(file);
  ListEvents events(file.string(), name, expected, take);
  parse_json(json.text(), {file.string(), "JSON with a list " + name, kFetchAgain}, json.limits(),
             events);
  events.finish();
}

void read_members(const std::filesystem::path& file, const std::string& what,
                  const std::function<void(const std::string&, const Json&)>& take) {
  const Text json(file);
  parse_json_members(json.text(), {file.string(), what, kFetchAgain}, json.limits(), take);
}

double widen(DType type, const std::byte* at) {
  const auto as = [&](auto value) {
    std::memcpy(&value, at, sizeof value);
    return value;
  };
  switch (type) {
    case DType::kBool: return as(std::uint8_t{}) != 0 ? 1 : 0;
    case DType::kU8: return as(std::uint8_t{});
    case DType::kI8: return as(std::int8_t{});
    case DType::kI16: return as(std::int16_t{});
    case DType::kU16: return as(std::uint16_t{});
    case DType::kI32: return as(std::int32_t{});
    case DType::kU32: return as(std::uint32_t{});
    case DType::kI64: return static_cast<double>(as(std::int64_t{}));
    case DType::kU64: return static_cast<double>(as(std::uint64_t{}));
    case DType::kF16: return f32_from_f16(as(std::uint16_t{}));
    case DType::kF32: return as(float{});
    case DType::kF64: return as(double{});
    default: return 0;
  }
}

std::optional<std::int32_t> whole_to(const Json& value, std::int64_t most) {
  const auto whole = value.whole();
  if (!whole || *whole < 0 || *whole > most) return std::nullopt;
  return static_cast<std::int32_t>(*whole);
}

}  // namespace vega::scan::detail
