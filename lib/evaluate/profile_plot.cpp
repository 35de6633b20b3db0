// The four panels of a profile, of this machine above and of the paper below.
#include <cmath>

#include "evaluate/profile_report.h"
#include "viz/panels.h"

namespace vega::evaluate {
namespace {

constexpr std::size_t kPanels = 4;

// A number of each row; what is not finite has no bar.
using Numbers = std::vector<double>;

// One place of the page: bars of one series each; a place without any number says so.
struct BarPanel {
  std::string title, y_label;
  std::vector<std::string> categories;
  std::vector<std::pair<std::string, Numbers>> series;

  bool empty() const {
    for (const auto& [name, numbers] : series)
      for (const double value : numbers)
        if (std::isfinite(value)) return false;
    return true;
  }

  void draw(Canvas& canvas, const PlotSize& size) const {
    if (empty()) {
      canvas.text(title, {size.width / 2, 14}, {{0, 0, 0}, 8, true, Anchor::kCenter});
      canvas.text("not measured", {size.width / 2, size.height / 2},
                  {{90, 90, 90}, 7, false, Anchor::kCenter});
      return;
    }
    Bars bars{title, y_label, categories, {}, false, {}};
    for (const auto& [name, numbers] : series) {
      PlotSeries one{series.size() > 1 ? name : "", {}};
      for (const double value : numbers) one.points.push_back({.y = value});
      bars.series.push_back(std::move(one));
    }
    plot_bars(bars, size)(canvas);
  }
};

// Short enough to stand below a bar: "no branch", "cached", "480p cached".
std::string short_name(const std::string& name) {
  if (name.starts_with("no generative")) return "no branch";
  const std::string size = name.starts_with("832x480")    ? "480p"
                           : name.starts_with("1280x720") ? "720p"
                                                          : "";
  const bool cached = name.find("cached") != std::string::npos;
  if (size.empty()) return cached ? "cached" : name;
  return cached ? size + " cached" : size;
}

std::vector<BarPanel> panels(const std::string& whose, const std::vector<std::string>& names,
                             const Numbers& latency, const Numbers& memory, const Numbers& tflop,
                             const Numbers& vae, const Numbers& dit) {
  std::vector<std::string> places;
  for (const std::string& name : names) places.push_back(short_name(name));
  return {{whose + ": latency", "ms", places, {{"", latency}}},
          {"memory", "GB", places, {{"", memory}}},
          {"work", "TFLOP", places, {{"", tflop}}},
          {"VAE and DiT", "ms", places, {{"VAE", vae}, {"DiT", dit}}}};
}

std::vector<BarPanel> own_panels(const Profile& p) {
  std::vector<std::string> names;
  Numbers latency, memory, tflop, vae, dit;
  for (const ProfileRow& row : p.rows) {
    names.push_back(row.name());
    latency.push_back(1e3 * row.median_s);
    memory.push_back(row.peak_bytes / 1e9);
    tflop.push_back(row.flops.total() / 1e12);
    vae.push_back(row.stage_ms(Stage::kVae));
    dit.push_back(row.stage_ms(Stage::kDit));
  }
  return panels("this machine", names, latency, memory, tflop, vae, dit);
}

std::vector<BarPanel> published_panels(const Profile& p) {
  std::vector<std::string> names;
  Numbers latency, memory, tflop, vae, dit;
  for (const PublishedProfile& row : p.published.rows) {
    names.push_back(row.name);
    latency.push_back(row.latency_ms);
    memory.push_back(row.memory_gb);
    tflop.push_back(row.tflops);
    vae.push_back(row.vae_ms);
    dit.push_back(row.dit_ms);
  }
  return panels("paper", names, latency, memory, tflop, vae, dit);
}

}  // namespace

Drawing plot_profile(const Profile& profile) {
  const double foot = 14;
  const PlotSize size{kProfilePage.width / kPanels, (kProfilePage.height - foot) / 2};
  const std::vector<std::vector<BarPanel>> rows{own_panels(profile), published_panels(profile)};
  std::vector<Panel> panels;
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t i = 0; i < rows[r].size(); ++i)
      panels.push_back(
          {[panel = rows[r][i], size](Canvas& canvas) { panel.draw(canvas, size); },
           {size.width * static_cast<double>(i), size.height * static_cast<double>(r)}});
  const std::string note =
      profile.device + ", " + profile.dtype + "; paper: " + profile.published.source;
  panels.push_back(
      {[note, foot](Canvas& canvas) {
         const TextStyle style{{60, 60, 60}, 6};
         canvas.text(fit_text(note, kProfilePage.width - 12, style), {6, foot - 5}, style);
       },
       {0, kProfilePage.height - foot}});
  return draw_panels(std::move(panels));
}

}  // namespace vega::evaluate
