#include "score/judge.h"

#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/error.h"
#include "base/printable.h"
#include "score/lines.h"

namespace vega::score {

Measure read_judge(const std::filesystem::path& path, std::span<const std::string> ids,
                   bool partial) {
  std::unordered_map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < ids.size(); ++i) place[ids[i]] = i;
  std::vector<double> earned(ids.size(), std::numeric_limits<double>::quiet_NaN());
  std::string judge;
  each_record(
      file_text(path), path.string(), "a judge's score {id, score, scale}",
      [&](std::size_t line, const Json& record) {
        const std::string where = line_place(path.string(), line);
        const std::string id = id_text(record["id"]).value_or("");
        const auto at = place.find(id);
        if (at == place.end())
          throw InputError(explain(where + ": id", shown(record["id"]), "the id of an answer"));
        const auto score = record["score"].number(), scale = record["scale"].number();
        if (!scale || !(*scale > 0) || !std::isfinite(*scale))
          throw FormatError(explain(where + ": scale", shown(record["scale"]), "a number above 0"));
        if (!score || !(*score >= 0 && *score <= *scale))
          throw FormatError(explain(where + ": score", shown(record["score"]),
                                    "a number from 0 to " + shown(record["scale"])));
        if (!std::isnan(earned[at->second]))
          throw FormatError(
              explain(where + ": id", "'" + printable(id) + "' a second time", "each answer once"));
        const std::string name = record["judge"].text_or(path.stem().string());
        if (!judge.empty() && judge != name)
          throw FormatError(explain(where + ": judge", "'" + printable(name) + "'",
                                    "'" + printable(judge) + "', as in the lines before"));
        judge = name;
        earned[at->second] = 100 * *score / *scale;
      });
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (std::isnan(earned[i]) && !partial)
      throw InputError(explain(path.string(), "no score of '" + printable(ids[i]) + "'",
                               "a score of every answer", "or give --partial"));
  }
  return mean("judge " + judge, std::move(earned));
}

}  // namespace vega::score
