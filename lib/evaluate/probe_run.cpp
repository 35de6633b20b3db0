#include "evaluate/probe_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "base/text.h"

namespace vega::evaluate {
namespace {

// The cells of a scene in another order (Fisher and Yates).
at::Tensor shuffled_order(std::int64_t count, std::uint64_t seed, const std::string& key) {
  at::Tensor out = at::arange(count, at::kLong);
  auto* order = out.mutable_data_ptr<std::int64_t>();
  const PhiloxKey philox = philox_key(seed ^ fnv1a64("probe shuffle"));
  const std::uint64_t scene = fnv1a64(key);
  for (std::int64_t i = count; i-- > 1;) {
    const auto words =
        philox4x32({static_cast<std::uint32_t>(i), 0, static_cast<std::uint32_t>(scene),
                    static_cast<std::uint32_t>(scene >> 32)},
                   philox);
    std::swap(order[i], order[words[0] % static_cast<std::uint64_t>(i + 1)]);
  }
  return out;
}

// Labels of a scene's cells as numbers of another list; -1 stays.
std::vector<std::int32_t> renumbered(std::vector<std::int32_t> labels,
                                     const std::vector<std::int32_t>& number) {
  for (std::int32_t& label : labels)
    if (label >= 0) label = number[static_cast<std::size_t>(label)];
  return labels;
}

bool same_cells(const SetCells& a, const SetCells& b) {
  return a.truth == b.truth && a.cell == b.cell;
}

void add_scores(const SetCells& cells, const RidgeFit& fit, const std::vector<std::int32_t>& label,
                SpaceSums& out) {
  const at::Tensor found = fit.predict(cells.x).contiguous();
  const float* values = found.const_data_ptr<float>();
  const float* truth = cells.y.const_data_ptr<float>();
  for (std::size_t i = 0; i < label.size(); ++i) {
    out.add(truth, values, label[i], values + kSpaceTargets);
    truth += kSpaceTargets;
    values += found.size(1);
  }
}

}  // namespace

void SetProbe::check(const SetCells& cells, const std::string& set) {
  const auto differs = [&](const char* what, const std::string& got, const std::string& expected) {
    throw InputError(explain(set, got + what, expected + what + ", as in the scenes before"));
  };
  const auto text = [](Grid g) { return std::to_string(g.rows) + "x" + std::to_string(g.columns); };
  if (channels == 0) return;
  if (cells.channels != channels)
    differs(" channels", std::to_string(cells.channels), std::to_string(channels));
  if (cells.truth->grid != grid) differs(" cells", text(cells.truth->grid), text(grid));
}

ProbeRun::ProbeRun(const ProbeRecipe& recipe) : recipe_(recipe) {
  for (std::size_t i = 0; i < recipe.sets.size(); ++i)
    sets_.push_back(std::make_unique<SetProbe>());
}

void ProbeRun::check_sets(const SceneCells& scene) {
  for (std::size_t i = 0; i < sets_.size(); ++i)
    sets_[i]->check(scene.sets[i], recipe_.sets[i].name);
}

void ProbeRun::keep_inputs(const std::string& key, const SceneCells& scene) {
  without_names_ += scene.names.empty() ? 1 : 0;
  floors_.push_back({key, scene.sets.front().truth->floor});
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    SetProbe& set = *sets_[i];
    const SetCells& cells = scene.sets[i];
    if (set.channels == 0) {
      set.channels = cells.channels;
      set.grid = cells.truth->grid;
      set.tap = cells.tap;
    }
    set.cache_keys[key] = cells.cache_key;
    for (std::size_t j = 0; j < i; ++j)
      if (!same_cells(scene.sets[j], cells)) set.unlike.insert(j);
    set.not_finite += cells.not_finite;
    if (cells.not_finite > 0)
      log_warn("{}: {}: {} cells with features that are not finite, left out", key,
               recipe_.sets[i].name, cells.not_finite);
  }
}

std::size_t ProbeRun::first_alike(std::size_t i) const {
  std::size_t first = 0;
  while (first < i && sets_[i]->unlike.contains(first)) ++first;
  return first;
}

void ProbeRun::fit(const std::string& key, const SceneCells& scene) {
  check_sets(scene);
  std::vector<std::int32_t> number;
  for (const std::string& name : scene.names)
    number.push_back(
        names_.try_emplace(name, static_cast<std::int32_t>(names_.size())).first->second);
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    const SetCells& cells = scene.sets[i];
    SetProbe& set = *sets_[i];
    if (!set.sums) set.sums.emplace(cells.x.size(1), kSpaceTargets, recipe_.exact());
    std::vector<std::int32_t> labels = renumbered(cells.labels(), number);
    at::Tensor y = cells.y;
    if (recipe_.shuffle) {
      const at::Tensor order = shuffled_order(y.size(0), *recipe_.shuffle, key);
      y = y.index_select(0, order);
      const auto* from = order.const_data_ptr<std::int64_t>();
      const std::vector<std::int32_t> own = labels;
      for (std::size_t r = 0; r < own.size(); ++r)
        labels[r] = own[static_cast<std::size_t>(from[r])];
    }
    set.sums->add(cells.x, y, labels, recipe_.threads);
    set.fit_cells += cells.x.size(0);
  }
  keep_inputs(key, scene);
  fitted_.push_back(key);
}

// Those with enough cells in every set, or those that are asked for; sorted by name.
void ProbeRun::choose_classes(RidgeRule& rule) {
  const auto least_cells = [&](std::int32_t number) {
    std::int64_t least = sets_.front()->sums->rows_of(number);
    for (const auto& set : sets_) least = std::min(least, set->sums->rows_of(number));
    return least;
  };
  for (const std::string& name : recipe_.classes)
    if (!names_.contains(name) || least_cells(names_.at(name)) == 0)
      throw ModelError(explain("--classes", "'" + name + "'",
                               "a label with cells in the scenes that are fitted"));
  for (const auto& [name, number] : names_) {
    const bool named =
        std::find(recipe_.classes.begin(), recipe_.classes.end(), name) != recipe_.classes.end();
    const std::int64_t cells = least_cells(number);
    if (recipe_.classes.empty() ? cells < recipe_.class_cells : !named) continue;
    class_of_[name] = static_cast<std::int32_t>(classes_.size());
    classes_.push_back({name, cells});
    rule.classes.push_back(number);
  }
}

void ProbeRun::solve() {
  if (fitted_.empty())
    throw ModelError(explain("probe", "no scene to fit", "one at least that can be read",
                             "the errors above say what is wrong with each"));
  RidgeRule rule{recipe_.ridge, {}};
  choose_classes(rule);
  for (const auto& set : sets_) {
    const std::int64_t columns = set->sums->columns();
    set->place_fit = set->sums->fit(columns - set->channels, rule);
    set->fit = set->sums->fit(columns, rule);
    set->sums.reset();
  }
  solved_ = true;
  log_info("fitted on {}, {} classes", plural(fitted_.size(), "scene"), classes_.size());
}

void ProbeRun::score(const std::string& key, const SceneCells& scene) {
  if (!solved_) solve();
  check_sets(scene);
  std::vector<std::int32_t> number;
  for (const std::string& name : scene.names) {
    const auto at = class_of_.find(name);
    number.push_back(at == class_of_.end() ? -1 : at->second);
  }
  std::vector<SpaceSums> full(sets_.size(), SpaceSums(classes_.size())), place = full;
  parallel_for(sets_.size(), recipe_.threads, [&](std::size_t i) {
    const SetCells& cells = scene.sets[i];
    const std::vector<std::int32_t> labels = renumbered(cells.labels(), number);
    add_scores(cells, *sets_[i]->fit, labels, full[i]);
    add_scores(cells, *sets_[i]->place_fit, labels, place[i]);
  });
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    sets_[i]->scored_cells += full[i].cells;
    sets_[i]->scores.push_back(std::move(full[i]));
    sets_[i]->place_scores.push_back(std::move(place[i]));
  }
  keep_inputs(key, scene);
  scored_.push_back(key);
}

}  // namespace vega::evaluate
