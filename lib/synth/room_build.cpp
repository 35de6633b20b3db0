#include "synth/room_build.h"

namespace vega::room {

int Builder::material(Material material) {
  if (material.salt == 0) material.salt = dice.salt() | 1U;
  m.materials.push_back(material);
  return static_cast<int>(m.materials.size()) - 1;
}

int Builder::plain(Vec3 colour, double gloss) {
  return material({.pattern = Pattern::kPaint, .a = colour, .gloss = gloss});
}

int Builder::fabric(Vec3 colour) {
  return material({.pattern = Pattern::kFabric, .a = colour, .b = colour * 0.6});
}

int Builder::wood(std::uint32_t light, std::uint32_t dark, double gloss) {
  return material({.pattern = Pattern::kWood, .a = rgb(light), .b = rgb(dark), .gloss = gloss});
}

Vec3 Builder::any_colour(double saturation, double value) {
  return hsv(dice.unit(), saturation * dice.range(0.7, 1.1),
             std::min(1.0, value * dice.range(0.8, 1.1)));
}

int Builder::object(const std::string& label) {
  const int id = static_cast<int>(m.objects.size());
  m.objects.push_back({id, label});
  return id;
}

Solid& Builder::add(Shape shape, const Frame& f, Vec3 centre, Vec3 size, double round,
                    int material) {
  Solid s;
  s.shape = shape, s.axes = f.axes, s.centre = f.origin + f.axes * centre;
  s.size = size, s.round = round, s.material = material;
  s.object = static_cast<int>(m.objects.size()) - 1;
  place(s);
  m.solids.push_back(s);
  return m.solids.back();
}

Solid& Builder::box(const Frame& f, Vec3 centre, Vec3 full, int material) {
  return add(Shape::kBox, f, centre, full * 0.5, 0, material);
}
Solid& Builder::cushion(const Frame& f, Vec3 centre, Vec3 full, double round, int material) {
  return add(Shape::kRoundBox, f, centre, full * 0.5, round, material);
}
Solid& Builder::frustum(const Frame& f, Vec3 base, double r0, double r1, double height,
                        int material) {
  return add(Shape::kFrustum, f, base + Vec3{0, 0, height / 2}, {r0, r1, height / 2}, 0, material);
}
Solid& Builder::ball(const Frame& f, Vec3 centre, double radius, int material) {
  return add(Shape::kEllipsoid, f, centre, {radius, radius, radius}, 0, material);
}
Solid& Builder::ellipsoid(const Frame& f, Vec3 centre, Vec3 semi, int material) {
  return add(Shape::kEllipsoid, f, centre, semi, 0, material);
}
Solid& Builder::ring(const Frame& f, Vec3 centre, double radius, double tube, int material) {
  return add(Shape::kTorus, f, centre, {radius, tube, tube}, 0, material);
}

bool Builder::try_place(const std::function<void()>& build) {
  const std::size_t solids = m.solids.size(), objects = m.objects.size(), lamps = m.lamps.size();
  build();
  Box3 box;
  for (std::size_t i = solids; i < m.solids.size(); ++i) box.add(m.solids[i].bounds);
  bool fits = box.lo.x > -m.half_x - 1e-6 && box.hi.x < m.half_x + 1e-6 &&
              box.lo.y > -m.half_y - 1e-6 && box.hi.y < m.half_y + 1e-6 &&
              box.hi.z < m.height + 1e-6;
  const double gap = 0.015;
  for (const Box3& t : taken_) {
    const bool apart = box.hi.x + gap < t.lo.x || t.hi.x + gap < box.lo.x ||
                       box.hi.y + gap < t.lo.y || t.hi.y + gap < box.lo.y ||
                       box.hi.z + gap < t.lo.z || t.hi.z + gap < box.lo.z;
    fits = fits && apart;
  }
  if (fits) {
    taken_.push_back(box);
  } else {
    m.solids.resize(solids), m.objects.resize(objects), m.lamps.resize(lamps);
  }
  return fits;
}

void Builder::keep_clear(const Frame& f, Vec3 centre, Vec3 full) {
  Solid s;
  s.axes = f.axes, s.centre = f.origin + f.axes * centre, s.size = full * 0.5;
  place(s);
  taken_.push_back(s.bounds);
}

}  // namespace vega::room
