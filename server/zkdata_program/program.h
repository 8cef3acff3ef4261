// The whole of zkdata but for its main(): zkdata is one, and zkserver is one where it is called so.
#pragma once

#include <string>
#include <vector>

namespace zk::zkdata_program {

/// `words`: what stands behind the program's name. Gives the exit code: `zkdata help check`.
int run(const std::vector<std::string>& words);

}  // namespace zk::zkdata_program
