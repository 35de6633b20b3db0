#include <numeric>

#include "synth/room_model.h"

namespace vega::room {
namespace {

// True when the ray meets the box within [t_min, t_max]; `near` is where it enters.
inline bool crosses(const Box3& b, const Vec3& o, const Vec3& inv, double t_min, double t_max,
                    double& near) {
  const double x0 = (b.lo.x - o.x) * inv.x, x1 = (b.hi.x - o.x) * inv.x;
  const double y0 = (b.lo.y - o.y) * inv.y, y1 = (b.hi.y - o.y) * inv.y;
  const double z0 = (b.lo.z - o.z) * inv.z, z1 = (b.hi.z - o.z) * inv.z;
  near = std::max(std::max(t_min, std::min(x0, x1)), std::max(std::min(y0, y1), std::min(z0, z1)));
  const double far =
      std::min(std::min(t_max, std::max(x0, x1)), std::min(std::max(y0, y1), std::max(z0, z1)));
  return near <= far;
}

// Reciprocals without infinities: a zero component becomes a tiny one.
double reciprocal(double d) { return 1 / (std::abs(d) < 1e-12 ? std::copysign(1e-12, d) : d); }
Vec3 reciprocal(const Vec3& d) { return {reciprocal(d.x), reciprocal(d.y), reciprocal(d.z)}; }

double area(const Box3& b) {
  const Vec3 e = b.hi - b.lo;
  return e.x * e.y + e.y * e.z + e.z * e.x;
}

}  // namespace

void SolidTree::build(const std::vector<Solid>& solids) {
  solids_ = &solids;
  order_.resize(solids.size());
  std::iota(order_.begin(), order_.end(), 0);
  nodes_.assign(1, {});
  split(0, 0, static_cast<int>(solids.size()));
}

// Surface-area heuristic over all splits of all axes.
void SolidTree::split(int node, int first, int count) {
  const auto& solids = *solids_;
  Box3 box;
  for (int i = 0; i < count; ++i) box.add(solids[order_[first + i]].bounds);
  // A hair wider than the solids: rounding in the box test must not lose a surface.
  box.lo = box.lo - Vec3{1e-7, 1e-7, 1e-7}, box.hi = box.hi + Vec3{1e-7, 1e-7, 1e-7};
  nodes_[node].box = box;
  nodes_[node].first = first, nodes_[node].count = count;
  if (count <= 1) return;
  int best_axis = -1, best_at = 0;
  double best = area(box) * count;
  std::vector<double> right(count);
  const auto sort_by = [&](int axis) {
    std::sort(order_.begin() + first, order_.begin() + first + count, [&](int a, int b) {
      const double ca = solids[a].bounds.lo[axis] + solids[a].bounds.hi[axis];
      const double cb = solids[b].bounds.lo[axis] + solids[b].bounds.hi[axis];
      return ca != cb ? ca < cb : a < b;
    });
  };
  for (int axis = 0; axis < 3; ++axis) {
    sort_by(axis);
    Box3 grow;
    for (int i = count - 1; i > 0; --i) {
      grow.add(solids[order_[first + i]].bounds);
      right[i] = area(grow) * (count - i);
    }
    grow = {};
    for (int i = 1; i < count; ++i) {
      grow.add(solids[order_[first + i - 1]].bounds);
      const double cost = 0.3 * area(box) + area(grow) * i + right[i];
      if (cost < best) best = cost, best_axis = axis, best_at = i;
    }
  }
  if (best_axis < 0) return;
  sort_by(best_axis);
  const int child = static_cast<int>(nodes_.size());
  nodes_.resize(nodes_.size() + 2);
  nodes_[node].first = child, nodes_[node].count = 0;
  split(child, first, best_at);
  split(child + 1, first + best_at, count - best_at);
}

Hit SolidTree::nearest(const Ray& ray, double t_min, double t_max, int hint) const {
  const Vec3 inv = reciprocal(ray.direction);
  Hit hit;
  if (hint >= 0) {
    const double t = intersect((*solids_)[hint], ray, t_min);
    if (t > t_min && t < t_max) t_max = t, hit = {t, hint};
  }
  struct Entry {
    int node;
    double near;
  } stack[64];
  int depth = 0;
  double near = 0;
  if (!crosses(nodes_[0].box, ray.origin, inv, t_min, t_max, near)) return hit;
  stack[depth++] = {0, near};
  while (depth > 0) {
    const Entry top = stack[--depth];
    if (top.near > t_max) continue;
    const Node& node = nodes_[top.node];
    if (node.count > 0) {
      for (int i = 0; i < node.count; ++i) {
        const int s = order_[node.first + i];
        const double t = intersect((*solids_)[s], ray, t_min);
        // Of two equal surfaces the smaller index wins, whatever the order of the tree.
        if (t > t_min && (t < t_max || (t == t_max && s < hit.solid))) {
          t_max = t, hit = {t, s};
        }
      }
      continue;
    }
    double n0 = 0, n1 = 0;
    const bool h0 = crosses(nodes_[node.first].box, ray.origin, inv, t_min, t_max, n0);
    const bool h1 = crosses(nodes_[node.first + 1].box, ray.origin, inv, t_min, t_max, n1);
    if (h0 && h1) {
      const bool swap = n1 < n0;
      stack[depth++] = {node.first + !swap, std::max(n0, n1)};
      stack[depth++] = {node.first + swap, std::min(n0, n1)};
    } else if (h0) {
      stack[depth++] = {node.first, n0};
    } else if (h1) {
      stack[depth++] = {node.first + 1, n1};
    }
  }
  return hit;
}

bool SolidTree::blocked(const Ray& ray, double t_min, double t_max,
                        const std::vector<std::uint8_t>& see_through) const {
  const Vec3 inv = reciprocal(ray.direction);
  int stack[64], depth = 0;
  stack[depth++] = 0;
  double near = 0;
  while (depth > 0) {
    const Node& node = nodes_[stack[--depth]];
    if (!crosses(node.box, ray.origin, inv, t_min, t_max, near)) continue;
    if (node.count == 0) {
      stack[depth++] = node.first + 1;
      stack[depth++] = node.first;
      continue;
    }
    for (int i = 0; i < node.count; ++i) {
      const int s = order_[node.first + i];
      if (see_through[s]) continue;
      const double t = intersect((*solids_)[s], ray, t_min);
      if (t > t_min && t < t_max) return true;
    }
  }
  return false;
}

bool SolidTree::inside(Vec3 p) const {
  int stack[64], depth = 0;
  stack[depth++] = 0;
  while (depth > 0) {
    const Node& node = nodes_[stack[--depth]];
    const Box3& b = node.box;
    if (p.x < b.lo.x || p.y < b.lo.y || p.z < b.lo.z || p.x > b.hi.x || p.y > b.hi.y ||
        p.z > b.hi.z) {
      continue;
    }
    if (node.count == 0) {
      stack[depth++] = node.first;
      stack[depth++] = node.first + 1;
      continue;
    }
    for (int i = 0; i < node.count; ++i) {
      if (contains((*solids_)[order_[node.first + i]], p)) return true;
    }
  }
  return false;
}

}  // namespace vega::room
