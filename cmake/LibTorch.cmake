# Imported targets for LibTorch as the PyPI wheel of torch lays it out: ROOT/torch/{lib,include}, ROOT/nvidia/*/lib.
#   libtorch::cpu   c10 + torch_cpu
#   libtorch::cuda  the above + c10_cuda + torch_cuda
set(LIBTORCH_ROOT "${CMAKE_SOURCE_DIR}/.deps/libtorch" CACHE PATH "folder that holds torch/ and nvidia/")
get_filename_component(LIBTORCH_ROOT "${LIBTORCH_ROOT}" ABSOLUTE)
set(_torch "${LIBTORCH_ROOT}/torch")
if(NOT EXISTS "${_torch}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "no LibTorch in ${LIBTORCH_ROOT}; run 'make setup' or pass -DLIBTORCH_ROOT=")
endif()
if(VEGA_CUDA AND NOT EXISTS "${_torch}/lib/libtorch_cuda.so")
  if(VEGA_REQUIRE_CUDA)
    message(FATAL_ERROR "the LibTorch in ${LIBTORCH_ROOT} is a build without CUDA; unset LIBTORCH_ROOT to fetch one that has it")
  endif()
  message(STATUS "CUDA: OFF after all, the LibTorch in ${LIBTORCH_ROOT} is a build without it")
  set(VEGA_CUDA OFF)
endif()
function(_libtorch name)
  add_library(libtorch::${name} SHARED IMPORTED GLOBAL)
  set_target_properties(libtorch::${name} PROPERTIES
    IMPORTED_LOCATION "${_torch}/lib/lib${name}.so" IMPORTED_SONAME "lib${name}.so")
  # Last in the search: the wheel's include folder also has fmt, protobuf and pybind11, which must not hide the system's.
  target_compile_options(libtorch::${name} INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-idirafter${_torch}/include;-idirafter${_torch}/include/torch/csrc/api/include>")
endfunction()
_libtorch(c10)
_libtorch(torch_cpu)
find_package(Threads REQUIRED)
add_library(libtorch::cpu INTERFACE IMPORTED GLOBAL)
target_link_libraries(libtorch::cpu INTERFACE libtorch::torch_cpu libtorch::c10 Threads::Threads)
if(VEGA_CUDA)
  # The CUDA run time that this LibTorch loads itself, else the toolkit's of the same major version.
  find_library(VEGA_CUDART NAMES libcudart.so.13 NO_DEFAULT_PATH PATHS ${LIBTORCH_ROOT}/nvidia/cu13/lib
    ${CMAKE_CUDA_IMPLICIT_LINK_DIRECTORIES} REQUIRED)
  _libtorch(c10_cuda)
  _libtorch(torch_cuda)
  add_library(libtorch::cuda INTERFACE IMPORTED GLOBAL)
  target_link_libraries(libtorch::cuda INTERFACE libtorch::cpu libtorch::c10_cuda "${VEGA_CUDART}"
    "-Wl,--push-state,--no-as-needed" libtorch::torch_cuda "-Wl,--pop-state")   # Debian's gcc links --as-needed
endif()
