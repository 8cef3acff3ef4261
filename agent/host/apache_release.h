// Releases of Apache's server on a host: unpacked beside ours, known by the SHA-256 of their tarball, run by a JRE that is
// the host's own. Shell. Used by the agent's facts, executor and clean-up.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace zk::agent_host {

/// The SHA-256 in a release's record (agent_api::kReleaseRecord); empty: no record, or it holds something else.
std::string recorded_release(const std::string& record_path);
/// The same of the release in whose directory a process was started; empty: not known.
std::string running_release(std::int64_t pid);
/// "zkserver" or "apache", by what lies in a release's directory; empty: neither.
std::string release_flavor(const std::string& directory);

/// Unpacks a tarball into `directory`, which is made anew, with the record that names it; all of it is synced. Errors: those
/// of tarball::unpack, and Errc::corrupt when the tarball's SHA-256 is another.
Result<> stage_apache_release(const std::string& tarball,
                              const std::string& sha256,
                              const std::string& directory);
/// Whether stage_apache_release began to make this directory: its first file is the record.
bool is_begun_apache_release(const std::string& directory);
/// Removes a directory with all that is in it; follows no links. Whether it is gone.
bool remove_tree(const std::string& directory);

struct Java {
    std::int64_t version = 0;  ///< 8, 11, 17, ...; 0: it cannot be run, or does not say
    std::string words;         ///< its first line, or why there is none
};
/// Runs `program -version`.
Java ask_java(const std::string& program);
/// In what a java says of itself: 8 for `openjdk version "1.8.0_402"`, 17 for `"17.0.15" 2025-04-15`; 0: nothing.
std::int64_t java_version_in(const std::string& words);

}  // namespace zk::agent_host
