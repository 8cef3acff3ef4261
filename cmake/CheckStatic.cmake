# Fails when the link of PROGRAM names a shared object: it would be called at address 0.
execute_process(COMMAND ${NINJA} -C ${BUILD} -t commands -s bin/${PROGRAM} OUTPUT_VARIABLE link RESULT_VARIABLE failed)
if(NOT failed AND link MATCHES "[^ ]*\\.so[.0-9]*( |\n)")
  file(REMOVE ${BUILD}/bin/${PROGRAM})  # or it would count as built
  message(FATAL_ERROR "${PROGRAM} is static, but its link names a shared object: ${CMAKE_MATCH_0}")
endif()
