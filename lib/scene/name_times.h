// Dates, times of the day and offsets from UTC in the names of pictures.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vega::detail {

// A whole number from `least` to `most`; nothing where the text is another or no number.
std::optional<std::int64_t> bounded(std::string_view digits, std::int64_t least, std::int64_t most);

enum class DateOrder { kYearFirst, kDayFirst, kMonthFirst };

// Days since 1970 of eight digits, such as 20260131, 31012026 or 01312026; years 1970 to 2100.
// Nothing where they are no date.
std::optional<std::int64_t> days_of_date(std::string_view digits, DateOrder order);

// Seconds since midnight of six digits, such as 235959 (a leap second: 235960).
std::optional<std::int64_t> seconds_of_day(std::string_view digits);

// A name that ends in an offset from UTC: "2026-01-31T23-30-00+0100", "...T22:30:00Z". With a minus
// sign only behind ISO 8601's T, since "-0100" is a counter elsewhere.
struct Zoned {
  std::string stem;           // without the offset
  std::int64_t offset_s = 0;  // local time less UTC
};
std::optional<Zoned> split_zone(const std::string& stem);

}  // namespace vega::detail
