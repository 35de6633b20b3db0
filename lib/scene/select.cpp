#include "scene/select.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"

namespace vega {

namespace {

bool parse_count(std::string_view text, std::int64_t& value) {
  value = parse_whole(text).value_or(0);
  return value >= 1 && value <= 1'000'000'000;
}

[[noreturn]] void refuse_selection(std::string_view text) {
  throw UsageError(
      explain("--select", fmt::format("\"{}\"", text),
              "uniform:N, stride:K, list:FILE, fps:R or frames:DIR (N, K, R positive)"));
}

std::vector<std::size_t> candidate_frames(const SceneSource& source, const Candidates& candidates) {
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < source.frames.size(); ++i) {
    if (source.frames[i].id % candidates.every == 0) kept.push_back(i);
  }
  if (kept.empty()) {
    throw InputError(explain(source.root.string(),
                             fmt::format("no frame whose number is a multiple of {} among {}",
                                         candidates.every, source.frames.size()),
                             "at least one candidate", "use --candidates all"));
  }
  return kept;
}

// Indices of `ids` among `allowed`, in the order of ids.
std::vector<std::size_t> find_ids(const SceneSource& source, std::span<const std::size_t> allowed,
                                  std::span<const std::int64_t> ids, std::string_view where) {
  std::unordered_map<std::int64_t, std::size_t> index;
  for (const auto i : allowed) index.emplace(source.frames[i].id, i);
  std::vector<std::size_t> found;
  found.reserve(ids.size());
  for (const auto id : ids) {
    const auto at = index.find(id);
    if (at == index.end()) {
      throw InputError(explain(
          where, fmt::format("frame {}", id),
          fmt::format("a candidate frame of {} ({} of them, {} to {}{})", source.root.string(),
                      allowed.size(), source.frames[allowed.front()].id,
                      source.frames[allowed.back()].id,
                      source.dropped_nonfinite_poses > 0
                          ? fmt::format("; {} more were dropped for poses that are not finite",
                                        source.dropped_nonfinite_poses)
                          : "")));
    }
    found.push_back(at->second);
  }
  return found;
}

std::vector<std::int64_t> read_id_list(const std::filesystem::path& path) {
  std::istringstream lines(read_text(path, "one frame id a line", std::size_t{16} << 20));
  std::vector<std::int64_t> ids;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::string_view word = trim(line);
    if (word.empty()) continue;
    const auto id = parse_whole(word);
    if (!id) {
      throw FormatError(explain(fmt::format("{} line {}", path.string(), number),
                                fmt::format("\"{}\"", word), "one frame id"));
    }
    ids.push_back(*id);
  }
  if (ids.empty()) throw InputError(explain(path.string(), "no frame id", "one frame id a line"));
  return ids;
}

// The frame nearest to each tick of a clock that runs from the earliest frame to the latest (within
// a microsecond); a frame counts once. In the order of `among`, whatever the times say.
std::vector<std::size_t> select_fps(const SceneSource& source, std::vector<std::size_t> among,
                                    double fps) {
  for (const auto i : among) {
    if (!std::isfinite(source.frames[i].time_s)) {
      throw InputError(explain(
          source.root.string(), fmt::format("frame {} without a time stamp", source.frames[i].id),
          "a video or frames with time stamps for --select fps:R", "use uniform:N or stride:K"));
    }
  }
  std::stable_sort(among.begin(), among.end(), [&](std::size_t a, std::size_t b) {
    return source.frames[a].time_s < source.frames[b].time_s;
  });
  const auto time = [&](std::size_t k) { return source.frames[among[k]].time_s; };
  std::vector<std::size_t> chosen;
  const double start = time(0), end = time(among.size() - 1);
  std::size_t k = 0;
  for (double tick = 0; start + tick / fps <= end + 1e-6;) {
    const double wanted = start + tick / fps;
    while (k + 1 < among.size() &&
           (time(k + 1) <= wanted || time(k + 1) - wanted < wanted - time(k))) {
      ++k;
    }
    chosen.push_back(among[k]);
    if (k + 1 == among.size()) break;
    // The first later tick whose nearest frame is another one: a clock that is faster than the
    // frames would choose a frame several times.
    const double middle = (time(k) + time(k + 1)) / 2;
    tick = std::max(tick + 1, std::floor((middle - start) * fps) + 1);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

Candidates parse_candidates(std::string_view text) {
  Candidates candidates;
  if (text == "all") return candidates;
  if (text.substr(0, 6) != "every:" || !parse_count(text.substr(6), candidates.every)) {
    throw UsageError(
        explain("--candidates", fmt::format("\"{}\"", text), "all or every:K (K positive)"));
  }
  return candidates;
}

Candidates usual_candidates(const SceneSource& source) {
  return {source.dialect == "sens" ? 10 : 1};
}

Selection parse_selection(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) refuse_selection(text);
  const auto kind = text.substr(0, colon), value = text.substr(colon + 1);
  Selection selection;
  selection.text = text;
  if (kind == "uniform" || kind == "stride") {
    selection.kind = kind == "uniform" ? SelectKind::kUniform : SelectKind::kStride;
    if (!parse_count(value, selection.count)) refuse_selection(text);
  } else if (kind == "list" || kind == "frames") {
    selection.kind = kind == "list" ? SelectKind::kList : SelectKind::kFrames;
    selection.path = value;
  } else if (kind == "fps") {
    selection.kind = SelectKind::kFps;
    selection.fps = parse_double(value).value_or(0);
    if (!(selection.fps > 0) || !std::isfinite(selection.fps)) refuse_selection(text);
  } else {
    refuse_selection(text);
  }
  return selection;
}

std::vector<std::size_t> uniform_indices(std::int64_t total, std::int64_t n) {
  if (total < 1 || n < 1) {
    throw InputError(explain("uniform selection", fmt::format("{} of {} frames", n, total),
                             "at least one of at least one"));
  }
  std::vector<std::size_t> indices(static_cast<std::size_t>(n), 0);
  if (n == 1) return indices;
  const double step = static_cast<double>(total - 1) / static_cast<double>(n - 1);
  for (std::int64_t i = 0; i < n - 1; ++i) {
    indices[static_cast<std::size_t>(i)] =
        static_cast<std::size_t>(std::floor(static_cast<double>(i) * step));
  }
  indices.back() = static_cast<std::size_t>(total - 1);
  return indices;
}

std::vector<std::size_t> select_frames(const SceneSource& source, const Candidates& candidates,
                                       const Selection& selection) {
  const auto among = candidate_frames(source, candidates);
  std::vector<std::size_t> chosen;
  switch (selection.kind) {
    case SelectKind::kUniform:
      for (const auto i :
           uniform_indices(static_cast<std::int64_t>(among.size()), selection.count)) {
        chosen.push_back(among[i]);
      }
      return chosen;
    case SelectKind::kStride:
      for (std::size_t i = 0; i < among.size(); i += static_cast<std::size_t>(selection.count)) {
        chosen.push_back(among[i]);
      }
      return chosen;
    case SelectKind::kList:
      return find_ids(source, among, read_id_list(selection.path), selection.path.string());
    case SelectKind::kFps: return select_fps(source, among, selection.fps);
    case SelectKind::kFrames: break;
  }
  throw InputError(explain("--select " + selection.text, "a selection by another file's frames",
                           "frame ids that were read from it already"));
}

std::vector<std::size_t> select_ids(const SceneSource& source, std::span<const std::int64_t> ids,
                                    std::string_view where) {
  std::vector<std::size_t> all(source.frames.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  if (all.empty()) throw InputError(explain(source.root.string(), "no frames", "at least one"));
  return find_ids(source, all, ids, where);
}

}  // namespace vega
