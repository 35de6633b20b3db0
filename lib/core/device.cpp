#include "core/device.h"

#include <ATen/Context.h>
#include <dlfcn.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/host_memory.h"
#include "core/cuda_table.h"

namespace vega {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLibrary = "libvega_cuda.so";

struct Cuda {
  void* library = nullptr;
  const CudaTable* table = nullptr;
  int devices = 0;
};

[[noreturn]] void no_cuda(const std::string& got, const std::string& expected,
                          const std::string& remedy) {
  throw DeviceError(explain("CUDA", got, expected, remedy));
}

// Where the library may be: the variable alone if it is set, else around the executable (installed:
// bin/ and lib/vega/; in the build folder: bin/, with tests/ beside it).
std::vector<fs::path> candidates() {
  if (const char* given = std::getenv("VEGA_CUDA_LIBRARY")) return {given};
  std::error_code failure;
  const fs::path home = fs::read_symlink("/proc/self/exe", failure).parent_path();
  return {home / kLibrary, home / ".." / "lib" / "vega" / kLibrary, home / ".." / "bin" / kLibrary,
          home / ".." / ".." / "bin" / kLibrary};
}

fs::path find_library() {
  std::string tried;
  for (const auto& path : candidates()) {
    std::error_code failure;
    if (fs::exists(path, failure)) return path.lexically_normal();
    tried += (tried.empty() ? "" : ", ") + path.lexically_normal().string();
  }
  no_cuda("no " + std::string(kLibrary) + " (looked for " + tried + ")",
          "the CUDA half of this build",
          "build it where a CUDA compiler is found (make setup CUDA=1, then make), or name it in "
          "VEGA_CUDA_LIBRARY, or use --device cpu");
}

// The driver first: without it the run time, which is large, is of no use.
void require_driver() {
  if (void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) {
    dlclose(driver);
    return;
  }
  const char* reason = dlerror();
  no_cuda("no NVIDIA driver (" + std::string(reason ? reason : "libcuda.so.1") + ")",
          "libcuda.so.1 on the library path",
          "run on a machine with an NVIDIA GPU and its driver, or use --device cpu");
}

const CudaTable* read_table(void* library, const fs::path& path) {
  using Door = const CudaTable* (*)();
  const auto door = reinterpret_cast<Door>(dlsym(library, "vega_cuda_table"));
  const CudaTable* table = door ? door() : nullptr;
  if (!table || table->size != sizeof(CudaTable) || table->version != kCudaTableVersion) {
    no_cuda(path.string() + " of another build", "the library built with this program",
            "rebuild both together");
  }
  return table;
}

void require_usable(const CudaTable& table, int device) {
  int major = 0, minor = 0;
  check_cuda("compute capability", table.compute_capability(device, &major, &minor));
  if (major < 8) {
    no_cuda("cuda:" + std::to_string(device) + " of compute capability " + std::to_string(major) +
                "." + std::to_string(minor),
            "8.0 or newer (A100, RTX 30, and later)", "use another device or --device cpu");
  }
}

Cuda load_cuda() {
  const fs::path path = find_library();
  require_driver();
  Cuda cuda;
  cuda.library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!cuda.library) {
    const char* reason = dlerror();
    no_cuda(path.string() + " did not load: " + (reason ? reason : "unknown reason"),
            "the CUDA run time libraries beside LibTorch", "fetch them with: make setup CUDA=1");
  }
  cuda.table = read_table(cuda.library, path);
  const int status = cuda.table->device_count(&cuda.devices);
  if (status != 0 || cuda.devices == 0) {
    no_cuda(status != 0 ? cuda.table->error_text(status) : "a driver without a device",
            "at least one CUDA device",
            "check nvidia-smi and CUDA_VISIBLE_DEVICES; an old driver needs an update");
  }
  if (!at::hasCUDA()) {
    no_cuda("LibTorch was used before the CUDA half was loaded, and has settled on having no CUDA",
            "open_device before any convolution, backward pass or random number",
            "a bug of this program: report it");
  }
  return cuda;
}

// The result of the one attempt: a failure is kept too, since a second try would be half-loaded.
struct Attempt {
  std::optional<Cuda> cuda;
  std::string failure;
};

const Attempt& attempt() {
  static const Attempt made = [] {
    Attempt result;
    try {
      result.cuda = load_cuda();
    } catch (const DeviceError& error) {
      result.failure = error.what();
    }
    return result;
  }();
  return made;
}

const Cuda& cuda() {
  const Attempt& made = attempt();
  if (!made.cuda) throw DeviceError(made.failure);
  return *made.cuda;
}

std::string field_of(const char* file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const auto start = line.find_first_not_of(" \t:", key.size());
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

std::int64_t kib_of(const char* file, std::string_view key) {
  return std::strtoll(field_of(file, key).c_str(), nullptr, 10) * 1024;
}

}  // namespace

at::Device parse_device(std::string_view name) {
  if (name == "cpu") return at::Device(at::kCPU);
  if (name == "cuda") return {at::kCUDA, 0};
  constexpr std::string_view kPrefix = "cuda:";
  const std::string_view digits = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : "";
  const bool number = !digits.empty() && digits.size() <= 2 &&
                      digits.find_first_not_of("0123456789") == std::string_view::npos;
  if (!number) {
    throw UsageError(explain("--device", "'" + std::string(name) + "'", "cpu, cuda or cuda:N"));
  }
  return {at::kCUDA, static_cast<c10::DeviceIndex>(std::atoi(std::string(digits).c_str()))};
}

namespace {

// float32 means float32, sums of bf16 products are float32, and a run repeats bit for bit.
void set_arithmetic() {
  at::Context& context = at::globalContext();
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
  context.setAllowBF16ReductionCuBLAS(false);
  context.setDeterministicCuDNN(true);
}

}  // namespace

at::Device open_device(std::string_view name) { return use_device(parse_device(name)); }

at::Device use_device(at::Device device) {
  if (!device.is_cuda()) return device;
  const Cuda& loaded = cuda();
  if (device.index() >= loaded.devices) {
    no_cuda(device.str(), "cuda:0 to cuda:" + std::to_string(loaded.devices - 1),
            "check --device and CUDA_VISIBLE_DEVICES");
  }
  require_usable(*loaded.table, device.index());
  at::globalContext().lazyInitDevice(at::kCUDA);
  set_arithmetic();
  return device;
}

void require_cuda() { open_device("cuda"); }

bool cuda_available(std::string* why) {
  try {
    require_cuda();
    return true;
  } catch (const DeviceError& error) {
    if (why) *why = error.what();
    return false;
  }
}

int cuda_device_count() { return cuda_available() ? cuda().devices : 0; }

std::string device_name(at::Device device) {
  if (!device.is_cuda()) {
    const std::string model = field_of("/proc/cpuinfo", "model name");
    return model.empty() ? "CPU" : model;
  }
  char text[256];
  check_cuda("device name", cuda().table->device_name(device.index(), text, sizeof text));
  return text;
}

int compute_capability(at::Device device) {
  int major = 0, minor = 0;
  check_cuda("compute capability",
             cuda().table->compute_capability(device.index(), &major, &minor));
  return 10 * major + minor;
}

DeviceMemory device_memory(at::Device device) {
  if (!device.is_cuda()) {
    const HostMemory host = host_memory();
    return {host.available, host.total, kib_of("/proc/self/status", "VmRSS"),
            kib_of("/proc/self/status", "VmHWM")};
  }
  CudaMemory memory{};
  check_cuda("device memory", cuda().table->memory(device.index(), &memory));
  return {memory.free, memory.total, memory.allocated, memory.peak};
}

void reset_peak_memory(at::Device device) {
  if (device.is_cuda()) cuda().table->reset_peak(device.index());
}

std::int64_t refused_allocations(at::Device device) {
  return device.is_cuda() ? cuda().table->refused_allocations(device.index()) : 0;
}

void synchronize(at::Device device) {
  if (device.is_cuda()) check_cuda("synchronize", cuda().table->synchronize(device.index()));
}

void empty_cache(at::Device device) {
  if (device.is_cuda()) cuda().table->empty_cache();
}

void* current_stream(at::Device device) { return cuda().table->current_stream(device.index()); }

void* cuda_symbol(const char* name) {
  void* found = dlsym(cuda().library, name);
  if (!found) {
    no_cuda(std::string(kLibrary) + " without '" + name + "'", "the library of this build",
            "rebuild both together");
  }
  return found;
}

void* find_cuda_symbol(const char* name) {
  return cuda_available() ? dlsym(cuda().library, name) : nullptr;
}

void check_cuda(const char* what, int status) {
  constexpr int kMemoryAllocation = 2;  // cudaErrorMemoryAllocation
  if (status == 0) return;
  const char* got = cuda().table->error_text(status);
  if (status == kMemoryAllocation)
    throw DeviceMemoryError(explain(what, got, "success", "use a smaller batch"));
  throw DeviceError(
      explain(what, got, "success", "CUDA_LAUNCH_BLOCKING=1 shows the failing launch"));
}

}  // namespace vega
