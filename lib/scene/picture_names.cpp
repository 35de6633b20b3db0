// From the names of pictures to their order, ids and times. Every way of naming is weighed against
// the others over all names at once, and so one file of about 400 lines.
#include "scene/picture_names.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "base/natural.h"

namespace vega {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A stem, cut into runs of digits and the text around them: texts has one entry more.
struct Stem {
  std::vector<std::string> texts, runs;
};

Stem cut(const std::string& name) {
  const std::string stem = std::filesystem::path(name).stem().string();
  Stem out;
  out.texts.emplace_back();
  for (std::size_t i = 0; i < stem.size(); ++i) {
    const bool digit = is_digit(stem[i]);
    if (digit && (i == 0 || !is_digit(stem[i - 1]))) {
      out.runs.emplace_back();
      out.texts.emplace_back();
    }
    (digit ? out.runs.back() : out.texts.back()) += stem[i];
  }
  return out;
}

std::string_view significant(std::string_view run) {
  const auto first = run.find_first_not_of('0');
  return first == std::string_view::npos ? std::string_view() : run.substr(first);
}

// -1, 0, 1: two runs of digits as numbers of any length.
int compare(std::string_view a, std::string_view b) {
  a = significant(a), b = significant(b);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a < b ? -1 : a == b ? 0 : 1;
}

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

// A run of digits as a number within bounds.
std::optional<std::int64_t> bounded(std::string_view run, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  const auto [at, code] = std::from_chars(run.data(), run.data() + run.size(), value);
  if (run.empty() || code != std::errc{} || at != run.data() + run.size()) return std::nullopt;
  if (value < least || value > most) return std::nullopt;
  return value;
}

// Where a kind of time stamp was found in the names: its first run and how many runs it takes.
struct Stamps {
  std::vector<Moment> moments;  // of each name
  std::size_t first = 0, runs = 0;
  std::string doubt;
};

class Names {
 public:
  explicit Names(const std::vector<std::string>& names) {
    for (const std::string& name : names) stems_.push_back(cut(name));
    for (std::size_t k = 0; one_form() && k < columns(); ++k) {
      varies_.push_back(std::any_of(stems_.begin(), stems_.end(), [&](const Stem& stem) {
        return compare(stem.runs[k], stems_[0].runs[k]) != 0;
      }));
    }
  }

  bool one_form() const {
    return std::all_of(stems_.begin(), stems_.end(),
                       [&](const Stem& stem) { return stem.texts == stems_[0].texts; });
  }
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

  // "20260131_123456", "2026-01-31 12.34.56", "20260131123456", each with a fraction or without.
  std::optional<Stamps> dates(std::size_t first) const {
    Stamps out{{}, first, 0, {}};
    const auto widths = [&](std::initializer_list<std::size_t> wanted) {
      std::size_t k = first;
      for (const std::size_t width : wanted) {
        if (!digits(k++, width)) return false;
      }
      out.runs = wanted.size();
      return true;
    };
    const bool apart = widths({4, 2, 2, 2, 2, 2}) || widths({4, 2, 2, 6}) || widths({8, 6}) ||
                       widths({8, 2, 2, 2}) || widths({8, 9}) || widths({14}) || widths({17});
    if (!apart) return std::nullopt;
    for (const Stem& stem : stems_) {
      std::string all;
      for (std::size_t k = first; k < first + out.runs; ++k) all += stem.runs[k];
      const auto part = [&](std::size_t from, std::size_t count, int least, int most) {
        return bounded(std::string_view(all).substr(from, count), least, most);
      };
      const auto year = part(0, 4, 1970, 2100), month = part(4, 2, 1, 12), day = part(6, 2, 1, 31),
                 hour = part(8, 2, 0, 23), minute = part(10, 2, 0, 59), second = part(12, 2, 0, 60);
      if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
      const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                             std::chrono::month(static_cast<unsigned>(*month)),
                                             std::chrono::day(static_cast<unsigned>(*day)));
      if (!date.ok()) return std::nullopt;
      const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
      out.moments.push_back(
          {days * 86400 + *hour * 3600 + *minute * 60 + *second, nine_digits(all.substr(14))});
    }
    if (out.moments[0].nanos == nine_digits("")) add_fraction(out);
    return out;
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
  std::vector<bool> varies_;  // a column of names of one form
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
  if (ascend(rule.ids, order)) return rule;
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
  if (!number || !is_digit(text[0])) return false;
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
  const Names names(list);
  Order order(list.size());
  for (std::size_t n = 0; n < order.size(); ++n) order[n] = n;
  std::optional<Stamps> stamps;
  if (names.one_form()) stamps = names.stamps();
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
