#include "evaluate/show_page.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/printable.h"
#include "base/text.h"
#include "viz/paragraph.h"
#include "viz/sheet.h"

namespace vega::evaluate {
namespace {

constexpr int kMargin = 28, kGap = 18, kTileWidth = 440, kTileHeight = 360, kTopSize = 470;
constexpr std::size_t kQuestionLines = 8, kAnswerLines = 7;
const TextStyle kHeading{SheetColors::kMuted, 14}, kQuestion{SheetColors::kText, 21, true};
const TextStyle kLabel{SheetColors::kMuted, 13, true}, kBody{SheetColors::kText, 15};
const TextStyle kCaption{SheetColors::kMuted, 13}, kNumber{SheetColors::kText, 15, true};

Color color_of(BoxOf of) { return box_pen(of).color; }

// A sample of a box's line, then its meaning.
void draw_key(Canvas& canvas, Point2 at, BoxOf of, const std::string& text, double width) {
  const double y = at.y + line_height(kBody) / 2;
  canvas.line({{at.x, y}, {at.x + 46, y}}, box_pen(of));
  canvas.text(fit_text(text, width - 58, kBody), {at.x + 58, y + cap_height(kBody) / 2}, kBody);
}

struct Column {
  Canvas& canvas;
  double x, y, width;

  void label(const std::string& text, Color color) {
    TextStyle style = kLabel;
    style.color = color;
    y = draw_lines(canvas, wrap_text(text, width, style, 1), {x, y}, style);
  }
  void body(const std::string& text) {
    y = draw_lines(canvas, wrap_text(text, width, kBody, kAnswerLines), {x, y}, kBody) + 10;
  }
};

void draw_scores(Column& column, const tasks::ScoredFile& file,
                 const tasks::ScoredQuestion& question) {
  constexpr double kFirst = 150, kStep = 96;
  Canvas& canvas = column.canvas;
  const double step = std::min(kStep, (column.width - kFirst) / 3);
  const auto cell = [&](const std::string& text, int place, TextStyle style) {
    style.anchor = Anchor::kRight;
    canvas.text(text, {column.x + kFirst + step * (place + 1), column.y + 15}, style);
  };
  TextStyle a = kLabel, b = kLabel;
  a.color = color_of(BoxOf::kAnswer);
  b.color = color_of(BoxOf::kAgainst);
  canvas.text("score, %", {column.x, column.y + 15}, kLabel);
  cell(question.against ? "A" : "answer", 0, a);
  if (question.against) {
    cell("B", 1, b);
    cell("B - A", 2, kLabel);
  }
  column.y += 24;
  for (std::size_t m = 0; m < file.metrics.size(); ++m) {
    const bool main = std::find(file.main.begin(), file.main.end(), m) != file.main.end();
    const TextStyle& style = main ? kNumber : kBody;
    canvas.text(fit_text(file.metrics[m].name, kFirst, style), {column.x, column.y + 15}, style);
    const double earned = question.answer.earned[m];
    cell(earned_text(earned), 0, style);
    if (question.against) {
      const double other = question.against->earned[m];
      cell(earned_text(other), 1, style);
      cell(std::isfinite(earned - other) ? fmt::format("{:+.1f}", other - earned) : "-", 2, style);
    }
    column.y += 22;
  }
}

void draw_words(Column column, const tasks::ScoredFile& file, const tasks::ScoredQuestion& question,
                const SystemNames& names, const ShownScene* scene, std::span<const CaseBox> boxes) {
  const auto has = [&](BoxOf of) {
    return std::any_of(boxes.begin(), boxes.end(), [of](const CaseBox& b) { return b.of == of; });
  };
  const auto key = [&](BoxOf of, const std::string& text) {
    if (!has(of)) return;
    draw_key(column.canvas, {column.x, column.y}, of, text, column.width);
    column.y += line_height(kBody) + 2;
  };
  key(BoxOf::kTruth, file.task == "scan2cap" ? "the object that is described" : "true box");
  key(BoxOf::kAnswer, question.against ? "A: " + names.a : "answer");
  key(BoxOf::kAgainst, "B: " + names.b);
  if (!boxes.empty()) column.y += 12;
  column.label("What is right", color_of(BoxOf::kTruth));
  column.body(truth_words(question, file.task, scene));
  column.label(question.against ? "A: " + names.a : "Answer", color_of(BoxOf::kAnswer));
  column.body(answer_words(question.answer, file.task, scene));
  if (question.against) {
    column.label("B: " + names.b, color_of(BoxOf::kAgainst));
    column.body(answer_words(*question.against, file.task, scene));
  }
  column.y += 4;
  draw_scores(column, file, question);
}

// Height of the column of words when all its parts have as many lines as they may.
double words_height(const tasks::ScoredFile& file, const tasks::ScoredQuestion& question,
                    const ShownScene* scene, double width, std::size_t boxes) {
  double out = double(boxes > 0 ? 3 : 0) * (line_height(kBody) + 2) + 12 + 4 + 30;
  const auto part = [&](const std::string& text) {
    out += line_height(kLabel) + 10 +
           line_height(kBody) * double(wrap_text(text, width, kBody, kAnswerLines).size());
  };
  part(truth_words(question, file.task, scene));
  part(answer_words(question.answer, file.task, scene));
  if (question.against) part(answer_words(*question.against, file.task, scene));
  return out + 22 * double(file.metrics.size());
}

std::string boxes_words(const std::vector<tasks::BoxNumbers>& boxes) {
  if (boxes.empty()) return "no object";
  std::string out;
  for (std::size_t i = 0; i < boxes.size() && i < 4; ++i) {
    const auto& b = boxes[i];
    out += fmt::format("{}box at {:.2f} {:.2f} {:.2f} m, {:.2f} x {:.2f} x {:.2f} m",
                       i > 0 ? "; " : "", b[0], b[1], b[2], b[3], b[4], b[5]);
  }
  if (boxes.size() > 4) out += fmt::format("; and {} more", boxes.size() - 4);
  return out;
}

// "object 35 (chair)".
std::string object_words(std::int64_t id, const ShownScene* scene) {
  std::string label;
  if (scene != nullptr) label = scene->object_label(ObjectKind::kGt, id);
  return fmt::format("object {}{}", id, label.empty() ? "" : " (" + label + ")");
}

bool of_boxes(const std::string& task) { return task == "scanrefer" || task == "multi3drefer"; }

}  // namespace

std::string earned_text(double earned) {
  return std::isfinite(earned) ? fmt::format("{:.1f}", earned) : "-";
}

std::string question_words(const tasks::ScoredQuestion& question, const std::string& task) {
  if (!question.question.empty()) return question.question;
  return task == "scan2cap" ? "Describe this object." : "(no file has the question's text)";
}

std::string answer_words(const tasks::ScoredAnswer& answer, const std::string& task,
                         const ShownScene* scene) {
  const std::string cut = answer.cut.value_or(false) ? " (cut by the length limit)" : "";
  if (!answer.unreadable.empty()) return "unreadable: " + answer.unreadable;
  if (task == "nr3d") return answer.object ? object_words(*answer.object, scene) : "no object";
  if (of_boxes(task))
    return answer.boxes.empty() && answer.empty ? "no answer" : boxes_words(answer.boxes);
  return (answer.empty ? "an empty answer" : answer.text) + cut;
}

std::string truth_words(const tasks::ScoredQuestion& question, const std::string& task,
                        const ShownScene* scene) {
  if (of_boxes(task)) return boxes_words(question.boxes);
  if (task == "nr3d" && !question.objects.empty())
    return object_words(question.objects.front(), scene) +
           (question.objects.size() > 1
                ? ", among " + plural(question.objects.size(), "object") + " of its class"
                : "");
  std::string out;
  for (const std::string& text : question.texts) out += (out.empty() ? "" : "  |  ") + text;
  return out.empty() ? "no file says it" : out;
}

// What a page is made of. Without a scene: of a question about still pictures.
struct PageParts {
  const ShownScene* scene = nullptr;
  std::vector<CaseBox> boxes;
  std::vector<CaseFrame> frames;
  ImageU8 top;
  int columns = 2;
};

ImageU8 draw_page(const tasks::ScoredFile& file, const tasks::ScoredQuestion& question,
                  const CaseText& text, const SystemNames& names, const PageParts& parts) {
  const auto& [scene, boxes, shown, top, columns] = parts;
  const int width = 2 * kMargin + columns * (kTileWidth + kGap) - kGap;
  const double room = width - 2 * kMargin;
  const auto lines =
      wrap_text(question_words(question, file.task), room, kQuestion, kQuestionLines);
  const double head =
      kMargin + line_height(kHeading) + 6 + double(lines.size()) * line_height(kQuestion) + 16;
  int tile = 0;
  for (const CaseFrame& frame : shown) tile = std::max(tile, frame.picture.height);
  const auto rows = (shown.size() + std::size_t(columns) - 1) / std::size_t(columns);
  const double row_step = line_height(kCaption) + 4 + tile + kGap;
  const double below = head + double(rows) * row_step;
  const double words_x = kMargin + (scene != nullptr ? kTopSize + kGap + 10 : 0);
  const double words_width = width - kMargin - words_x;
  const double words = words_height(file, question, scene, words_width, boxes.size());
  const double height =
      below + line_height(kCaption) + 4 + std::max<double>(top.height, words) + kMargin;
  return draw_on(blank(width, int(std::ceil(height)), SheetColors::kPage), [&](Canvas& canvas) {
    const double place_width = text_width(text.place, kHeading);
    draw_lines(canvas, {fit_text(text.heading, room - place_width - 20, kHeading)},
               {kMargin, kMargin}, kHeading);
    draw_lines(canvas, {text.place}, {width - kMargin - place_width, kMargin}, kHeading);
    draw_lines(canvas, lines, {kMargin, kMargin + line_height(kHeading) + 6}, kQuestion);
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const ImageU8& picture = shown[i].picture;
      const double x = kMargin + double(i % std::size_t(columns)) * (kTileWidth + kGap);
      const double y = head + double(i / std::size_t(columns)) * row_step;
      const std::string caption = fmt::format("{} \u00b7 {}", i + 1, shown[i].caption);
      draw_lines(canvas, {fit_text(caption, kTileWidth, kCaption)}, {x, y}, kCaption);
      canvas.image(picture, {x, y + line_height(kCaption) + 4}, picture.width, picture.height);
    }
    const double under = below + line_height(kCaption) + 4;
    if (scene != nullptr) {
      const std::string above =
          scene->has_pictures() ? "from above, up to 2 m; pink: the camera's way"
                                : "from above; the scene file has no pictures: frames show depth";
      draw_lines(canvas, {fit_text(above, kTopSize, kCaption)}, {kMargin, below}, kCaption);
      canvas.image(top, {kMargin, under}, top.width, top.height);
    }
    draw_words({canvas, words_x, under, words_width}, file, question, names, scene, boxes);
  });
}

ImageU8 case_page(const tasks::ScoredFile& file, const tasks::ScoredQuestion& question,
                  const CaseText& text, const SystemNames& names, const ShownScene& scene,
                  std::size_t frames) {
  PageParts parts;
  parts.scene = &scene;
  parts.boxes = case_boxes(question, scene);
  parts.frames = case_frames(parts.boxes, scene, frames, {kTileWidth, kTileHeight});
  parts.top = top_view(parts.boxes, scene, parts.frames, {kTopSize, kTopSize});
  parts.columns = std::max(2, static_cast<int>(std::min<std::size_t>(frames, 3)));
  return draw_page(file, question, text, names, parts);
}

ImageU8 picture_page(const tasks::ScoredFile& file, const tasks::ScoredQuestion& question,
                     const CaseText& text, const SystemNames& names,
                     const std::vector<std::pair<std::string, ImageU8>>& pictures) {
  PageParts parts;
  for (const auto& [name, picture] : pictures)
    parts.frames.push_back({fitted(picture, {kTileWidth, kTileHeight}), 0, 0, printable(name)});
  return draw_page(file, question, text, names, parts);
}

}  // namespace vega::evaluate
