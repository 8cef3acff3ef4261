// The whole client program but for its main(): zkcli is one, and zkserver is one where it is called so.
#pragma once

#include <string>
#include <vector>

namespace zk::zkcli {

/// `words`: what stands behind the program's name. Gives the exit code: docs/ZKCLI.md. Ignores SIGPIPE from then on.
int run_program(const std::vector<std::string>& words);

}  // namespace zk::zkcli
