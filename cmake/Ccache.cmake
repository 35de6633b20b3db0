# ccache, told to ignore what a precompiled header and a moved checkout change.
find_program(VEGA_CCACHE_PROGRAM ccache)
if(VEGA_CCACHE AND VEGA_CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${VEGA_CCACHE_PROGRAM})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${VEGA_CCACHE_PROGRAM})
endif()
