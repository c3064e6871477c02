# The Debian package for the server that was built against: cmake --build <tree> --target package.
# It carries what "cmake --install" installs, and the three files that Debian wants beside it. There is no maintainer
# script: a package must not preload a library into somebody's server. README.md says what is left to do.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME "postgresql-${PG_MAJOR}-jit-guard")
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(JIT_PACKAGER "jit_guard contributors <jit_guard@localhost>" CACHE STRING "Maintainer of the package: name and address")
set(CPACK_PACKAGE_CONTACT "${JIT_PACKAGER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "just-in-time access enforced inside PostgreSQL ${PG_MAJOR}")
set(CPACK_PACKAGE_DESCRIPTION "Keeps people out of sensitive data and powerful commands until somebody
approved exactly that action for exactly that long, enforces the approval
inside the server, and takes the power back at the deadline.
.
Has to be loaded by shared_preload_libraries and created in each database:
see /usr/share/doc/${CPACK_PACKAGE_NAME}/README.md.")
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/package")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "postgresql-${PG_MAJOR}, libcurl4 (>= 7.85)") # loaded by hand
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON) # the server's folders are absolute
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(package_doc "${PROJECT_BINARY_DIR}/package/doc")
string(TIMESTAMP package_date "%a, %d %b %Y %H:%M:%S +0000" UTC) # SOURCE_DATE_EPOCH makes it repeatable
file(READ "${PROJECT_SOURCE_DIR}/LICENSE" license)
string(REGEX REPLACE "^PostgreSQL License\n\nCopyright \\(c\\) ([^\n]*)\n\n" "" license "${license}")
set(package_copyright "${CMAKE_MATCH_1}")
string(STRIP "${license}" license)
string(REGEX REPLACE "\n\n" "\n.\n" license "${license}")
string(REGEX REPLACE "\n" "\n " license "${license}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/copyright.in" "${package_doc}/copyright" @ONLY)
configure_file("${CMAKE_CURRENT_LIST_DIR}/changelog.in" "${package_doc}/changelog" @ONLY)
find_program(GZIP gzip)
if(GZIP)
  execute_process(COMMAND "${GZIP}" -9nf "${package_doc}/changelog" COMMAND_ERROR_IS_FATAL ANY)
endif()
configure_file("${PROJECT_SOURCE_DIR}/README.md" "${package_doc}/README.md" COPYONLY)
configure_file("${PROJECT_SOURCE_DIR}/CHANGELOG.md" "${package_doc}/CHANGELOG.md" COPYONLY)
configure_file("${PROJECT_SOURCE_DIR}/extension/verify/FORMAT.md" "${package_doc}/FORMAT.md" COPYONLY)
foreach(name_of_file IN ITEMS audit_table.json queries.kql)
  configure_file("${PROJECT_SOURCE_DIR}/extension/azure/${name_of_file}" "${package_doc}/azure/${name_of_file}" COPYONLY)
endforeach()
set(CPACK_INSTALLED_DIRECTORIES "${package_doc};/usr/share/doc/${CPACK_PACKAGE_NAME}")

include(CPack)
