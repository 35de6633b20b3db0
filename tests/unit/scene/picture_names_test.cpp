// Names of pictures: the order they say, ids, times, and where they leave a doubt.
#include "scene/picture_names.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace vega;
using Catch::Matchers::Contains;

namespace {

using Names = std::vector<std::string>;
using NameIds = std::vector<std::int64_t>;

// The names in the order that was found, their ids and times. `names` are given in that order.
struct Ordered {
  Names names;
  NameIds ids;
  std::vector<double> times;
  std::string doubt;
};

Ordered order(const Names& given) {
  Names shuffled(given.rbegin(), given.rend());
  if (shuffled.size() > 2) std::swap(shuffled[0], shuffled[1]);
  const PictureOrder found = order_pictures(shuffled);
  Ordered out;
  for (const auto& picture : found.pictures) {
    out.names.push_back(picture.name);
    out.ids.push_back(picture.id);
    out.times.push_back(picture.time_s);
  }
  out.doubt = found.doubt;
  return out;
}

// Ordered as given without a doubt, and with these ids.
Ordered sure(const Names& names, const NameIds& ids) {
  const Ordered out = order(names);
  CHECK(out.names == names);
  CHECK(out.ids == ids);
  CHECK(out.doubt.empty());
  return out;
}

}  // namespace

TEST_CASE("time stamps of TUM RGB-D: seconds with a fraction") {
  const auto out =
      sure({"1305031102.175304.png", "1305031102.211214.png", "1305031103.001.png"}, {0, 1, 2});
  CHECK(out.times == std::vector<double>{1305031102.175304, 1305031102.211214, 1305031103.001});
  sure({"1305031102.175304.jpg", "1305031102.975304.jpg", "1305031103.011302.jpg",
        "1305031103.111302.jpg"},
       {0, 1, 2, 3});
  // Zeros were cut off at the end, as Python prints floats.
  sure({"1305031102.0.png", "1305031102.05.png", "1305031102.17.png", "1305031102.175304.png",
        "1305031102.2.png"},
       {0, 1, 2, 3, 4});
  // Nanoseconds that were not filled up with zeros in front.
  CHECK(sure({"1305031102.5000.png", "1305031102.33000000.png", "1305031102.175304000.png"},
             {0, 1, 2})
            .times[0] == 1305031102.000005);
  CHECK(order({"1305031102.175.png", "1305031102.25.png"}).doubt ==
        "fractions of several lengths, read as decimals");
  sure({"cam0_1305031102_175304.png", "cam0_1305031102_211214.png"}, {0, 1});
}

TEST_CASE("time stamps as whole milli-, micro-, nanoseconds and seconds") {
  const auto milli = sure({"1305031102175.png", "1305031102211.png"}, {0, 1});
  CHECK(milli.times == std::vector<double>{1305031102.175, 1305031102.211});
  const auto micro = sure({"1305031102175304.png", "1305031103000001.png"}, {0, 1});
  CHECK(micro.times == std::vector<double>{1305031102.175304, 1305031103.000001});
  const auto nano = sure({"x1305031102175304001.png", "x1305031102175304002.png"}, {0, 1});
  CHECK(nano.times[0] == 1305031102.175304001);
  // Whole seconds fit in an id, and are one.
  const auto whole = sure({"1305031102.png", "1305031105.png"}, {1305031102, 1305031105});
  CHECK(whole.times == std::vector<double>{1305031102, 1305031105});
  // A counter that grows with the times is the id.
  const auto both = sure({"0007_1305031102175.png", "0010_1305031102211.png"}, {7, 10});
  CHECK(both.times[1] == 1305031102.211);
  const auto other = order({"2_1305031102175.png", "1_1305031102211.png"});
  CHECK(other.names == Names{"2_1305031102175.png", "1_1305031102211.png"});
  CHECK(other.ids == NameIds{0, 1});
  CHECK_THAT(other.doubt, Contains("another order"));
}

TEST_CASE("seconds from a start, with decimals") {
  const auto out = sure({"42445021_9.123.png", "42445021_10.045.png"}, {0, 1});
  CHECK(out.times == std::vector<double>{9.123, 10.045});
  CHECK(std::isnan(sure({"1.1.png", "1.2.png", "1.10.png"}, {1, 2, 10}).times[0]));
}

TEST_CASE("date and time") {
  const double start = 1769862896;  // 2026-01-31 12:34:56 UTC
  for (const Names& names : {Names{"IMG_20260131_123456.jpg", "IMG_20260131_123457.jpg"},
                             Names{"20260131123456.jpg", "20260131123457.jpg"},
                             Names{"2026-01-31 12.34.56.jpg", "2026-01-31 12.34.57.jpg"},
                             Names{"a-20260131T12-34-56.png", "a-20260131T12-34-57.png"},
                             Names{"2026-01-31_123456.png", "2026-01-31_123457.png"},
                             Names{"20260131_123456.0.png", "20260131_123457.0.png"}}) {
    INFO(names[0]);
    CHECK(sure(names, {0, 1}).times == std::vector<double>{start, start + 1});
  }
  for (const Names& names : {Names{"PXL_20260131_123456250.jpg", "PXL_20260131_123457000.jpg"},
                             Names{"20260131123456250.jpg", "20260131123457000.jpg"},
                             Names{"20260131_123456_250.jpg", "20260131_123457_000.jpg"},
                             Names{"2026-01-31T12:34:56.25.jpg", "2026-01-31T12:34:57.00.jpg"}}) {
    INFO(names[0]);
    CHECK(sure(names, {0, 1}).times == std::vector<double>{start + 0.25, start + 1});
  }
  // The day counts first; several of one second by what stands behind.
  sure({"20260130_235959.jpg", "20260131_000000.jpg"}, {0, 1});
  sure({"20260131_123456_1.jpg", "20260131_123456_2.jpg", "20260131_123457_1.jpg"}, {0, 1, 2});
  // The date of an export that stands in every name says nothing; no date: numbers.
  CHECK(std::isnan(sure({"20260131_123456_8.jpg", "20260131_123456_9.jpg"}, {8, 9}).times[0]));
  CHECK(std::isnan(order({"20261331_123456.jpg", "20261331_123457.jpg"}).times[0]));
}

TEST_CASE("dates with an offset from UTC, with the day or the month first") {
  const double start = 1769898600;  // 2026-01-31 22:30:00 UTC
  for (const Names& names : {Names{"2026-01-31T23-30-00+0100.jpg", "2026-01-31T22-45-00+0000.jpg",
                                   "2026-01-31T23-00-00+0000.jpg"},
                             Names{"2026-01-31T17-30-00-0500.jpg", "2026-01-31T22-45-00Z.jpg",
                                   "2026-02-01T00-00-00+01:00.jpg"},
                             Names{"a 20260131_233000+0100.jpg", "a 20260131_224500+0000.jpg",
                                   "a 20260131_230000+0000.jpg"}}) {
    INFO(names[0]);
    CHECK(sure(names, {0, 1, 2}).times == std::vector<double>{start, start + 900, start + 1800});
  }
  // A counter behind a minus sign is none.
  CHECK(sure({"20260131_223000-0100.jpg", "20260131_223000-0200.jpg"}, {100, 200}).ids.size() == 2);
  for (const Names& names :
       {Names{"31012026_235950.jpg", "01022026_000051.jpg", "01022026_000152.jpg"},
        Names{"31.01.2026 23-59-59.jpg", "01.02.2026 00-00-01.jpg", "01.02.2026 00-00-02.jpg"},
        Names{"01-31-2026_23-59-59.jpg", "02-01-2026_00-00-00.jpg", "02-01-2026_00-00-05.jpg"},
        Names{"01.02.2026 00-00-01.jpg", "01.03.2026 00-00-01.jpg", "02.03.2026 00-00-01.jpg"}}) {
    INFO(names[0]);
    sure(names, {0, 1, 2});
  }
  CHECK_THAT(order({"02-01-2026_10-00-00.jpg", "01-02-2026_10-00-00.jpg"}).doubt,
             Contains("the day first"));
  sure({"01-02-2026_10-00-00.jpg", "01-02-2026_10-00-01.jpg"}, {0, 1});
  CHECK_THAT(order({"01-02-2026_001.jpg", "31-01-2026_002.jpg"}).doubt,
             Contains("do not begin with the year"));
}

TEST_CASE("times of the day that pass midnight leave a doubt") {
  for (const Names& names : {Names{"00-00-00.jpg", "23-59-58.jpg", "23-59-59.jpg"},
                             Names{"000000.jpg", "235958.jpg", "235959.jpg"}}) {
    INFO(names[0]);
    CHECK_THAT(order(names).doubt, Contains("midnight"));
  }
  CHECK(order({"10-00-00.jpg", "10-00-01.jpg", "10-00-05.jpg"}).doubt.empty());
}

TEST_CASE("copies and bursts come after their first picture") {
  CHECK(std::isnan(
      sure({"photo.jpg", "photo (1).jpg", "photo (2).jpg", "photo (10).jpg"}, {0, 1, 2, 10})
          .times[0]));
  sure({"20260131_123456.jpg", "20260131_123456 (1).jpg", "20260131_123457.jpg"}, {0, 1, 2});
  sure({"IMG_20260131_123456.jpg", "IMG_20260131_123456_01.jpg", "IMG_20260131_123456_02.jpg",
        "IMG_20260131_123457.jpg"},
       {0, 1, 2, 3});
  CHECK(order({"7.jpg", "7 (1).jpg", "8.jpg"}).names == Names{"7.jpg", "7 (1).jpg", "8.jpg"});
}

TEST_CASE("one number, and several") {
  sure({"IMG_9.JPG", "IMG_12.jpg", "IMG_0100.jpeg"}, {9, 12, 100});
  sure({"0001.png", "2.png", "10.png"}, {1, 2, 10});
  sure({"scene0000_00_8.png", "scene0000_00_9.png", "scene0000_00_10.png"}, {8, 9, 10});
  sure({"7.png"}, {7});
  sure({"kitchen.png"}, {0});
  sure({"a1_f1.png", "a1_f2.png", "a2_f3.png"}, {1, 2, 3});  // both say one order
  const auto two = order({"cam0_0001.png", "cam0_0002.png", "cam1_0001.png"});
  CHECK(two.names == Names{"cam0_0001.png", "cam0_0002.png", "cam1_0001.png"});
  CHECK(two.ids == NameIds{0, 1, 2});
  CHECK_THAT(two.doubt, Contains("several numbers"));
  CHECK_THAT(order({"1_5.png", "2_3.png"}).doubt, Contains("several numbers"));
  sure({"12.png", "4294967295.png"}, {12, 4294967295});
}

TEST_CASE("names that leave a doubt") {
  const auto zeros = order({"007.png", "7.png"});
  CHECK(zeros.names == Names{"007.png", "7.png"});
  CHECK(zeros.ids == NameIds{0, 1});
  CHECK_THAT(zeros.doubt, Contains("one number in several names"));
  CHECK_THAT(order({"7.jpg", "7.png"}).doubt, Contains("one number in several names"));
  const auto large = order({"0.png", "4294967296.png"});
  CHECK(large.ids == NameIds{0, 1});
  CHECK_THAT(large.doubt, Contains("4294967295"));
  const auto longer = order({"7.jpg", "20260101123456789012345.jpg"});
  CHECK(longer.ids == NameIds{0, 1});
  CHECK_FALSE(longer.doubt.empty());
  CHECK_FALSE(order({"a9.jpg", "a9b.jpg", "a10.jpg", "b9.jpg", "kitchen.jpg"}).doubt.empty());
  const auto mixed = order({"x3.png", "IMG_9.png", "IMG_12.png", "b_0100.png"});
  CHECK(mixed.ids == NameIds{3, 9, 12, 100});
  CHECK_FALSE(mixed.doubt.empty());
  CHECK(order({"a1.png", "b2.png"}).doubt.empty());
  CHECK(order_pictures({}).pictures.empty());
}

TEST_CASE("names for messages") {
  CHECK(shown_names({"a", "b"}) == "a, b");
  CHECK(shown_names({"a", "b", "c", "d", "e"}) == "a, b, c, d, e");
  CHECK(shown_names({"a", "b", "c", "d", "e", "f"}) == "a, b, c, d, ..., f (6 in all)");
}
