// Where the furniture of the synthetic room goes, and the room as a whole.
#include "synth/room_layout.h"

namespace vega::room {

void Layout::choose_plan() {
  Dice& d = b_.dice;
  const int first = d.below(4);
  plan_.window = first;
  const bool flip = d.chance(0.5);
  plan_.door = (first + (flip ? 1 : 3)) % 4;
  plan_.sofa = (first + (flip ? 3 : 1)) % 4;
  plan_.shelf = (first + 2) % 4;
  if (d.chance(0.4)) std::swap(plan_.sofa, plan_.shelf);
  plan_.window_half = d.range(0.65, 0.85);
  plan_.window_at = d.range(-0.35, 0.35);
  plan_.door_at = (d.chance(0.5) ? 1 : -1) * (wall_half(m_, plan_.door) - d.range(0.75, 1.0));
  plan_.sofa_at = d.range(-0.3, 0.3);
}

bool Layout::along(int k, double wish, double half, const std::function<void(const Frame&)>& add) {
  const Frame f = wall_frame(m_, k);
  const double free = wall_half(m_, k) - half - 0.03;
  for (int attempt = 0; attempt < 24; ++attempt) {
    const double x = attempt == 0 ? std::clamp(wish, -free, free) : b_.dice.range(-free, free);
    if (b_.try_place([&] { add(f.moved({x, 0.02, 0})); })) return true;
  }
  return false;
}

bool Layout::on_floor(Vec3 wish, double spread, const std::function<void(const Frame&)>& add) {
  for (int attempt = 0; attempt < 40; ++attempt) {
    const double reach = spread * (0.2 + attempt / 20.0);
    const Vec3 at = wish + Vec3{b_.dice.range(-reach, reach), b_.dice.range(-reach, reach), 0};
    const Mat3 turn = turn_z(b_.dice.range(0, 2 * kPi));
    if (b_.try_place([&] { add({at, turn}); })) return true;
  }
  return false;
}

void Layout::furniture() {
  Dice& d = b_.dice;
  const Frame sofa = wall_frame(m_, plan_.sofa);
  const double sofa_w = d.range(1.75, 2.05);
  double sofa_x = plan_.sofa_at;
  along(plan_.sofa, sofa_x, sofa_w / 2, [&](const Frame& f) {
    sofa_x = sofa.axes.transposed(f.origin - sofa.origin).x;
    add_sofa(b_, f, sofa_w);
  });
  const Frame centre = sofa.moved({sofa_x, 1.55, 0});
  add_rug(b_, centre.moved({0, d.range(0.0, 0.15), 0}), d.range(2.0, 2.5), d.range(1.4, 1.7));
  b_.try_place([&] {
    add_coffee_table(b_, centre.moved({0, -0.08, 0}, d.range(-0.06, 0.06)), d.chance(0.45));
  });
  const double side = d.chance(0.5) ? 1 : -1, next = sofa_w / 2 + 0.30;
  for (const double s : {side, -side}) {
    b_.try_place([&] {
      s == side ? add_floor_lamp(b_, sofa.moved({sofa_x + s * next, 0.32, 0}))
                : add_side_table(b_, sofa.moved({sofa_x + s * next, 0.34, 0}));
    });
  }
  const double shelf_w = d.range(0.85, 1.15), shelf_h = d.range(1.75, 2.1),
               board_w = d.range(1.25, 1.6);
  const double edge = wall_half(m_, plan_.shelf) - shelf_w / 2 - 0.15;
  along(plan_.shelf, side * edge, shelf_w / 2,
        [&](const Frame& f) { add_bookshelf(b_, f, shelf_w, shelf_h); });
  const bool screen = d.chance(0.5);
  along(plan_.shelf, -side * 0.6, board_w / 2,
        [&](const Frame& f) { add_sideboard(b_, f, board_w, screen); });
  const double desk_at = -std::copysign(0.55, plan_.door_at);
  double desk_x = 0;
  const bool desk = along(plan_.door, desk_at, 0.64, [&](const Frame& f) {
    desk_x = desk_at;
    add_desk(b_, f);
    const Frame w = wall_frame(m_, plan_.door);
    desk_x = w.axes.transposed(f.origin - w.origin).x;
  });
  if (desk) {
    const Frame w = wall_frame(m_, plan_.door);
    b_.try_place([&] {
      add_chair(b_, w.moved({desk_x - 0.12, 0.92, 0}, kPi + d.range(-0.4, 0.4)));
    });
  }
  along(plan_.window, plan_.window_at, 0.5, [&](const Frame& f) {
    add_radiator(b_, f.moved({0, 0.02, 0}), 0.98);
  });
}

void Layout::decoration() {
  Dice& d = b_.dice;
  const double hx = m_.half_x, hy = m_.half_y;
  b_.try_place([&] { add_pendant(b_, {{0, 0, 0}, {}}, m_.height); });
  // Corners: armchair and plants, each where it fits.
  int corner = d.below(4);
  bool seat = false;
  int plants = 0;
  for (int i = 0; i < 4; ++i, corner = (corner + 1) % 4) {
    const double sx = corner & 1 ? 1 : -1, sy = corner & 2 ? 1 : -1;
    const double yaw = std::atan2(-sy, -sx) - kPi / 2;  // front to the middle
    if (!seat) {
      const Frame f{{sx * (hx - 0.42), sy * (hy - 0.42), 0}, turn_z(yaw)};
      seat = b_.try_place([&] { add_armchair(b_, f); });
      if (seat) continue;
    }
    if (plants < 2) {
      const double tall = d.range(1.0, 1.45);
      plants += b_.try_place([&] {
        add_plant(b_, {{sx * (hx - 0.48), sy * (hy - 0.48), 0}, turn_z(d.unit() * 6)}, tall);
      });
    }
  }
  if (plants == 0)
    on_floor({d.chance(0.5) ? hx - 0.7 : 0.7 - hx, d.chance(0.5) ? hy - 0.7 : 0.7 - hy, 0}, 1.0,
             [&](const Frame& f) { add_plant(b_, f, 1.1); });
  if (!seat) on_floor({0, 0, 0}, 1.6, [&](const Frame& f) { add_chair(b_, f); });
  on_floor({0.3, 0.3, 0}, 1.2, [&](const Frame& f) { add_pouf(b_, f); });
  for (int kind = 0; kind < 6; ++kind) {
    on_floor({d.range(-1, 1), d.range(-1, 1), 0}, 0.9,
             [&](const Frame& f) { add_toy(b_, f, kind); });
  }
  for (int k = 0; k < 4; ++k) {
    const int wanted = k == plan_.window ? 1 : 2;
    for (int i = 0; i < wanted; ++i) {
      const double w = d.range(0.4, 0.85), h = d.range(0.4, 0.65);
      along(k, i == 0 ? (k == plan_.sofa ? plan_.sofa_at : d.range(-0.8, 0.8)) : d.range(-1.6, 1.6),
            w / 2 + 0.1, [&](const Frame& f) {
              add_picture(b_, f.moved({0, -0.02, 1.62}), w, h);
            });
    }
  }
  along(plan_.door, 0, 0.2, [&](const Frame& f) { add_clock(b_, f.moved({0, -0.02, 1.95})); });
}

void Layout::finish() {
  m_.glowing.assign(m_.solids.size(), 0);
  std::vector<Box3> boxes(m_.objects.size());
  for (std::size_t i = 0; i < m_.solids.size(); ++i) {
    const Solid& s = m_.solids[i];
    const Vec3 glow = m_.materials[s.material].glow;
    m_.glowing[i] = glow.x + glow.y + glow.z > 0;
    boxes[s.object].add(s.bounds);
  }
  for (RoomObject& o : m_.objects) {
    o.box_min = point(boxes[o.id].lo), o.box_max = point(boxes[o.id].hi);
  }
}

Model build_model(std::uint64_t seed, RoomKind kind) {
  Model model;
  model.seed = seed, model.kind = kind;
  Layout(model, seed).build();
  return model;
}

}  // namespace vega::room
