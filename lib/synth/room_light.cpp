// Light of the room, baked once: lamps and sky directly with soft shadows, then three bounces
// between all surfaces. Direct sun is left to the renderer, whose shadows are sharp.
#include "base/parallel.h"
#include "synth/room_model.h"

namespace vega::room {
namespace {

constexpr double kOffset = 0.003;  // m: samples stand this far off the surface
constexpr double kFaint = 0.012;   // lamps weaker than this at a place are left out
constexpr int kLampSamples = 12, kWindowSide = 4, kGatherSide = 6;
constexpr int kGather = kGatherSide * kGatherSide;

std::array<float, 3> pack(Vec3 v) {
  return {static_cast<float>(v.x), static_cast<float>(v.y), static_cast<float>(v.z)};
}
Vec3 unpack(const std::array<float, 3>& v) { return {v[0], v[1], v[2]}; }

// Two unit vectors that make an orthonormal frame with n.
void frame(Vec3 n, Vec3& a, Vec3& b) {
  a = normalized(std::abs(n.x) < 0.7 ? cross(n, {1, 0, 0}) : cross(n, {0, 1, 0}));
  b = cross(n, a);
}

Vec3 from_lamps(const Model& m, Vec3 p, Vec3 n) {
  Vec3 sum{};
  for (const Lamp& lamp : m.lamps) {
    const Vec3 way = lamp.centre - p;
    const double far2 = dot(way, way);
    if (dot(way, n) < -lamp.radius || lamp.power.x / far2 < kFaint) continue;
    const int samples = far2 > 4 ? kLampSamples / 3 : kLampSamples;
    double share = 0;
    for (int k = 0; k < samples; ++k) {  // a spiral over the half sphere that faces p
      const double z = 1 - (2 * k + 1.0) / samples, a = 2.399963229728653 * k;
      const double r = std::sqrt(1 - z * z);
      Vec3 q{r * std::cos(a), r * std::sin(a), z};
      if (dot(q, way) > 0) q = -q;
      const Vec3 to = way + q * lamp.radius;
      const double d2 = dot(to, to), cosine = dot(to, n) / std::sqrt(d2);
      if (cosine <= 0 || m.tree.blocked({p, to}, 1e-4, 0.9999, m.glowing)) continue;
      share += cosine / (d2 + 0.12);  // softened: a shade is no point
    }
    sum += lamp.power * (share / samples);
  }
  return sum;
}

Vec3 from_sky(const Model& m, Vec3 p, Vec3 n) {
  const double area = 4 * length(m.window_right) * length(m.window_up);
  double share = 0;
  for (int j = 0; j < kWindowSide; ++j) {
    for (int i = 0; i < kWindowSide; ++i) {
      const Vec3 q = m.window_centre + m.window_right * ((2 * i + 1.0) / kWindowSide - 1) +
                     m.window_up * ((2 * j + 1.0) / kWindowSide - 1);
      const Vec3 to = q - p;
      const double d2 = dot(to, to), d = std::sqrt(d2);
      const double cosine = dot(to, n) / d, facing = -dot(to, m.window_in) / d;
      if (cosine <= 0 || facing <= 0) continue;
      if (m.tree.blocked({p, to}, 1e-4, 1, m.glowing)) continue;
      share += cosine * facing / std::max(d2, 0.02);
    }
  }
  return m.sky_colour * (share * area / (kWindowSide * kWindowSide * kPi));
}

// A place nobody can see: beyond the inner faces of the walls and not in the window's recess.
bool outside(const Model& m, Vec3 p) {
  const double slack = 1e-3;
  if (std::abs(p.x) < m.half_x + slack && std::abs(p.y) < m.half_y + slack && p.z > -slack &&
      p.z < m.height + slack) {
    return false;
  }
  const Vec3 r = p - m.window_centre;
  const double side = dot(r, m.window_right) / dot(m.window_right, m.window_right);
  const double rise = dot(r, m.window_up) / dot(m.window_up, m.window_up);
  return std::abs(side) > 1 || std::abs(rise) > 1;
}

}  // namespace

bool sunlit(const Model& m, Vec3 p, Vec3 n) {
  if (dot(n, m.sun_direction) <= 0) return false;
  const double toward = -dot(m.sun_direction, m.window_in);
  if (toward <= 0) return false;
  const double t = dot(p - m.window_centre, m.window_in) / toward;
  if (t <= 0) return false;
  const Vec3 r = p + m.sun_direction * t - m.window_centre;
  if (std::abs(dot(r, m.window_right)) > dot(m.window_right, m.window_right)) return false;
  if (std::abs(dot(r, m.window_up)) > dot(m.window_up, m.window_up)) return false;
  return !m.tree.blocked({p + n * kOffset, m.sun_direction}, 1e-4, t, m.glowing);
}

void LightMaps::lay_out(Model& m) {
  for (int s = 0; s < static_cast<int>(m.solids.size()); ++s) {
    Solid& solid = m.solids[s];
    solid.first_chart = static_cast<int>(charts_.size());
    const bool round = solid.shape == Shape::kEllipsoid || solid.shape == Shape::kTorus ||
                       solid.shape == Shape::kFrustum;
    for (int c = 0; c < chart_count(solid); ++c) {
      const auto size = chart_size(solid, c);
      const double spacing = std::max(size[0], size[1]) > 1.5 ? 0.075 : 0.05;
      const auto knots = [&](double length, int least) {
        return std::clamp(static_cast<int>(std::ceil(length / spacing)) + 1, least, 128);
      };
      const bool wraps = round && (solid.shape != Shape::kFrustum || c == 0);
      Chart chart{static_cast<int>(knots_.size()), knots(size[0], wraps ? 9 : 2),
                  knots(size[1], wraps && solid.shape != Shape::kFrustum ? 7 : 2)};
      const double eu = wraps ? 0 : std::min(0.2, 0.002 / std::max(size[0], 1e-6));
      const double ev = wraps && solid.shape == Shape::kTorus
                            ? 0
                            : std::min(0.2, 0.002 / std::max(size[1], 1e-6));
      for (int j = 0; j < chart.nv; ++j) {
        for (int i = 0; i < chart.nu; ++i) {
          const double u = eu + (1 - 2 * eu) * i / (chart.nu - 1);
          const double v = ev + (1 - 2 * ev) * j / (chart.nv - 1);
          const SurfacePoint sp = chart_point(solid, c, u, v);
          const Vec3 n = solid.axes * sp.normal;
          knots_.push_back({to_world(solid, sp.position) + n * kOffset, n, s, false});
        }
      }
      charts_.push_back(chart);
    }
  }
}

void LightMaps::look_around(const Model& m, int i, Seen* out) const {
  const Knot& k = knots_[i];
  Vec3 a, b;
  frame(k.normal, a, b);
  const double ju = hash_unit(i, 1, 11), jv = hash_unit(i, 1, 12);
  for (int s = 0; s < kGather; ++s) {
    const double u = (s % kGatherSide + ju) / kGatherSide, v = (s / kGatherSide + jv) / kGatherSide;
    const double r = std::sqrt(u), phi = 2 * kPi * v;
    const Vec3 d = a * (r * std::cos(phi)) + b * (r * std::sin(phi)) + k.normal * std::sqrt(1 - u);
    const Hit hit = m.tree.nearest({k.position, d}, 1e-5, 100);
    if (hit.solid < 0) continue;
    const Solid& solid = m.solids[hit.solid];
    const Vec3 local = to_local(solid, k.position + d * hit.t), n = local_normal(solid, local);
    const auto uv = texture_uv(solid, local, n);
    const Vec3 colour = albedo(m.materials[solid.material], uv[0], uv[1], 0.1);
    const ChartSpot spot = chart_of(solid, local, n);
    const Chart& c = charts_[solid.first_chart + spot.chart];
    const int x = static_cast<int>(clamp01(spot.u) * (c.nu - 1) + 0.5);
    const int y = static_cast<int>(clamp01(spot.v) * (c.nv - 1) + 0.5);
    out[s].knot = c.offset + y * c.nu + x;
    for (int j = 0; j < 3; ++j)
      out[s].albedo[j] = static_cast<std::uint8_t>(255 * clamp01(colour[j]));
  }
}

void LightMaps::bake(Model& m, int threads) {
  lay_out(m);
  const int count = static_cast<int>(knots_.size()), block = 256;
  const auto blocks = static_cast<std::size_t>((count + block - 1) / block);
  std::vector<std::array<float, 3>> direct(count), sun(count);
  soft_.assign(count, {}), total_.assign(count, {});
  const auto each = [&](const auto& body) {
    parallel_for(blocks, threads, [&](std::size_t b) {
      const int first = static_cast<int>(b) * block;
      for (int i = first; i < std::min(count, first + block); ++i) body(i);
    });
  };
  each([&](int i) {
    Knot& k = knots_[i];
    k.valid = !outside(m, k.position) && !m.tree.inside(k.position);
    if (!k.valid) return;
    direct[i] = pack(from_lamps(m, k.position, k.normal) + from_sky(m, k.position, k.normal));
    if (sunlit(m, k.position, k.normal))
      sun[i] = pack(m.sun_colour * dot(k.normal, m.sun_direction));
    total_[i] = pack(unpack(direct[i]) + unpack(sun[i]));
  });
  // What every knot sees over its half space: one trace, used by all bounces.
  std::vector<Seen> seen(static_cast<std::size_t>(count) * kGather);
  each([&](int i) {
    if (knots_[i].valid) look_around(m, i, &seen[static_cast<std::size_t>(i) * kGather]);
  });
  for (int bounce = 0; bounce < 3; ++bounce) {
    each([&](int i) {
      if (!knots_[i].valid) return;
      float sum[3] = {0, 0, 0};
      const Seen* from = &seen[static_cast<std::size_t>(i) * kGather];
      for (int s = 0; s < kGather; ++s) {
        if (from[s].knot < 0) continue;
        const auto& light = total_[from[s].knot];
        for (int c = 0; c < 3; ++c) sum[c] += light[c] * from[s].albedo[c];
      }
      for (int c = 0; c < 3; ++c) soft_[i][c] = sum[c] / (255.0F * kGather);
    });
    blur();
    for (int i = 0; i < count; ++i) {
      soft_[i] = pack(unpack(soft_[i]) + unpack(direct[i]));
      total_[i] = pack(unpack(soft_[i]) + unpack(sun[i]));
    }
  }
  // Exposure: the mean light of the room becomes a middle tone.
  double sum = 0, number = 0;
  for (int i = 0; i < count; ++i) {
    if (knots_[i].valid) sum += soft_[i][0] + soft_[i][1] + soft_[i][2], number += 3;
  }
  m.exposure = 0.78 * number / std::max(sum, 1e-9), m.sky_view = 1.5 / m.exposure;
  fill_hidden();
  knots_.clear(), knots_.shrink_to_fit();
  total_.clear(), total_.shrink_to_fit();
}

// Smooths the sampling noise of the gathered light among the valid knots of each chart.
void LightMaps::blur() {
  std::vector<std::array<float, 3>> copy;
  for (int round = 0; round < 3; ++round) {
    copy = soft_;
    for (const Chart& c : charts_) {
      if (c.nu < 4 && c.nv < 4) continue;
      for (int j = 0; j < c.nv; ++j) {
        for (int i = 0; i < c.nu; ++i) {
          const int at = c.offset + j * c.nu + i;
          if (!knots_[at].valid) continue;
          Vec3 sum{};
          double weight = 0;
          for (int y = std::max(0, j - 1); y <= std::min(c.nv - 1, j + 1); ++y) {
            for (int x = std::max(0, i - 1); x <= std::min(c.nu - 1, i + 1); ++x) {
              const int k = c.offset + y * c.nu + x;
              if (!knots_[k].valid) continue;
              const double w = (y == j ? 2 : 1) * (x == i ? 2 : 1);
              sum += unpack(copy[k]) * w, weight += w;
            }
          }
          soft_[at] = pack(sum * (1 / weight));
        }
      }
    }
  }
}

// Knots inside other solids take the light of their neighbours, so that interpolation at a contact
// line does not fade to black.
void LightMaps::fill_hidden() {
  std::vector<std::uint8_t> known(knots_.size());
  for (std::size_t i = 0; i < knots_.size(); ++i) known[i] = knots_[i].valid;
  for (const Chart& c : charts_) {
    for (int round = 0; round < 6; ++round) {
      std::vector<int> found;
      for (int j = 0; j < c.nv; ++j) {
        for (int i = 0; i < c.nu; ++i) {
          const int at = c.offset + j * c.nu + i;
          if (known[at]) continue;
          Vec3 sum{};
          int n = 0;
          for (int y = std::max(0, j - 1); y <= std::min(c.nv - 1, j + 1); ++y) {
            for (int x = std::max(0, i - 1); x <= std::min(c.nu - 1, i + 1); ++x) {
              const int k = c.offset + y * c.nu + x;
              if (known[k]) sum += unpack(soft_[k]), ++n;
            }
          }
          if (n > 0) soft_[at] = pack(sum * (0.85 / n)), found.push_back(at);
        }
      }
      if (found.empty()) break;
      for (const int at : found) known[at] = 1;
    }
  }
}

Vec3 LightMaps::at(const Solid& solid, Vec3 local, Vec3 normal) const {
  const ChartSpot spot = chart_of(solid, local, normal);
  const Chart& c = charts_[solid.first_chart + spot.chart];
  const double x = clamp01(spot.u) * (c.nu - 1), y = clamp01(spot.v) * (c.nv - 1);
  const int i = std::min(static_cast<int>(x), c.nu - 2),
            j = std::min(static_cast<int>(y), c.nv - 2);
  const auto fx = static_cast<float>(x - i), fy = static_cast<float>(y - j);
  const auto* row = &soft_[c.offset + j * c.nu + i];
  const auto* next = row + c.nu;
  Vec3 out;
  for (int k = 0; k < 3; ++k) {
    const float a = row[0][k] + (row[1][k] - row[0][k]) * fx;
    const float b = next[0][k] + (next[1][k] - next[0][k]) * fx;
    out[k] = a + (b - a) * fy;
  }
  return out;
}

}  // namespace vega::room
