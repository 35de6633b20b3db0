// Order, ids and times of pictures by their names.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vega {

// The noise counter has 32 bits for the frame (spec "noise v1"), so ids go up to here.
inline constexpr std::int64_t kMaxFrameId = 4294967295;

struct NamedPicture {
  std::string name;
  std::int64_t id = 0;  // 0 to kMaxFrameId, distinct
  double time_s = 0;    // NaN: the name says none
};

struct PictureOrder {
  std::vector<NamedPicture> pictures;  // in the order in which they were taken; ids ascend
  std::string doubt;                   // why the order or the ids are a guess; empty: they are none
};

// Orders the names of picture files (distinct, with their endings). Names of one form, such as
// "frame_0012.jpg", are compared number by number:
//   time stamps   seconds since 1970 with or without a fraction ("1305031102.175304"), or whole
//                 milli-, micro- or nanoseconds; date and time ("20260131_123456", "2026-01-31
//                 12.34.56.789", taken as UTC or with its offset, "T12-34-56+0100"; the day or the
//                 month may stand first, "31.01.2026"); seconds from a start with three decimals or
//                 more ("12.345"). The order is that of the times; time_s is filled.
//   one number    the order is that of the numbers, and the number is the id.
//   several       compared from left to right; the last one is the id where it says the same order.
// Ids are the numbers in the names where these are distinct, fit in 32 bits and follow the order
// (whole seconds too); else the place in the order. Names of several forms are ordered by their
// last number where each has one of its own, else in natural order; "a (1)" and "a_01" come after
// "a". `doubt` says where another order would be as good: several forms, one number twice (7 and
// 007), several numbers that say different orders, fractions and dates that could be read in two
// ways, times of the day that pass midnight.
PictureOrder order_pictures(std::vector<std::string> names);

// Whether the text is digits only and below 2^63; if so, `value` is the number ("007" is 7).
bool whole_number(const std::string& text, std::int64_t& value);

// The first names and the last one, for messages: "a.jpg, b.jpg, c.jpg, ..., z.jpg (26 in all)".
std::string shown_names(const std::vector<std::string>& names);

}  // namespace vega
