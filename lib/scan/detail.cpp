#include "scan/detail.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"

namespace vega::scan::detail {
namespace {

constexpr std::size_t kMostRun = std::size_t{64} << 10;
constexpr int kMostDepth = 32;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// The parser keeps the token at hand in memory, and a bit for each open level: both are bounded
// here, before it runs.
void check_extent(const char* begin, const char* end, const std::string& where) {
  bool quoted = false;
  std::size_t run = 0;
  int depth = 0;
  for (const char* at = begin; at != end; ++at) {
    if (++run > kMostRun)
      fail(where, "a token that reaches over byte " + std::to_string(at - begin),
           "tokens of at most " + std::to_string(kMostRun) + " bytes");
    if (quoted) {
      if (*at == '\\' && at + 1 != end) {
        ++at;
      } else if (*at == '"') {
        quoted = false, run = 0;
      }
      continue;
    }
    switch (*at) {
      case '"': quoted = true, run = 0; break;
      case '{':
      case '[':
        if (++depth > kMostDepth)
          fail(where, "deeply nested JSON at byte " + std::to_string(at - begin),
               "at most " + std::to_string(kMostDepth) + " levels");
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

class Events : public nlohmann::json_sax<nlohmann::json> {
 public:
  Events(const std::string& where, const std::string& what, JsonSink& sink)
      : where_(where), what_(what), sink_(sink) {}

  bool null() override { return sink_.other(path_), true; }
  bool boolean(bool) override { return sink_.other(path_), true; }
  bool number_integer(number_integer_t value) override {
    return sink_.number(path_, static_cast<double>(value), value), true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    std::optional<std::int64_t> whole;
    if (value <= static_cast<number_unsigned_t>(INT64_MAX))
      whole = static_cast<std::int64_t>(value);
    return sink_.number(path_, static_cast<double>(value), whole), true;
  }
  bool number_float(number_float_t value, const string_t&) override {
    return sink_.number(path_, value, std::nullopt), true;
  }
  bool string(string_t& value) override { return sink_.text(path_, value), true; }
  bool binary(binary_t&) override { return true; }

  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    path_.resize(ends_.back());
    path_ += '/' + path_key(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    fail(where_, "JSON that breaks at byte " + std::to_string(position), what_);
  }

 private:
  bool open(bool list) {
    sink_.open(path_, list);
    ends_.push_back(path_.size());
    if (list) path_ += "/#";
    return true;
  }
  bool close() {
    path_.resize(ends_.back());
    ends_.pop_back();
    sink_.close(path_);
    return true;
  }

  const std::string& where_;
  const std::string& what_;
  JsonSink& sink_;
  std::string path_;
  std::vector<std::size_t> ends_;  // length of the path of each open object or list
};

}  // namespace

std::string printable(std::string_view text) {
  constexpr std::size_t kMost = 80;
  std::string out(text.substr(0, kMost));
  for (char& c : out) {
    if (is_control(c)) c = '?';
  }
  return text.size() > kMost ? out + "..." : out;
}

void fail(const std::string& where, const std::string& got, const std::string& expected,
          const std::string& remedy) {
  throw FormatError(explain(where, got, expected, remedy));
}

std::string path_key(std::string_view key) {
  std::string out(key);
  for (char& c : out) {
    if (is_control(c)) c = '\3';
    if (c == '/') c = '\1';
    if (c == '#') c = '\2';
  }
  return out;
}

void read_json(const std::filesystem::path& file, const std::string& what, JsonSink& sink) {
  const MappedFile mapped(file);
  const std::string where = file.string();
  const auto* begin = reinterpret_cast<const char*>(mapped.bytes().data());
  const char* end = begin + mapped.bytes().size();
  if (begin == end) fail(where, "an empty file", what);
  check_extent(begin, end, where);
  Events events(where, what, sink);
  nlohmann::json::sax_parse(begin, end, &events);
}

}  // namespace vega::scan::detail
