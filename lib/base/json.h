// JSON: a value, its text, and the guard that every text from outside passes.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace vega {

struct JsonMember;

// Null, true or false, a number, a text, a list or an object. An object keeps its members in the
// order in which they were added. Reading never throws: what is not there, or is of another kind,
// reads as null, nothing or an empty span.
class Json {
 public:
  // Defined below, where JsonMember is complete: clang asks for that.
  Json();
  ~Json();
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  Json(std::nullptr_t);
  template <std::same_as<bool> T>
  Json(T value);
  template <std::signed_integral T>
  Json(T value);
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) Json(T value);
  template <std::floating_point T>
  Json(T value);
  template <std::convertible_to<std::string_view> T>
  Json(const T& value);
  // A vector, an array or a span becomes a list; a map becomes an object.
  template <typename R>
  requires(!std::same_as<R, Json> && !std::convertible_to<R, std::string_view> &&
           std::ranges::input_range<R>) Json(const R& values);
  Json(std::vector<Json> elements);
  // {{"views", 3}, {"size", {{"width", 640}}}}: an object.
  Json(std::initializer_list<JsonMember> members);

  static Json object();
  static Json list();
  static Json list(std::initializer_list<Json> elements);

  bool is_null() const { return data_.index() == 0; }
  bool is_object() const { return std::holds_alternative<Object>(data_); }
  bool is_list() const { return std::holds_alternative<List>(data_); }

  std::optional<bool> flag() const;
  std::optional<double> number() const;
  // A number written without fraction and exponent, where it fits.
  std::optional<std::int64_t> whole() const;
  std::optional<std::uint64_t> count() const;
  const std::string* text() const;  // null: no text
  std::string text_or(std::string_view other) const;

  std::span<const Json> elements() const&;       // of a list
  std::span<const JsonMember> members() const&;  // of an object
  void elements() && = delete;                   // a loop would outlive the value
  void members() && = delete;
  std::size_t size() const;  // of either
  const Json* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  const Json& operator[](std::string_view name) const;
  const Json& operator[](std::size_t index) const;

  // Adds a member, or replaces the value of the one with this name. A null becomes an object.
  Json& set(std::string_view name, Json value);
  // Adds a member whose name is known to be new.
  Json& add(std::string_view name, Json value);
  // Adds an element. A null becomes a list.
  Json& push(Json value);
  void erase(std::string_view name);

  // Equal values. Numbers are compared by value, objects without regard to the order.
  bool operator==(const Json& other) const;

  // One line, or `indent` blanks a level. Bytes that are not UTF-8 become U+FFFD; NaN and infinity
  // become null. Numbers have the fewest digits that read back as the same double.
  std::string dump(int indent = -1) const;
  // The same with the members of all objects sorted by the bytes of their names.
  Json sorted() const;

 private:
  using List = std::vector<Json>;
  using Object = std::vector<JsonMember>;

  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, List, Object>
      data_;
};

struct JsonMember {
  JsonMember(std::string_view member_name, Json member_value)
      : name(member_name), value(std::move(member_value)) {}
  bool operator==(const JsonMember&) const = default;

  std::string name;
  Json value;
};

inline Json::Json() = default;
inline Json::~Json() = default;
inline Json::Json(const Json& other) = default;
inline Json::Json(Json&& other) noexcept = default;
inline Json& Json::operator=(const Json& other) = default;
inline Json& Json::operator=(Json&& other) noexcept = default;
inline Json Json::object() { return Json(std::initializer_list<JsonMember>{}); }
inline Json Json::list() { return Json(List{}); }
inline Json Json::list(std::initializer_list<Json> elements) { return Json(List(elements)); }
inline Json::Json(std::nullptr_t) {}
template <std::same_as<bool> T>
Json::Json(T value) : data_(value) {}
template <std::signed_integral T>
Json::Json(T value) : data_(static_cast<std::int64_t>(value)) {}
template <std::unsigned_integral T>
requires(!std::same_as<T, bool>) Json::Json(T value) : data_(static_cast<std::uint64_t>(value)) {}
template <std::floating_point T>
Json::Json(T value) : data_(static_cast<double>(value)) {}
template <std::convertible_to<std::string_view> T>
Json::Json(const T& value) : data_(std::string(std::string_view(value))) {}
inline Json::Json(std::vector<Json> elements) : data_(std::move(elements)) {}

template <typename R>
requires(!std::same_as<R, Json> && !std::convertible_to<R, std::string_view> &&
         std::ranges::input_range<R>) Json::Json(const R& values) {
  if constexpr (requires { typename R::mapped_type; }) {
    data_ = Object{};
    for (const auto& [name, value] : values) add(name, value);
  } else {
    data_ = List{};
    for (const auto& value : values) push(value);
  }
}

// Whether all bytes form UTF-8.
bool is_utf8(std::string_view text);

// A value for a message: ASCII, at most 80 characters.
std::string shown(const Json& value);

// What a text may be at most.
struct JsonLimits {
  std::size_t bytes = std::size_t{1} << 20;
  int depth = 16;                            // open objects and lists
  std::size_t token = std::size_t{1} << 20;  // bytes between two of []{}:," outside of a text
  bool unique = true;                        // a name twice in one object is an error
  std::size_t values = 1'000'000;            // held at once: a value takes 40 bytes
};

// Where a text comes from and what it should be, for messages.
struct JsonOrigin {
  std::string where, what;
  std::string remedy = "fetch the file again";
};

// Gets a text piece by piece, in order, in memory that does not grow with the text.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void open(bool list) = 0;  // an object or a list begins
  virtual void close() = 0;
  virtual void key(const std::string& name) = 0;
  virtual void value(const Json& scalar) = 0;  // no list and no object
};

// A byte order mark of UTF-8 is skipped. Both throw FormatError (where, byte or name, what, remedy)
// where the text breaks, is empty, is no text (require_text), has a number outside of double, or is
// over a limit; and what `events` throws.
// limits.values holds for the second one.
void parse_json(std::string_view text, const JsonOrigin& origin, const JsonLimits& limits,
                JsonEvents& events);
Json parse_json(std::string_view text, const JsonOrigin& origin, const JsonLimits& limits = {});

// Gives the members of the object that the text is to `take`, in order, while holding one at a time
// (limits.values is for each). Throws like the two above.
void parse_json_members(std::string_view text, const JsonOrigin& origin, const JsonLimits& limits,
                        const std::function<void(const std::string&, const Json&)>& take);

// Nothing where the others throw. Without a limit of bytes, for what this process holds anyway.
std::optional<Json> parse_json(std::string_view text);

// The JSON of a file. Throws also InputError when the file cannot be opened.
Json read_json(const std::filesystem::path& path, const std::string& what,
               const JsonLimits& limits = {});

}  // namespace vega
