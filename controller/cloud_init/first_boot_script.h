// packaging/first-boot.sh.in, as text in the program. The source is generated when the build is configured. Internal to
// this room.
#pragma once

#include <string_view>

namespace zk::cloud_init {

/// Its names are filled in by inventory::fill_template, each value as one word of the shell.
extern const std::string_view kFirstBootScript;

}  // namespace zk::cloud_init
