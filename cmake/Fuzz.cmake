# VEGA_FUZZ: coverage for libFuzzer, address and undefined-behaviour sanitizers in all that is compiled. Build target fuzz_targets.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "VEGA_FUZZ needs clang (libFuzzer), this is ${CMAKE_CXX_COMPILER_ID}; run 'make fuzz' or take the preset fuzz")
endif()
set(_sanitize -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
add_compile_options(${_sanitize} -fno-omit-frame-pointer -gline-tables-only)
add_link_options(${_sanitize})
