# Makes one HTML page of deploy/demo (index.html, the styles, the scripts) and the JavaScript client, and C data of the page.
#
#   cmake -DSOURCE_DIR=<repository> -DOUTPUT=demo_page.c [-DPAGE=demo.html] -P deploy/demo/build.cmake
#
# The modules become one: imports between them and the word `export` go, so their top-level names must differ. What this
# plain way of joining cannot handle stops the build: an import or export over several lines, a left-over one, an end
# tag inside a script.
#
# File contents stay in quoted strings all the way: as a CMake list they would lose `;` and `[`.
cmake_minimum_required(VERSION 3.20)

# In the order in which they need each other.
set(modules emitter errors line room ticket client index)
list(TRANSFORM modules PREPEND proto/sdk/js/)
set(demo address fair page counts hop panel four_rules four_board four stars_rules track stars_field stars table main)
list(TRANSFORM demo PREPEND deploy/demo/)
list(APPEND modules ${demo})
set(styles base lobby table four stars panel)

function(append_module name all)
  file(READ ${SOURCE_DIR}/${name}.js text)
  set(text "\n${text}")
  string(REGEX REPLACE "\nimport [^\n]* from '[^'\n]*';" "\n" text "${text}")
  string(REGEX REPLACE "\nexport {[^\n}]*} from '[^'\n]*';" "\n" text "${text}")
  string(REGEX REPLACE "\nexport (async function|function|class|const|let) " "\n\\1 " text "${text}")
  if(text MATCHES "\n(import|export)[ {*][^\n]*")
    message(FATAL_ERROR "${name}.js: cannot be joined with the others: ${CMAKE_MATCH_0}")
  endif()
  if(text MATCHES "</script|<!--")
    message(FATAL_ERROR "${name}.js: holds ${CMAKE_MATCH_0}, which would end the script in the page")
  endif()
  set(${all} "${${all}}${text}" PARENT_SCOPE)
endfunction()

# Replaces `mark`, which must stand in the page exactly once.
function(inline mark text)
  string(FIND "${page}" "${mark}" first)
  string(FIND "${page}" "${mark}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "index.html: `${mark}` must stand there once")
  endif()
  string(REPLACE "${mark}" "${text}" replaced "${page}")
  set(page "${replaced}" PARENT_SCOPE)
endfunction()

set(script "")
foreach(module IN LISTS modules)
  append_module(${module} script)
endforeach()
file(READ ${SOURCE_DIR}/deploy/demo/index.html page)
foreach(name IN LISTS styles)
  file(READ ${SOURCE_DIR}/deploy/demo/${name}.css style)
  inline("<link rel=\"stylesheet\" href=\"${name}.css\">" "<style>\n${style}</style>")
endforeach()
inline("<script type=\"module\" src=\"main.js\"></script>" "<script type=\"module\">${script}</script>")
if(NOT PAGE)
  set(PAGE ${OUTPUT}.html)
endif()
file(WRITE ${PAGE} "${page}")

# Characters, not numbers: a byte above 127 does not fit into a char where char is signed.
file(READ ${PAGE} bytes HEX)
string(LENGTH "${bytes}" digits)
math(EXPR count "${digits} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
file(WRITE ${OUTPUT} "/* Made by deploy/demo/build.cmake; do not edit. */
#include \"gateway/demo_page.h\"

const char demo_page[] = {
${bytes}'\\0'};
const size_t demo_page_bytes = ${count};
")
