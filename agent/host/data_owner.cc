#include "agent_host/data_owner.h"

#include <filesystem>
#include <functional>
#include <unistd.h>

#include <sys/stat.h>

#include "agent_host/posix.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;

/// Calls `visit` for version-2 and what lies in it, until it says false.
void walk(const std::string& directory, const std::function<bool(const std::string&)>& visit) {
    const std::string top = directory + "/version-2";
    struct stat status {};
    if (::lstat(top.c_str(), &status) != 0) return;
    if (!visit(top) || !S_ISDIR(status.st_mode)) return;
    std::error_code code;
    // Links to directories are not gone into.
    for (fs::recursive_directory_iterator at(top, code), end; !code && at != end;
         at.increment(code)) {
        if (!visit(at->path().string())) return;
    }
}

}  // namespace

std::string find_others_file(const std::string& data_dir,
                             const std::string& log_dir,
                             std::uint32_t uid) {
    std::string found;
    const auto look = [&](const std::string& path) {
        struct stat status {};
        if (::lstat(path.c_str(), &status) == 0 && status.st_uid != uid) found = path;
        return found.empty();
    };
    walk(data_dir, look);
    if (found.empty() && log_dir != data_dir) walk(log_dir, look);
    return found;
}

Result<> give_data_to(const std::string& data_dir,
                      const std::string& log_dir,
                      std::uint32_t uid,
                      std::uint32_t gid) {
    Result<> done = ok();
    const auto give = [&](const std::string& path) {
        if (::lchown(path.c_str(), uid, gid) != 0) {
            done = system_error("give " + path + " to the server's user");
        }
        return done.has_value();
    };
    walk(data_dir, give);
    if (done.has_value() && log_dir != data_dir) walk(log_dir, give);
    return done;
}

}  // namespace zk::agent_host
