#include "scan/detail.h"

#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/printable.h"

namespace vega::scan::detail {
namespace {

constexpr std::size_t kMostToken = std::size_t{64} << 10;
constexpr int kMostDepth = 32;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

class Events final : public JsonEvents {
 public:
  explicit Events(JsonSink& sink) : sink_(sink) {}

  void value(const Json& scalar) override {
    if (const auto number = scalar.number()) return sink_.number(path_, *number, scalar.whole());
    if (const auto* text = scalar.text()) return sink_.text(path_, *text);
    sink_.other(path_);
  }
  void open(bool list) override {
    sink_.open(path_, list);
    ends_.push_back(path_.size());
    if (list) path_ += "/#";
  }
  void close() override {
    path_.resize(ends_.back());
    ends_.pop_back();
    sink_.close(path_);
  }
  void key(const std::string& name) override {
    path_.resize(ends_.back());
    path_ += '/' + path_key(name);
  }

 private:
  JsonSink& sink_;
  std::string path_;
  std::vector<std::size_t> ends_;  // length of the path of each open object or list
};

}  // namespace

std::string printable(std::string_view text) { return vega::printable(text, 80); }

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
  const auto bytes = mapped.bytes();
  Events events(sink);
  parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
             {file.string(), what, kFetchAgain}, {bytes.size(), kMostDepth, kMostToken, false},
             events);
}

}  // namespace vega::scan::detail
