# A room is one folder, one static library, one include root and one namespace, all of one name (CONTRIBUTING.md;
# tests/house/tidy.py compares them).
#
#   zk_room(tree PURE SOURCES data_tree.cc HEADERS data_tree.h DEPS zk::base zk::jute LIBS ZLIB::ZLIB)
#
# * DEPS may only name rooms that were added earlier: an arrow that points up stops the configure step.
# * A PURE room may depend on PURE rooms only, so that the simulator can link it.
# * A room's headers are reached as "room/header.h" and only through its target: each room has an include root of
#   its own (a folder of the build tree with one symbolic link), so an undeclared dependency does not compile.
# * LIBS are third-party libraries that this room links; rooms above do not get them. Their headers lie in the system's
#   include folders, though, where every room finds them: tests/house/tidy.py keeps a shell's headers out of pure rooms.
# * Every header compiles by itself: `check_headers`.

add_custom_target(check_headers)

# Compile and link options of everything we write.
add_library(zk_options INTERFACE)
target_compile_options(zk_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
                       # g++ 12 sees uninitialized members in moved std::variants where there are none.
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
                       $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
target_compile_definitions(zk_options INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
                           BOOST_JSON_NO_LIB BOOST_ALL_NO_LIB)
if(ZK_SANITIZE)
  target_compile_options(zk_options INTERFACE -fsanitize=${ZK_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(zk_options INTERFACE -fsanitize=${ZK_SANITIZE})
  # UBSan's tables name each place in the sources by a pointer. A program that may lie anywhere would set millions of them
  # whenever it starts: nearly a second of an agent's session.
  if(ZK_SANITIZE MATCHES "undefined")
    target_link_options(zk_options INTERFACE -no-pie)
  endif()
endif()

# With ZK_UNITY a target's files are compiled in batches, each as one: headers and templates, and the sanitizers' work on
# them, are most of what a file costs, and files of one room share them. Names in unnamed namespaces must differ within a room.
# The batches of a target are about as large as each other: cores wait for the largest, and whoever changes a file compiles
# its whole batch again.
function(zk_unity target)
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources count)
  if(NOT ZK_UNITY OR count EQUAL 1)
    return()
  endif()
  math(EXPR batches "(${count} + ${ZK_UNITY_BATCH} - 1) / ${ZK_UNITY_BATCH}")
  math(EXPR batch "(${count} + ${batches} - 1) / ${batches}")
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${batch})
  # g++ takes the files of a batch for headers, where a type of an unnamed namespace inside another type is a mistake. Real
  # headers are watched by the builds without ZK_UNITY.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  # A batch names its files by absolute path: without the prefix ccache would not know another clone's.
  target_compile_options(${target} PRIVATE -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
endfunction()

function(zk_room name)
  cmake_parse_arguments(ROOM "PURE" "PATH" "SOURCES;HEADERS;DEPS;LIBS;PUBLIC_LIBS" ${ARGN})
  if(ROOM_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "zk_room(${name}): unknown arguments ${ROOM_UNPARSED_ARGUMENTS}")
  endif()
  set(source_dir ${CMAKE_CURRENT_SOURCE_DIR}/${name})
  if(ROOM_PATH)
    set(source_dir ${CMAKE_CURRENT_SOURCE_DIR}/${ROOM_PATH})
  endif()

  foreach(dep ${ROOM_DEPS})
    if(NOT TARGET ${dep})
      message(FATAL_ERROR "room ${name} names ${dep}, which is not below it: rooms may only use rooms listed earlier")
    endif()
    get_target_property(dep_pure ${dep} ZK_PURE)
    if(ROOM_PURE AND NOT dep_pure)
      message(FATAL_ERROR "room ${name} is PURE but names ${dep}, which is a shell")
    endif()
  endforeach()

  set(root ${CMAKE_BINARY_DIR}/roots/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${source_dir} ${root}/${name} SYMBOLIC)

  list(TRANSFORM ROOM_SOURCES PREPEND ${source_dir}/)
  if(ROOM_SOURCES)
    add_library(zk_${name} STATIC ${ROOM_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(zk_${name} PRIVATE zk_options ${ROOM_LIBS})
    zk_unity(zk_${name})
  else()
    add_library(zk_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(zk::${name} ALIAS zk_${name})
  set_target_properties(zk_${name} PROPERTIES ZK_PURE "$<BOOL:${ROOM_PURE}>")
  if(ROOM_PURE)
    set_target_properties(zk_${name} PROPERTIES ZK_PURE ON)
  else()
    set_target_properties(zk_${name} PROPERTIES ZK_PURE OFF)
  endif()
  target_include_directories(zk_${name} ${scope} ${root})
  target_link_libraries(zk_${name} ${scope} ${ROOM_DEPS} ${ROOM_PUBLIC_LIBS})

  if(ROOM_HEADERS)
    set(check_sources)
    foreach(header ${ROOM_HEADERS})
      if(NOT EXISTS ${source_dir}/${header})
        message(FATAL_ERROR "room ${name} lists header ${header}, which does not exist")
      endif()
      string(REPLACE "." "_" stem ${header})
      set(check ${CMAKE_BINARY_DIR}/check_headers/${name}_${stem}.cc)
      if(NOT EXISTS ${check})
        file(WRITE ${check} "#include \"${name}/${header}\"\n")
      endif()
      list(APPEND check_sources ${check})
    endforeach()
    add_library(zk_check_${name} OBJECT EXCLUDE_FROM_ALL ${check_sources})
    target_link_libraries(zk_check_${name} PRIVATE zk_options zk_${name} ${ROOM_LIBS})
    add_dependencies(check_headers zk_check_${name})
  endif()
endfunction()

# A program: zk_program(zkserver STATIC SOURCES main.cc DEPS zk::net)
function(zk_program name)
  cmake_parse_arguments(PROGRAM "STATIC" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_executable(${name} ${PROGRAM_SOURCES})
  target_link_libraries(${name} PRIVATE zk_options ${PROGRAM_DEPS} ${PROGRAM_LIBS})
  if(PROGRAM_STATIC AND ZK_STATIC)
    target_link_options(${name} PRIVATE -static)
    # A linker may take a shared object all the same, and leave its calls at null.
    add_custom_command(TARGET ${name} POST_BUILD VERBATIM
                       COMMAND ${CMAKE_COMMAND} -DPROGRAM=${name} -DNINJA=${CMAKE_MAKE_PROGRAM} -DBUILD=${CMAKE_BINARY_DIR}
                               -P ${CMAKE_SOURCE_DIR}/cmake/CheckStatic.cmake)
  endif()
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_link_options(${name} PRIVATE -s)
  endif()
endfunction()

# Tests of what is concurrent (LABELS tsan): built and run under TSan too.
add_custom_target(tsan_tests)

# Each test program tells which coverage marks it hit (tests/unit_marks.cc).
if(ZK_TESTS)
  add_library(zk_unit_marks OBJECT EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/unit_marks.cc)
  target_link_libraries(zk_unit_marks PRIVATE zk_options zk::base GTest::gtest)
endif()

# A test program of one room: zk_test(tree SOURCES data_tree_test.cc DEPS zk::tree). A long one may run in PARTS.
# COST: about how many seconds it takes, of those that take long. They begin first, so that cores have work until the end; CTest
# knows by itself only what it has run before in the same folder.
function(zk_test name)
  cmake_parse_arguments(TEST "" "PARTS;COST" "SOURCES;DEPS;LIBS;LABELS" ${ARGN})
  add_executable(${name}_test ${TEST_SOURCES})
  zk_unity(${name}_test)
  target_link_libraries(${name}_test PRIVATE zk_options zk_unit_marks zk::base ${TEST_DEPS} ${TEST_LIBS} GTest::gtest GTest::gmock
                        GTest::gtest_main)
  # One CTest entry per program: the programs are many and their cases short. Parts (GoogleTest's shards) may run beside each other.
  if(TEST_PARTS)
    foreach(part RANGE 1 ${TEST_PARTS})
      math(EXPR shard "${part} - 1")
      add_test(NAME ${name}_${part} COMMAND ${name}_test --gtest_brief=1)
      set_tests_properties(${name}_${part} PROPERTIES LABELS "unit;${TEST_LABELS}" TIMEOUT 900
                           ENVIRONMENT "GTEST_TOTAL_SHARDS=${TEST_PARTS};GTEST_SHARD_INDEX=${shard}")
      if(TEST_COST)
        set_tests_properties(${name}_${part} PROPERTIES COST ${TEST_COST})
      endif()
    endforeach()
  else()
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES LABELS "unit;${TEST_LABELS}" TIMEOUT 900)
    if(TEST_COST)
      set_tests_properties(${name} PROPERTIES COST ${TEST_COST})
    endif()
  endif()
  if(tsan IN_LIST TEST_LABELS)
    add_dependencies(tsan_tests ${name}_test)
  endif()
endfunction()
