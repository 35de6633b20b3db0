#include "viz/plot.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <numbers>
#include <set>

#include "base/error.h"
#include "media/png.h"
#include "viz/panels.h"

using namespace vega;

namespace {

struct Word {
  std::string text;
  Path corners;  // of its box, in order
};

// Notes what is drawn.
class Notes final : public Canvas {
 public:
  void stroke(std::span<const Path> lines, const Pen& pen) override {
    for (const Path& line : lines) strokes.push_back({line, pen});
  }
  void fill(std::span<const Path> shape, Color, double) override {
    fills.insert(fills.end(), shape.begin(), shape.end());
  }
  void clip(std::span<const Path>) override { ++clips; }
  void unclip() override {}
  void image(const ImageU8&, Point2, double, double) override {}
  void text(std::string_view text, Point2 at, const TextStyle& style) override {
    const double width = text_width(text, style), a = style.turn * std::numbers::pi / 180;
    const double back = style.anchor == Anchor::kCenter  ? width / 2
                        : style.anchor == Anchor::kRight ? width
                                                         : 0;
    const auto corner = [&](double along, double up) {
      return Point2{at.x + along * std::cos(a) - up * std::sin(a),
                    at.y - along * std::sin(a) - up * std::cos(a)};
    };
    const double cap = cap_height(style);
    words.push_back({std::string(text),
                     {corner(-back, 0), corner(width - back, 0), corner(width - back, cap),
                      corner(-back, cap)}});
  }
  const Word& word(const std::string& text) const {
    for (const Word& w : words)
      if (w.text == text) return w;
    FAIL("no text '" << text << "'");
    return words.front();
  }

  std::vector<std::pair<Path, Pen>> strokes;
  std::vector<Path> fills;
  std::vector<Word> words;
  int clips = 0;
};

// Two convex shapes are apart where a side of one of them has the other one outside.
bool apart(const Path& a, const Path& b) {
  const auto outside = [](const Path& from, const Path& other) {
    for (std::size_t k = 0; k < from.size(); ++k) {
      const Point2 p = from[k], q = from[(k + 1) % from.size()];
      double most = -1e300;
      for (const Point2& o : other)
        most = std::max(most, -((q.x - p.x) * (o.y - p.y) - (q.y - p.y) * (o.x - p.x)));
      if (most <= 1e-6) return true;
    }
    return false;
  };
  return outside(a, b) || outside(b, a);
}

// Records a drawing and checks its texts: each lies on the page, none on another one.
Notes drawn(const Drawing& drawing, const PlotSize& size = {}) {
  Notes out;
  drawing(out);
  for (std::size_t i = 0; i < out.words.size(); ++i) {
    for (const Point2& p : out.words[i].corners) {
      INFO(out.words[i].text);
      CHECK((p.x >= 0 && p.x <= size.width && p.y >= 0 && p.y <= size.height));
    }
    for (std::size_t k = 0; k < i; ++k) {
      INFO(out.words[i].text << " on " << out.words[k].text);
      CHECK(apart(out.words[i].corners, out.words[k].corners));
    }
  }
  return out;
}

PlotSeries series(std::string name, const std::vector<double>& y, double interval = kNoNumber) {
  PlotSeries out{std::move(name), {}, true};
  for (std::size_t i = 0; i < y.size(); ++i)
    out.points.push_back({double(i), y[i], y[i] - interval, y[i] + interval, ""});
  return out;
}

// Numbers that the texts of ticks state.
std::vector<std::string> numbers(const Notes& notes) {
  std::vector<std::string> out;
  for (const Word& w : notes.words)
    if (w.text.find_first_not_of("0123456789.\u2212") == std::string::npos) out.push_back(w.text);
  return out;
}

}  // namespace

TEST_CASE("ticks are round, evenly apart, around the range, and not too many") {
  CHECK(nice_ticks(0, 1, 6) == std::vector<double>{0, 0.2, 0.2 * 2, 0.2 * 3, 0.2 * 4, 1});
  CHECK(nice_ticks(54.3, 56.2, 6) == std::vector<double>{54, 54.5, 55, 55.5, 56, 56.5});
  CHECK(nice_ticks(-27.5, 8.8, 6) == std::vector<double>{-30, -20, -10, 0, 10});
  for (const int most : {2, 3, 8}) {  // one number but for rounding
    CHECK(nice_ticks(0.3, 0.1 + 0.2, most).size() >= 2);
    CHECK(nice_ticks(62.3, 62.300000000000004, most).size() >= 2);
  }
  for (const double low : {-1234.5, -0.007, 0.0, 3.3e-9, 17.0, 8.1e7}) {
    for (const double width : {1e-9, 0.013, 1.0, 49.0, 1e6}) {
      for (const int most : {3, 5, 8}) {
        if (width < std::abs(low) * 1e-9) continue;  // below what a double can tell
        const auto ticks = nice_ticks(low, low + width, most);
        CAPTURE(low, width, most);
        REQUIRE(ticks.size() >= 2);
        CHECK(ticks.size() <= std::size_t(most));
        CHECK(ticks.front() <= low + width * 1e-6);
        CHECK(ticks.back() >= low + width - width * 1e-6);
        const double step = ticks[1] - ticks[0];
        const double lead = step / std::pow(10, std::floor(std::log10(step) + 1e-6));
        CHECK((lead == Approx(1) || lead == Approx(2) || lead == Approx(5)));
      }
    }
  }
  CHECK(nice_ticks(5, 5, 5).size() >= 2);
  CHECK(nice_ticks(0, 0, 5).size() >= 2);
}

TEST_CASE("the number of a tick has the digits that its neighbours need") {
  CHECK(tick_text(0.2 * 3, 0.2) == "0.6");
  CHECK(tick_text(55, 0.5) == "55.0");
  CHECK(tick_text(-30, 10) == "\u221230");
  CHECK(tick_text(-1e-17, 0.1) == "0.0");
  CHECK(tick_text(2e6, 1e6) == "2000000");
}

TEST_CASE("curves: points at their numbers, intervals, legend, labels of both axes") {
  Curves plot{
      "Noise",
      "ratio",
      "Acc (%)",
      {},
      {series("published", {55.6, 54.3, 55, 56.2}), series("ours", {56, 54.6, 54, 55}, 0.8)},
      ""};
  const Notes notes = drawn(plot_curves(plot, {}));
  for (const char* text : {"Noise", "ratio", "Acc (%)", "published", "ours", "0.0", "1.5", "3.0"})
    notes.word(text);
  // The joined line of the first series is solid, of the second one dashed.
  std::vector<std::pair<Path, Pen>> lines;
  for (const auto& [path, pen] : notes.strokes)
    if (path.size() == 4 && pen.width == 1.2) lines.emplace_back(path, pen);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].second.dashes.empty());
  CHECK(!lines[1].second.dashes.empty());
  // Linear and right way up: equal steps in x, y by value.
  const Path& line = lines[0].first;
  CHECK(line[1].x - line[0].x == Approx(line[3].x - line[2].x));
  CHECK((line[3].y < line[0].y && line[0].y < line[1].y));
  CHECK((line[2].y - line[3].y) / (line[1].y - line[3].y) == Approx(1.2 / 1.9));
  // Four intervals: an upright line each, as long as the numbers say.
  int intervals = 0;
  const double unit = (line[1].y - line[3].y) / 1.9;
  for (const auto& [path, pen] : notes.strokes)
    if (pen.width == 0.8 && path.size() == 2 && path[0].x == path[1].x) {
      CHECK(path[0].y - path[1].y == Approx(1.6 * unit));
      ++intervals;
    }
  CHECK(intervals == 4);
  // One series needs no legend.
  plot.series.pop_back();
  for (const Word& word : drawn(plot_curves(plot, {})).words) CHECK(word.text != "published");
}

TEST_CASE("a small plot cuts its texts; no text leaves the page or lies on another one") {
  const Curves plot{
      "A long title that does not fit into this plot",
      "layer",
      "ScanRefer Acc@0.5 (%)",
      {},
      {series("VEGA-3D (published)", {55, 54, 56}), series("baseline (published)", {52, 52, 52})},
      ""};
  drawn(plot_curves(plot, {170, 113}), {170, 113});
}

TEST_CASE("a missing number is a gap in the line; one point, equal points and far numbers work") {
  Curves plot{"", "", "", {}, {series("", {1, 2, kNoNumber, 3, 4})}, ""};
  int lines = 0;
  for (const auto& [path, pen] : drawn(plot_curves(plot, {})).strokes)
    lines += pen.width == 1.2 ? 1 : 0;
  CHECK(lines == 2);
  for (const std::vector<double>& y : std::vector<std::vector<double>>{
           {7}, {5, 5, 5}, {0, 0}, {1e9, 2e9}, {-3e-7, 2e-7}, {99.99, 100}}) {
    plot.series = {series("", y)};
    CAPTURE(y.front());
    CHECK(numbers(drawn(plot_curves(plot, {}))).size() >= 3);
  }
}

TEST_CASE("one place on the x axis, wherever it lies, is drawn") {
  for (const double x : {0.0, 96.4, 299.0, -3.7e-5, 1e6}) {
    Curves plot{"", "", "", {}, {series("", {7})}, ""};
    plot.series[0].points[0].x = x;
    CAPTURE(x);
    CHECK(drawn(plot_curves(plot, {})).words.size() >= 2);
  }
}

TEST_CASE("many series differ in more than colour") {
  Curves plot;
  for (int i = 0; i < 12; ++i)
    plot.series.push_back(series("system " + std::to_string(i), {i + 1.0, i + 2.0}));
  std::set<std::pair<std::vector<double>, int>> looks;
  std::set<std::vector<double>> dashes;
  for (const auto& [path, pen] : drawn(plot_curves(plot, {240, 260}), {240, 260}).strokes)
    if (pen.width == 1.2) {
      dashes.insert(pen.dashes);
      looks.insert({pen.dashes, pen.color.r << 16 | pen.color.g << 8 | pen.color.b});
    }
  CHECK(dashes.size() == 5);
  CHECK(looks.size() == 12);
}

TEST_CASE("names under the axis are turned where they would meet, and cut where they are endless") {
  Curves plot{"", "", "EM (%)", {"add", "only"}, {series("", {1, 2})}, ""};
  CHECK(std::abs(drawn(plot_curves(plot, {})).word("add").corners[0].y -
                 drawn(plot_curves(plot, {})).word("add").corners[1].y) < 1e-9);
  plot.categories = {"token_gated", "cross_attention", "token_gated_residual", "weighted",
                     "concat"};
  plot.series = {series("", {5, 4, 3, 2, 1})};
  const Notes turned = drawn(plot_curves(plot, {}));
  CHECK(turned.word("weighted").corners[1].y < turned.word("weighted").corners[0].y - 10);
  plot.categories[1] = std::string(200, 'm');
  CHECK(drawn(plot_curves(plot, {})).words.size() > 5);
  plot.categories.pop_back();
  CHECK_THROWS_WITH(plot_curves(plot, {}), Catch::Contains("named places"));
}

TEST_CASE("labels of points keep clear of each other and of the points") {
  Curves plot{"", "correspondence (%)", "mean score (%)", {}, {{"", {}, false}}, "Pearson 0.91"};
  const char* names[] = {"Wan2.1-T2V-1.3B", "Wan2.1-VACE", "SVD",       "SigLIP",    "DINOv2",
                         "V-JEPA",          "VGGT",        "CogVideoX", "模型 β ✓ 😀"};
  const double x[] = {96.4, 95.9, 90, 71, 84, 88, 93, 94.9, 95.2};
  const double y[] = {60.1, 59.8, 57, 52, 55.2, 56.1, 58.5, 59.6, 59.4};
  for (std::size_t i = 0; i < 9; ++i)
    plot.series[0].points.push_back({x[i], y[i], kNoNumber, kNoNumber, names[i]});
  const Notes notes = drawn(plot_curves(plot, {}));
  for (const char* name : names) {
    const Path& label = notes.word(name).corners;
    int markers = 0;
    for (const Path& marker : notes.fills) {
      if (marker.size() != 24) continue;
      ++markers;
      INFO(name);
      CHECK(apart(label, marker));
    }
    CHECK(markers == 9);
  }
  for (const auto& [path, pen] : notes.strokes) CHECK(pen.width != 1.2);  // nothing joins them
}

TEST_CASE("bars reach from zero to their number, which stands at their end") {
  Bars plot{"Change",
            "change (%)",
            {"SR@.25", "M3D@.25", "SQA3D", "ScanQA CIDEr", "S2C B-4"},
            {series("generative only", {-5.5, -7.4, -11.3, -27.4, -27.5}),
             series("fused", {8.8, 4.8, 4.6, kNoNumber, 2.2}, 1)},
            true,
            ""};
  const Notes notes = drawn(plot_bars(plot, {}));
  for (const char* text : {"\u22125.5", "\u221227.5", "+8.8", "+2.2", "generative only", "fused"})
    notes.word(text);
  std::vector<Path> bars;
  for (const Path& shape : notes.fills) bars.push_back(shape);
  REQUIRE(bars.size() == 2 + 9);  // two of the legend
  const auto height = [&](std::size_t i) { return bars[2 + i][2].y - bars[2 + i][0].y; };
  CHECK(height(1) / height(0) == Approx(8.8 / 5.5));
  CHECK(bars[2][0].y == Approx(bars[3][2].y));  // one below zero, one above
  CHECK(notes.clips == 1 + 4);                  // hatching of the second series
  // Upright where a bar is narrower than its number.
  plot.series.clear();
  for (int i = 0; i < 8; ++i)
    plot.series.push_back(series("s" + std::to_string(i), {50.0 + i, 40.0 + i, 30, 20, 10}, 2));
  plot.changes = false;
  const Notes many = drawn(plot_bars(plot, {}));
  CHECK(many.word("57.0").corners[1].y < many.word("57.0").corners[0].y - 5);
  plot.series[3].points.pop_back();
  CHECK_THROWS_WITH(plot_bars(plot, {}), Catch::Contains("'s3'"));
}

TEST_CASE("the number of a bar stands at the bar's end, beside the line of its interval") {
  Bars plot{"ScanQA", "percent", {"EM", "CIDEr"}, {series("", {0, 30})}, false, ""};
  plot.series[0].points[0].low = 0, plot.series[0].points[0].high = 43;
  plot.series[0].points[1].low = 20, plot.series[0].points[1].high = 43;
  const Notes notes = drawn(plot_bars(plot, {}));
  for (std::size_t i = 0; i < 2; ++i) {
    const Path& bar = notes.fills[i];
    const Path& number = notes.word(i == 0 ? "0.0" : "30.0").corners;
    const double end = std::min(bar[0].y, bar[2].y), middle = (bar[0].x + bar[2].x) / 2;
    CHECK(number[0].y == Approx(end - 2));
    CHECK(number[0].x > middle + 2);
    CHECK(number[1].x < std::max(bar[0].x, bar[2].x) + 1);
  }
  // Numbers below one keep three digits that count.
  const Notes small = drawn(plot_bars({"", "", {"a", "b"}, {series("", {0.0603, 0.0606})}}, {}));
  small.word("0.0603");
  small.word("0.0606");
}

TEST_CASE("a radar's axes have ranges of their own, which are named") {
  Radar plot{"Table 1",
             {"ScanRefer@.25", "ScanQA CIDEr", "SQA3D EM", "M3D@.5", "S2C B-4"},
             {series("baseline", {58.1, 102.1, 58.6, 52.7, 41.3}),
              series("VEGA-3D", {63.2, 106.3, 61.3, kNoNumber, 42.2})},
             ""};
  const Notes notes = drawn(plot_radar(plot, {240, 220}), {240, 220});
  for (const char* words : {"ScanRefer@.25", "ScanQA", "CIDEr", "M3D@.5"}) notes.word(words);
  CHECK(std::count_if(notes.words.begin(), notes.words.end(), [](const Word& w) {
          return w.text.find(" to ") != std::string::npos && w.text[0] != 'r';
        }) == 5);
  plot.axes.resize(2);
  CHECK_THROWS_AS(plot_radar(plot, {}), InputError);
}

TEST_CASE("a plot without a number is refused") {
  CHECK_THROWS_WITH(plot_curves({}, {}), Catch::Contains("no number"));
  Bars bars;
  bars.categories = {"a"};
  bars.series = {series("", {kNoNumber})};
  CHECK_THROWS_WITH(plot_bars(bars, {}), Catch::Contains("no number"));
}

TEST_CASE("plots are drawn in every format") {
  const Curves plot{"<&>", "x", "y", {}, {series("a", {1, 2}), series("b", {2, 1})}, ""};
  const Drawing drawing = plot_curves(plot, {});
  CHECK(draw_page(PageFormat::kSvg, 240, 180, drawing).find("&lt;&amp;&gt;") != std::string::npos);
  CHECK(draw_page(PageFormat::kPdf, 240, 180, drawing).size() > 1000);
  const std::string png = draw_page(PageFormat::kPng, 240, 180, drawing, 100);
  CHECK(decode_png(std::as_bytes(std::span(png)), "png").size() == ImageSize{334, 250});
}

TEST_CASE("ticks of a logarithmic axis are round and within the range") {
  CHECK(log_ticks(0.9, 110, 8) == std::vector<double>{1, 2, 5, 10, 20, 50, 100});
  CHECK(log_ticks(0.009, 120, 6) == std::vector<double>{0.01, 0.1, 1, 10, 100});
  CHECK(log_ticks(0.9, 35, 4) == std::vector<double>{1, 3, 10, 30});
  CHECK(log_ticks(1e-9, 1e9, 5).size() <= 5);
  const auto narrow = log_ticks(2.1, 2.9, 6);  // less than a step of 1, 2, 5
  CHECK(narrow.size() >= 3);
  CHECK((narrow.front() >= 2.1 && narrow.back() <= 2.9));
  CHECK(log_tick_text(0.001) == "0.001");
  CHECK(log_tick_text(20) == "20");
}

TEST_CASE("a logarithmic axis: equal ratios are equally far apart, what is not above 0 is a gap") {
  Curves plot{"", "step", "loss", {}, {series("", {100, 10, 1, 0, -1, 0.1, 0.01})}, "", true};
  std::vector<Path> lines;
  for (const auto& [path, pen] : drawn(plot_curves(plot, {})).strokes)
    if (pen.width == 1.2) lines.push_back(path);
  REQUIRE(lines.size() == 2);
  REQUIRE(lines[0].size() == 3);
  REQUIRE(lines[1].size() == 2);
  const double decade = lines[0][1].y - lines[0][0].y;
  CHECK(decade > 0);
  CHECK(lines[0][2].y - lines[0][1].y == Approx(decade));
  CHECK(lines[1][1].y - lines[0][2].y == Approx(2 * decade));
  plot.series = {series("", {0, -1})};
  CHECK_THROWS_AS(plot_curves(plot, {}), InputError);
}

TEST_CASE("a faint series is thin and pale, below the others, and shares another one's colour") {
  PlotSeries raw = series("", {3, 1, 2}), smooth = series("run", {2, 2, 2});
  raw.faint = true, raw.markers = false, raw.look = 1;
  smooth.look = 1, smooth.markers = false;
  const Notes notes = drawn(plot_curves({"", "", "", {}, {smooth, raw}, ""}, {}));
  std::vector<Pen> pens;
  for (const auto& [path, pen] : notes.strokes)
    if (path.size() == 3 && (pen.width == 0.5 || pen.width == 1.2)) pens.push_back(pen);
  REQUIRE(pens.size() == 2);
  CHECK((pens[0].width == 0.5 && pens[0].alpha < 0.5 && pens[0].dashes.empty()));
  CHECK((pens[1].width == 1.2 && pens[1].alpha == 1));
  CHECK(pens[0].color == pens[1].color);
}

TEST_CASE("a band is one area between the ends of the intervals, without bars") {
  PlotSeries one = series("", {1, 2, 3, kNoNumber, 4}, 0.5);
  one.band = true, one.markers = false;
  const Notes notes = drawn(plot_curves({"", "", "", {}, {one}, ""}, {}));
  REQUIRE(notes.fills.size() == 1);  // the last point alone has no area
  CHECK(notes.fills[0].size() == 6);
  for (const auto& [path, pen] : notes.strokes) CHECK(pen.width != 0.8);
}

TEST_CASE("panels: each drawing is moved to its place") {
  const Drawing word = [](Canvas& canvas) {
    canvas.text("a", {1, 10}, {{0, 0, 0}, 8});
    canvas.rect(0, 0, 2, 2, {0, 0, 0});
  };
  Notes notes;
  draw_panels({{word, {0, 0}}, {word, {100, 50}}})(notes);
  REQUIRE(notes.words.size() == 2);
  CHECK(notes.words[1].corners[0].x - notes.words[0].corners[0].x == Approx(100));
  CHECK(notes.words[1].corners[0].y - notes.words[0].corners[0].y == Approx(50));
  REQUIRE(notes.fills.size() == 2);
  CHECK((notes.fills[1][0].x == Approx(100) && notes.fills[1][0].y == Approx(50)));
}
