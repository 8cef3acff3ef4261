// The binaries that zkprov puts on the nodes: found beside itself, read once, named by their hash.
// Shell (reads files).
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace zk::phases {

/// One file of the release.
struct Blob {
    std::string path;    ///< on this machine
    std::string sha256;  ///< 64 small hex digits
    Bytes content;
};

struct Release {
    Blob server;  ///< zkserver, or Apache's tarball; its content goes over the links
    std::string what = "zkserver";  ///< in words
    std::string version;  ///< of Apache's server; empty: ours has the version of this program
    std::uint64_t unpacked_bytes = 0;
    std::string agent_path;  ///< zkprov-agent; the SSH room pushes it
    std::string agent_sha256;
};

/// One of the release's programs. Errors: as those of find_release.
Result<Bytes> read_program(const std::string& path);

/// Reads the release in `directory`; empty: the directory of the running program.
/// Errors: a program is missing, unreadable, not executable, or not an ELF file; the words say
/// which.
Result<Release> find_release(const std::string& directory);

}  // namespace zk::phases
