// A release tarball of Apache's server (apache-zookeeper-X-bin.tar.gz): whether it is one, and how it comes onto a disk. The
// controller checks it before anything is sent, the agent goes through the same rules again while it unpacks.
// Shell (unpacking writes files). Knows libarchive; nobody else does. Any thread.
//
// What is taken: gzip, tar, one directory on top that holds bin/, conf/ and lib/zookeeper-<version>.jar, and in it files and
// directories only. A link of either kind is refused: no release has one, and what comes behind it could land elsewhere.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace zk::tarball {

/// Far above any release (3.9: 20 MB, some 150 files): who holds more is something else, or was made to fill disks.
struct Limits {
    std::uint64_t packed_bytes = 256ULL << 20;
    std::uint64_t unpacked_bytes = 1024ULL << 20;
    std::uint64_t entries = 20'000;
    std::uint64_t ratio = 100;  ///< unpacked to packed bytes, from a megabyte on
};

struct Contents {
    std::string top;      ///< the directory on top, such as apache-zookeeper-3.8.4-bin
    std::string version;  ///< in the name of lib/zookeeper-<version>.jar
    std::uint64_t unpacked_bytes = 0;
    std::uint64_t files = 0;
};

/// Reads all of it. Errors: Errc::invalid or Errc::corrupt; the words say which entry is wrong and are without the tarball's
/// name.
Result<Contents> check(ByteView bytes, const Limits& limits = {});

/// Unpacks the file at `path` into `directory`, which is there and empty, without the directory on top; syncs every file
/// and directory. Programs get mode 0755, other files 0644. On an error what was written stays there. Errors: as those of
/// check, and the system's.
Result<Contents> unpack(const std::string& path,
                        const std::string& directory,
                        const Limits& limits = {});

}  // namespace zk::tarball
