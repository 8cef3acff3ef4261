// Which processes use data directories, as this host's /proc tells. Shell.
// zkserver locks its directories (disk::DirectoryLock). Apache's server takes no lock, and before its first transaction
// it has no file open there: so open files, and the command lines of its processes, are looked at.
// Not seen: processes of other hosts and of containers with a process table of their own.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "storage/recovery.h"

namespace zk::data_users {

struct Use {
    int pid = 0;
    std::string why;  ///< "has DIR/version-2/log.1 open", "is Apache's server with ZOO_CFG"
};
/// Other processes that have a file of the directories open, or that are Apache's servers of them. `proc` is /proc.
/// Errc::refused when one of Apache's servers could not be looked into, which only root or its own user may.
Result<std::vector<Use>> find_users(const storage::Paths& paths, const std::string& proc = "/proc");

}  // namespace zk::data_users
