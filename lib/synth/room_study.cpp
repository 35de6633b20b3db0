// The study's room: a little furniture along the walls, and on the floor several objects of three
// or four plain shapes. Every object has one plain colour, every colour is on two shapes or more,
// and no shape has all colours. So a referent has distractors of its shape and of its colour. In a
// stacked room some of them stand on boxes and cylinders.
#include <numeric>
#include <optional>

#include "synth/room_layout.h"

namespace vega::room {
namespace {

constexpr const char* kShapes[] = {"box", "ball", "cylinder", "cone"};
constexpr int kShapeCount = 4;

struct Colour {
  const char* name;
  std::uint32_t srgb;
};
constexpr Colour kColours[] = {{"red", 0xC4202A},  {"yellow", 0xF0CC1C}, {"green", 0x249A3C},
                               {"blue", 0x2054C8}, {"purple", 0x702CA4}, {"black", 0x202022}};
constexpr int kColourCount = 6;
constexpr int kColoursInRoom = 5;

constexpr double kAround = 0.12;  // m of free floor around a shape
constexpr int kAttempts = 600;    // places tried for a shape
constexpr int kStacks = 4;        // of a stacked room, at most

std::vector<int> shuffled(int n, Dice& d) {
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (int i = n - 1; i > 0; --i) std::swap(order[i], order[d.below(i + 1)]);
  return order;
}

struct Wanted {
  int shape, colour;
  double size;  // of the shape's own measures
};

// Small, middle or large, far enough apart to be told by eye.
double any_size(Dice& d) {
  constexpr double kSizes[] = {0.74, 1.0, 1.3};
  return kSizes[d.below(3)] * d.range(0.96, 1.04);
}

// Which shapes stand in the room. With four shapes each has three of the five colours, with three
// shapes four of them; one or two colours of each shape come twice.
std::vector<Wanted> choose_shapes(Dice& d) {
  const int shapes = d.chance(0.5) ? 4 : 3, distinct = shapes == 4 ? 3 : 4;
  const std::vector<int> shape_order = shuffled(kShapeCount, d);
  const std::vector<int> colour_order = shuffled(kColourCount, d);
  std::vector<Wanted> out;
  for (int s = 0; s < shapes; ++s) {
    const auto add = [&](int j) {
      out.push_back({shape_order[s], colour_order[(2 * s + j) % kColoursInRoom], any_size(d)});
    };
    for (int j = 0; j < distinct; ++j) add(j);
    const int twice = shapes == 4 ? (s % 2 ? 1 : 2) : 2;
    const std::vector<int> again = shuffled(distinct, d);
    for (int j = 0; j < twice; ++j) add(again[j]);
  }
  // The large ones first, while there is room.
  std::stable_sort(out.begin(), out.end(),
                   [](const Wanted& a, const Wanted& b) { return a.size > b.size; });
  return out;
}

// One object, standing in the frame's origin. Boxes stand along the walls, so that every box around
// a shape is as tight as can be.
void add_shape(Builder& b, const Frame& f, const Wanted& w) {
  RoomObject& object = b.m.objects[b.object(kShapes[w.shape])];
  const Vec3 tone = rgb(kColours[w.colour].srgb);
  object.colour = kColours[w.colour].name, object.rgb = point(tone);
  const int paint = b.plain(tone, 0.12);
  const double s = w.size;
  switch (w.shape) {
    case 0: b.box(f, {0, 0, 0.17 * s}, {0.42 * s, 0.34 * s, 0.34 * s}, paint); return;
    case 1: b.ball(f, {0, 0, 0.20 * s}, 0.20 * s, paint); return;
    case 2: b.frustum(f, {0, 0, 0}, 0.17 * s, 0.17 * s, 0.46 * s, paint); return;
    default: b.frustum(f, {0, 0, 0}, 0.22 * s, 0.01 * s, 0.50 * s, paint);
  }
}

double height_of(const Wanted& w) {
  constexpr double kHeights[] = {0.34, 0.40, 0.46, 0.50};
  return kHeights[w.shape] * w.size;
}

// Half the width that a shape needs below it. A ball may be wider than what it lies on.
double half_foot(const Wanted& w) {
  constexpr double kFeet[] = {0.21, 0.12, 0.17, 0.22};
  return kFeet[w.shape] * w.size;
}

// What stands in one place of the floor: a shape, and perhaps another one on it.
struct Stack {
  Wanted below;
  std::optional<Wanted> above;

  void shrink() {
    below.size *= 0.95;
    if (above) above->size *= 0.95;
  }
  void add(Builder& b, const Frame& f) const {
    add_shape(b, f, below);
    if (above) add_shape(b, f.moved({0, 0, height_of(below)}), *above);
  }
};

// Puts some of the shapes on boxes and cylinders that are wide enough for them.
std::vector<Stack> stacked(std::vector<Wanted> shapes, Dice& d) {
  std::vector<Stack> out;
  for (int place = 0; static_cast<int>(out.size()) < kStacks;) {
    std::vector<int> bases, riders;
    for (int i = place; i < static_cast<int>(shapes.size()); ++i)
      if (shapes[i].shape == 0 || shapes[i].shape == 2) bases.push_back(i);
    if (bases.empty()) break;
    const int base = bases[0];  // the largest that is left
    for (int i = 0; i < static_cast<int>(shapes.size()); ++i)
      if (i != base && half_foot(shapes[i]) <= 0.175 * shapes[base].size) riders.push_back(i);
    place = base + 1;
    if (riders.empty()) continue;
    const int rider = riders[d.below(static_cast<int>(riders.size()))];
    out.push_back({shapes[base], shapes[rider]});
    shapes.erase(shapes.begin() + std::max(base, rider));
    shapes.erase(shapes.begin() + std::min(base, rider));
    place -= rider < base ? 2 : 1;
  }
  for (const Wanted& one : shapes) out.push_back({one, {}});
  return out;
}

// Renumbers the objects from `first` on, so that their ids say nothing about size and shape.
void shuffle_ids(Model& m, int first, Dice& d) {
  const int count = static_cast<int>(m.objects.size()) - first;
  const std::vector<int> order = shuffled(count, d);  // old place: new place
  std::vector<RoomObject> objects(m.objects.begin() + first, m.objects.end());
  for (int i = 0; i < count; ++i) {
    objects[i].id = first + order[i];
    m.objects[first + order[i]] = objects[i];
  }
  for (Solid& solid : m.solids)
    if (solid.object >= first) solid.object = first + order[solid.object - first];
}

}  // namespace

void Layout::study_furniture() {
  Dice& d = b_.dice;
  const double sofa_w = d.range(1.75, 2.0), board_w = d.range(1.2, 1.35);
  along(plan_.sofa, plan_.sofa_at, sofa_w / 2, [&](const Frame& f) { add_sofa(b_, f, sofa_w); });
  const double side = d.chance(0.5) ? 1 : -1;
  along(plan_.shelf, side * (wall_half(m_, plan_.shelf) - 0.6), 0.45,
        [&](const Frame& f) { add_bookshelf(b_, f, 0.85, d.range(1.1, 1.5)); });
  along(plan_.shelf, -side * 0.6, board_w / 2,
        [&](const Frame& f) { add_sideboard(b_, f, board_w, true); });
  along(plan_.window, plan_.window_at, 0.5, [&](const Frame& f) {
    add_radiator(b_, f.moved({0, 0.02, 0}), 0.98);
  });
  int corner = d.below(4);
  bool seat = false, lamp = false;
  for (int i = 0; i < 4; ++i, corner = (corner + 1) % 4) {
    const double sx = corner & 1 ? 1 : -1, sy = corner & 2 ? 1 : -1;
    const Mat3 inward = turn_z(std::atan2(-sy, -sx) - kPi / 2);
    if (!seat) {
      const Vec3 at{sx * (m_.half_x - 0.45), sy * (m_.half_y - 0.45), 0};
      seat = b_.try_place([&] { add_armchair(b_, {at, inward}); });
      if (seat) continue;
    }
    if (!lamp) {
      const Vec3 at{sx * (m_.half_x - 0.3), sy * (m_.half_y - 0.3), 0};
      lamp = b_.try_place([&] { add_floor_lamp(b_, {at, inward}); });
    }
  }
  b_.try_place([&] { add_pendant(b_, {{0, 0, 0}, {}}, m_.height); });
  for (const int k : {plan_.sofa, plan_.door}) {
    const double w = d.range(0.45, 0.8), h = d.range(0.4, 0.6);
    along(k, d.range(-0.8, 0.8), w / 2 + 0.1, [&](const Frame& f) {
      add_picture(b_, f.moved({0, -0.02, 1.62}), w, h);
    });
  }
}

void Layout::study() {
  study_furniture();
  Dice& d = b_.dice;
  const int first = static_cast<int>(m_.objects.size());
  std::vector<Stack> stacks;
  if (m_.kind == RoomKind::kStacked) {
    stacks = stacked(choose_shapes(d), d);
  } else {
    for (const Wanted& one : choose_shapes(d)) stacks.push_back({one, {}});
  }
  for (Stack& stack : stacks) {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (attempt % 100 == 99) stack.shrink();  // a crowded floor
      const double x = m_.half_x - 0.3, y = m_.half_y - 0.3;
      const Frame f{{d.range(-x, x), d.range(-y, y), 0}, {}};
      const std::size_t solids = m_.solids.size();
      if (!b_.try_place([&] { stack.add(b_, f); })) continue;
      Box3 box;
      for (std::size_t i = solids; i < m_.solids.size(); ++i) box.add(m_.solids[i].bounds);
      const Vec3 size = box.hi - box.lo + Vec3{2 * kAround, 2 * kAround, 0};
      b_.keep_clear({(box.lo + box.hi) * 0.5, {}}, {}, size);
      break;
    }
  }
  shuffle_ids(m_, first, d);
}

}  // namespace vega::room
