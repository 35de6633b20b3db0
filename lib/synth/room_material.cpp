#include "synth/room_material.h"

namespace vega::room {
namespace {

double to_linear(double s) { return s <= 0.04045 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4); }

// Detail of size `detail` is fully seen below a third of it per pixel and gone at its size.
double seen(double detail, double pixel) { return 1 - smooth(detail / 3, detail, pixel); }

// 1 on a line of half width `half` around zero, box-filtered by the pixel.
double line(double distance, double half, double pixel) {
  const double soft = std::max(pixel, 1e-4) / 2;
  return clamp01((half + soft - std::abs(distance)) / (2 * soft)) *
         std::min(1.0, half / soft + 0.15);
}

double fract(double x) { return x - std::floor(x); }

// Signed distance to the nearest multiple of `period`.
double to_line(double x, double period) { return x - period * std::floor(x / period + 0.5); }

Vec3 tint(Vec3 c, double amount) { return c * (1 + amount); }

double mottle(double u, double v, double size, double pixel, std::uint32_t salt) {
  const double k = seen(size, pixel);
  return k <= 0 ? 0 : k * (value_noise(u / size, v / size, salt) - 0.5) * 2;
}

Vec3 paint(const Material& m, double u, double v, double px) {
  return tint(m.a,
              0.025 * mottle(u, v, 0.35, px, m.salt) + 0.025 * mottle(u, v, 0.02, px, m.salt + 1));
}

// Grain along u.
Vec3 grain(Vec3 light, Vec3 dark, double u, double v, double px, std::uint32_t salt) {
  const double warp = 0.02 * (value_noise(u * 1.7, v * 6, salt) - 0.5);
  double g = 0.5 + 0.35 * mottle(u * 0.06, v + warp, 0.012, px, salt + 1) +
             0.3 * mottle(u * 0.12, v + 2 * warp, 0.05, px, salt + 2);
  g += 0.15 * mottle(u * 0.03, v + warp, 0.004, px, salt + 3);
  return mix(dark, light, clamp01(g));
}

Vec3 planks(const Material& m, double u, double v, double px) {
  const double width = m.scale, length = m.scale * 9;
  const double row = std::floor(v / width);
  const double shift = hash_unit(static_cast<std::int64_t>(row), 7, m.salt) * length;
  const double column = std::floor((u + shift) / length);
  const auto i = static_cast<std::int64_t>(row), j = static_cast<std::int64_t>(column);
  const double tone = hash_unit(i, j, m.salt + 1);
  const auto salt = static_cast<std::uint32_t>(m.salt + 64 + 8 * (i & 7) + (j & 7));
  Vec3 c = grain(m.a, m.b, u + tone * 13, v + tone * 5, px, salt);
  c = tint(c, 0.42 * (tone - 0.5));
  const double gap =
      std::max(line(to_line(v, width), 0.0016, px), line(to_line(u + shift, length), 0.0016, px));
  return c * (1 - 0.65 * gap);
}

Vec3 tiles(const Material& m, double u, double v, double px) {
  const double s = m.scale;
  const auto i = static_cast<std::int64_t>(std::floor(u / s + 0.5));
  const auto j = static_cast<std::int64_t>(std::floor(v / s + 0.5));
  Vec3 c = ((i + j) & 1) ? m.a : m.b;
  c = tint(c, 0.16 * (hash_unit(i, j, m.salt) - 0.5) + 0.07 * mottle(u, v, 0.06, px, m.salt + 1) +
                  0.05 * mottle(u, v, 0.015, px, m.salt + 2));
  const double grout =
      std::max(line(to_line(u + s / 2, s), 0.004, px), line(to_line(v + s / 2, s), 0.004, px));
  return mix(c, m.c, grout);
}

Vec3 brick(const Material& m, double u, double v, double px) {
  const double long_side = m.scale, course = m.scale / 3;
  const double row = std::floor(v / course);
  const double x = u + (static_cast<std::int64_t>(row) & 1 ? long_side / 2 : 0);
  const auto i = static_cast<std::int64_t>(std::floor(x / long_side));
  const auto j = static_cast<std::int64_t>(row);
  Vec3 c = mix(m.a, m.b, hash_unit(i, j, m.salt));
  c = tint(c,
           0.2 * mottle(u, v, 0.03, px, m.salt + 1) + 0.15 * mottle(u, v, 0.008, px, m.salt + 2));
  const double joint =
      std::max(line(to_line(x, long_side), 0.006, px), line(to_line(v, course), 0.006, px));
  return mix(c, m.c, joint);
}

Vec3 stripes(const Material& m, double u, double v, double px) {
  const double s = m.scale, d = std::abs(to_line(u, s));
  Vec3 c = mix(m.a, m.b, line(d, s / 4, px));
  c = mix(c, m.c,
          0.8 * std::max(line(d - s / 4 - 0.012, 0.003, px), line(d - s * 0.44, 0.002, px)));
  return tint(c, 0.02 * mottle(u, v, 0.01, px, m.salt));
}

Vec3 diamonds(const Material& m, double u, double v, double px) {
  const double s = m.scale, p = u / s + v / (1.5 * s), q = u / s - v / (1.5 * s);
  const double a = std::abs(p - std::floor(p + 0.5)), b = std::abs(q - std::floor(q + 0.5));
  const double edge = std::min(a, b) * s, hub = std::max(a, b) * s;
  Vec3 c = mix(m.a, m.b, line(edge, 0.004, px));
  c = mix(c, m.c, line(hub, 0.016, px));
  const auto i = static_cast<std::int64_t>(std::floor(p)),
             j = static_cast<std::int64_t>(std::floor(q));
  const double cu = fract(p) - 0.5, cv = fract(q) - 0.5;
  const double flower = norm(cu, cv) * s, petals = 0.03 + 0.012 * std::cos(5 * std::atan2(cv, cu));
  c = mix(c, m.b, 0.75 * clamp01((petals - flower) / std::max(px, 0.002) + 0.5));
  return tint(c, 0.05 * (hash_unit(i, j, m.salt) - 0.5));
}

Vec3 flowers(const Material& m, double u, double v, double px) {
  Vec3 c = paint(m, u, v, px);
  const double s = m.scale;
  const auto i0 = static_cast<std::int64_t>(std::floor(u / s));
  const auto j0 = static_cast<std::int64_t>(std::floor(v / s));
  const double soft = std::max(px, 0.002);
  for (std::int64_t j = j0 - 1; j <= j0 + 1; ++j) {
    for (std::int64_t i = i0 - 1; i <= i0 + 1; ++i) {
      const double x = u - s * (i + 0.25 + 0.5 * hash_unit(i, j, m.salt));
      const double y = v - s * (j + 0.25 + 0.5 * hash_unit(i, j, m.salt + 1));
      const double size = s * (0.16 + 0.16 * hash_unit(i, j, m.salt + 2));
      const double turn = 6.28 * hash_unit(i, j, m.salt + 3), r = norm(x, y);
      if (r > 1.6 * size) continue;
      const double angle = std::atan2(y, x) + turn;
      const double leaf = size * (0.5 + 1.0 * std::pow(std::abs(std::cos(angle)), 12));
      c = mix(c, rgb(0x6F8A5B), 0.8 * clamp01((leaf - r) / soft + 0.5));
      const double petal = size * (0.62 + 0.3 * std::cos(5 * angle));
      const Vec3 tone = mix(m.b, m.b * 0.75, hash_unit(i, j, m.salt + 4));
      c = mix(c, tone, clamp01((petal - r) / soft + 0.5));
      c = mix(c, m.c, clamp01((size * 0.25 - r) / soft + 0.5));
    }
  }
  return c;
}

Vec3 fabric(const Material& m, double u, double v, double px) {
  const double thread = 0.006, k = seen(thread * 2, px);
  const double weave = k * 0.5 * std::sin(u / thread * kPi) * std::sin(v / thread * kPi);
  const double blotch =
      0.35 * mottle(u, v, 0.012, px, m.salt) + 0.2 * mottle(u, v, 0.09, px, m.salt + 1);
  return mix(m.a, m.b, clamp01(0.35 + 0.3 * weave + blotch));
}

Vec3 plaid(const Material& m, double u, double v, double px) {
  const double s = m.scale;
  const double du = line(to_line(u, s), s / 5, px), dv = line(to_line(v, s), s / 5, px);
  Vec3 c = mix(m.a, m.b, 0.5 * (du + dv));
  const double thin =
      std::max(line(to_line(u + s / 2, s), s / 30, px), line(to_line(v + s / 2, s), s / 30, px));
  return tint(mix(c, m.c, 0.85 * thin), 0.08 * mottle(u, v, 0.01, px, m.salt));
}

Vec3 rug(const Material& m, double u, double v, double px) {
  const double du = m.size_u - std::abs(u), dv = m.size_v - std::abs(v), edge = std::min(du, dv);
  const double along = du < dv ? v : u;
  Vec3 c = m.a;
  if (edge < 0.05) {
    c = m.c;
  } else if (edge < 0.20) {
    const double zig = std::abs(to_line(along, 0.15)) / 0.075;  // 0..1
    c = mix(m.b, m.c, line((edge - 0.125) - 0.05 * (zig - 0.5), 0.016, px));
    c = mix(c, m.a, line(std::min(edge - 0.05, 0.20 - edge), 0.008, px));
  } else {
    const double d = std::abs(u) / m.size_u * 1.5 + std::abs(v) / m.size_v * 1.5;
    c = mix(m.a, m.b, smooth(-0.004, 0.004, 1.0 - d));
    c = mix(c, m.c, line(d - 1.0, 0.03, px) + line(d - 0.72, 0.02, px));
    const double r = norm(u, v);
    const double star = 0.13 + 0.05 * std::cos(8 * std::atan2(v, u));
    c = mix(c, m.c, clamp01((star - r) / std::max(px, 0.004) + 0.5));
    c = mix(c, m.a, clamp01((star * 0.5 - r) / std::max(px, 0.004) + 0.5));
    const double x = to_line(u, 0.22), y = to_line(v, 0.22);
    if (d > 1.1) c = mix(c, m.b, line(std::abs(x) + std::abs(y), 0.035, px));
  }
  return tint(c, 0.14 * mottle(u, v, 0.012, px, m.salt) + 0.08 * mottle(u, v, 0.1, px, m.salt + 1));
}

Vec3 landscape(const Material& m, double x, double y, std::uint32_t salt) {
  Vec3 c = mix(rgb(0xF6D9A8), m.a, clamp01(y));
  const double sx = 0.5 - hash_unit(1, 1, salt);
  if (norm((x - sx) * 1.2, y - 0.45) < 0.16) c = rgb(0xFFE9B0);
  for (int layer = 0; layer < 4; ++layer) {
    const double base = 0.25 - 0.33 * layer, f = 1.6 + layer;
    const double ridge = base + 0.42 * (value_noise(x * f + 9 * layer, layer, salt) - 0.5) +
                         0.1 * (value_noise(x * f * 4, layer, salt + 1) - 0.5);
    if (y < ridge) c = mix(m.b, m.c, layer / 3.0);
  }
  return c;
}

Vec3 picture(const Material& m, double u, double v, double px) {
  const double x = u / m.size_u, y = v / m.size_v;  // -1..1
  const double margin = std::min(m.size_u - std::abs(u), m.size_v - std::abs(v));
  if (margin < 0.045) return rgb(0xF2EEE4);  // mat
  Vec3 c = m.a;
  switch (m.salt % 5) {
    case 0:
    case 3: c = landscape(m, x, y, m.salt); break;
    case 1: {  // blocks of colour between black bars
      double lo_x = -1, hi_x = 1, lo_y = -1, hi_y = 1, bar = 1;
      for (int cut = 0; cut < 4; ++cut) {
        const double at =
            0.3 + 0.4 * hash_unit(cut, static_cast<int>((lo_x + lo_y * 3) * 64), m.salt);
        double& lo = cut & 1 ? lo_y : lo_x;
        double& hi = cut & 1 ? hi_y : hi_x;
        const double p = cut & 1 ? y : x, mid = lo + (hi - lo) * at;
        bar = std::min(bar, std::abs(p - mid) * (cut & 1 ? m.size_v : m.size_u));
        (p < mid ? hi : lo) = mid;
      }
      const double pick =
          hash_unit(static_cast<int>(lo_x * 512), static_cast<int>(lo_y * 512), m.salt);
      c = pick < 0.4 ? rgb(0xF4EFE2) : pick < 0.6 ? m.a : pick < 0.8 ? m.b : m.c;
      c = mix(c, rgb(0x181818), line(bar, 0.012, px));
      break;
    }
    case 2: {  // discs
      c = tint(rgb(0xE9E1CF), 0.08 * mottle(u, v, 0.05, px, m.salt));
      for (int k = 0; k < 7; ++k) {
        const double cx = m.size_u * (hash_unit(k, 1, m.salt) * 1.4 - 0.7);
        const double cy = m.size_v * (hash_unit(k, 2, m.salt) * 1.4 - 0.7);
        const double r = m.size_u * (0.12 + 0.3 * hash_unit(k, 3, m.salt)),
                     d = norm(u - cx, v - cy);
        const Vec3 tone = k % 3 == 0 ? m.a : k % 3 == 1 ? m.b : m.c;
        c = mix(c, tone, 0.85 * clamp01((r - d) / std::max(px, 0.002) + 0.5));
      }
      break;
    }
    default: {  // swirls
      const double w =
          value_noise(x * 2, y * 2, m.salt) * 4 + value_noise(x * 5, y * 5, m.salt + 1);
      const double s = 0.5 + 0.5 * std::sin(w * 5 + x * 2);
      c = mix(mix(m.a, m.b, s), m.c, smooth(0.6, 0.9, value_noise(x * 3 + 5, y * 3, m.salt + 2)));
    }
  }
  return c;
}

Vec3 marble(const Material& m, double u, double v, double px) {
  const double w = value_noise(u * 3, v * 3, m.salt) * 2 + value_noise(u * 8, v * 8, m.salt + 1);
  const double vein = 1 - std::abs(std::sin((u * 2 + v * 3 + w) * 3));
  const Vec3 c = tint(m.a, 0.12 * mottle(u, v, 0.15, px, m.salt + 2));
  return mix(c, m.b, 0.8 * std::pow(vein, 10) + 0.3 * vein * vein * vein);
}

Vec3 clock(const Material& m, double u, double v, double px) {
  const double r = norm(u, v), big = m.size_u;
  const double angle = std::atan2(u, v) / (2 * kPi);  // clockwise from twelve
  const double tick = std::abs(to_line(angle, 1.0 / 12)) * 2 * kPi * r;
  double ink = r > big * 0.74 && r < big * 0.9 ? line(tick, 0.006, px) : 0;
  const double hands[2] = {0.15 + 0.6 * hash_unit(1, 1, m.salt),
                           fract(0.83 + hash_unit(2, 2, m.salt))};
  for (int k = 0; k < 2; ++k) {
    const double s = std::sin(2 * kPi * hands[k]), c = std::cos(2 * kPi * hands[k]);
    const double along = u * s + v * c, across = u * c - v * s;
    if (along > -0.02 && along < big * (k ? 0.7 : 0.48)) {
      ink = std::max(ink, line(across, k ? 0.004 : 0.007, px));
    }
  }
  return mix(m.a, m.b, ink);
}

Vec3 door(const Material& m, double u, double v, double px) {
  Vec3 c = grain(m.a, m.b, v, u, px, m.salt);
  const double half = m.size_u, x = std::abs(u) - half * 0.46;  // two columns of panels
  const double rows[4] = {-m.size_v + 0.18, -0.12, 0.02, m.size_v - 0.16};
  for (int k = 0; k < 4; k += 2) {
    const double cy = (rows[k] + rows[k + 1]) / 2, hy = (rows[k + 1] - rows[k]) / 2;
    const double inset = std::min(half * 0.34 - std::abs(x), hy - std::abs(v - cy));
    c = c * (1 - 0.6 * line(inset, 0.006, px)) * (inset > 0.006 ? 1.06 : 1.0);
    c = tint(c, 0.25 * line(inset - 0.016, 0.004, px));
  }
  return c;
}

Vec3 screen(const Material& m, double u, double v) {
  const double x = u / m.size_u, y = v / m.size_v;
  return landscape(m, x, y, m.salt) * 0.5;
}

}  // namespace

Vec3 albedo(const Material& m, double u, double v, double px) {
  if (m.swap) std::swap(u, v);
  switch (m.pattern) {
    case Pattern::kPaint: return paint(m, u, v, px);
    case Pattern::kPlanks: return planks(m, u, v, px);
    case Pattern::kWood: return grain(m.a, m.b, u, v, px, m.salt);
    case Pattern::kTiles: return tiles(m, u, v, px);
    case Pattern::kBrick: return brick(m, u, v, px);
    case Pattern::kStripes: return stripes(m, u, v, px);
    case Pattern::kDiamonds: return diamonds(m, u, v, px);
    case Pattern::kFlowers: return flowers(m, u, v, px);
    case Pattern::kFabric: return fabric(m, u, v, px);
    case Pattern::kPlaid: return plaid(m, u, v, px);
    case Pattern::kRug: return rug(m, u, v, px);
    case Pattern::kPicture: return picture(m, u, v, px);
    case Pattern::kBook: {
      const double band = std::max(line(std::abs(v) - m.size_v * 0.7, 0.006, px),
                                   line(std::abs(v) - m.size_v * 0.55, 0.003, px));
      const double title =
          std::abs(v) < m.size_v * 0.35 && std::abs(u) < m.size_u * 0.35
              ? 0.7 * (hash_unit(static_cast<int>(std::floor(v / 0.008)), 3, m.salt) > 0.35)
              : 0;
      return mix(m.a, m.b, std::max(band, title * seen(0.02, px)));
    }
    case Pattern::kBall: {
      const double turn = fract(u / (2 * kPi * m.size_u)) * 6;
      const Vec3 c = static_cast<int>(turn) % 2 ? m.a : static_cast<int>(turn) % 3 ? m.b : m.c;
      return std::abs(v) > m.size_u * 1.35 ? m.a : c;
    }
    case Pattern::kDots: {
      const double x = to_line(u, m.scale), y = to_line(v, m.scale);
      return mix(m.a, m.b, clamp01((m.scale * 0.28 - norm(x, y)) / std::max(px, 0.002) + 0.5));
    }
    case Pattern::kMarble: return marble(m, u, v, px);
    case Pattern::kLeaf: {
      const double rib = line(v, 0.003, px);
      return tint(mix(m.a, m.b, rib), 0.15 * mottle(u, v, 0.03, px, m.salt));
    }
    case Pattern::kClock: return clock(m, u, v, px);
    case Pattern::kDoor: return door(m, u, v, px);
    case Pattern::kRings: return mix(m.a, m.b, line(to_line(v, m.scale), m.scale / 4, px));
    case Pattern::kScreen: return screen(m, u, v);
  }
  return m.a;
}

Vec3 outdoors(Vec3 d, std::uint32_t salt) {
  const double h = d.z, around = std::atan2(d.y, d.x) * 3;
  Vec3 c = mix(rgb(0xDCEBF7), rgb(0x7DB3E8), smooth(0, 0.5, h));
  if (h > 0.02) {
    const double x = d.x / (h + 0.25) * 2, y = d.y / (h + 0.25) * 2;
    const double cloud =
        0.65 * value_noise(x, y, salt) + 0.35 * value_noise(x * 3, y * 3, salt + 1);
    c = mix(c, rgb(0xFFFFFF), smooth(0.5, 0.8, cloud));
  }
  const double far_ridge = 0.03 + 0.11 * value_noise(around, 0.5, salt + 2) +
                           0.02 * value_noise(around * 7, 1.5, salt + 2);
  const double crown = value_noise(around * 24, 4.5, salt + 4);
  const double trees = -0.10 + 0.10 * value_noise(around * 3, 2.5, salt + 3) + 0.05 * crown +
                       0.02 * value_noise(around * 70, 5.5, salt + 4);
  if (h < far_ridge) {
    c = mix(rgb(0xA9BFCB), rgb(0x86A391), smooth(far_ridge, far_ridge - 0.12, h));
  }
  if (h < trees) {
    const double leaf = 0.6 * value_noise(around * 45, h * 90, salt + 5) +
                        0.4 * value_noise(around * 110, h * 200, salt + 6);
    c = mix(mix(rgb(0x2F5628), rgb(0x7FA354), leaf), rgb(0x4E7A3B), 0.3 * crown);
  }
  const double lawn = -0.13 - 0.03 * value_noise(around * 2, 8.5, salt + 7);
  if (h < lawn) {
    const double mown = value_noise(d.x / h * 3, d.y / h * 3, salt + 8);
    c = mix(rgb(0x86AC5C), rgb(0x6E9650), mown);
    const double path = std::abs(d.x / h + 0.4 * d.y / h - 2 * value_noise(d.y / h, 1, salt + 9));
    if (path < 0.35) c = mix(rgb(0xCBBF9F), rgb(0xB5A684), mown);
  }
  return c * 1.1;
}

Vec3 rgb(std::uint32_t hex) {
  static const auto table = [] {
    std::array<double, 256> t{};
    for (int i = 0; i < 256; ++i) t[i] = to_linear(i / 255.0);
    return t;
  }();
  return {table[hex >> 16 & 255], table[hex >> 8 & 255], table[hex & 255]};
}

Vec3 hsv(double h, double s, double v) {
  const auto channel = [&](double n) {
    const double k = fract(n / 6 + h) * 6;
    return to_linear(v * (1 - s * clamp01(std::min(k, 4 - k))));
  };
  return {channel(5), channel(3), channel(1)};
}

}  // namespace vega::room
