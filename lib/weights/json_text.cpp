#include "weights/json_text.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/mapped_file.h"
#include "weights/detail.h"

namespace vega {
namespace detail = weights_detail;
namespace {

constexpr const char* kFetchAgain = "fetch the file again";

// Event by event, without recursion; throws at the first thing that is wrong.
class Checker : public nlohmann::json_sax<nlohmann::json> {
 public:
  Checker(const std::string& path, const std::string& what, int most_depth)
      : path_(path), what_(what), most_depth_(most_depth) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }

  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second)
      detail::fail(path_ + ": key '" + detail::printable(name) + "'", "the key twice",
                   "unique keys", kFetchAgain);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    detail::fail(path_, "JSON that breaks at byte " + std::to_string(position), what_, kFetchAgain);
  }

 private:
  bool open() {
    keys_.emplace_back();
    if (keys_.size() > static_cast<std::size_t>(most_depth_))
      detail::fail(path_, "deeply nested JSON", what_, kFetchAgain);
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  const std::string& path_;
  const std::string& what_;
  int most_depth_;
  std::vector<std::set<std::string>> keys_;  // of each open object (or array: none)
};

}  // namespace

std::string read_json_text(const std::filesystem::path& path, const std::string& what,
                           const JsonLimits& limits) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  if (bytes.size() > limits.bytes)
    detail::fail(path.string(), std::to_string(bytes.size()) + " bytes",
                 what + " of at most " + std::to_string(limits.bytes), kFetchAgain);
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string place = path.string();
  Checker checker(place, what, limits.depth);
  nlohmann::json::sax_parse(text, &checker);
  return text;
}

}  // namespace vega
