// Catch2's runner. A program in which a test was skipped and nothing was asserted returns 77: ctest
// shows it as skipped.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <iostream>

#include "support/support.h"

namespace {

int skips = 0;
std::size_t assertions = 0;

struct Counter : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  void testRunEnded(const Catch::TestRunStats& stats) override {
    assertions = stats.totals.assertions.total();
  }
};
CATCH_REGISTER_LISTENER(Counter)

}  // namespace

namespace vega::test {

void note_skip(const std::string& why) {
  ++skips;
  std::cerr << "SKIPPED: " << why << "\n";
}

}  // namespace vega::test

int main(int argc, char** argv) {
  const int status = Catch::Session().run(argc, argv);
  if (skips > 0) std::cerr << skips << " test(s) skipped\n";
  const bool skipped = skips > 0 && (assertions == 0 || vega::test::test_device_is_cuda());
  return status == 0 && skipped ? 77 : status;
}
