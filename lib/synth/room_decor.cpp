// Lamps, plants, toys and small things of the synthetic room.
#include "synth/room_build.h"

namespace vega::room {
namespace {

// A glowing shade and the light it gives.
void shade(Builder& b, const Frame& f, Vec3 base, double r0, double r1, double height,
           double strength, Vec3 tint) {
  const int glow = b.material(
      {.pattern = Pattern::kFabric, .a = rgb(0xF8EBD0), .b = rgb(0xEAD6AE), .glow = tint * 1.3});
  const Solid& s = b.frustum(f, base, r0, r1, height, glow);
  b.m.lamps.push_back({s.centre, 0.5 * (r0 + r1), tint * strength});
}

const Vec3 kWarm{1.0, 0.82, 0.58};

void toy_ball(Builder& b, const Frame& f) {
  b.object("ball");
  const double r = b.dice.range(0.11, 0.15);
  b.ball(f.tilted({0, 0, r}, turn_x(0.6) * turn_y(0.4)), {}, r,
         b.material({.pattern = Pattern::kBall,
                     .a = rgb(0xF6F3EA),
                     .b = rgb(0xD8322B),
                     .c = rgb(0x2A6FC4),
                     .size_u = r,
                     .gloss = 0.7}));
}

void toy_cone(Builder& b, const Frame& f) {
  b.object("cone");
  b.box(f, {0, 0, 0.008}, {0.24, 0.24, 0.016}, b.plain(rgb(0xE8641B), 0.3));
  b.frustum(f, {0, 0, 0.016}, 0.09, 0.012, 0.32,
            b.material({.pattern = Pattern::kRings,
                        .a = rgb(0xE8641B),
                        .b = rgb(0xF7F3EC),
                        .scale = 0.16,
                        .gloss = 0.3}));
}

void toy_ring_tower(Builder& b, const Frame& f, Vec3 bright) {
  b.object("ring tower");
  b.frustum(f, {0, 0, 0}, 0.09, 0.09, 0.02, b.pal.wood);
  b.frustum(f, {0, 0, 0.02}, 0.012, 0.012, 0.23, b.pal.wood);
  for (int i = 0; i < 4; ++i) {
    b.ring(f, {0, 0, 0.045 + 0.048 * i}, 0.085 - 0.012 * i, 0.025,
           b.plain(hsv(0.02 + 0.17 * i + 0.1 * b.dice.unit(), 0.8, 0.9), 0.5));
  }
  b.ball(f, {0, 0, 0.255}, 0.026, b.plain(bright, 0.5));
}

void toy_blocks(Builder& b, const Frame& f) {
  b.object("toy blocks");
  for (int i = 0; i < 4; ++i) {
    const Vec3 at =
        i < 3 ? Vec3{0.10 * (i - 1) + 0.01 * i, 0.03 * i, 0.04} : Vec3{-0.045, 0.02, 0.12};
    b.cushion(f.moved(at, b.dice.range(-0.15, 0.15)), {}, {0.08, 0.08, 0.08}, 0.006,
              b.material({.pattern = Pattern::kDots,
                          .a = hsv(0.27 * i + 0.1 * b.dice.unit(), 0.75, 0.85),
                          .b = rgb(0xFFFFFF),
                          .scale = 0.04,
                          .gloss = 0.3}));
  }
}

void toy_basket(Builder& b, const Frame& f, Vec3 bright) {
  b.object("basket");
  b.frustum(f, {0, 0, 0}, 0.15, 0.19, 0.26,
            b.material({.pattern = Pattern::kBrick,
                        .a = rgb(0xC79A5B),
                        .b = rgb(0xB08246),
                        .c = rgb(0x7A5526),
                        .scale = 0.05}));
  b.ring(f, {0, 0, 0.26}, 0.185, 0.014, b.plain(rgb(0xA87B40), 0.05));
  b.ball(f, {0.05, 0.03, 0.27}, 0.075, b.plain(bright, 0.1));
  b.ball(f, {-0.07, -0.03, 0.265}, 0.065, b.plain(b.any_colour(0.6, 0.9), 0.1));
  b.ball(f, {0.01, -0.09, 0.26}, 0.06, b.plain(b.any_colour(0.6, 0.9), 0.1));
}

void toy_carton(Builder& b, const Frame& f) {
  b.object("box");
  b.box(f, {0, 0, 0.14}, {0.38, 0.30, 0.28}, b.plain(rgb(0xB98D5C), 0.02));
  b.box(f, {0, 0, 0.2815}, {0.06, 0.301, 0.003}, b.plain(rgb(0xD9C29A), 0.3));
}

}  // namespace

void add_floor_lamp(Builder& b, const Frame& f) {
  b.object("floor lamp");
  b.frustum(f, {0, 0, 0}, 0.15, 0.14, 0.025, b.pal.black);
  b.frustum(f, {0, 0, 0.025}, 0.012, 0.012, 1.36, b.pal.metal);
  shade(b, f, {0, 0, 1.36}, 0.21, 0.14, 0.26, 0.27, kWarm);
}

void add_pendant(Builder& b, const Frame& f, double ceiling) {
  b.object("pendant lamp");
  b.frustum(f, {0, 0, ceiling - 0.03}, 0.05, 0.05, 0.03, b.pal.white);
  b.frustum(f, {0, 0, 2.24}, 0.006, 0.006, ceiling - 2.27, b.pal.black);
  if (b.dice.chance(0.5)) {
    shade(b, f, {0, 0, 2.04}, 0.24, 0.1, 0.2, 1.3, {1.0, 0.9, 0.74});
  } else {
    const int glow = b.material(
        {.pattern = Pattern::kPaint, .a = rgb(0xFFF6E4), .glow = Vec3{1.0, 0.9, 0.74} * 1.5});
    const Solid& s = b.ball(f, {0, 0, 2.12}, 0.15, glow);
    b.m.lamps.push_back({s.centre, 0.15, Vec3{1.0, 0.9, 0.74} * 1.2});
    b.ring(f, {0, 0, 2.12}, 0.155, 0.008, b.pal.metal);
  }
}

void add_table_lamp(Builder& b, const Frame& f) {
  b.object("table lamp");
  const int foot = b.material({.pattern = Pattern::kRings,
                               .a = b.any_colour(0.5, 0.7),
                               .b = b.any_colour(0.3, 0.9),
                               .scale = 0.05,
                               .gloss = 0.5});
  b.frustum(f, {0, 0, 0}, 0.06, 0.055, 0.015, foot);
  b.ellipsoid(f, {0, 0, 0.075}, {0.055, 0.055, 0.07}, foot);
  b.frustum(f, {0, 0, 0.13}, 0.01, 0.01, 0.1, b.pal.metal);
  shade(b, f, {0, 0, 0.2}, 0.12, 0.075, 0.16, 0.15, kWarm);
}

void add_plant(Builder& b, const Frame& f, double height) {
  b.object("plant");
  const int pot = b.dice.chance(0.5) ? b.plain(rgb(0xB5673F), 0.15)
                                     : b.material({.pattern = Pattern::kRings,
                                                   .a = b.any_colour(0.4, 0.85),
                                                   .b = rgb(0xF1EDE2),
                                                   .scale = 0.12,
                                                   .gloss = 0.4});
  b.frustum(f, {0, 0, 0}, 0.13, 0.18, 0.30, pot);
  b.ring(f, {0, 0, 0.30}, 0.175, 0.018, pot);
  b.frustum(f, {0, 0, 0.30}, 0.165, 0.165, 0.005, b.plain(rgb(0x3B2A1E), 0));
  const int stem = b.plain(rgb(0x6B7A3A), 0.05);
  const double hue = b.dice.range(0.24, 0.36);
  const int leaves = 13 + b.dice.below(6);
  b.frustum(f, {0, 0, 0.3}, 0.014, 0.007, height * 0.62 - 0.3 + 0.1, stem);
  for (int i = 0; i < leaves; ++i) {
    const double turn = 2.4 * i + b.dice.range(-0.2, 0.2), rise = (i + 0.5) / leaves;
    const double lean = 0.15 + 1.0 * (1 - rise) + b.dice.range(-0.1, 0.1);  // from upright
    const double reach = (0.24 + 0.14 * b.dice.unit()) * height / 1.2;
    const int leaf = b.material({.pattern = Pattern::kLeaf,
                                 .a = hsv(hue, 0.62, b.dice.range(0.38, 0.62)),
                                 .b = hsv(hue, 0.4, 0.75),
                                 .gloss = 0.2});
    const Frame at = f.moved({0, 0, 0.36 + (height * 0.62 - 0.36) * rise}, turn);
    const Frame blade = at.tilted({}, turn_y(lean - kPi / 2));  // x along the leaf
    b.ellipsoid(blade, {reach * 0.62, 0, 0}, {reach * 0.5, reach * 0.2, 0.007}, leaf);
    b.frustum(at.tilted({}, turn_y(lean)), {0, 0, 0}, 0.005, 0.004, reach * 0.35, stem);
  }
}

void add_pouf(Builder& b, const Frame& f) {
  b.object("pouf");
  const int cloth = b.material({.pattern = Pattern::kStripes,
                                .a = b.pal.accent,
                                .b = b.pal.accent * 0.75,
                                .c = rgb(0xF1E7D0),
                                .scale = 0.16});
  b.frustum(f, {0, 0, 0.06}, 0.235, 0.235, 0.26, cloth);
  b.ring(f, {0, 0, 0.06}, 0.19, 0.06, cloth);
  b.ring(f, {0, 0, 0.32}, 0.19, 0.06, cloth);
  b.frustum(f, {0, 0, 0.32}, 0.19, 0.19, 0.055, b.fabric(b.pal.accent));
}

void add_toy(Builder& b, const Frame& f, int kind) {
  const Vec3 bright = b.any_colour(0.85, 0.95);
  switch (kind % 6) {
    case 0: return toy_ball(b, f);
    case 1: return toy_cone(b, f);
    case 2: return toy_ring_tower(b, f, bright);
    case 3: return toy_blocks(b, f);
    case 4: return toy_basket(b, f, bright);
    default: return toy_carton(b, f);
  }
}

void add_picture(Builder& b, const Frame& f, double w, double h) {
  b.object("picture");
  const int rim = b.dice.below(3) == 0 ? b.pal.black
                  : b.dice.chance(0.5) ? b.pal.wood_dark
                                       : b.plain(rgb(0xB08A3E), 0.6);
  const double bar = 0.03;
  const int canvas = b.material({.pattern = Pattern::kPicture,
                                 .a = b.any_colour(0.7, 0.9),
                                 .b = b.any_colour(0.6, 0.7),
                                 .c = b.any_colour(0.6, 0.5),
                                 .size_u = w / 2,
                                 .size_v = h / 2});
  b.box(f, {0, 0.008, 0}, {w, 0.016, h}, canvas);
  for (const int s : {-1, 1}) {
    b.box(f, {s * (w + bar) / 2, 0.015, 0}, {bar, 0.03, h + 2 * bar}, rim);
    b.box(f, {0, 0.015, s * (h + bar) / 2}, {w, 0.03, bar}, rim);
  }
}

void add_clock(Builder& b, const Frame& f) {
  b.object("clock");
  const Frame face = f.tilted({}, turn_x(-kPi / 2));  // z to the front
  const double r = 0.16;
  b.frustum(face, {0, 0, 0}, r, r, 0.02,
            b.material(
                {.pattern = Pattern::kClock, .a = rgb(0xF8F5EC), .b = rgb(0x202020), .size_u = r}));
  b.ring(face, {0, 0, 0.018}, r, 0.016, b.plain(b.any_colour(0.7, 0.6), 0.5));
}

void add_rug(Builder& b, const Frame& f, double w, double d) {
  b.object("rug");
  const double hue = b.dice.unit();
  const int pile = b.material({.pattern = Pattern::kRug,
                               .a = hsv(hue, 0.55, 0.55),
                               .b = rgb(0xE9DCC0),
                               .c = hsv(hue + b.dice.range(0.3, 0.6), 0.5, 0.4),
                               .size_u = w / 2,
                               .size_v = d / 2});
  b.box(f, {0, 0, 0.006}, {w, d, 0.012}, pile);
}

void add_vase(Builder& b, const Frame& f) {
  b.object("vase");
  const Vec3 tone = b.any_colour(0.6, 0.75);
  const int glaze = b.dice.chance(0.5) ? b.plain(tone, 0.7)
                                       : b.material({.pattern = Pattern::kRings,
                                                     .a = tone,
                                                     .b = tone * 0.45,
                                                     .scale = 0.06,
                                                     .gloss = 0.6});
  b.frustum(f, {0, 0, 0}, 0.035, 0.065, 0.09, glaze);
  b.frustum(f, {0, 0, 0.09}, 0.065, 0.025, 0.09, glaze);
  b.frustum(f, {0, 0, 0.18}, 0.025, 0.035, 0.03, glaze);
}

void add_bowl(Builder& b, const Frame& f) {
  b.object("bowl");
  const int glaze = b.plain(b.any_colour(0.5, 0.8), 0.6);
  b.frustum(f, {0, 0, 0}, 0.06, 0.13, 0.06, glaze);
  b.ring(f, {0, 0, 0.06}, 0.127, 0.008, glaze);
  const std::uint32_t fruit[4] = {0xD23B2A, 0xE9A52B, 0x8FB43A, 0xE2762B};
  for (int i = 0; i < 4; ++i) {
    b.object("fruit");
    b.ball(f, {0.055 * std::cos(1.6 * i), 0.055 * std::sin(1.6 * i), 0.085},
           0.036 + 0.006 * b.dice.unit(), b.plain(rgb(fruit[i]), 0.4));
  }
}

void add_mug(Builder& b, const Frame& f) {
  b.object("mug");
  const int glaze = b.material({.pattern = Pattern::kRings,
                                .a = b.any_colour(0.7, 0.85),
                                .b = rgb(0xF6F4EE),
                                .scale = 0.07,
                                .gloss = 0.6});
  b.frustum(f, {0, 0, 0}, 0.038, 0.042, 0.095, glaze);
  b.ring(f.tilted({0.045, 0, 0.05}, turn_x(kPi / 2)), {}, 0.026, 0.006, glaze);
}

void add_book_pile(Builder& b, const Frame& f) {
  b.object("books");
  double z = 0;
  for (int i = 0; i < 3; ++i) {
    const double t = b.dice.range(0.02, 0.035);
    const Frame at = f.moved({0, 0, z}, b.dice.range(-0.25, 0.25));
    b.box(at, {0, 0, t / 2}, {0.15 + 0.02 * i, 0.22 - 0.015 * i, t},
          b.plain(b.any_colour(0.65, 0.75), 0.2));
    b.box(at, {0.004, 0, t / 2}, {0.15 + 0.02 * i, 0.21 - 0.015 * i, t * 0.7}, b.pal.white);
    z += t;
  }
}

void add_globe(Builder& b, const Frame& f) {
  b.object("globe");
  b.frustum(f, {0, 0, 0}, 0.06, 0.05, 0.015, b.pal.wood_dark);
  b.frustum(f, {0, 0, 0.015}, 0.012, 0.01, 0.05, b.pal.metal);
  b.ball(f.tilted({0, 0, 0.145}, turn_y(0.4)), {}, 0.085,
         b.material({.pattern = Pattern::kFlowers,
                     .a = rgb(0x3F7FB5),
                     .b = rgb(0x8FAE5D),
                     .c = rgb(0xC9A45C),
                     .scale = 0.09,
                     .gloss = 0.5}));
  b.ring(f.tilted({0, 0, 0.145}, turn_x(kPi / 2)), {}, 0.095, 0.005, b.pal.metal);
}

}  // namespace vega::room
