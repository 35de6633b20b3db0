// Three-vectors in double and the hash noise of the synthetic room. Private to lib/synth.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace vega::room {

struct Vec3 {
  double x = 0, y = 0, z = 0;
  double& operator[](int i) { return i == 0 ? x : i == 1 ? y : z; }
  double operator[](int i) const { return i == 0 ? x : i == 1 ? y : z; }
};

inline Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3 operator-(Vec3 a) { return {-a.x, -a.y, -a.z}; }
inline Vec3 operator*(Vec3 a, double s) { return {a.x * s, a.y * s, a.z * s}; }
inline Vec3 operator*(double s, Vec3 a) { return a * s; }
inline Vec3 operator*(Vec3 a, Vec3 b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }  // by element
inline Vec3& operator+=(Vec3& a, Vec3 b) { return a = a + b; }
inline double dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline double length(Vec3 a) { return std::sqrt(dot(a, a)); }
inline double norm(double x, double y) { return std::sqrt(x * x + y * y); }
inline Vec3 normalized(Vec3 a) { return a * (1.0 / length(a)); }
inline Vec3 mix(Vec3 a, Vec3 b, double t) { return a + (b - a) * t; }
inline Vec3 abs(Vec3 a) { return {std::abs(a.x), std::abs(a.y), std::abs(a.z)}; }
inline Vec3 min(Vec3 a, Vec3 b) {
  return {std::min(a.x, b.x), std::min(a.y, b.y), std::min(a.z, b.z)};
}
inline Vec3 max(Vec3 a, Vec3 b) {
  return {std::max(a.x, b.x), std::max(a.y, b.y), std::max(a.z, b.z)};
}
inline double clamp01(double t) { return std::clamp(t, 0.0, 1.0); }
inline double smooth(double lo, double hi, double t) {
  const double s = clamp01((t - lo) / (hi - lo));
  return s * s * (3 - 2 * s);
}

inline constexpr double kPi = 3.14159265358979323846;

// A rotation whose columns are the local axes in the outer frame.
struct Mat3 {
  Vec3 c0{1, 0, 0}, c1{0, 1, 0}, c2{0, 0, 1};
  Vec3 operator*(Vec3 v) const { return c0 * v.x + c1 * v.y + c2 * v.z; }
  Vec3 transposed(Vec3 v) const { return {dot(c0, v), dot(c1, v), dot(c2, v)}; }
  Mat3 operator*(const Mat3& m) const { return {*this * m.c0, *this * m.c1, *this * m.c2}; }
};
inline Mat3 turn_z(double a) {
  return {{std::cos(a), std::sin(a), 0}, {-std::sin(a), std::cos(a), 0}, {0, 0, 1}};
}
inline Mat3 turn_x(double a) {
  return {{1, 0, 0}, {0, std::cos(a), std::sin(a)}, {0, -std::sin(a), std::cos(a)}};
}
inline Mat3 turn_y(double a) {
  return {{std::cos(a), 0, -std::sin(a)}, {0, 1, 0}, {std::sin(a), 0, std::cos(a)}};
}

// A 32-bit mix of a 64-bit word (the finalizer of splitmix64).
inline std::uint32_t hash_word(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return static_cast<std::uint32_t>((x ^ (x >> 31)) >> 16);
}
// Uniform in [0, 1) of a lattice point and a salt.
inline double hash_unit(std::int64_t i, std::int64_t j, std::uint32_t salt) {
  const std::uint64_t key = static_cast<std::uint64_t>(i) * 0x9E3779B97F4A7C15ULL +
                            static_cast<std::uint64_t>(j) * 0xC2B2AE3D27D4EB4FULL +
                            (static_cast<std::uint64_t>(salt) + 1) * 0x165667B19E3779F9ULL;
  return hash_word(key) * 0x1p-32;
}
// Smooth value noise in [0, 1) with lattice spacing 1.
inline double value_noise(double x, double y, std::uint32_t salt) {
  const double fx = std::floor(x), fy = std::floor(y);
  const auto i = static_cast<std::int64_t>(fx), j = static_cast<std::int64_t>(fy);
  double u = x - fx, v = y - fy;
  u = u * u * (3 - 2 * u), v = v * v * (3 - 2 * v);
  const double a = hash_unit(i, j, salt), b = hash_unit(i + 1, j, salt);
  const double c = hash_unit(i, j + 1, salt), d = hash_unit(i + 1, j + 1, salt);
  return (a + (b - a) * u) * (1 - v) + (c + (d - c) * u) * v;
}

// A random stream for the layout: a counter through the same mix.
class Dice {
 public:
  explicit Dice(std::uint64_t seed)
      : state_(seed * 0x9E3779B97F4A7C15ULL + 0x632BE59BD9B4E019ULL) {}
  double unit() { return hash_word(state_ += 0x9E3779B97F4A7C15ULL) * 0x1p-32; }
  double range(double lo, double hi) { return lo + (hi - lo) * unit(); }
  int below(int n) { return std::min(n - 1, static_cast<int>(unit() * n)); }
  bool chance(double p) { return unit() < p; }
  std::uint32_t salt() { return hash_word(state_ += 0x9E3779B97F4A7C15ULL); }

 private:
  std::uint64_t state_;
};

}  // namespace vega::room
