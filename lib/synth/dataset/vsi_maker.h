// What vsi_questions is made of: the things of a room that a name alone tells, and a room's
// questions as they grow. The margins stand in vsi.h.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "synth/dataset/vsi.h"

namespace vega::synth {

// A thing that its name alone tells from all others.
struct Named {
  const Thing* thing;
  std::string name;  // "red cone", "sofa"
};

// Those of a room, of which some picture shows each well (vsi.h, "things").
std::vector<Named> named_things(const RoomFacts& room);

// Furniture that stands on the floor, in the way of who walks there.
bool is_ground_furniture(const Thing& thing);

class VsiMaker {
 public:
  VsiMaker(const RoomFacts& room, std::size_t most, Draw& draw);
  std::vector<VsiQuestion> all();

 private:
  // vsi.cpp: counts, lengths, what is nearest, what comes first.
  void counts();
  void distances();
  void sizes();
  void room_size();
  void nearest();
  void orders();

  // vsi_ways.cpp: left and right, and ways.
  using Three = std::array<std::size_t, 3>;  // places among the named things
  void directions();
  void ask_direction(const char* type, const Three& three, const std::string& how,
                     std::vector<std::string> options, std::size_t right);
  void balanced(std::vector<Three> candidates,
                const std::function<std::optional<std::size_t>(const Three&)>& answer,
                std::size_t answers, const std::function<void(const Three&, std::size_t)>& make);
  bool near(const Named& a, const Named& b, double metres) const;
  bool free_way(const Thing& a, const Thing& b) const;
  void routes();
  void ask_route(const std::vector<std::size_t>& places, const std::string& turns,
                 std::size_t count);

  void number(const char* type, std::string text, std::string answer);
  // options[0] is right; they are shuffled here.
  void choice(const char* type, std::string text, const std::vector<std::string>& options);
  // Calls make with candidates in random order until it has made `most` questions.
  template <typename T>
  void some_of(std::vector<T> candidates, const std::function<bool(const T&)>& make) {
    draw_.shuffle(candidates);
    std::size_t made = 0;
    for (std::size_t i = 0; i < candidates.size() && made < most_; ++i)
      made += make(candidates[i]) ? 1 : 0;
  }

  const RoomFacts& room_;
  const std::size_t most_;
  Draw& draw_;
  const std::vector<Named> named_;
  std::vector<VsiQuestion> out_;
};

}  // namespace vega::synth
