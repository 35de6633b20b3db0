#include "base/host_memory.h"

#include <catch2/catch.hpp>

#include "support/support.h"

using namespace vega;
using namespace vega::test;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kGib = std::int64_t{1} << 30;

// A machine of 64 GiB, 40 of them available, with files of its own.
class Machine {
 public:
  Machine() {
    write("proc/meminfo",
          "MemTotal:       67108864 kB\nMemFree: 7 kB\nMemAvailable:   41943040 kB\n");
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_.path() / name).parent_path());
    write_text(folder_.path() / name, text);
  }
  void second(const std::string& group, const std::string& most, std::int64_t used,
              std::int64_t cache) const {
    const std::string folder = "sys/fs/cgroup" + group + "/";
    write(folder + "memory.max", most + "\n");
    write(folder + "memory.current", std::to_string(used) + "\n");
    write(folder + "memory.stat", "anon 5\nfile 123\ninactive_file " + std::to_string(cache) +
                                      "\nactive_file 0\nslab_reclaimable 0\n");
  }
  HostMemory memory() const { return host_memory(folder_.path()); }
  fs::path path(const std::string& name) const { return folder_.path() / name; }

 private:
  TempFolder folder_;
};

constexpr const char* kSecondMount =
    "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

}  // namespace

TEST_CASE("host_memory: without control groups it is the machine's") {
  Machine machine;
  CHECK(machine.memory().available == 40 * kGib);
  CHECK(machine.memory().total == 64 * kGib);
  CHECK(machine.memory().limit.empty());
  machine.write("proc/self/mountinfo", kSecondMount);
  machine.write("proc/self/cgroup", "0::/user.slice\n");
  machine.second("/user.slice", "max", 60 * kGib, 0);
  CHECK(machine.memory().available == 40 * kGib);
  CHECK(machine.memory().limit.empty());
  CHECK(host_memory("/nowhere").total == 0);
  CHECK(host_memory().available > 0);
  CHECK(host_memory().available <= host_memory().total);
}

TEST_CASE("host_memory: a limit of version 2 on the way to the process's group") {
  Machine machine;
  machine.write("proc/self/mountinfo",
                "1 0 8:1 / / rw - ext4 /dev/sda rw\n" + std::string(kSecondMount));
  machine.write("proc/self/cgroup", "0::/system.slice/job_7/step_0\n");
  // 16 GiB, 10 of them in use, 3 of these are page cache: 9 are left.
  machine.second("/system.slice/job_7", std::to_string(16 * kGib), 10 * kGib, 3 * kGib);
  machine.second("/system.slice/job_7/step_0", "max", 10 * kGib, 3 * kGib);
  machine.second("/system.slice/job_8", "1000", 900, 0);  // somebody else's
  const HostMemory memory = machine.memory();
  CHECK(memory.available == 9 * kGib);
  CHECK(memory.total == 16 * kGib);
  CHECK(memory.limit == machine.path("sys/fs/cgroup/system.slice/job_7/memory.max").string());
  // A limit that leaves more than the machine has is none.
  machine.second("/system.slice/job_7", std::to_string(60 * kGib), 10 * kGib, 0);
  CHECK(machine.memory().available == 40 * kGib);
  CHECK(machine.memory().limit.empty());
  // Nothing left, and more in use than the limit (it was lowered).
  machine.second("/system.slice/job_7/step_0", std::to_string(kGib), 2 * kGib, 0);
  CHECK(machine.memory().available == 0);
}

TEST_CASE("host_memory: limits of version 1, in a container too") {
  Machine machine;
  machine.write("proc/self/cgroup", "4:cpu,cpuacct:/docker/abc\n5:memory:/docker/abc\n0::/\n");
  const std::string mount =
      "32 22 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
  machine.write("proc/self/mountinfo",
                "31 22 0:27 / /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n" + mount);
  const std::string folder = "sys/fs/cgroup/memory/";
  machine.write(folder + "memory.limit_in_bytes", std::to_string(8 * kGib) + "\n");
  machine.write(folder + "memory.usage_in_bytes", std::to_string(6 * kGib) + "\n");
  machine.write(folder + "memory.stat",
                "inactive_file 1\ntotal_inactive_file 1073741824\n"
                "total_active_file 1073741824\n");
  CHECK(machine.memory().available == 4 * kGib);
  CHECK(machine.memory().limit == machine.path(folder + "memory.limit_in_bytes").string());
  machine.write(folder + "memory.limit_in_bytes", "9223372036854771712\n");  // none
  CHECK(machine.memory().available == 40 * kGib);
}
