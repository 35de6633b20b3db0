// The shell of the synthetic room: walls, floor, ceiling, window and door.
#include "synth/room_layout.h"

namespace vega::room {
namespace {

constexpr double kWall = 0.22;  // thickness, m

}  // namespace

Frame wall_frame(const Model& m, int k) {
  switch (k) {
    case 0: return {{0, m.half_y, 0}, {{-1, 0, 0}, {0, -1, 0}, {0, 0, 1}}};
    case 1: return {{m.half_x, 0, 0}, {{0, 1, 0}, {-1, 0, 0}, {0, 0, 1}}};
    case 2: return {{0, -m.half_y, 0}, {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    default: return {{-m.half_x, 0, 0}, {{0, -1, 0}, {1, 0, 0}, {0, 0, 1}}};
  }
}

double wall_half(const Model& m, int k) { return k % 2 ? m.half_y : m.half_x; }

void Layout::palette() {
  Dice& d = b_.dice;
  Palette& p = b_.pal;
  static constexpr std::uint32_t kWoods[5][4] = {{0xD6A96B, 0xB07F45, 0x6E4526, 0x4A2C18},
                                                 {0xC98F56, 0x9B6233, 0x53331F, 0x382114},
                                                 {0xE3C79B, 0xC9A672, 0x8A5A33, 0x653F22},
                                                 {0xB9773F, 0x8A5127, 0x3F2A20, 0x2A1B14},
                                                 {0xDFC08D, 0xBE9358, 0x7B4B2B, 0x58331C}};
  const auto& w = kWoods[d.below(5)];
  p.wood = b_.wood(w[0], w[1]), p.wood_dark = b_.wood(w[2], w[3]);
  p.metal = b_.plain(rgb(d.chance(0.5) ? 0xC6C8CC : 0xC9A45A), 0.9);
  p.white = b_.plain(rgb(0xECE9E1), 0.2), p.black = b_.plain(rgb(0x26262A), 0.12);
  const double hue = d.unit();
  p.main = hsv(hue, d.range(0.25, 0.6), d.range(0.5, 0.75));
  p.second = hsv(hue + d.range(0.25, 0.45), d.range(0.4, 0.7), d.range(0.6, 0.85));
  p.accent = hsv(hue + d.range(0.5, 0.8), d.range(0.5, 0.75), d.range(0.7, 0.9));
}

int Layout::wall_paper(bool accent) {
  Dice& d = b_.dice;
  const double hue = d.unit();
  const Vec3 ground = hsv(hue, d.range(0.06, 0.2), d.range(0.82, 0.93));
  if (!accent) {
    if (d.chance(0.6)) return b_.material({.pattern = Pattern::kPaint, .a = ground});
    return b_.material({.pattern = Pattern::kStripes,
                        .a = ground,
                        .b = ground * 0.9,
                        .c = ground * 0.7,
                        .scale = d.range(0.18, 0.3)});
  }
  const Vec3 strong = hsv(hue + 0.5, d.range(0.3, 0.5), d.range(0.5, 0.7));
  switch (d.below(4)) {
    case 0:
      return b_.material({.pattern = Pattern::kBrick,
                          .a = rgb(0xA9573C),
                          .b = rgb(0x7F3B2A),
                          .c = rgb(0xC9BFB0),
                          .scale = 0.23});
    case 1:
      return b_.material({.pattern = Pattern::kDiamonds,
                          .a = ground,
                          .b = strong,
                          .c = strong * 0.6,
                          .scale = 0.3});
    case 2:
      return b_.material({.pattern = Pattern::kFlowers,
                          .a = ground,
                          .b = hsv(hue + d.range(0.35, 0.65), 0.55, 0.72),
                          .c = rgb(0xE2B54A),
                          .scale = 0.24});
    default:
      return b_.material({.pattern = Pattern::kStripes,
                          .a = strong,
                          .b = ground,
                          .c = rgb(0xD9C48F),
                          .scale = 0.26});
  }
}

// A slab of wall k between x0..x1 along it and z0..z1; its pattern runs on over all slabs.
void Layout::wall_piece(int k, double x0, double x1, double z0, double z1, int material) {
  const Frame f = wall_frame(m_, k);
  const Vec3 c = f.origin + f.axes * Vec3{(x0 + x1) / 2, -kWall / 2, (z0 + z1) / 2};
  Solid& s = b_.box({c, {}}, {}, abs(f.axes * Vec3{x1 - x0, kWall, z1 - z0}), material);
  s.shift = c;
}

void Layout::skirting(int k) {
  const Frame f = wall_frame(m_, k);
  const double half = wall_half(m_, k), h = 0.09, t = 0.014;
  b_.object("skirting board");
  const auto strip = [&](double x0, double x1) {
    b_.box(f, {(x0 + x1) / 2, t / 2, h / 2}, {x1 - x0, t, h}, b_.pal.white);
  };
  if (k != plan_.door) return strip(-half, half);
  strip(-half, plan_.door_at - 0.50);
  strip(plan_.door_at + 0.50, half);
}

void Layout::shell() {
  Dice& d = b_.dice;
  const double x = m_.half_x + kWall, y = m_.half_y + kWall;
  b_.object("floor");
  Material floor{.pattern = Pattern::kPlanks,
                 .a = rgb(0xC99A63),
                 .b = rgb(0x9C6B3C),
                 .scale = d.range(0.11, 0.18),
                 .gloss = 0.25};
  switch (d.below(5)) {
    case 0: floor.a = rgb(0xA9774A), floor.b = rgb(0x6F4527); break;
    case 1: floor.a = rgb(0xD9BE94), floor.b = rgb(0xB89464); break;
    case 2:
      floor = {.pattern = Pattern::kTiles,
               .a = rgb(0xD8CDBB),
               .b = rgb(0xA98F78),
               .c = rgb(0x6E655C),
               .scale = d.range(0.3, 0.45),
               .gloss = 0.4};
      break;
    default: break;
  }
  floor.swap = d.chance(0.5);
  b_.box({{0, 0, -kWall / 2}, {}}, {}, {2 * x, 2 * y, kWall}, b_.material(floor));
  b_.object("ceiling");
  b_.box({{0, 0, m_.height + kWall / 2}, {}}, {}, {2 * x, 2 * y, kWall},
         b_.plain(rgb(0xF2F0EA), 0));
  const int common = wall_paper(false), accent = wall_paper(true);
  const int special = d.chance(0.5) ? plan_.sofa : plan_.shelf;
  for (int k = 0; k < 4; ++k) {
    b_.object("wall");
    const int paper = k == special ? accent : common;
    // Walls 0 and 2 run through the corners, so that no crack is left between two slabs.
    const double half = wall_half(m_, k) + (k % 2 ? 0 : kWall);
    if (k != plan_.window) {
      wall_piece(k, -half, half, 0, m_.height, paper);
      continue;
    }
    const double lo = plan_.window_at - plan_.window_half, hi = plan_.window_at + plan_.window_half;
    wall_piece(k, -half, lo, 0, m_.height, paper);
    wall_piece(k, hi, half, 0, m_.height, paper);
    wall_piece(k, lo, hi, 0, 0.85, paper);
    wall_piece(k, lo, hi, 2.15, m_.height, paper);
  }
  for (int k = 0; k < 4; ++k) skirting(k);
}

void Layout::window() {
  const Frame f = wall_frame(m_, plan_.window);
  const double half = plan_.window_half, x = plan_.window_at, z0 = 0.85, z1 = 2.15;
  const double mid = (z0 + z1) / 2, y = -kWall * 0.6, bar = 0.055;
  b_.object("window");
  for (const int s : {-1, 1}) {
    b_.box(f, {x + s * (half - bar / 2), y, mid}, {bar, 0.06, z1 - z0}, b_.pal.white);
    b_.box(f, {x, y, mid + s * ((z1 - z0) / 2 - bar / 2)}, {2 * half - 2 * bar, 0.06, bar},
           b_.pal.white);
  }
  b_.box(f, {x, y, mid}, {0.045, 0.05, z1 - z0 - 2 * bar}, b_.pal.white);
  b_.box(f, {x, y, mid + 0.22}, {2 * half - 2 * bar, 0.045, 0.035}, b_.pal.white);
  b_.object("window sill");
  b_.box(f, {x, 0.02, z0 - 0.0175}, {2 * half + 0.16, 0.20, 0.035}, b_.pal.white);
  m_.window_centre = f.origin + f.axes * Vec3{x, -kWall, mid};
  m_.window_right = f.axes * Vec3{half, 0, 0}, m_.window_up = {0, 0, (z1 - z0) / 2};
  m_.window_in = f.axes * Vec3{0, 1, 0};
  Dice& d = b_.dice;
  const Vec3 sun = normalized({d.range(-0.5, 0.5), -1, d.range(0.62, 0.95)});
  m_.sun_direction = f.axes * sun;
  m_.sun_colour = Vec3{1.0, 0.86, 0.66} * d.range(2.2, 3.2);
  m_.sky_colour = Vec3{0.82, 0.93, 1.1} * d.range(2.0, 2.8);
  m_.sky_salt = d.salt();
  curtains(f, half, z1 + 0.12);
  b_.keep_clear(f, {x, 0.2, 1.6}, {2 * half + 0.1, 0.4, 1.3});
}

void Layout::curtains(const Frame& f, double half, double top) {
  Dice& d = b_.dice;
  const double x = plan_.window_at, reach = half + 0.32;
  b_.object("curtain rod");
  const Frame rod = f.tilted({x - reach, 0.11, top}, turn_y(kPi / 2));
  b_.frustum(rod, {}, 0.012, 0.012, 2 * reach, b_.pal.metal);
  for (const int s : {-1, 1}) b_.ball(f, {x + s * reach, 0.11, top}, 0.025, b_.pal.metal);
  const Vec3 tone = d.chance(0.5) ? b_.pal.second : b_.pal.accent;
  const int cloth = d.chance(0.5) ? b_.fabric(mix(tone, {0.8, 0.78, 0.72}, 0.35))
                                  : b_.material({.pattern = Pattern::kRings,
                                                 .a = mix(tone, {0.8, 0.78, 0.72}, 0.5),
                                                 .b = tone,
                                                 .scale = 0.3});
  const double foot = d.chance(0.6) ? 0.03 : 0.55, height = top - foot - 0.02;
  for (const int s : {-1, 1}) {
    const double from = x + s * (half - 0.06);
    const bool made = b_.try_place([&] {
      b_.object("curtain");
      for (int i = 0; i < 7; ++i) {
        const double r = 0.030 + 0.006 * d.unit();
        b_.frustum(f, {from + s * 0.05 * i, 0.105 + (i % 2 ? 0.012 : -0.012), foot}, r * 1.15, r,
                   height, cloth);
      }
    });
    if (!made) continue;
  }
}

void Layout::door() {
  const Frame f = wall_frame(m_, plan_.door);
  const double x = plan_.door_at, w = 0.84, h = 2.03;
  b_.object("door");
  const int leaf = b_.material({.pattern = Pattern::kDoor,
                                .a = b_.dice.chance(0.5) ? rgb(0xE6E1D4) : rgb(0xB98452),
                                .b = b_.dice.chance(0.5) ? rgb(0xD8D2C2) : rgb(0x96643A),
                                .size_u = w / 2,
                                .size_v = h / 2,
                                .gloss = 0.2});
  b_.box(f, {x, 0.015, h / 2 + 0.003}, {w, 0.03, h}, leaf);
  const double side = x > 0 ? -1 : 1;
  b_.frustum(f.tilted({x + side * 0.35, 0.03, 1.02}, turn_x(-kPi / 2)), {}, 0.012, 0.012, 0.05,
             b_.pal.metal);
  b_.ball(f, {x + side * 0.35, 0.095, 1.02}, 0.03, b_.pal.metal);
  b_.object("door frame");
  for (const int s : {-1, 1})
    b_.box(f, {x + s * (w / 2 + 0.035), 0.02, h / 2 + 0.0365}, {0.07, 0.04, h + 0.073},
           b_.pal.white);
  b_.box(f, {x, 0.02, h + 0.038}, {w, 0.04, 0.07}, b_.pal.white);
  b_.keep_clear(f, {x, 0.4, 1.0}, {w + 0.2, 0.8, 2.2});
  b_.object("light switch");
  b_.cushion(f, {x + side * 0.62, 0.006, 1.1}, {0.08, 0.012, 0.08}, 0.004, b_.pal.white);
}

}  // namespace vega::room
