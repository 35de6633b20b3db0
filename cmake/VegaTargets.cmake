# One static library a folder of lib/: vega_folder(NAME [TORCH] [ALONE] [DEPS targets...] [SCORE_ONLY files...]). Every
# .cpp of the folder belongs to it, except those of a folder within it that stands in lib/LAYERS itself:
# vega_folder(media/video) makes vega_media_video.
# SCORE_ONLY: the files that the preset score-only takes of a folder, where it needs few.
# TORCH: may include ATen (one precompiled header, shared by all such folders).
# VEGA_UNITY (docs/building.md) compiles several sources at a time; ALONE: not those of this folder.
function(vega_flags target)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-missing-field-initializers>
    $<$<AND:$<BOOL:${VEGA_WERROR}>,$<COMPILE_LANGUAGE:CXX>>:-Werror>)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/lib)
endfunction()

if(NOT VEGA_SCORE_ONLY)
  add_library(vega_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
  target_link_libraries(vega_pch PUBLIC libtorch::cpu)
  vega_flags(vega_pch)
  if(VEGA_PCH)
    target_precompile_headers(vega_pch PRIVATE <ATen/ATen.h>)
  endif()
endif()

function(vega_use_torch target)
  target_link_libraries(${target} PUBLIC libtorch::cpu)
  if(VEGA_PCH)
    target_precompile_headers(${target} REUSE_FROM vega_pch)
  endif()
endfunction()

# The files of ROOT/FOLDER that end so, without those of targets of their own.
function(vega_files out root folder ending)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${root}/${folder}/*${ending})
  file(STRINGS ${CMAKE_SOURCE_DIR}/lib/LAYERS inner REGEX "^[0-9]+ +${folder}/")
  foreach(line IN LISTS inner)
    string(REGEX REPLACE "^[0-9]+ +" "" path "${line}")
    list(FILTER files EXCLUDE REGEX "^${root}/${path}/")
  endforeach()
  set(${out} ${files} PARENT_SCOPE)
endfunction()

function(vega_folder folder)
  cmake_parse_arguments(arg "TORCH;ALONE" "" "DEPS;SCORE_ONLY" ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  vega_files(sources ${CMAKE_SOURCE_DIR}/lib ${folder} .cpp)
  if(VEGA_SCORE_ONLY AND arg_SCORE_ONLY)
    list(TRANSFORM arg_SCORE_ONLY PREPEND ${folder}/ OUTPUT_VARIABLE sources)
  endif()
  list(FILTER sources EXCLUDE REGEX "_cuda\\.cpp$")   # the CUDA half: target vega_cuda
  if(NOT sources)
    add_library(vega_${name} INTERFACE)
    target_link_libraries(vega_${name} INTERFACE ${arg_DEPS})
    if(arg_TORCH)
      target_link_libraries(vega_${name} INTERFACE libtorch::cpu)
      set_target_properties(vega_${name} PROPERTIES VEGA_TORCH ON)
    endif()
    return()
  endif()
  add_library(vega_${name} STATIC ${sources})
  vega_flags(vega_${name})
  if(VEGA_UNITY AND NOT arg_ALONE)
    set_target_properties(vega_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    # Inner loops (*_cpu.cpp) are compiled alone: other sources must not change what the compiler makes of them.
    list(FILTER sources INCLUDE REGEX "_cpu\\.cpp$")
    set_source_files_properties(${sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    # A source that a unity file includes counts as a header: gcc would warn of its unnamed namespaces.
    target_compile_options(vega_${name} PRIVATE -Wno-subobject-linkage)
  endif()
  target_link_libraries(vega_${name} PUBLIC ${arg_DEPS})
  if(arg_TORCH)
    vega_use_torch(vega_${name})
    set_target_properties(vega_${name} PROPERTIES VEGA_TORCH ON)
  endif()
endfunction()
