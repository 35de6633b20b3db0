// For programs whose tests all run on the device that VEGA_TEST_DEVICE names: opens it before any
// of them computes something (core/device.h says why it has to be first), in whatever order they
// run.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>

#include "core/device.h"
#include "support/support.h"

namespace {

struct OpenFirst : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  void testRunStarting(const Catch::TestRunInfo&) override {
    if (vega::test::test_device_is_cuda()) vega::cuda_available();
  }
};
CATCH_REGISTER_LISTENER(OpenFirst)

}  // namespace
