// The captions of tests/golden/caption_metrics, and what other programs make of them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "metrics/ngram_metrics.h"
#include "support/support.h"

namespace vega::test {

inline Json golden_scores(const std::string& name) {
  JsonLimits limits;
  limits.bytes = std::size_t{1} << 24;
  return read_json(golden("caption_metrics/" + name), "expected scores", limits);
}

struct GoldenCaptions {
  std::vector<std::string> ids;
  std::vector<metrics::Caption> captions;
};

// Throws where the two files do not name the same 300 captions.
inline GoldenCaptions golden_captions() {
  GoldenCaptions out;
  const auto lines = [](const std::string& name, auto use) {
    const std::string text = read_text(golden("caption_metrics/" + name));
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      if (end > at) use(parse_json(text.substr(at, end - at), {name, "a line"}));
      at = end + 1;
    }
  };
  lines("hypotheses.jsonl", [&](const Json& line) {
    out.ids.push_back(*line["id"].text());
    out.captions.push_back({*line["hypothesis"].text(), {}});
  });
  std::size_t i = 0;
  lines("references.jsonl", [&](const Json& line) {
    if (*line["id"].text() != out.ids.at(i)) throw InputError("another order of captions");
    for (const Json& reference : line["references"].elements())
      out.captions[i].references.push_back(*reference.text());
    ++i;
  });
  if (i != 300) throw InputError("not 300 captions");
  return out;
}

}  // namespace vega::test
