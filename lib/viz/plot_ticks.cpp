// The ticks of axes and their texts.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "viz/plot.h"
#include "viz/plot_parts.h"

namespace vega {

std::vector<double> nice_ticks(double low, double high, int most) {
  if (ValueRange{low, high}.is_narrow()) {
    const double around = low == 0 ? 1 : std::abs(low) * 0.05;
    low -= around, high += around;
  }
  const double rough = (high - low) / std::max(1, most - 1);
  double power = std::pow(10, std::floor(std::log10(rough)));
  for (;; power *= 10) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double step = factor * power;
      const double first = std::floor(low / step + 1e-9), last = std::ceil(high / step - 1e-9);
      if (last - first + 1 > most && most > 2) continue;
      if (step < rough * 0.999 && most > 2) continue;
      std::vector<double> out;
      for (double k = first; k <= last; ++k) out.push_back(k * step + 0.0);
      if (static_cast<int>(out.size()) <= most || most <= 2) return out;
    }
  }
}

std::string tick_text(double value, double step) {
  const int digits =
      std::clamp(static_cast<int>(std::ceil(-std::log10(std::abs(step)) - 1e-9)), 0, 12);
  if (std::abs(value) < step * 1e-6) value = 0;
  const std::string text = fmt::format("{:.{}f}", std::abs(value), digits);
  return value < 0 ? "\u2212" + text : text;
}

namespace {

// The round numbers of a logarithmic axis: some multiples of every power of ten in the range, or
// every few powers of ten.
std::vector<double> multiples_of_powers(double low, double high, std::span<const double> factors,
                                        int every) {
  std::vector<double> out;
  const int first = static_cast<int>(std::floor(std::log10(low))),
            last = static_cast<int>(std::ceil(std::log10(high)));
  for (int power = first; power <= last; ++power) {
    if (power % every != 0) continue;
    for (const double factor : factors) {
      const double tick = factor * std::pow(10, power);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) out.push_back(tick);
    }
  }
  return out;
}

}  // namespace

std::vector<double> log_ticks(double low, double high, int most) {
  const auto fits = [most](const std::vector<double>& ticks) {
    return ticks.size() >= 3 && static_cast<int>(ticks.size()) <= std::max(3, most);
  };
  constexpr std::array<double, 3> kFine = {1, 2, 5};
  constexpr std::array<double, 2> kMiddle = {1, 3};
  constexpr std::array<double, 1> kPowers = {1};
  for (const std::span<const double> factors :
       {std::span<const double>(kFine), std::span<const double>(kMiddle),
        std::span<const double>(kPowers)})
    if (const auto ticks = multiples_of_powers(low, high, factors, 1); fits(ticks)) return ticks;
  if (high / low > 100)
    for (int every = 2;; ++every)
      if (const auto ticks = multiples_of_powers(low, high, kPowers, every);
          static_cast<int>(ticks.size()) <= most)
        return ticks;
  std::vector<double> out = nice_ticks(low, high, most);
  std::erase_if(out, [&](double t) { return t < low * (1 - 1e-9) || t > high * (1 + 1e-9); });
  return out;
}

std::string log_tick_text(double value) { return fmt::format("{:.6g}", value); }

}  // namespace vega
