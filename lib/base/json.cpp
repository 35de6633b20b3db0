#include "base/json.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/mapped_file.h"
#include "base/printable.h"

namespace vega {
namespace {

const Json kNull;

// The writer is nlohmann's, so that numbers and escapes are those that existing keys were made of.
nlohmann::ordered_json outside(const Json& json) {
  if (json.is_null()) return nullptr;
  if (json.is_object()) {
    auto out = nlohmann::ordered_json::object();
    for (const auto& [name, value] : json.members())
      out.get_ref<nlohmann::ordered_json::object_t&>().emplace_back(name, outside(value));
    return out;
  }
  if (json.is_list()) {
    auto out = nlohmann::ordered_json::array();
    for (const Json& element : json.elements()) out.push_back(outside(element));
    return out;
  }
  if (const auto* text = json.text()) return *text;
  if (const auto flag = json.flag()) return *flag;
  if (const auto whole = json.whole()) return *whole;
  if (const auto count = json.count()) return *count;
  return *json.number();
}

[[noreturn]] void fail(const JsonOrigin& origin, const std::string& got) {
  throw FormatError(explain(origin.where, got, origin.what, origin.remedy));
}

// A pointer, a web page or a picture in place of the file: says which. What begins as JSON may.
void check_kind(std::string_view text, const JsonOrigin& origin) {
  const std::size_t bom = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  const auto first = text.find_first_not_of(" \t\r\n", bom);
  if (first != text.npos && std::string_view("{[\"-0123456789tfnNI").find(text[first]) != text.npos)
    return;
  const FileKind kind = file_kind(std::as_bytes(std::span(text.data(), text.size())));
  throw FormatError(explain(origin.where, kind.name, origin.what,
                            kind.remedy.empty() ? origin.remedy : kind.remedy));
}

// The parser keeps the token at hand in memory, and a value takes stack for each level when it is
// destroyed: both are bounded before anything is parsed.
void check_extent(std::string_view text, const JsonOrigin& origin, const JsonLimits& limits) {
  bool quoted = false;
  std::size_t run = 0;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (++run > limits.token)
      fail(origin, "a token of more than " + std::to_string(limits.token) +
                       " bytes that reaches over byte " + std::to_string(i));
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false, run = 0;
      continue;
    }
    switch (c) {
      case '"': quoted = true, run = 0; break;
      case '{':
      case '[':
        if (++depth > limits.depth)
          fail(origin, "deeply nested JSON (more than " + std::to_string(limits.depth) +
                           " levels at byte " + std::to_string(i) + ")");
        run = 0;
        break;
      case '}':
      case ']': --depth, run = 0; break;
      case ',':
      case ':': run = 0; break;
      default: break;
    }
  }
}

// From nlohmann's events to ours.
class Adapter final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Adapter(const JsonOrigin& origin, bool unique, JsonEvents& events)
      : origin_(origin), unique_(unique), events_(events) {}

  bool null() override { return events_.value(kNull), true; }
  bool boolean(bool value) override { return events_.value(value), true; }
  bool number_integer(number_integer_t value) override { return events_.value(value), true; }
  bool number_unsigned(number_unsigned_t value) override { return events_.value(value), true; }
  bool number_float(number_float_t value, const string_t&) override {
    return events_.value(value), true;
  }
  bool string(string_t& value) override { return events_.value(value), true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (unique_ && !names_.back().insert(name).second)
      throw FormatError(explain(origin_.where + ": key '" + printable(name) + "'", "the key twice",
                                "unique keys", origin_.remedy));
    events_.key(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    fail(origin_, "JSON that breaks at byte " + std::to_string(position));
  }

 private:
  bool open(bool list) {
    if (unique_) names_.emplace_back();
    events_.open(list);
    return true;
  }
  bool close() {
    if (unique_) names_.pop_back();
    events_.close();
    return true;
  }

  const JsonOrigin& origin_;
  bool unique_;
  JsonEvents& events_;
  std::vector<std::set<std::string>> names_;  // of each open object; of a list: none
};

class Builder final : public JsonEvents {
 public:
  Builder(const JsonOrigin& origin, std::size_t most) : origin_(origin), most_(most) {}

  Json take() {
    count_ = 0;
    return std::move(root_);
  }
  bool inside() const { return !open_.empty(); }

  void open(bool list) override { open_.push_back(put(list ? Json::list() : Json::object())); }
  void close() override { open_.pop_back(); }
  void key(const std::string& name) override { name_ = name; }
  void value(const Json& scalar) override { put(scalar); }

 private:
  // Open lists and objects never move in memory: elements are added to the innermost one only.
  Json* put(Json value) {
    if (++count_ > most_) fail(origin_, "more than " + std::to_string(most_) + " values");
    if (open_.empty()) return &(root_ = std::move(value));
    Json& in = *open_.back();
    return in.is_list() ? &in.push(std::move(value)) : &in.add(name_, std::move(value));
  }

  const JsonOrigin& origin_;
  std::size_t most_, count_ = 0;
  Json root_;
  std::vector<Json*> open_;
  std::string name_;
};

class Members final : public JsonEvents {
 public:
  using Take = std::function<void(const std::string&, const Json&)>;
  Members(const JsonOrigin& origin, std::size_t most, const Take& take)
      : origin_(origin), builder_(origin, most), take_(take) {}

  void open(bool list) override {
    if (root_open_) return builder_.open(list);
    if (list) fail(origin_, "a list");
    root_open_ = true;
  }
  void close() override {
    if (!builder_.inside()) return;
    builder_.close();
    finish();
  }
  void key(const std::string& name) override {
    if (builder_.inside()) return builder_.key(name);
    name_ = name;
  }
  void value(const Json& scalar) override {
    if (!root_open_) fail(origin_, "JSON that is no object");
    builder_.value(scalar);
    finish();
  }

 private:
  void finish() {
    if (!builder_.inside()) take_(name_, builder_.take());
  }

  const JsonOrigin& origin_;
  Builder builder_;
  const Take& take_;
  bool root_open_ = false;
  std::string name_;
};

}  // namespace

Json::Json(std::initializer_list<JsonMember> members) : data_(Object(members)) {}

std::optional<bool> Json::flag() const {
  const auto* value = std::get_if<bool>(&data_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<double> Json::number() const {
  return std::visit(
      [](const auto& value) -> std::optional<double> {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
          return static_cast<double>(value);
        else
          return std::nullopt;
      },
      data_);
}

std::optional<std::int64_t> Json::whole() const {
  if (const auto* value = std::get_if<std::int64_t>(&data_)) return *value;
  const auto* value = std::get_if<std::uint64_t>(&data_);
  if (value == nullptr || !std::in_range<std::int64_t>(*value)) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<std::uint64_t> Json::count() const {
  if (const auto* value = std::get_if<std::uint64_t>(&data_)) return *value;
  const auto* value = std::get_if<std::int64_t>(&data_);
  if (value == nullptr || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

const std::string* Json::text() const { return std::get_if<std::string>(&data_); }

std::string Json::text_or(std::string_view other) const {
  return text() != nullptr ? *text() : std::string(other);
}

std::span<const Json> Json::elements() const& {
  const auto* list = std::get_if<List>(&data_);
  return list != nullptr ? std::span<const Json>(*list) : std::span<const Json>();
}

std::span<const JsonMember> Json::members() const& {
  const auto* object = std::get_if<Object>(&data_);
  return object != nullptr ? std::span<const JsonMember>(*object) : std::span<const JsonMember>();
}

std::size_t Json::size() const { return is_list() ? elements().size() : members().size(); }

const Json* Json::find(std::string_view name) const {
  for (const JsonMember& member : members()) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

const Json& Json::operator[](std::string_view name) const {
  const Json* found = find(name);
  return found != nullptr ? *found : kNull;
}

const Json& Json::operator[](std::size_t index) const {
  return index < elements().size() ? elements()[index] : kNull;
}

Json& Json::set(std::string_view name, Json value) {
  if (auto* members = std::get_if<Object>(&data_)) {
    const auto at = std::ranges::find(*members, name, &JsonMember::name);
    if (at != members->end()) return at->value = std::move(value);
  }
  return add(name, std::move(value));
}

Json& Json::add(std::string_view name, Json value) {
  if (!is_object()) data_ = Object{};
  return std::get<Object>(data_).emplace_back(name, std::move(value)).value;
}

Json& Json::push(Json value) {
  if (!is_list()) data_ = List{};
  return std::get<List>(data_).emplace_back(std::move(value));
}

void Json::erase(std::string_view name) {
  if (auto* members = std::get_if<Object>(&data_))
    std::erase_if(*members, [&](const JsonMember& member) { return member.name == name; });
}

bool Json::operator==(const Json& other) const {
  if (is_object() && other.is_object()) {
    const auto by_name = [](const Json& json) {
      std::vector<const JsonMember*> out;
      for (const JsonMember& member : json.members()) out.push_back(&member);
      std::ranges::sort(out, {}, [](const JsonMember* m) -> const std::string& { return m->name; });
      return out;
    };
    return std::ranges::equal(by_name(*this), by_name(other),
                              [](const auto* a, const auto* b) { return *a == *b; });
  }
  if (const auto mine = number(), theirs = other.number(); mine && theirs) {
    if (whole() && other.whole()) return whole() == other.whole();
    if (count() && other.count()) return count() == other.count();
    return mine == theirs;
  }
  return data_ == other.data_;
}

std::string Json::dump(int indent) const {
  return outside(*this).dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Json Json::sorted() const {
  Json out = *this;
  if (auto* list = std::get_if<List>(&out.data_)) {
    for (Json& element : *list) element = element.sorted();
  }
  if (auto* members = std::get_if<Object>(&out.data_)) {
    for (JsonMember& member : *members) member.value = member.value.sorted();
    std::ranges::stable_sort(*members, {}, &JsonMember::name);
  }
  return out;
}

bool is_utf8(std::string_view text) {
  try {
    static_cast<void>(nlohmann::json(text).dump());
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

std::string shown(const Json& value) {
  constexpr std::size_t kMost = 80;
  const std::string text =
      outside(value).dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

void parse_json(std::string_view text, const JsonOrigin& origin, const JsonLimits& limits,
                JsonEvents& events) {
  if (text.empty()) fail(origin, "an empty file");
  if (text.size() > limits.bytes)
    fail(origin, std::to_string(text.size()) + " bytes, which is more than " +
                     std::to_string(limits.bytes));
  require_text(origin.where, text, origin.what);
  check_kind(text, origin);
  check_extent(text, origin, limits);
  Adapter adapter(origin, limits.unique, events);
  nlohmann::json::sax_parse(text, &adapter);
}

Json parse_json(std::string_view text, const JsonOrigin& origin, const JsonLimits& limits) {
  Builder builder(origin, limits.values);
  JsonLimits strict = limits;
  strict.unique = true;
  parse_json(text, origin, strict, builder);
  return builder.take();
}

void parse_json_members(std::string_view text, const JsonOrigin& origin, const JsonLimits& limits,
                        const std::function<void(const std::string&, const Json&)>& take) {
  Members members(origin, limits.values, take);
  JsonLimits strict = limits;
  strict.unique = true;
  parse_json(text, origin, strict, members);
}

std::optional<Json> parse_json(std::string_view text) {
  constexpr int kDepth = 32;
  try {
    return parse_json(text, {"", "", ""}, {text.size(), kDepth, text.size(), true, text.size()});
  } catch (const FormatError&) {
    return std::nullopt;
  }
}

Json read_json(const std::filesystem::path& path, const std::string& what,
               const JsonLimits& limits) {
  const MappedFile file(path);
  return parse_json(file.text(), {path.string(), what}, limits);
}

}  // namespace vega
