#include "score/scores_file.h"

#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "score/lines.h"

namespace vega::score {
namespace {

Json to_json(const ScoreValue& value) {
  Json out = Json::object();
  out.add("value", number_or_null(value.value));
  out.add("lo", number_or_null(value.low));
  out.add("hi", number_or_null(value.high));
  out.add("n", value.n);
  if (!value.seeds.empty()) out.add("seeds", value.seeds);
  if (!value.reason.empty())
    out.add("reason", value.reason);
  else if (!std::isfinite(value.value))
    out.add("reason", "not a number");
  return out;
}

Json to_json(const Metrics& metrics) {
  Json out = Json::object();
  for (const auto& [name, value] : metrics) out.add(name, to_json(value));
  return out;
}

// Reads members with errors that name the key.
class Reader {
 public:
  explicit Reader(std::string where) : where_(std::move(where)) {}

  [[noreturn]] void refuse(const std::string& key, const Json& got, const char* expected) const {
    throw FormatError(explain(where_ + ": " + key, shown(got), expected,
                              "write the file again with vega-eval score -o"));
  }
  std::string text(const Json& object, const char* key) const {
    if (const std::string* found = object[key].text()) return *found;
    refuse(key, object[key], "a text");
  }
  std::int64_t count(const Json& object, const char* key, const std::string& path) const {
    const auto found = object[key].whole();
    if (!found || *found < 0) refuse(path + key, object[key], "a whole number from 0 on");
    return *found;
  }
  double number(const Json& object, const char* key, const std::string& path) const {
    if (!object.contains(key)) refuse(path + key, Json(), "a number or null");
    if (object[key].is_null()) return std::numeric_limits<double>::quiet_NaN();
    const auto found = object[key].number();
    if (!found) refuse(path + key, object[key], "a number or null");
    return *found;
  }
  Metrics metrics(const Json& object, const std::string& path) const {
    if (!object.is_object()) refuse(path, object, "an object of metrics");
    Metrics out;
    for (const auto& [name, member] : object.members()) {
      const std::string inner = path + "." + name + ".";
      if (!member.is_object()) refuse(path + "." + name, member, "{value, lo, hi, n}");
      ScoreValue value;
      value.value = number(member, "value", inner);
      value.low = number(member, "lo", inner);
      value.high = number(member, "hi", inner);
      value.n = count(member, "n", inner);
      value.reason = member["reason"].text_or("");
      for (const Json& seed : member["seeds"].elements()) {
        const auto one = seed.number();
        if (!one) refuse(inner + "seeds", seed, "numbers");
        value.seeds.push_back(*one);
      }
      out.emplace_back(name, std::move(value));
    }
    return out;
  }

 private:
  std::string where_;
};

}  // namespace

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

const ScoreValue* Scores::find(std::string_view metric) const {
  for (const auto& [name, value] : metrics)
    if (name == metric) return &value;
  return nullptr;
}

std::string scores_text(const Scores& scores) {
  Json out = Json::object();
  out.add("schema", kScoresSchema);
  out.add("task", scores.task);
  out.add("split", scores.split);
  out.add("matcher", scores.matcher);
  out.add("n", scores.n);
  out.add("of", scores.of);
  out.add("partial", scores.partial());
  out.add("unreadable", scores.unreadable);
  out.add("empty", scores.empty);
  out.add("cut", scores.cut ? Json(*scores.cut) : Json());
  out.add("metrics", to_json(scores.metrics));
  Json breakdown = Json::object();
  for (const auto& [group, metrics] : scores.breakdown) breakdown.add(group, to_json(metrics));
  out.add("breakdown", std::move(breakdown));
  if (!scores.baselines.empty()) {
    Json& baselines = out.add("baselines", Json::object());
    for (const auto& [name, values] : scores.baselines) {
      Json& one = baselines.add(name, Json::object());
      for (const auto& [metric, value] : values) one.add(metric, number_or_null(value));
    }
  }
  out.add("run", scores.run);
  out.add("inputs", scores.inputs);
  if (!scores.against.is_null()) out.add("against", scores.against);
  return out.dump(2) + "\n";
}

Scores parse_scores(std::string_view text, const std::string& where) {
  JsonLimits limits;
  limits.bytes = std::size_t{64} << 20;
  limits.depth = 32;
  const Json json =
      parse_json(text,
                 {where, "scores.json of vega-eval score",
                  "vega-eval score -o makes it of answers; rows of other systems stand in .csv"},
                 limits);
  const Reader reader(where);
  if (json["schema"].text_or("") != kScoresSchema)
    reader.refuse("schema", json["schema"], "\"vega.scores/1\"");
  Scores out;
  out.task = reader.text(json, "task");
  out.split = reader.text(json, "split");
  out.matcher = reader.text(json, "matcher");
  out.n = reader.count(json, "n", "");
  out.of = json.contains("of") ? reader.count(json, "of", "") : out.n;
  out.unreadable = reader.count(json, "unreadable", "");
  out.empty = reader.count(json, "empty", "");
  if (json.contains("cut") && !json["cut"].is_null()) out.cut = reader.count(json, "cut", "");
  out.metrics = reader.metrics(json["metrics"], "metrics");
  for (const auto& [group, metrics] : json["breakdown"].members())
    out.breakdown.emplace_back(group, reader.metrics(metrics, "breakdown." + group));
  for (const auto& [name, values] : json["baselines"].members()) {
    auto& baseline = out.baselines.emplace_back();
    baseline.first = name;
    for (const auto& [metric, value] : values.members())
      baseline.second.emplace_back(
          metric, value.number().value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  out.run = json["run"];
  out.against = json["against"];
  for (const auto& [file, digest] : json["inputs"].members()) out.inputs[file] = digest.text_or("");
  return out;
}

Scores read_scores(const std::filesystem::path& path) {
  return parse_scores(file_text(path), path.string());
}

}  // namespace vega::score
