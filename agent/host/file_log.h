// A log file that somebody else writes and rotates, read from its end and then onwards.
// Shell. Blocking, bounded; any thread. Two ways of rotation are followed: the file is renamed to PATH.1 and another one
// begins, or it is copied there and emptied. A place in the log is a file, an offset in it and a checksum of what stands
// in front of that, so that no file is taken for another one that has its name or its inode.
#pragma once

#include <string>

#include "agent_api/node_log.h"
#include "base/result.h"

namespace zk::agent_host {

/// The last `lines` lines of `path`, or those behind the cursor; lines that have no end yet are left for later. Errors:
/// AgentErrc::not_found with a first question where there is no such file, Errc::invalid for what is no file and for a
/// cursor that is none of a file, the system's.
Result<agent_api::NodeLog> read_file_log(const std::string& path,
                                         const agent_api::LogRequest& request);

}  // namespace zk::agent_host
