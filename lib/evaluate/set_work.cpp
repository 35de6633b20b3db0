#include "evaluate/set_work.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/publish.h"
#include "evaluate/pictures.h"
#include "media/png.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr double kLeastOverlap = 0.1, kMostOverlap = 0.8;

}  // namespace

SetWork::SetWork(const Recipe& recipe, const ScoredSet& set, const std::string& key,
                 const SceneReader& scene)
    : recipe_(recipe), set_(set), key_(key), scene_(scene), features_(set.files.at(key)) {
  tap_ = features_.tap_index(set.tap);
  GeometryRule rule = recipe.geometry;
  rule.permuted_poses = set.permuted;
  loaded_ = load_tokens(features_, tap_, scene, rule, recipe.scores.threads);
}

SceneResult SetWork::score() const {
  SceneResult out;
  out.cache_key = features_.taps()[tap_].cache_key;
  out.tap = features_.taps()[tap_].name;
  out.score = score_scene(key_, loaded_.tokens(), recipe_.scores);
  out.score.views = static_cast<std::int64_t>(loaded_.row.size());
  out.score.frame_ids = loaded_.id;
  if (recipe_.voxel && out.score.tokens == 0)
    throw InputError(explain(features_.path().string(), "no token with a depth",
                             "depth in the part of the frames that the features cover"));
  if (recipe_.probe) probe(out.score);
  return out;
}

void SetWork::draw(const SceneScore& score, const fs::path& folder, std::int64_t most) const {
  if (score.centered.empty()) return;
  const auto pictures = frame_pictures(loaded_, features_, scene_);
  const CenteredScore& main = score.centered.front();
  const std::string tap = features_.taps()[tap_].name;
  const auto labels = [&](const std::string& text) {
    return PictureLabels{
        fmt::format("{}   {}", key_, set_.name),
        fmt::format("tap {}   grid {}x{}   {}", tap, loaded_.grid_h, loaded_.grid_w, text)};
  };
  const auto number = [](double value, double factor, int digits) {
    return std::isfinite(value) ? fmt::format("{:.{}f}", factor * value, digits) : "-";
  };
  const auto save = [&](const std::string& name, const ImageU8& image) {
    const fs::path path = folder / (key_ + name);
    publish_file(path, std::span<const std::byte>(encode_png(image)));
    log_info("{}: picture in {}", key_, path.string());
  };
  // Raw cosines hardly differ between cells: where centred ones were asked for, those are drawn.
  const auto centered = std::find_if(score.centered.begin(), score.centered.end(),
                                     [](const auto& c) { return c.center != Center::kNone; });
  const CenteredScore& heat = centered == score.centered.end() ? main : *centered;
  const std::string what = heat.center == Center::kNone   ? "features as they are"
                           : heat.center == Center::kMean ? "features minus their mean"
                                                          : "features standardised";
  save("-heat.png", heat_map(loaded_, heat, features_, tap_, pictures,
                             labels(fmt::format("{}: multi-view score {} %, AUC {}", what,
                                                number(heat.multi_view.score, 100, 1),
                                                number(heat.separation.auc, 1, 3))),
                             most));
  if (main.matches.pairs.empty()) return;
  save("-matches.png",
       match_picture(loaded_, main, features_, tap_, pictures,
                     labels("mutual matches; green: the same place, yellow: 0.2 m apart, red: "
                            "0.5 m and more"),
                     most));
}

// Places of frame ids among those that are used.
SetWork::FramePairs SetWork::places_of(const FramePairs& ids) const {
  FramePairs out;
  const auto place = [&](std::int64_t id) {
    const auto at = std::find(loaded_.id.begin(), loaded_.id.end(), id);
    if (at == loaded_.id.end())
      throw InputError(explain(
          features_.path().string(), "no frame " + std::to_string(id) + ", which --pairs names",
          "features of all frames of the pairs", "extract them with --select list:FILE"));
    return static_cast<std::int64_t>(at - loaded_.id.begin());
  };
  for (const auto& [a, b] : ids) out.emplace_back(place(a), place(b));
  return out;
}

void SetWork::probe(SceneScore& score) const {
  const std::size_t views = loaded_.row.size();
  std::vector<std::vector<float>> depth(views);
  std::vector<ProbeImage> images;
  for (std::size_t v = 0; v < views; ++v)
    images.push_back(probe_image(loaded_, v, features_, tap_, scene_, depth[v]));
  std::vector<double> overlap;
  const FramePairs pairs = chosen_pairs(images, overlap);
  // Points of a picture live from its first pair to its last: all of 32 pictures with 1536
  // channels would be 4 GB.
  std::map<std::int64_t, ProbePoints> points;
  std::map<std::int64_t, int> uses;
  for (const auto& [a, b] : pairs) ++uses[a], ++uses[b];
  for (const auto& [a, b] : pairs) {
    for (const std::int64_t v : {a, b}) {
      if (points.contains(v)) continue;
      points.emplace(v, probe_points(images[static_cast<std::size_t>(v)], recipe_.points,
                                     recipe_.scores.seed, recipe_.scores.threads));
    }
    ProbePair pair = probe_pair(points.at(a), points.at(b), recipe_.probe_options);
    pair.a = loaded_.id[static_cast<std::size_t>(a)];
    pair.b = loaded_.id[static_cast<std::size_t>(b)];
    pair.overlap = overlap[static_cast<std::size_t>(a) * views + static_cast<std::size_t>(b)];
    score.probe.push_back(pair);
    for (const std::int64_t v : {a, b})
      if (--uses[v] == 0) points.erase(v);
  }
}

// Overlaps are those of the true poses, also in the null test: it judges the same pairs.
SetWork::FramePairs SetWork::chosen_pairs(std::vector<ProbeImage> images,
                                          std::vector<double>& overlap) const {
  const SceneFrames frames = scene_.frames();
  const std::size_t views = images.size();
  for (std::size_t v = 0; v < views; ++v)
    images[v].world_from_cam = frames.world_from_cam[loaded_.scene_row[v]];
  overlap.assign(views * views, std::numeric_limits<double>::quiet_NaN());
  const auto compute = [&](std::size_t a, std::size_t b) {
    overlap[a * views + b] = depth_overlap(images[a], images[b]);
  };
  if (recipe_.given_pairs) {
    const auto given = recipe_.pairs.find(key_);
    const FramePairs pairs = places_of(given == recipe_.pairs.end() ? FramePairs{} : given->second);
    for (const auto& [a, b] : pairs) compute(std::size_t(a), std::size_t(b));
    return pairs;
  }
  parallel_for(views, recipe_.scores.threads, [&](std::size_t a) {
    for (std::size_t b = a + 1; b < views; ++b) compute(a, b);
  });
  return choose_pairs(overlap, static_cast<std::int64_t>(views), kLeastOverlap, kMostOverlap,
                      recipe_.pairs_a_scene, recipe_.scores.seed);
}

}  // namespace vega::evaluate
