#include "evaluate/show_case.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "media/resize.h"

namespace vega::evaluate {
namespace {

constexpr Color kHalo{10, 12, 16};

Box box_of(const tasks::BoxNumbers& numbers) {
  Box out{};
  for (std::size_t k = 0; k < 6; ++k) out[k] = static_cast<float>(numbers[k]);
  return out;
}

void add_answer(const tasks::ScoredAnswer& answer, BoxOf of, const ShownScene& scene,
                std::vector<CaseBox>& out) {
  for (const auto& box : answer.boxes) out.push_back({box_of(box), of});
  if (!answer.object) return;
  for (const ObjectKind kind : {ObjectKind::kGt, ObjectKind::kProposal}) {
    if (const auto box = scene.object_box(kind, *answer.object)) {
      out.push_back({*box, of});
      return;
    }
  }
}

std::vector<Box> only(std::span<const CaseBox> boxes, bool truth) {
  std::vector<Box> out;
  for (const CaseBox& one : boxes)
    if ((one.of == BoxOf::kTruth) == truth) out.push_back(one.box);
  return out;
}

bool shows(const ShownScene& scene, const std::vector<std::size_t>& frames, const Box& box) {
  const std::vector<std::size_t> best = scene.best_frames({&box, 1}, 1);
  if (best.empty()) return true;  // no frame does
  const std::int64_t most = scene.dots_in(best[0], box);
  return std::any_of(frames.begin(), frames.end(),
                     [&](std::size_t v) { return 3 * scene.dots_in(v, box) >= most; });
}

std::vector<std::size_t> chosen_frames(std::span<const CaseBox> boxes, const ShownScene& scene,
                                       std::size_t count) {
  const std::vector<Box> truth = only(boxes, true), answers = only(boxes, false);
  std::vector<std::size_t> out = scene.best_frames(truth.empty() ? answers : truth, count);
  if (out.empty()) out = scene.best_frames(answers, count);
  if (out.empty()) return scene.even_frames(count);
  for (const Box& box : answers) {
    if (shows(scene, out, box)) continue;
    const std::size_t best = scene.best_frames({&box, 1}, 1).front();
    if (out.size() < count)
      out.push_back(best);
    else if (count > 1)
      out.back() = best;
    break;
  }
  return out;
}

// "a", "a and b", "a, b and c".
std::string listed_words(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i)
    out += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return out;
}

std::string caption_of(std::span<const CaseBox> boxes, const ShownScene& scene, std::size_t frame) {
  const bool two = std::any_of(boxes.begin(), boxes.end(),
                               [](const CaseBox& one) { return one.of == BoxOf::kAgainst; });
  std::vector<std::string> seen;
  for (const auto& [of, name] : {std::pair{BoxOf::kTruth, "the true box"},
                                 {BoxOf::kAnswer, two ? "A's answer" : "the answer"},
                                 {BoxOf::kAgainst, "B's answer"}}) {
    if (std::any_of(boxes.begin(), boxes.end(), [&](const CaseBox& one) {
          return one.of == of && scene.dots_in(frame, one.box) > 0;
        }))
      seen.emplace_back(name);
  }
  std::string out =
      fmt::format("frame {}{}", scene.frame_id(frame), scene.has_pictures() ? "" : " (depth)");
  if (!boxes.empty()) out += " shows " + (seen.empty() ? "no box" : listed_words(seen));
  return out;
}

// A number beyond float32 is no place in a room.
bool finite(const CaseBox& one) {
  return std::all_of(one.box.begin(), one.box.end(), [](float x) { return std::isfinite(x); });
}

}  // namespace

Pen box_pen(BoxOf of, double scale) {
  switch (of) {
    case BoxOf::kTruth: return {{64, 222, 122}, 4 * scale, 1, {}};
    case BoxOf::kAnswer: return {{255, 150, 36}, 2.4 * scale, 1, {10 * scale, 6 * scale}};
    default: return {{120, 190, 255}, 3 * scale, 1, {3 * scale, 6 * scale}};
  }
}

std::vector<CaseBox> case_boxes(const tasks::ScoredQuestion& question, const ShownScene& scene) {
  std::vector<CaseBox> out;
  for (const auto& box : question.boxes) out.push_back({box_of(box), BoxOf::kTruth});
  if (out.empty() && question.given_box)
    out.push_back({box_of(*question.given_box), BoxOf::kTruth});
  if (out.empty() && !question.objects.empty())
    if (const auto box = scene.object_box(ObjectKind::kGt, question.objects.front()))
      out.push_back({*box, BoxOf::kTruth});
  add_answer(question.answer, BoxOf::kAnswer, scene, out);
  if (question.against) add_answer(*question.against, BoxOf::kAgainst, scene, out);
  std::erase_if(out, [](const CaseBox& one) { return !finite(one); });
  return out;
}

ImageU8 fitted(const ImageU8& picture, ImageSize most) {
  const ImageSize size = picture.size();
  const double scale = std::min(double(most.width) / size.width, double(most.height) / size.height);
  return resize_bicubic_pillow(picture, std::max(1, int(std::lround(size.width * scale))),
                               std::max(1, int(std::lround(size.height * scale))));
}

void draw_boxes(ImageU8& picture, std::span<const CaseBox> boxes, const PictureCamera& camera) {
  picture = draw_on(picture, [&](Canvas& canvas) {
    for (const bool halo : {true, false}) {
      for (const BoxOf of : {BoxOf::kTruth, BoxOf::kAgainst, BoxOf::kAnswer}) {
        Pen pen = box_pen(of, std::clamp(picture.width / 440.0, 0.4, 2.0));
        if (halo) pen = {kHalo, pen.width + 2, 0.55, {}};
        for (const CaseBox& one : boxes)
          if (one.of == of) canvas.stroke(box_lines(one.box, camera), pen);
      }
    }
  });
}

std::vector<CaseFrame> case_frames(std::span<const CaseBox> boxes, const ShownScene& scene,
                                   std::size_t count, ImageSize most) {
  std::vector<CaseFrame> out;
  for (const std::size_t v : chosen_frames(boxes, scene, count)) {
    CaseFrame frame;
    frame.picture = scene.picture(v);
    frame.id = scene.frame_id(v);
    frame.place = v;
    frame.caption = caption_of(boxes, scene, v);
    frame.picture = fitted(frame.picture, most);
    if (const auto camera = scene.camera(v))
      draw_boxes(frame.picture, boxes, camera->resized(frame.picture.size()));
    out.push_back(std::move(frame));
  }
  return out;
}

}  // namespace vega::evaluate
