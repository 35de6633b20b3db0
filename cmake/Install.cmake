# vega_program(TARGET): an executable of tools/: lies in build/bin, installs into PREFIX/bin.
# vega_install(): docs, the CUDA half and, where LibTorch is the one under .deps, the libraries of it that are needed, in
# the wheel's own layout (its RPATHs stay true): PREFIX/lib/vega/{libvega_cuda.so,torch/lib,nvidia/*/lib}. An install
# works without the source tree and may be moved as a whole. An outside LIBTORCH_ROOT is linked where it is; its libraries
# are then the component "libtorch", which no plain install takes.
string(FIND "${LIBTORCH_ROOT}/" "${CMAKE_SOURCE_DIR}/" _inside)
if(VEGA_SCORE_ONLY)
  set(VEGA_COPY_LIBTORCH OFF)
elseif(_inside EQUAL 0)
  set(VEGA_COPY_LIBTORCH ON)
  set(_program_rpath "$ORIGIN/../lib/vega/torch/lib")
  set(_plugin_rpath "$ORIGIN/torch/lib;$ORIGIN/nvidia/cu13/lib")
else()
  set(VEGA_COPY_LIBTORCH OFF)
  set(_program_rpath "${LIBTORCH_ROOT}/torch/lib")
  set(_plugin_rpath "${LIBTORCH_ROOT}/torch/lib;${LIBTORCH_ROOT}/nvidia/cu13/lib")
endif()

function(vega_program target)
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin" INSTALL_RPATH "${_program_rpath}")
  install(TARGETS ${target} RUNTIME DESTINATION bin)
endfunction()

function(vega_install)
  install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/vega)
  if(EXISTS ${CMAKE_SOURCE_DIR}/README.md)
    install(FILES ${CMAKE_SOURCE_DIR}/README.md DESTINATION share/doc/vega)
  endif()
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/ DESTINATION share/doc/vega/docs)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/data/published ${CMAKE_SOURCE_DIR}/data/world DESTINATION share/vega)
  if(TARGET vega_cuda)
    set_target_properties(vega_cuda PROPERTIES INSTALL_RPATH "${_plugin_rpath}")
    install(TARGETS vega_cuda LIBRARY DESTINATION lib/vega)
  endif()
  if(VEGA_SCORE_ONLY)
    return()
  endif()
  set(by_default "")
  if(NOT VEGA_COPY_LIBTORCH)
    set(by_default EXCLUDE_FROM_ALL)   # for tools/image.sh alone: cmake --install --component libtorch
  endif()
  set(libraries torch/lib/libtorch_cpu.so torch/lib/libc10.so torch/lib/libgomp.so.1
    nvidia/cu13/lib/libcudart.so.13 nvidia/cu13/lib/libcupti.so.13)
  file(GLOB runtime RELATIVE ${LIBTORCH_ROOT} ${LIBTORCH_ROOT}/nvidia/cudnn/lib/*.so*)
  if(TARGET vega_cuda AND runtime)   # CUDA=1: all that libtorch_cuda.so loads
    file(GLOB runtime RELATIVE ${LIBTORCH_ROOT} ${LIBTORCH_ROOT}/nvidia/*/lib/*.so* ${LIBTORCH_ROOT}/torch/lib/*.so)
    list(APPEND libraries ${runtime})
    list(REMOVE_DUPLICATES libraries)
  endif()
  foreach(library IN LISTS libraries)
    get_filename_component(folder ${library} DIRECTORY)
    install(PROGRAMS ${LIBTORCH_ROOT}/${library} DESTINATION lib/vega/${folder} COMPONENT libtorch ${by_default})
  endforeach()
endfunction()
