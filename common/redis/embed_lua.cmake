# Turns SOURCE_DIR/*.lua into one C file, OUTPUT: a `struct script` per file and the table scripts_all.
#
#   cmake -DSOURCE_DIR=matchmaking/scripts -DOUTPUT=scripts_data.c -P common/redis/embed_lua.cmake
#
# A line `--@include core player` of a script is replaced by the contents of SOURCE_DIR/lib/core.lua and lib/player.lua, in
# that order; parts do not include. An unknown part or a script that does not begin with `#!lua` stops the build.
# A line `--@each 7 4 3 11` behind the parts makes what follows the body of a function(KEYS, ARGV), which is carried out once for
# each call that came along (lib/each.lua): of KEYS the first 7 are shared by all, 4 are a call's own, and the very last one, if one is
# left over, is shared as well; of ARGV the first 3 are shared and 11 a call's own. Replies come as an array, one for each.
# No folder or no scripts: an OUTPUT whose table is empty.
#
# File contents stay in quoted strings all the way: as a CMake list they would lose `;` and `[`.
cmake_minimum_required(VERSION 3.20)

function(read_text path out)
  file(READ ${path} text)
  if(NOT text STREQUAL "" AND NOT text MATCHES "\n$")
    string(APPEND text "\n")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# The contents of the parts named by the rest of an include line.
function(read_parts script names out)
  string(STRIP "${names}" names)
  if(NOT names MATCHES "^[a-z0-9_]+( +[a-z0-9_]+)*$")
    message(FATAL_ERROR "${script}: `--@include ${names}`: names of parts, separated by blanks, are expected")
  endif()
  string(REGEX REPLACE " +" ";" names "${names}")
  set(all "")
  foreach(name IN LISTS names)
    set(part ${SOURCE_DIR}/lib/${name}.lua)
    if(NOT EXISTS ${part})
      message(FATAL_ERROR "${script}: `--@include ${name}`: there is no ${part}")
    endif()
    read_text(${part} text)
    string(APPEND all "${text}")
  endforeach()
  set(${out} "${all}" PARENT_SCOPE)
endfunction()

# Replaces each line that begins with --@include.
function(expand script text out)
  set(mark "\n--@include")
  set(done "")
  while(TRUE)
    string(FIND "${text}" "${mark}" at)
    if(at EQUAL -1)
      break()
    endif()
    math(EXPR keep "${at} + 1")
    string(SUBSTRING "${text}" 0 ${keep} before)
    string(SUBSTRING "${text}" ${keep} -1 line)
    string(FIND "${line}" "\n" end)
    string(SUBSTRING "${line}" ${end} -1 text) # begins with the line's own \n: the next mark may start there
    string(SUBSTRING "${line}" 0 ${end} line)
    string(REGEX REPLACE "^--@include" "" line "${line}")
    read_parts(${script} "${line}" parts)
    string(REGEX REPLACE "\n$" "" parts "${parts}")
    string(APPEND done "${before}${parts}")
  endwhile()
  set(${out} "${done}${text}" PARENT_SCOPE)
endfunction()

# The line --@each: the rest becomes a function. `each` is what struct script_each says.
function(wrap script text out out_each)
  set(each "0, 0, 0, 0")
  if(text MATCHES "\n--@each ([0-9]+) ([0-9]+) ([0-9]+) ([0-9]+)\n")
    set(each "${CMAKE_MATCH_1}, ${CMAKE_MATCH_2}, ${CMAKE_MATCH_3}, ${CMAKE_MATCH_4}")
    string(REPLACE "${CMAKE_MATCH_0}" "\nlocal function each(KEYS, ARGV)\n" text "${text}")
    string(APPEND text "end\nreturn each_call(each, ${each})\n")
  elseif(text MATCHES "\n--@each")
    message(FATAL_ERROR "${script}: `--@each`: four numbers are expected")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
  set(${out_each} "${each}" PARENT_SCOPE)
endfunction()

# One C string literal per line; `?` is escaped because ISO C11 still reads trigraphs.
function(to_literal text out)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  string(REPLACE "?" "\\?" text "${text}")
  string(REPLACE "\r" "\\r" text "${text}")
  string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
  set(${out} "    \"${text}\"" PARENT_SCOPE)
endfunction()

file(GLOB scripts ${SOURCE_DIR}/*.lua)
list(SORT scripts)
set(code "/* Made by common/redis/embed_lua.cmake from the .lua files; do not edit. */\n")
string(APPEND code "#include <stddef.h>\n#include \"common/redis/script.h\"\n\n")
set(table "")
foreach(script IN LISTS scripts)
  get_filename_component(name ${script} NAME_WE)
  if(NOT name MATCHES "^[a-z][a-z0-9_]*$")
    message(FATAL_ERROR "${script}: the name must be a C identifier in lower case")
  endif()
  read_text(${script} text)
  if(NOT text MATCHES "^#!lua")
    message(FATAL_ERROR "${script}: the first line must be `#!lua` with its flags")
  endif()
  expand(${script} "${text}" text)
  wrap(${script} "${text}" text each)
  to_literal("${text}" literal)
  string(APPEND code "static const char text_${name}[] =\n${literal};\n")
  string(APPEND code "const struct script script_${name} = {\"${name}\", text_${name}, sizeof text_${name} - 1, {${each}}};\n\n")
  string(APPEND table "&script_${name}, ")
endforeach()
# Declared here as well, so that the table needs no header of the scripts' owner.
string(APPEND code "extern const struct script *const scripts_all[];\n")
string(APPEND code "const struct script *const scripts_all[] = {${table}NULL};\n")
file(WRITE ${OUTPUT} "${code}")
