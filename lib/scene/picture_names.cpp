// From the names of pictures to their order, ids and times. Every way of naming is weighed against
// the others over all names at once, and so one file of more than 400 lines.
#include "scene/picture_names.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "base/natural.h"
#include "scene/name_parts.h"
#include "scene/name_times.h"

namespace vega {
namespace {

using detail::bounded;
using detail::compare;
using detail::complete_copies;
using detail::cut;
using detail::DateOrder;
using detail::have_one_form;
using detail::significant;
using detail::Stem;

// A time since 1970 or since a start, exact to the nanosecond.
struct Moment {
  std::int64_t seconds = 0;
  std::string nanos = "000000000";

  friend auto operator<=>(const Moment&, const Moment&) = default;
  double value() const {
    const std::string text = std::to_string(seconds) + "." + nanos;
    double out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
  }
};

std::string nine_digits(std::string fraction) {
  fraction.resize(9, '0');
  return fraction;
}

// Where a kind of time stamp was found in the names: its first run and how many runs it takes.
struct Stamps {
  std::vector<Moment> moments;  // of each name
  std::size_t first = 0, runs = 0;
  std::string doubt;
  bool dated = false;  // date and time, not seconds
};

class Names {
 public:
  // with_zones: offsets from UTC at the end of all names are no numbers of theirs.
  Names(const std::vector<std::string>& names, bool with_zones) {
    std::vector<std::string> stems;
    for (const std::string& name : names)
      stems.push_back(std::filesystem::path(name).stem().string());
    if (with_zones) cut_zones(stems);
    for (const std::string& stem : stems) stems_.push_back(cut(stem));
    completed_ = complete_copies(stems_);
    for (std::size_t k = 0; one_form() && k < columns(); ++k) {
      varies_.push_back(std::any_of(stems_.begin(), stems_.end(), [&](const Stem& stem) {
        return compare(stem.runs[k], stems_[0].runs[k]) != 0;
      }));
    }
  }

  bool one_form() const { return have_one_form(stems_); }
  bool zoned() const { return !offsets_.empty(); }
  bool completed() const { return completed_; }
  std::size_t size() const { return stems_.size(); }
  std::size_t columns() const { return stems_[0].runs.size(); }
  const std::string& run(std::size_t name, std::size_t column) const {
    return stems_[name].runs[column];
  }

  // Columns whose numbers are not all equal, without those that a time stamp takes.
  std::vector<std::size_t> varying(const Stamps& without = {}) const {
    std::vector<std::size_t> out;
    for (std::size_t k = 0; k < columns(); ++k) {
      const bool taken = k >= without.first && k < without.first + without.runs;
      if (varies_[k] && !taken) out.push_back(k);
    }
    return out;
  }

  // Compared number by number.
  bool before(std::size_t a, std::size_t b) const {
    for (std::size_t k = 0; k < columns(); ++k) {
      if (const int order = compare(run(a, k), run(b, k)); order != 0) return order < 0;
    }
    return false;
  }

  // Why numbers that grow may be no order: parts of dates and times.
  std::string doubt_of_numbers() const {
    for (std::size_t first = 0; first < columns(); ++first) {
      if (const auto texts = digits_of(first, {{2, 2, 4}, {8}})) {
        for (const DateOrder order : {DateOrder::kDayFirst, DateOrder::kMonthFirst}) {
          if (all_of(*texts, [&](auto& t) { return detail::days_of_date(t, order).has_value(); }))
            return "dates that do not begin with the year, taken as numbers";
        }
      }
      if (const auto texts = digits_of(first, {{2, 2, 2}, {6}})) {
        std::int64_t least = 86400, most = 0;
        const bool times = all_of(*texts, [&](auto& text) {
          const auto second = detail::seconds_of_day(text);
          least = std::min(least, second.value_or(least));
          most = std::max(most, second.value_or(most));
          return second.has_value();
        });
        constexpr std::int64_t kEarly = 2 * 3600, kLate = 22 * 3600;
        if (times && least < kEarly && most >= kLate && !is_counter(first))
          return "times of the day without a date, before and after midnight";
      }
    }
    return {};
  }

  // As many different numbers as names, without a gap.
  bool is_counter(std::size_t column) const {
    std::set<std::int64_t> all;
    for (const Stem& stem : stems_) {
      if (const auto value = bounded(stem.runs[column], 0, kMaxFrameId)) all.insert(*value);
    }
    return size() > 1 && all.size() == size() &&
           *all.rbegin() - *all.begin() + 1 == static_cast<std::int64_t>(size());
  }

  // The last number of a name where it has one that fits an id.
  std::optional<std::int64_t> last_number(std::size_t name) const {
    const auto& runs = stems_[name].runs;
    return runs.empty() ? std::nullopt : bounded(runs.back(), 0, kMaxFrameId);
  }

  // The time stamps that all names have at one place, in a column that varies.
  std::optional<Stamps> stamps() const {
    for (std::size_t first = 0; first < columns(); ++first) {
      for (const auto& read : {&Names::dates, &Names::epochs, &Names::decimals}) {
        auto found = (this->*read)(first);
        if (!found) continue;
        const auto from = varies_.begin() + static_cast<std::ptrdiff_t>(first);
        if (size() > 1 && std::none_of(from, from + static_cast<std::ptrdiff_t>(found->runs),
                                       [](bool varies) { return varies; })) {
          continue;
        }
        return found;
      }
    }
    return std::nullopt;
  }

 private:
  const std::string& text_before(std::size_t column) const { return stems_[0].texts[column]; }
  bool digits(std::size_t column, std::size_t count) const {
    return column < columns() && std::all_of(stems_.begin(), stems_.end(), [&](const Stem& stem) {
             return stem.runs[column].size() == count;
           });
  }

  template <typename Test>
  static bool all_of(const std::vector<std::string>& texts, const Test& test) {
    return std::all_of(texts.begin(), texts.end(), test);
  }

  // The digits of each name from column `first` on, where all names have runs of one of these
  // lists of widths and they are not equal; runs: how many.
  std::optional<std::vector<std::string>> digits_of(
      std::size_t first, std::initializer_list<std::vector<std::size_t>> forms,
      std::size_t* runs = nullptr) const {
    for (const auto& widths : forms) {
      bool fits = true, varies = size() == 1;
      for (std::size_t i = 0; fits && i < widths.size(); ++i) {
        fits = digits(first + i, widths[i]);
        varies = varies || (fits && varies_[first + i]);
      }
      if (!fits || !varies) continue;
      std::vector<std::string> out(size());
      for (std::size_t n = 0; n < size(); ++n) {
        for (std::size_t i = 0; i < widths.size(); ++i) out[n] += run(n, first + i);
      }
      if (runs != nullptr) *runs = widths.size();
      return out;
    }
    return std::nullopt;
  }

  void cut_zones(std::vector<std::string>& stems) {
    std::vector<std::string> shorter;
    for (const std::string& stem : stems) {
      auto zoned = detail::split_zone(stem);
      if (!zoned) return offsets_.clear();
      shorter.push_back(std::move(zoned->stem));
      offsets_.push_back(zoned->offset_s);
    }
    stems = std::move(shorter);
  }

  // "20260131_123456", "2026-01-31 12.34.56", "20260131123456", each with a fraction or without;
  // with the day or the month first, too.
  std::optional<Stamps> dates(std::size_t first) const {
    Stamps out{{}, first, 0, {}, true};
    const auto texts = digits_of(first,
                                 {{4, 2, 2, 2, 2, 2},
                                  {2, 2, 4, 2, 2, 2},
                                  {4, 2, 2, 6},
                                  {2, 2, 4, 6},
                                  {8, 6},
                                  {8, 2, 2, 2},
                                  {8, 9},
                                  {14},
                                  {17}},
                                 &out.runs);
    if (!texts) return std::nullopt;
    out.moments = moments_of(*texts, DateOrder::kYearFirst);
    if (out.moments.empty()) {
      out.moments = moments_of(*texts, DateOrder::kDayFirst);
      const auto american = moments_of(*texts, DateOrder::kMonthFirst);
      const bool german = out.runs > 2 && text_before(first + 1) == ".";
      if (out.moments.empty())
        out.moments = american;
      else if (!american.empty() && !german && !same_order(out.moments, american))
        out.doubt = "dates read with the day first; with the month first the order is another one";
    }
    if (out.moments.empty()) return std::nullopt;
    if (out.moments[0].nanos == nine_digits("")) add_fraction(out);
    return out;
  }

  // Of 14 digits, and those of a fraction; empty where one is no date and time.
  std::vector<Moment> moments_of(const std::vector<std::string>& texts, DateOrder order) const {
    std::vector<Moment> out;
    for (std::size_t n = 0; n < texts.size(); ++n) {
      const std::string_view text = texts[n];
      const auto days = detail::days_of_date(text.substr(0, 8), order),
                 seconds = detail::seconds_of_day(text.substr(8, 6));
      if (!days || !seconds) return {};
      const std::int64_t offset = zoned() ? offsets_[n] : 0;
      out.push_back({*days * 86400 + *seconds - offset, nine_digits(texts[n].substr(14))});
    }
    return out;
  }

  static bool same_order(const std::vector<Moment>& a, const std::vector<Moment>& b) {
    std::vector<std::size_t> places(a.size());
    for (std::size_t n = 0; n < places.size(); ++n) places[n] = n;
    std::sort(places.begin(), places.end(), [&](auto i, auto j) { return a[i] < a[j]; });
    return std::is_sorted(places.begin(), places.end(),
                          [&](auto i, auto j) { return b[i] < b[j]; });
  }

  // Since 1970: seconds, perhaps with a fraction, or whole milli-, micro- or nanoseconds.
  std::optional<Stamps> epochs(std::size_t first) const {
    constexpr std::int64_t kFrom = 1'000'000'000, kTo = 4'102'444'800;  // 2001 to 2100
    for (const std::size_t decimals : {0, 3, 6, 9}) {
      Stamps out{{}, first, 1, {}};
      for (const Stem& stem : stems_) {
        const std::string& run = stem.runs[first];
        if (run.size() != 10 + decimals) break;
        const auto seconds = bounded(std::string_view(run).substr(0, 10), kFrom, kTo);
        if (!seconds) break;
        out.moments.push_back({*seconds, nine_digits(run.substr(10))});
      }
      if (out.moments.size() != size()) continue;
      if (decimals == 0) add_fraction(out);
      return out;
    }
    return std::nullopt;
  }

  // Behind whole seconds: ".175304", or "_175304" of one width that is no counter.
  void add_fraction(Stamps& out) const {
    const std::size_t k = out.first + out.runs;
    if (k >= columns()) return;
    const std::string& before = text_before(k);
    const bool point = before == "." || before == ",";
    const bool fixed = digits(k, 3) || digits(k, 6) || digits(k, 9);
    if (!point && (!(before == "_" || before == "-") || !fixed || is_counter(k))) return;
    ++out.runs;
    std::size_t widest = 0;
    for (const Stem& stem : stems_) widest = std::max(widest, stem.runs[k].size());
    // Of other widths than the widest: zeros were cut off at the end, or not filled in in front.
    bool cut_off = true, unfilled = true;
    for (const Stem& stem : stems_) {
      const std::string& run = stem.runs[k];
      if (run.size() == widest || run == "0") continue;
      cut_off = cut_off && run.back() != '0';
      unfilled = unfilled && run.front() != '0';
    }
    const bool equal = digits(k, widest);
    if (!equal && cut_off && unfilled) out.doubt = "fractions of several lengths, read as decimals";
    for (std::size_t n = 0; n < size(); ++n) {
      std::string fraction = run(n, k);
      if (!equal && !cut_off && unfilled)  // nanoseconds as a whole number
        fraction.insert(0, 9 - std::min<std::size_t>(9, fraction.size()), '0');
      out.moments[n].nanos = nine_digits(fraction);
    }
  }

  // "12.345": seconds from some start, with at least three decimals of one width.
  std::optional<Stamps> decimals(std::size_t first) const {
    const std::size_t k = first + 1;
    if (size() == 1 || k >= columns() || text_before(k) != "." || run(0, k).size() < 3 ||
        !digits(k, run(0, k).size()) || is_counter(k)) {
      return std::nullopt;
    }
    Stamps out{{}, first, 2, {}};
    for (const Stem& stem : stems_) {
      const auto seconds = bounded(stem.runs[first], 0, kMaxFrameId);
      const bool filled = stem.runs[first].size() > 1 && stem.runs[first][0] == '0';
      if (!seconds || filled) return std::nullopt;
      out.moments.push_back({*seconds, nine_digits(stem.runs[k])});
    }
    return out;
  }

  std::vector<Stem> stems_;
  std::vector<bool> varies_;           // a column of names of one form
  std::vector<std::int64_t> offsets_;  // seconds that local times are ahead of UTC; empty: unknown
  bool completed_ = false;             // some had a number fewer: complete_copies
};

using Order = std::vector<std::size_t>;  // indices of names

// Whether the numbers grow strictly along the order.
bool ascend(const std::vector<std::optional<std::int64_t>>& numbers, const Order& order) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (!numbers[order[i]]) return false;
    if (i > 0 && *numbers[order[i - 1]] >= *numbers[order[i]]) return false;
  }
  return true;
}

std::vector<std::optional<std::int64_t>> column_numbers(const Names& names, std::size_t column) {
  std::vector<std::optional<std::int64_t>> out;
  for (std::size_t n = 0; n < names.size(); ++n)
    out.push_back(bounded(names.run(n, column), 0, kMaxFrameId));
  return out;
}

// What the order rests on: an id for each name, where the names hold them, and a doubt.
struct Rule {
  std::vector<std::optional<std::int64_t>> ids;
  std::string doubt;
};

// Names with time stamps: sorts `order` (natural before), and finds ids.
Rule by_time(const Names& names, const Stamps& stamps, Order& order) {
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return stamps.moments[a] < stamps.moments[b];
  });
  Rule rule{{}, stamps.doubt};
  const auto others = names.varying(stamps);
  if (!others.empty()) {
    rule.ids = column_numbers(names, others.back());
    if (!ascend(rule.ids, order) && names.is_counter(others.back()))
      rule.doubt = "the numbers beside the time stamps say another order than the times";
  } else if (stamps.runs == 1) {
    rule.ids = column_numbers(names, stamps.first);  // whole seconds are ids; more does not fit
  }
  return rule;
}

Rule by_numbers(const Names& names, const Order& order) {
  const auto varying = names.varying();
  Rule rule;
  if (names.columns() == 0) {
    if (names.size() > 1) rule.doubt = "one name with several endings";
    return rule;
  }
  const std::size_t column = varying.empty() ? names.columns() - 1 : varying.back();
  rule.ids = column_numbers(names, column);
  if (ascend(rule.ids, order)) {
    rule.doubt = names.doubt_of_numbers();
    return rule;
  }
  std::set<std::string_view> distinct;
  for (std::size_t n = 0; n < names.size(); ++n) distinct.insert(significant(names.run(n, column)));
  if (varying.size() > 1) {
    rule.doubt = "several numbers in a name, compared from left to right";
  } else if (distinct.size() < names.size()) {
    rule.doubt = "one number in several names";
  } else {
    rule.doubt = "numbers above " + std::to_string(kMaxFrameId) +
                 ", the largest id of a frame: ids are places";
  }
  return rule;
}

// Orders names of several forms by their last numbers, where each has one of its own.
Rule by_last_number(const Names& names, Order& order) {
  Rule rule;
  rule.doubt = "names of several forms";
  std::set<std::int64_t> distinct;
  for (std::size_t n = 0; n < names.size(); ++n) {
    rule.ids.push_back(names.last_number(n));
    if (rule.ids.back()) distinct.insert(*rule.ids.back());
  }
  if (distinct.size() != names.size()) return rule;
  if (ascend(rule.ids, order)) rule.doubt.clear();  // in natural order too
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return *rule.ids[a] < *rule.ids[b]; });
  return rule;
}

}  // namespace

bool whole_number(const std::string& text, std::int64_t& value) {
  const auto number = bounded(text, 0, std::numeric_limits<std::int64_t>::max());
  if (!number || text[0] == '-') return false;
  value = *number;
  return true;
}

std::string shown_names(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    text += (i > 0 ? ", " : "") + names[i];
  if (names.size() == kShown + 1) return text + ", " + names.back();
  if (names.size() <= kShown) return text;
  return text + ", ..., " + names.back() + " (" + std::to_string(names.size()) + " in all)";
}

PictureOrder order_pictures(std::vector<std::string> list) {
  PictureOrder out;
  if (list.empty()) return out;
  std::sort(list.begin(), list.end(), natural_less);
  Names names(list, true);
  const auto find_stamps = [&] { return names.one_form() ? names.stamps() : std::nullopt; };
  std::optional<Stamps> stamps = find_stamps();
  if (names.zoned() && !(stamps && stamps->dated)) {
    names = Names(list, false);
    stamps = find_stamps();
  }
  Order order(list.size());
  for (std::size_t n = 0; n < order.size(); ++n) order[n] = n;
  if (names.completed()) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return names.before(a, b); });
  }
  const Rule rule = stamps             ? by_time(names, *stamps, order)
                    : names.one_form() ? by_numbers(names, order)
                                       : by_last_number(names, order);
  const bool numbered = rule.ids.size() == list.size() && ascend(rule.ids, order);
  for (std::size_t place = 0; place < order.size(); ++place) {
    const std::size_t n = order[place];
    out.pictures.push_back(
        {list[n], numbered ? *rule.ids[n] : static_cast<std::int64_t>(place),
         stamps ? stamps->moments[n].value() : std::numeric_limits<double>::quiet_NaN()});
  }
  out.doubt = rule.doubt;
  return out;
}

}  // namespace vega
