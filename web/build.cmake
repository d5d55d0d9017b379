# Builds the pages into OUT: with npm from SOURCE, or the plain page that says npm was missing.
# usage: cmake -DSOURCE=… -DOUT=… -DNPM=… -P build.cmake
function(use_fallback reason)
  message(WARNING "web: ${reason}; embedding a plain page instead of the real ones")
  file(REMOVE_RECURSE ${OUT})
  file(COPY ${SOURCE}/fallback/ ${SOURCE}/public/ DESTINATION ${OUT})
endfunction()

if(NOT NPM)
  use_fallback("npm was not found")
  return()
endif()

# Several builds of one tree share node_modules.
file(LOCK ${SOURCE}/npm.lock GUARD PROCESS TIMEOUT 600)
# Known by content: checking out another branch and back changes times, not packages.
file(SHA256 ${SOURCE}/package-lock.json wanted)
set(mark ${SOURCE}/node_modules/.installed)
set(installed "")
if(EXISTS ${mark})
  file(READ ${mark} installed)
endif()
if(NOT installed STREQUAL wanted)
  execute_process(COMMAND ${NPM} ci --loglevel=error --no-progress WORKING_DIRECTORY ${SOURCE}
                  RESULT_VARIABLE failed ERROR_VARIABLE why OUTPUT_QUIET)
  if(failed)
    use_fallback("npm ci failed (no network?):\n${why}")
    return()
  endif()
  file(WRITE ${mark} ${wanted})
endif()
execute_process(
  COMMAND ${NPM} exec --offline -- vite build --logLevel warn --outDir ${OUT} --emptyOutDir
  WORKING_DIRECTORY ${SOURCE}
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "web: vite build failed")
endif()
