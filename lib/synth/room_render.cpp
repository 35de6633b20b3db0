#include "synth/room_render.h"

#include "synth/room_parallel.h"

namespace vega::room {
namespace {

constexpr double kFar = 1e6;

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

// Radiance that a surface point sends to the eye.
Vec3 shade(const Model& m, const LightMaps& light, const Ray& ray, const Hit& hit, double focal) {
  const Solid& solid = m.solids[hit.solid];
  const Material& material = m.materials[solid.material];
  const Vec3 world = ray.origin + ray.direction * hit.t;
  const Vec3 local = to_local(solid, world), ln = local_normal(solid, local), n = solid.axes * ln;
  const double far = length(ray.direction), slope = std::abs(dot(n, ray.direction)) / far;
  const double pixel = 0.6 * hit.t / focal / std::max(slope, 0.15);
  const auto uv = texture_uv(solid, local, ln);
  const Vec3 colour = albedo(material, uv[0], uv[1], pixel);
  const Vec3 soft = light.at(solid, local, ln);
  Vec3 in = soft;
  if (sunlit(m, world, n)) in += m.sun_colour * dot(n, m.sun_direction);
  Vec3 out = colour * in + material.glow * ((0.55 + 0.45 * slope) / m.exposure);
  if (material.gloss > 0) {
    out += highlight(m, material.gloss, world, n, ray.direction * (-1 / far), soft);
  }
  return out;
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
  Painter(const Model& m, const LightMaps& l, const RoomPose& p, const RoomIntrinsics& k)
      : model_(m), light_(l), pose_(p), camera_(k) {
    hits_.resize(static_cast<std::size_t>(k.width) * k.height);
    view_.color = ImageU8(k.width, k.height);
    view_.depth_mm = ImageU16(k.width, k.height);
    view_.object_id.resize(hits_.size());
  }

  void trace_row(int v) {
    int hint = -1;
    for (int u = 0; u < camera_.width; ++u) {
      const std::size_t at = static_cast<std::size_t>(v) * camera_.width + u;
      const Hit hit = model_.tree.nearest(pixel_ray(pose_, camera_, u, v), 1e-6, kFar, hint);
      hits_[at] = hit, hint = hit.solid;
      const double mm = hit.solid < 0 ? 0 : hit.t * 1000;
      view_.depth_mm.v[at] = mm < 65535 ? static_cast<std::uint16_t>(std::lround(mm)) : 0;
      view_.object_id[at] = hit.solid < 0 ? -1 : model_.solids[hit.solid].object;
    }
  }

  void paint_row(int v) {
    static const Srgb srgb;
    for (int u = 0; u < camera_.width; ++u) {
      const Near near = around(u, v);
      Vec3 sum{};
      for (int s = 0; s < 4; ++s) {
        const Ray ray =
            pixel_ray(pose_, camera_, u + (s & 1 ? 0.25 : -0.25), v + (s & 2 ? 0.25 : -0.25));
        sum += tone(look(ray, near), model_.exposure);
      }
      std::uint8_t* out = view_.color.row(v) + 3 * u;
      for (int c = 0; c < 3; ++c) out[c] = srgb(sum[c] / 4);
    }
  }

  RoomView take() { return std::move(view_); }

 private:
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

  Vec3 look(const Ray& ray, const Near& near) const {
    Hit hit;
    for (int i = 0; i < near.count; ++i) {
      const double t = intersect(model_.solids[near.solids[i]], ray, 1e-6);
      if (t > 0 && (hit.solid < 0 || t < hit.t)) hit = {t, near.solids[i]};
    }
    if (hit.solid < 0 && !near.sky) hit = model_.tree.nearest(ray, 1e-6, kFar);
    if (hit.solid < 0) {
      return outdoors(normalized(ray.direction), model_.sky_salt) * model_.sky_view;
    }
    return shade(model_, light_, ray, hit, camera_.fx);
  }

  const Model& model_;
  const LightMaps& light_;
  const RoomPose& pose_;
  const RoomIntrinsics& camera_;
  std::vector<Hit> hits_;
  RoomView view_;
};

}  // namespace

RoomView render_view(const Model& model, const LightMaps& light, const RoomPose& pose,
                     const RoomIntrinsics& camera, int threads) {
  Painter painter(model, light, pose, camera);
  parallel_for(camera.height, threads, [&](int v) { painter.trace_row(v); });
  parallel_for(camera.height, threads, [&](int v) { painter.paint_row(v); });
  return painter.take();
}

}  // namespace vega::room
