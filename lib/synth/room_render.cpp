#include "synth/room_render.h"

#include "base/parallel.h"

namespace vega::room {
namespace {

constexpr double kFar = 1e6, kNear = 1e-6;

// x to the power 2^k, 0 for negative x.
double power(double x, int k) {
  x = std::max(0.0, x);
  while (k-- > 0) x *= x;
  return x;
}

// Mirror images of the lamps and the window, spread by the roughness of a varnish.
Vec3 highlight(const Model& m, double gloss, Vec3 p, Vec3 n, Vec3 to_eye, Vec3 ambient) {
  const auto mirrored = [&](Vec3 source, int sharpness) {
    const Vec3 to = normalized(source - p);
    return dot(to, n) > 0 ? power(dot(n, normalized(to + to_eye)), sharpness) : 0.0;
  };
  double sum = 0.7 * mirrored(m.window_centre, 7);
  for (const Lamp& lamp : m.lamps) sum += mirrored(lamp.centre, 8);
  return ambient * (sum * gloss);
}

// A surface point on a ray, and the slowly changing part of its light.
struct Spot {
  Vec3 world, local, local_normal, normal;
  Vec3 soft, shine;
};

Spot spot_at(const Model& m, const Ray& ray, const Hit& hit) {
  const Solid& solid = m.solids[hit.solid];
  Spot s;
  s.world = ray.origin + ray.direction * hit.t;
  s.local = to_local(solid, s.world), s.local_normal = local_normal(solid, s.local);
  s.normal = solid.axes * s.local_normal;
  return s;
}

void light_up(const Model& m, const LightMaps& light, const Ray& ray, const Hit& hit, Spot& s) {
  const Solid& solid = m.solids[hit.solid];
  s.soft = light.at(solid, s.local, s.local_normal);
  const double gloss = m.materials[solid.material].gloss;
  if (gloss > 0) {
    s.shine = highlight(m, gloss, s.world, s.normal, ray.direction * (-1 / length(ray.direction)),
                        s.soft);
  }
}

// Radiance that a surface point sends to the eye.
Vec3 shade(const Model& m, const Ray& ray, const Hit& hit, const Spot& s, double focal) {
  const Solid& solid = m.solids[hit.solid];
  const Material& material = m.materials[solid.material];
  const double slope = std::abs(dot(s.normal, ray.direction)) / length(ray.direction);
  const double pixel = 0.6 * hit.t / focal / std::max(slope, 0.15);
  const auto uv = texture_uv(solid, s.local, s.local_normal);
  Vec3 in = s.soft;
  if (sunlit(m, s.world, s.normal)) in += m.sun_colour * dot(s.normal, m.sun_direction);
  return albedo(material, uv[0], uv[1], pixel) * in + s.shine +
         material.glow * ((0.55 + 0.45 * slope) / m.exposure);
}

// A mild S curve: a toe below, a shoulder towards white.
Vec3 tone(Vec3 c, double exposure) {
  for (int a = 0; a < 3; ++a) {
    const double x = c[a] * exposure;
    c[a] = std::min(1.0, x * (1.9 * x + 0.12) / (x * (1.75 * x + 0.85) + 0.16));
  }
  return c;
}

class Srgb {
 public:
  Srgb() {
    for (int i = 0; i < kSize; ++i) {
      const double x = i / (kSize - 1.0);
      const double s = x <= 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055;
      table_[i] = static_cast<std::uint8_t>(std::lround(255 * s));
    }
  }
  std::uint8_t operator()(double x) const {
    return table_[static_cast<int>(clamp01(x) * (kSize - 1) + 0.5)];
  }

 private:
  static constexpr int kSize = 8192;
  std::array<std::uint8_t, kSize> table_{};
};

class Painter {
 public:
  Painter(const Model& m, const LightMaps& l, const Pose& p, const RoomIntrinsics& k)
      : model_(m), light_(l), pose_(p), camera_(k) {
    hits_.resize(static_cast<std::size_t>(k.width) * k.height);
    view_.color = ImageU8(k.width, k.height);
    view_.depth_mm = ImageU16(k.width, k.height);
    view_.object_id.resize(hits_.size());
  }

  int tiles() const { return across() * ((camera_.height + kTile - 1) / kTile); }

  // First surfaces of one tile of pixels: only solids whose box meets the tile's pyramid can be
  // seen in it, nearest first.
  void trace_tile(int tile) {
    const int u0 = tile % across() * kTile, v0 = tile / across() * kTile;
    const int u1 = std::min(u0 + kTile, camera_.width), v1 = std::min(v0 + kTile, camera_.height);
    const std::vector<Candidate> near = candidates(u0, v0, u1, v1);
    for (int v = v0; v < v1; ++v) {
      for (int u = u0; u < u1; ++u) record(u, v, first(near, pixel_ray(pose_, camera_, u, v)));
    }
  }

  void paint_row(int v) {
    static const Srgb srgb;
    for (int u = 0; u < camera_.width; ++u) {
      const Near near = around(u, v);
      // Where only one solid is near, its soft light is taken once, at the pixel's centre.
      Spot centre{};
      const bool alone = near.count == 1 && !near.sky;
      if (alone) {
        const Hit& hit = hits_[static_cast<std::size_t>(v) * camera_.width + u];
        const Ray ray = pixel_ray(pose_, camera_, u, v);
        centre = spot_at(model_, ray, hit);
        light_up(model_, light_, ray, hit, centre);
      }
      Vec3 sum{};
      for (int s = 0; s < 4; ++s) {
        const Ray ray =
            pixel_ray(pose_, camera_, u + (s & 1 ? 0.25 : -0.25), v + (s & 2 ? 0.25 : -0.25));
        sum += tone(look(ray, near, alone ? &centre : nullptr), model_.exposure);
      }
      std::uint8_t* out = view_.color.row(v) + 3 * u;
      for (int c = 0; c < 3; ++c) out[c] = srgb(sum[c] / 4);
    }
  }

  RoomView take() { return std::move(view_); }

 private:
  static constexpr int kTile = 16;
  struct Candidate {
    double depth;  // nothing of the solid is nearer along the axis
    int solid;
  };

  int across() const { return (camera_.width + kTile - 1) / kTile; }

  std::vector<Candidate> candidates(int u0, int v0, int u1, int v1) const {
    const double us[2] = {u0 - 0.5, u1 - 0.5}, vs[2] = {v0 - 0.5, v1 - 0.5};
    const auto corner = [&](int u, int v) {
      return pixel_ray(pose_, camera_, us[u], vs[v]).direction;
    };
    const Vec3 ring[5] = {corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1), corner(0, 0)};
    const Vec3 eye{pose_[3], pose_[7], pose_[11]}, axis{pose_[2], pose_[6], pose_[10]};
    Vec3 inward[4];
    for (int i = 0; i < 4; ++i) inward[i] = cross(ring[i], ring[i + 1]);
    std::vector<Candidate> out;
    for (int s = 0; s < static_cast<int>(model_.solids.size()); ++s) {
      const Box3& b = model_.solids[s].bounds;
      const Vec3 centre = (b.lo + b.hi) * 0.5 - eye, half = (b.hi - b.lo) * 0.5;
      const auto reach = [&](Vec3 n) { return dot(abs(n), half); };
      bool in = dot(axis, centre) + reach(axis) > 0;
      for (int i = 0; in && i < 4; ++i) in = dot(inward[i], centre) + reach(inward[i]) > -1e-9;
      // A hair nearer than the box: rounding must not hide a surface.
      if (in) out.push_back({dot(axis, centre) - reach(axis) - 1e-7, s});
    }
    std::sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) {
      return a.depth != b.depth ? a.depth < b.depth : a.solid < b.solid;
    });
    return out;
  }

  Hit first(const std::vector<Candidate>& near, const Ray& ray) const {
    Hit hit;
    for (const Candidate& c : near) {
      if (hit.solid >= 0 && c.depth > hit.t) break;
      const double t = intersect(model_.solids[c.solid], ray, kNear);
      if (t <= kNear || (hit.solid >= 0 && t > hit.t)) continue;
      // Of two equal surfaces the smaller index wins, as in the tree.
      if (hit.solid < 0 || t < hit.t || c.solid < hit.solid) hit = {t, c.solid};
    }
    return hit;
  }

  void record(int u, int v, const Hit& hit) {
    const std::size_t at = static_cast<std::size_t>(v) * camera_.width + u;
    hits_[at] = hit;
    const double mm = hit.solid < 0 ? 0 : hit.t * 1000;
    view_.depth_mm.v[at] = mm < 65535 ? static_cast<std::uint16_t>(std::lround(mm)) : 0;
    view_.object_id[at] = hit.solid < 0 ? -1 : model_.solids[hit.solid].object;
  }

  // The solids seen by a pixel and its eight neighbours: the only ones its samples are tested
  // against.
  struct Near {
    int solids[9];
    int count = 0;
    bool sky = false;
  };
  Near around(int u, int v) const {
    Near near;
    const int u0 = std::max(0, u - 1), u1 = std::min(camera_.width - 1, u + 1);
    for (int y = std::max(0, v - 1); y <= std::min(camera_.height - 1, v + 1); ++y) {
      const Hit* row = &hits_[static_cast<std::size_t>(y) * camera_.width];
      for (int x = u0; x <= u1; ++x) {
        const int solid = row[x].solid;
        if (solid < 0) {
          near.sky = true;
        } else if (std::find(near.solids, near.solids + near.count, solid) ==
                   near.solids + near.count) {
          near.solids[near.count++] = solid;
        }
      }
    }
    return near;
  }

  Vec3 look(const Ray& ray, const Near& near, const Spot* centre) const {
    Hit hit;
    for (int i = 0; i < near.count; ++i) {
      const double t = intersect(model_.solids[near.solids[i]], ray, kNear);
      if (t > 0 && (hit.solid < 0 || t < hit.t)) hit = {t, near.solids[i]};
    }
    if (hit.solid < 0 && !near.sky) hit = model_.tree.nearest(ray, kNear, kFar);
    if (hit.solid < 0) {
      return outdoors(normalized(ray.direction), model_.sky_salt) * model_.sky_view;
    }
    Spot spot = spot_at(model_, ray, hit);
    if (centre != nullptr && dot(centre->normal, spot.normal) > 0.99) {
      spot.soft = centre->soft, spot.shine = centre->shine;
    } else {
      light_up(model_, light_, ray, hit, spot);
    }
    return shade(model_, ray, hit, spot, camera_.fx);
  }

  const Model& model_;
  const LightMaps& light_;
  const Pose& pose_;
  const RoomIntrinsics& camera_;
  std::vector<Hit> hits_;
  RoomView view_;
};

}  // namespace

RoomView render_view(const Model& model, const LightMaps& light, const Pose& pose,
                     const RoomIntrinsics& camera, int threads) {
  Painter painter(model, light, pose, camera);
  const auto each = [&](int count, const auto& body) {
    parallel_for(static_cast<std::size_t>(count), threads,
                 [&](std::size_t i) { body(static_cast<int>(i)); });
  };
  each(painter.tiles(), [&](int tile) { painter.trace_tile(tile); });
  each(camera.height, [&](int row) { painter.paint_row(row); });
  return painter.take();
}

}  // namespace vega::room
