// One file with all that a host without a controller needs: the programs, an installer and their checksums.
// Pure. It is a POSIX tar (ustar), which every host can unpack. Equal programs give equal bytes: no clock, user or
// order of a directory gets in. Written here and not by libarchive: zkprov only writes such files, a header is one
// block of fixed fields, and a library would bring its readers of twenty formats into a program that runs as root's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace zk::bundle {

/// packaging/install.sh, which checks the checksums before it installs.
extern const std::string_view kInstallScript;

struct Member {
    std::string name;  ///< a plain file name
    std::uint32_t mode = 0644;
    Bytes content;
};

/// The members in their order. Errors (Errc::invalid): a name that is empty, holds a '/' or is longer than a header holds
/// (100 bytes); a content of 8 GiB or more.
Result<Bytes> write_tar(const std::vector<Member>& members);

/// zkprov-agent, zkserver, install.sh, and SHA256SUMS of these three.
Result<Bytes> write_bundle(ByteView agent, ByteView server);

}  // namespace zk::bundle
