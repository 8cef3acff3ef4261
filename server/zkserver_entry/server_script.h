// zkServer.sh of the image: start-foreground, status, health, version, print-cmd, as a program, for there is no shell.
// Shell; one thread. docs/IMAGE.md.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "image/environment.h"

namespace zk::zkserver_entry {

/// What is left to do: a program to become, or an exit code.
struct Outcome {
    int code = 0;
    std::vector<std::string>
        program{};  ///< not empty: its words, to be executed in this process' place
};

/// As ENTRYPOINT: prepares the container for zkServer.sh and executes what `words` name.
Outcome entry_point(const std::vector<std::string>& words, const image::Environment& environment);
/// As zkServer.sh; `words` stand behind its name. Prepares nothing.
Outcome server_script(const std::vector<std::string>& words, const image::Environment& environment);

}  // namespace zk::zkserver_entry
