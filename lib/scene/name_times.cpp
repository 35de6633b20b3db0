#include "scene/name_times.h"

#include <chrono>
#include <regex>

#include "base/text.h"

namespace vega::detail {

std::optional<std::int64_t> bounded(std::string_view digits, std::int64_t least,
                                    std::int64_t most) {
  const auto value = parse_whole(digits);
  return value && *value >= least && *value <= most ? value : std::nullopt;
}

std::optional<std::int64_t> days_of_date(std::string_view digits, DateOrder order) {
  const bool first = order == DateOrder::kYearFirst;
  const std::size_t day_at = first ? 6 : order == DateOrder::kDayFirst ? 0 : 2;
  const std::size_t month_at = first ? 4 : order == DateOrder::kDayFirst ? 2 : 0;
  const auto year = bounded(digits.substr(first ? 0 : 4, 4), 1970, 2100),
             month = bounded(digits.substr(month_at, 2), 1, 12),
             day = bounded(digits.substr(day_at, 2), 1, 31);
  if (digits.size() != 8 || !year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::optional<std::int64_t> seconds_of_day(std::string_view digits) {
  if (digits.size() != 6) return std::nullopt;
  const auto hour = bounded(digits.substr(0, 2), 0, 23),
             minute = bounded(digits.substr(2, 2), 0, 59),
             second = bounded(digits.substr(4, 2), 0, 60);
  if (!hour || !minute || !second) return std::nullopt;
  return *hour * 3600 + *minute * 60 + *second;
}

std::optional<Zoned> split_zone(const std::string& stem) {
  // The time of the day with what stands before it, and the offset: Z, or sign, hours, minutes.
  static const std::regex kForm(
      R"((.*([T _])\d\d[-:._]?\d\d[-:._]?\d\d(?:[.,_]\d+)?)(?:Z|([+-])(\d\d)[-:.]?(\d\d)))");
  constexpr std::size_t kLongest = 255;
  std::smatch parts;
  if (stem.size() > kLongest || !std::regex_match(stem, parts, kForm)) return std::nullopt;
  if (!parts[3].matched) return Zoned{parts[1], 0};
  const bool minus = parts[3] == "-";
  const auto hours = bounded(parts[4].str(), 0, 14), minutes = bounded(parts[5].str(), 0, 59);
  if (!hours || !minutes || *minutes % 15 != 0 || (minus && parts[2] != "T")) return std::nullopt;
  const std::int64_t offset = *hours * 3600 + *minutes * 60;
  return Zoned{parts[1], minus ? -offset : offset};
}

}  // namespace vega::detail
