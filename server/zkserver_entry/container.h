// What the entry point does to its container: files read and written, volumes given to the user zookeeper, that user become.
// Shell, Linux; one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace zk::zkserver_entry {

/// Of the image: packaging/image has the same numbers.
inline constexpr uid_t kUser = 1000;
inline constexpr gid_t kGroup = 1000;

bool is_root();

/// Nothing: there is no file of this name. Bounded at 1 MiB.
Result<std::optional<std::string>> read_file(const std::string& path);
/// Aside, synced, and put into its place; as root it belongs to zookeeper.
Result<> write_file(const std::string& path, const std::string& text);
/// With what is missing above it.
Result<> make_directory(const std::string& path);
/// Without links, as far as it exists.
std::string without_links(const std::string& path);
/// Where something is mounted, "/" among them.
Result<std::vector<std::string>> mount_points();

/// Gives to zookeeper what below `directory` is somebody else's, and `directory` itself. Looks at each file and changes no
/// others, so that a large volume is not written to at each start. Links are not followed.
Result<> give_to_zookeeper(const std::string& directory);
/// For good. REQUIRES: is_root().
Result<> become_zookeeper();
/// That this process may make files in it.
Result<> check_writable(const std::string& directory);

}  // namespace zk::zkserver_entry
