# Run at every build (cmake -DSOURCE= -DHEADER= -P): writes VEGA_COMMIT, "+g1a2b3c4" or "+g1a2b3c4.dirty" by the git commit
# of the source tree, "" where the tree is not a git checkout. The file changes only when the commit does.
set(commit "")
if(EXISTS ${SOURCE}/.git)
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty=.dirty --abbrev=7 --exclude=*
    OUTPUT_VARIABLE found ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  if(NOT failed)
    set(commit "+g${found}")
  endif()
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define VEGA_COMMIT \"${commit}\"\n")
