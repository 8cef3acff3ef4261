// To whom the server's files belong: of a server that ran as somebody else its successor could write none. Shell.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace zk::agent_host {

/// The first file under version-2 of one of the two directories that does not belong to `uid`; empty: there is none, or the
/// directories cannot be read.
std::string find_others_file(const std::string& data_dir,
                             const std::string& log_dir,
                             std::uint32_t uid);
/// Gives all under version-2 of both to that user. Links are not followed. Errors: the first that could not be given.
Result<> give_data_to(const std::string& data_dir,
                      const std::string& log_dir,
                      std::uint32_t uid,
                      std::uint32_t gid);

}  // namespace zk::agent_host
