// The larger furniture of the synthetic room.
#include "synth/room_build.h"

namespace vega::room {
namespace {

// Four legs under a top: half distances, thickness, height.
void legs(Builder& b, const Frame& f, Vec3 middle, double hx, double hy, double thick,
          double height, bool round, int material) {
  for (const int sx : {-1, 1}) {
    for (const int sy : {-1, 1}) {
      const Vec3 foot = middle + Vec3{sx * hx, sy * hy, 0};
      if (round) {
        b.frustum(f, foot, thick * 0.35, thick * 0.55, height, material);
      } else {
        b.box(f, foot + Vec3{0, 0, height / 2}, {thick, thick, height}, material);
      }
    }
  }
}

int cushion_fabric(Builder& b) {
  const Vec3 x = b.any_colour(0.65, 0.85), y = b.any_colour(0.5, 0.95);
  switch (b.dice.below(4)) {
    case 0:
      return b.material(
          {.pattern = Pattern::kPlaid, .a = x, .b = y, .c = rgb(0xF5F0E0), .scale = 0.12});
    case 1:
      return b.material({.pattern = Pattern::kDots, .a = x, .b = rgb(0xF7F2E8), .scale = 0.07});
    case 2:
      return b.material(
          {.pattern = Pattern::kStripes, .a = x, .b = rgb(0xF1EADB), .c = y, .scale = 0.09});
    default: return b.fabric(x);
  }
}

}  // namespace

void add_sofa(Builder& b, const Frame& f, double w) {
  const int cloth = b.fabric(b.pal.main), arm = b.fabric(b.pal.main * 0.92);
  const double depth = 0.88, arm_w = 0.2;
  b.object("sofa");
  legs(b, f, {0, depth / 2, 0}, w / 2 - 0.1, depth / 2 - 0.08, 0.06, 0.1, true, b.pal.wood_dark);
  b.cushion(f, {0, depth / 2, 0.2}, {w - 0.04, depth - 0.04, 0.24}, 0.04, arm);
  b.cushion(f, {0, 0.12, 0.46}, {w, 0.22, 0.74}, 0.08, cloth);
  for (const int s : {-1, 1}) {
    b.cushion(f, {s * (w / 2 - arm_w / 2), depth / 2 + 0.01, 0.36}, {arm_w, depth - 0.02, 0.52},
              0.07, arm);
  }
  const int seats = w > 1.9 ? 3 : 2;
  const double seat = (w - 2 * arm_w) / seats;
  for (int i = 0; i < seats; ++i) {
    const double x = -w / 2 + arm_w + seat * (i + 0.5);
    b.cushion(f, {x, 0.54, 0.4}, {seat - 0.01, 0.66, 0.18}, 0.06, cloth);
    b.cushion(f.tilted({x, 0.29, 0.64}, turn_x(0.18)), {}, {seat - 0.02, 0.17, 0.42}, 0.07, cloth);
  }
  for (const int s : {-1, 1}) {
    b.object("pillow");
    const Frame tip = f.moved({s * (w / 2 - arm_w - 0.24), 0.46, 0.655}, s * 0.35);
    b.cushion(tip.tilted({}, turn_x(0.45)), {}, {0.40, 0.14, 0.38}, 0.069, cushion_fabric(b));
  }
}

void add_armchair(Builder& b, const Frame& f) {
  const int cloth = b.fabric(b.pal.second), dark = b.fabric(b.pal.second * 0.8);
  b.object("armchair");
  legs(b, f, {0, 0.38, 0}, 0.28, 0.26, 0.05, 0.16, true, b.pal.wood);
  b.cushion(f, {0, 0.38, 0.24}, {0.64, 0.66, 0.18}, 0.05, dark);
  b.cushion(f, {0, 0.44, 0.39}, {0.52, 0.58, 0.16}, 0.06, cloth);
  b.cushion(f.tilted({0, 0.13, 0.6}, turn_x(0.16)), {}, {0.62, 0.18, 0.66}, 0.08, cloth);
  for (const int s : {-1, 1}) {
    b.cushion(f, {s * 0.33, 0.4, 0.4}, {0.13, 0.64, 0.42}, 0.06, dark);
  }
  b.object("pillow");
  b.cushion(f.tilted({0, 0.30, 0.62}, turn_x(0.3)), {}, {0.36, 0.12, 0.32}, 0.059,
            cushion_fabric(b));
}

void add_chair(Builder& b, const Frame& f) {
  b.object("chair");
  const int wood = b.dice.chance(0.5) ? b.pal.wood : b.plain(b.any_colour(0.5, 0.85), 0.3);
  legs(b, f, {0, 0, 0}, 0.18, 0.18, 0.04, 0.44, false, wood);
  b.cushion(f, {0, 0, 0.455}, {0.42, 0.42, 0.04}, 0.015, wood);
  for (const int s : {-1, 1}) b.box(f, {s * 0.18, -0.18, 0.68}, {0.04, 0.035, 0.44}, wood);
  for (int i = 0; i < 3; ++i) b.box(f, {0, -0.18, 0.60 + 0.12 * i}, {0.34, 0.02, 0.06}, wood);
  b.cushion(f, {0, 0.01, 0.49}, {0.38, 0.38, 0.04}, 0.018, cushion_fabric(b));
}

void add_coffee_table(Builder& b, const Frame& f, bool round) {
  b.object("coffee table");
  const int top =
      b.dice.chance(0.35)
          ? b.material(
                {.pattern = Pattern::kMarble, .a = rgb(0xEDEAE4), .b = rgb(0x8B8F96), .gloss = 0.5})
          : b.pal.wood;
  const double h = 0.42;
  if (round) {
    b.frustum(f, {0, 0, h - 0.035}, 0.42, 0.42, 0.035, top);
    b.frustum(f, {0, 0, 0.03}, 0.05, 0.04, h - 0.065, b.pal.wood_dark);
    b.frustum(f, {0, 0, 0}, 0.26, 0.2, 0.03, b.pal.wood_dark);
  } else {
    b.box(f, {0, 0, h - 0.02}, {1.0, 0.56, 0.04}, top);
    b.box(f, {0, 0, 0.16}, {0.9, 0.46, 0.02}, top);
    legs(b, f, {}, 0.45, 0.23, 0.05, h - 0.04, false, b.pal.wood_dark);
    add_book_pile(b, f.moved({-0.15, 0.05, 0.17}, 0.3));
  }
  add_bowl(b, f.moved({round ? 0.12 : 0.25, 0.06, h}));
  add_mug(b, f.moved({-0.22, -0.12, h}, 1.0));
  if (!round) add_book_pile(b, f.moved({-0.24, 0.08, h}, -0.4));
}

void add_desk(Builder& b, const Frame& f) {
  b.object("desk");
  const double h = 0.74;
  b.box(f, {0, 0.32, h - 0.0175}, {1.25, 0.6, 0.035}, b.pal.wood);
  legs(b, f, {0, 0.32, 0}, 0.58, 0.25, 0.05, h - 0.035, false, b.pal.black);
  b.box(f, {0.36, 0.32, h - 0.115}, {0.42, 0.5, 0.16}, b.pal.wood_dark);
  b.ball(f, {0.36, 0.58, h - 0.115}, 0.016, b.pal.metal);
  b.object("monitor");
  const int dark = b.material({.pattern = Pattern::kScreen,
                               .a = rgb(0x6FA8DC),
                               .b = rgb(0x274E6B),
                               .c = rgb(0x0C2A35),
                               .size_u = 0.26,
                               .size_v = 0.15,
                               .gloss = 0.3});
  b.frustum(f, {0, 0.2, h}, 0.1, 0.09, 0.012, b.pal.black);
  b.box(f, {0, 0.17, h + 0.12}, {0.04, 0.02, 0.24}, b.pal.black);
  b.box(f, {0, 0.19, h + 0.28}, {0.56, 0.025, 0.34}, b.pal.black);
  b.box(f, {0, 0.205, h + 0.28}, {0.52, 0.008, 0.30}, dark);
  b.object("keyboard");
  b.cushion(f, {0, 0.42, h + 0.011}, {0.42, 0.14, 0.022}, 0.008,
            b.material({.pattern = Pattern::kTiles,
                        .a = rgb(0xE9E9E6),
                        .b = rgb(0xDADAD6),
                        .c = rgb(0x77777A),
                        .scale = 0.022}));
  add_mug(b, f.moved({-0.36, 0.44, h}, 0.4));
  add_book_pile(b, f.moved({-0.42, 0.2, h}, 0.2));
  add_table_lamp(b, f.moved({0.47, 0.18, h}));
}

void add_bookshelf(Builder& b, const Frame& f, double w, double h) {
  b.object("bookshelf");
  const double depth = 0.3, board = 0.025;
  const int wood = b.dice.chance(0.4)   ? b.pal.white
                   : b.dice.chance(0.5) ? b.pal.wood
                                        : b.pal.wood_dark;
  for (const int s : {-1, 1})
    b.box(f, {s * (w / 2 - board / 2), depth / 2, h / 2}, {board, depth, h}, wood);
  b.box(f, {0, 0.008, h / 2}, {w - 2 * board, 0.016, h}, wood);
  const int rows = static_cast<int>(h / 0.36);
  const double pitch = (h - board - 0.06) / rows, inner = w - 2 * board;
  for (int r = 0; r <= rows; ++r) {
    b.box(f, {0, depth / 2, 0.06 + board / 2 + r * pitch}, {inner, depth, board}, wood);
  }
  for (int r = 0; r < rows; ++r) {
    const double z = 0.06 + board + r * pitch, space = pitch - board;
    double x = -inner / 2 + 0.01;
    const double stop = inner / 2 - (r % 2 ? 0.26 : 0.03) - 0.1 * b.dice.unit();
    b.object("books");
    while (x < stop - 0.05) {
      const double t = b.dice.range(0.018, 0.052), tall = space * b.dice.range(0.62, 0.93);
      const double deep = b.dice.range(0.17, 0.23);
      const Vec3 tone = b.any_colour(0.85 * b.dice.unit(), b.dice.range(0.3, 0.85));
      const int cover = b.material({.pattern = Pattern::kBook,
                                    .a = tone,
                                    .b = b.dice.chance(0.6) ? rgb(0xE8D9A0) : rgb(0xF4F4F0),
                                    .size_u = t / 2,
                                    .size_v = tall / 2});
      b.box(f, {x + t / 2, depth - 0.03 - deep / 2, z + tall / 2}, {t, deep, tall}, cover);
      x += t + 0.0015;
    }
    if (r % 2) {
      const Frame at = f.moved({inner / 2 - 0.13, depth / 2, z});
      switch (b.dice.below(3)) {
        case 0: add_globe(b, at); break;
        case 1: add_vase(b, at); break;
        default: add_mug(b, at);
      }
    }
  }
}

void add_sideboard(Builder& b, const Frame& f, double w, bool screen) {
  b.object("cabinet");
  const double depth = 0.4, h = 0.72, foot = 0.14;
  legs(b, f, {0, depth / 2, 0}, w / 2 - 0.08, depth / 2 - 0.06, 0.05, foot, true, b.pal.wood_dark);
  b.box(f, {0, depth / 2, foot + (h - foot) / 2}, {w, depth, h - foot}, b.pal.wood);
  const int doors = w > 1.3 ? 4 : 3;
  const int front = b.dice.chance(0.5) ? b.pal.white : b.plain(b.any_colour(0.35, 0.8), 0.25);
  for (int i = 0; i < doors; ++i) {
    const double door = (w - 0.04) / doors, x = -w / 2 + 0.02 + door * (i + 0.5);
    b.box(f, {x, depth + 0.008, foot + (h - foot) / 2}, {door - 0.012, 0.016, h - foot - 0.05},
          i % 3 ? front : b.pal.wood);
    b.ball(f, {x + (i % 2 ? -1 : 1) * (door / 2 - 0.05), depth + 0.03, h - 0.2}, 0.017,
           b.pal.metal);
  }
  if (screen) {
    b.object("television");
    const int image = b.material({.pattern = Pattern::kScreen,
                                  .a = rgb(0x78B7E8),
                                  .b = rgb(0x3B6A54),
                                  .c = rgb(0x12262B),
                                  .size_u = 0.49,
                                  .size_v = 0.28,
                                  .gloss = 0.35});
    b.box(f, {0, depth / 2, h + 0.01}, {0.4, 0.2, 0.02}, b.pal.black);
    b.box(f, {0, depth / 2, h + 0.06}, {0.06, 0.03, 0.08}, b.pal.black);
    b.box(f, {0, depth / 2, h + 0.40}, {1.04, 0.04, 0.62}, b.pal.black);
    b.box(f, {0, depth / 2 + 0.022, h + 0.40}, {0.98, 0.006, 0.56}, image);
    if (w > 1.4) add_vase(b, f.moved({w / 2 - 0.12, depth / 2, h}));
    return;
  }
  add_vase(b, f.moved({-w / 2 + 0.2, depth / 2, h}));
  add_table_lamp(b, f.moved({w / 2 - 0.22, depth / 2, h}));
  add_globe(b, f.moved({w * 0.13, depth / 2, h}));
  add_book_pile(b, f.moved({-w * 0.12, depth / 2, h}, 0.25));
}

void add_side_table(Builder& b, const Frame& f) {
  b.object("side table");
  b.frustum(f, {0, 0, 0.5}, 0.22, 0.22, 0.03, b.pal.wood);
  for (int i = 0; i < 3; ++i) {
    const Frame leg = f.moved({}, 2 * kPi * i / 3);
    b.frustum(leg.tilted({0.12, 0, 0.002}, turn_y(-0.12)), {0, 0, 0.004}, 0.012, 0.018, 0.5,
              b.pal.wood_dark);
  }
  add_table_lamp(b, f.moved({0.02, -0.03, 0.53}));
  add_mug(b, f.moved({-0.1, 0.1, 0.53}));
}

void add_radiator(Builder& b, const Frame& f, double w) {
  b.object("radiator");
  const int n = static_cast<int>(w / 0.07);
  for (int i = 0; i < n; ++i) {
    b.cushion(f, {-w / 2 + w * (i + 0.5) / n, 0.09, 0.38}, {0.052, 0.1, 0.54}, 0.02, b.pal.white);
  }
  for (const double z : {0.16, 0.6}) b.box(f, {0, 0.09, z}, {w - 0.06, 0.05, 0.04}, b.pal.white);
}

}  // namespace vega::room
