// What the two sides of a connection offer for its key exchange, read from their first packets,
// which are not encrypted yet: so that "no algorithms fit" can be told from other failures, and
// both lists shown. Pure. Source: RFC 4253, sections 4.2, 6 and 7.1.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace zk::ssh {

/// More than a banner and a packet of the largest size take.
constexpr std::size_t kKexInitBytesMax = 64UL * 1024;

/// The lists of one SSH_MSG_KEXINIT, best first; markers that are no algorithms are left out.
struct KexInit {
    std::vector<std::string> key_exchange;
    std::vector<std::string> host_key;
    std::vector<std::string> cipher_to_host;
    std::vector<std::string> cipher_from_host;
    std::vector<std::string> mac_to_host;
    std::vector<std::string> mac_from_host;
};

/// The first packet after the banner of `stream`, which is what one side has sent so far. Nothing
/// while it is not complete, or when it is something else.
std::optional<KexInit> find_kexinit(ByteView stream);

/// A kind of algorithm of which the two have none in common.
struct KexMismatch {
    std::string kind;  ///< "key exchange", "host key", "cipher" or "MAC"
    std::vector<std::string> ours;
    std::vector<std::string> theirs;
};
std::vector<KexMismatch> kex_mismatches(const KexInit& ours, const KexInit& theirs);

/// "no MAC fits: <we> offers a, b; the host offers c".
std::string describe(const std::vector<KexMismatch>& mismatches, const std::string& we);

}  // namespace zk::ssh
