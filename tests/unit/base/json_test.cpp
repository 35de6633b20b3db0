// The JSON value, its writer (beside nlohmann's, which keys were made with so far) and the guard.
#include "base/json.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_fields.h"
#include "support/support.h"

using namespace vega;
using Catch::Matchers::Contains;

namespace {

const JsonOrigin kHere{"FILE", "a test", "repair it"};

template <typename Call>
std::string message(const Call& call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

std::string parse_message(const std::string& text, const JsonLimits& limits = {}) {
  return message([&] { parse_json(text, kHere, limits); });
}

}  // namespace

TEST_CASE("a JSON value is written as nlohmann writes it", "[json]") {
  const std::string text =
      R"({"b":[1,-2,18446744073709551615,0.1,1e-5,1e+300,12.0,-0.0,3.4028234663852886e+38],)"
      R"("a":{"z":null,"y":true,"x":"\u00e4 \"\\\n\u0001 \ud83d\ude00"},"empty":[{},[]]})";
  const Json json = parse_json(text, kHere);
  const auto other = nlohmann::ordered_json::parse(text);
  for (const int indent : {-1, 1, 2}) CHECK(json.dump(indent) == other.dump(indent));
  CHECK(json.sorted().dump() == nlohmann::json::parse(text).dump());
}

TEST_CASE("doubles, NaN and broken UTF-8 are written as nlohmann writes them", "[json]") {
  nlohmann::json other = nlohmann::json::array();
  Json json = Json::list();
  double value = 1.0 / 3;
  for (int i = 0; i < 2000; ++i, value *= -1.7) json.push(value), other.push_back(value);
  for (const double odd : {std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity(), 5e-324, 0.001, 100.0}) {
    json.push(odd), other.push_back(odd);
  }
  json.push(0.1F), other.push_back(0.1F);
  json.push("\xff ok"), other.push_back("\xff ok");
  CHECK(json.dump() == other.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  CHECK(is_utf8("\xc3\xa4"));
  CHECK_FALSE(is_utf8("\xc3"));
}

TEST_CASE("a JSON value is built from what C++ has", "[json]") {
  const std::map<std::string, int> counts{{"b", 2}, {"a", 1}};
  Json json{{"text", "x"},
            {"on", true},
            {"size", {{"w", 640}}},
            {"shape", std::vector{1, 2}},
            {"list", Json::list({"a", 1, nullptr})},
            {"counts", counts},
            {"none", {}}};
  json.set("text", std::string("y"));
  json.set("late", 1.5);
  CHECK(json.dump() == R"({"text":"y","on":true,"size":{"w":640},"shape":[1,2],)"
                       R"("list":["a",1,null],"counts":{"a":1,"b":2},"none":null,"late":1.5})");
  json.erase("list");
  CHECK_FALSE(json.contains("list"));
  CHECK(Json::object().dump() == "{}");
  CHECK(Json::list().dump() == "[]");
}

TEST_CASE("reading a JSON value never throws", "[json]") {
  const Json json =
      parse_json(R"({"n":3,"f":2.5,"big":18446744073709551615,"t":"x","l":[7]})", kHere);
  CHECK(json["n"].whole() == 3);
  CHECK(json["n"].number() == 3.0);
  CHECK(json["f"].whole() == std::nullopt);
  CHECK(json["big"].whole() == std::nullopt);
  CHECK(json["t"].text_or("") == "x");
  CHECK(json["t"].number() == std::nullopt);
  CHECK(json["t"].flag() == std::nullopt);
  CHECK(json["l"][0].whole() == 7);
  CHECK(json["l"][1].is_null());
  CHECK(json["x"]["y"][3].is_null());
  CHECK(json["x"].members().empty());
  CHECK(json["n"].elements().empty());
}

TEST_CASE("JSON values are equal by value", "[json]") {
  const auto equal = [](const char* a, const char* b) { return *parse_json(a) == *parse_json(b); };
  CHECK(equal(R"({"a":1,"b":[2]})", R"({"b":[2],"a":1.0})"));
  CHECK_FALSE(equal(R"({"a":1})", R"({"a":1,"b":2})"));
  CHECK_FALSE(equal("[1,2]", "[2,1]"));
  CHECK_FALSE(equal("9007199254740993", "9007199254740992"));
  CHECK_FALSE(equal("true", "1"));
  CHECK_FALSE(equal("null", "0"));
}

TEST_CASE("the guard of JSON names place, finding and remedy", "[json]") {
  CHECK_THAT(parse_message(""), Contains("FILE: got an empty file, expected a test; repair it"));
  CHECK_THAT(parse_message(R"({"a":1,})"), Contains("JSON that breaks at byte 8"));
  CHECK_THAT(parse_message(R"({"a":NaN})"), Contains("breaks at byte"));
  CHECK_THAT(parse_message("[1e999]"), Contains("breaks at byte"));
  CHECK_THAT(parse_message(R"([{"a":1},{"a":{"b":2,"b":3}}])"),
             Contains("key 'b'") && Contains("the key twice"));
  CHECK_THAT(parse_message(std::string(17, '[') + std::string(17, ']')),
             Contains("deeply nested JSON (more than 16 levels at byte 16)"));
  CHECK_THAT(parse_message("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"),
             Contains("FILE: got a Git LFS pointer, expected a test") && Contains("git lfs pull"));
  CHECK_THAT(parse_message("\n<!DOCTYPE html><title>Log in</title>"),
             Contains("a web page (HTML)") && Contains("download the file itself"));
  CHECK_THAT(parse_message("\x1f\x8b\x08"), Contains("a gzip archive") && Contains("unpack it"));
  CHECK_THAT(parse_message("= 1"),
             Contains("a text file that starts with \"= 1\"") && Contains("repair it"));
  CHECK_THAT(parse_message("\xff\xfe{"), Contains("UTF-16 text") && Contains("save it as UTF-8"));
  CHECK_THAT(parse_message(std::string(100, ' ') + "1", {.bytes = 100}), Contains("101 bytes"));
  CHECK_THAT(parse_message("[1,2,3]", {.values = 3}), Contains("more than 3 values"));
  CHECK_THAT(parse_message("[\"" + std::string(100, 'x') + "\"]", {.token = 50}),
             Contains("a token of more than 50 bytes"));
  CHECK(parse_message("\xef\xbb\xbf {\"a\":\"{{{{{{{{{{{{{{{{{{{{\"}") == "accepted");
  CHECK(parse_json("{") == std::nullopt);
  CHECK(parse_json("[[]") == std::nullopt);
}

TEST_CASE("members of a configuration are read with errors that name file and key", "[json]") {
  const Json json = parse_json(
      R"({"w":4,"eps":1e-6,"name":"x","on":false,"none":null,"bad":"4","huge":1e10,"extra":1})",
      kHere);
  const std::filesystem::path path = "config.json";
  const JsonFields fields(json, path);
  CHECK(fields.whole("w") == 4);
  CHECK(fields.positive("eps") == 1e-6);
  CHECK(fields.text("name") == "x");
  CHECK(fields.flag("on") == false);
  CHECK(fields.whole("none") == std::nullopt);
  CHECK(fields.text("absent") == std::nullopt);
  CHECK(message([&] { fields.whole("bad"); }) ==
        "config.json: bad: got \"4\", expected a positive number, whole and at most 16777215");
  CHECK_THAT(message([&] { fields.whole("huge"); }), Contains("config.json: huge"));
  CHECK_THAT(message([&] { fields.positive("on"); }), Contains("expected a positive number"));
  CHECK_THAT(message([&] { fields.flag("w"); }), Contains("expected true or false"));
  fields.expect("name", "x", "");
  fields.expect("absent", "x", "");
  CHECK(message([&] { fields.expect("name", "y", "take y"); }) ==
        "config.json: name: got \"x\", expected y; take y");
  CHECK(fields.unread() == std::vector<std::string>{"extra"});
  fields.ignore({"extra"});
  CHECK(fields.unread().empty());
  CHECK_THAT(message([&] { JsonFields(Json(1), path); }), Contains("JSON that is no object"));
}

TEST_CASE("a JSON file is read through the guard", "[json]") {
  const test::TempFolder folder;
  test::write_text(folder / "a.json", "\xef\xbb\xbf{\"a\": 1}\n");
  CHECK(read_json(folder / "a.json", "a test")["a"].whole() == 1);
  CHECK_THAT(message([&] { read_json(folder / "none.json", "a test"); }), Contains("none.json"));
  CHECK_THROWS_AS(read_json(folder / "none.json", "a test"), InputError);
}
