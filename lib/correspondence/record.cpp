#include "correspondence/record.h"

#include <limits>
#include <type_traits>

#include "base/json.h"

namespace vega {
namespace {

constexpr const char* kSchema = "vega.scene-score/1";

// Every field of a struct, to be written or read: fields(archive, value).
template <typename A>
void fields(A& a, PairScore& v) {
  a("a", v.a), a("b", v.b), a("score", v.score), a("valid_a", v.valid_a), a("valid_b", v.valid_b);
  a("shared", v.shared), a("either", v.either);
}
template <typename A>
void fields(A& a, AdjacentScore& v) {
  a("score", v.score), a("spread", v.spread), a("finite_pairs", v.finite_pairs);
  a("pairs", v.pairs);
}
template <typename A>
void fields(A& a, MultiViewScore& v) {
  a("score", v.score), a("score_by_pairs", v.score_by_pairs), a("voxels", v.voxels);
  a("shared", v.shared), a("pairs", v.pairs), a("most_views", v.most_views);
}
template <typename A>
void fields(A& a, Separation& v) {
  a("auc", v.auc), a("same_pairs", v.same_pairs), a("different_pairs", v.different_pairs);
  a("mean_same", v.mean_same), a("mean_different", v.mean_different);
  a("mean_unrelated", v.mean_unrelated), a("unrelated_pairs", v.unrelated_pairs);
}
template <typename A>
void fields(A& a, PairMatches& v) {
  a("a", v.a), a("b", v.b), a("valid_a", v.valid_a), a("valid_b", v.valid_b);
  a("mutual", v.mutual), a("mutual_ratio", v.mutual_ratio), a("kept", v.kept_count);
  a("mean_similarity", v.mean_similarity), a("mean_distance_m", v.mean_distance_m);
  a("best_similarity", v.best_similarity), a("recall", v.recall);
}
template <typename A>
void fields(A& a, AdjacentMatches& v) {
  a("pairs", v.pairs), a("mean_mutual_ratio", v.mean_mutual_ratio), a("mean_kept", v.mean_kept);
  a("mean_similarity", v.mean_similarity), a("mean_distance_m", v.mean_distance_m);
  a("best_similarity", v.best_similarity), a("recall", v.recall);
}
template <typename A>
void fields(A& a, CenteredScore& v) {
  a("center", v.center), a("adjacent", v.adjacent), a("multi_view", v.multi_view);
  a("separation", v.separation), a("matches", v.matches);
  a("adjacent_margin", v.adjacent_margin), a("multi_view_margin", v.multi_view_margin);
}
template <typename A>
void fields(A& a, ProbePair& v) {
  a("a", v.a), a("b", v.b), a("angle_deg", v.angle_deg), a("overlap", v.overlap);
  a("points_a", v.points_a), a("points_b", v.points_b), a("kept", v.kept);
  a("within_px", v.within_px), a("within_m", v.within_m);
}
template <typename A>
void fields(A& a, SceneScore& v) {
  a("key", v.key), a("views", v.views), a("tokens", v.tokens);
  a("without_depth", v.without_depth), a("not_finite", v.not_finite), a("zero", v.zero);
  a("frame_ids", v.frame_ids), a("centered", v.centered), a("probe", v.probe);
}

struct Writer {
  Json json = Json::object();

  template <typename T>
  void operator()(const char* name, T& value) {
    json.add(name, json_of(value));
  }
  template <typename T>
  static Json json_of(T& value) {
    if constexpr (std::is_enum_v<T>) {
      return static_cast<int>(value);
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      return value;  // a number that is not finite becomes null: no score is infinite
    } else if constexpr (requires { value.begin(); }) {
      Json out = Json::list();
      for (auto& element : value) out.push(json_of(element));
      return out;
    } else {
      Writer inner;
      fields(inner, value);
      return inner.json;
    }
  }
};

struct Reader {
  const Json& json;
  bool good = true;  // nothing is missing or of another type

  template <typename T>
  void operator()(const char* name, T& value) {
    const Json* member = json.find(name);
    good = good && member != nullptr && read(*member, value);
  }
  template <typename T>
  static bool read(const Json& from, T& value) {
    if constexpr (std::is_same_v<T, double>) {
      value = from.number().value_or(std::numeric_limits<double>::quiet_NaN());
      return from.is_null() || from.number();
    } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      value = static_cast<T>(from.whole().value_or(0));
      return from.whole().has_value();
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = from.text_or("");
      return from.text() != nullptr;
    } else if constexpr (requires { value.begin(); }) {
      if constexpr (requires { value.resize(1); }) value.resize(from.size());
      bool good = from.is_list() && from.size() == value.size();
      for (std::size_t i = 0; good && i < value.size(); ++i) good = read(from[i], value[i]);
      return good;
    } else {
      Reader inner{from};
      fields(inner, value);
      return inner.good;
    }
  }
};

}  // namespace

std::string score_record(const SceneScore& scene, const std::string& stamp) {
  SceneScore copy = scene;
  const Json out = {{"schema", kSchema}, {"stamp", stamp}, {"score", Writer::json_of(copy)}};
  return out.dump() + "\n";
}

std::optional<SceneScore> read_score_record(const std::string& text, const std::string& stamp) {
  const auto json = parse_json(text);
  if (!json || (*json)["schema"].text_or("") != kSchema || (*json)["stamp"].text_or("") != stamp)
    return std::nullopt;
  SceneScore out;
  if (!Reader::read((*json)["score"], out)) return std::nullopt;
  return out;
}

}  // namespace vega
