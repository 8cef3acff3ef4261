// The two checksums of ZooKeeper's formats. Pure. As zlib defines them: a running value goes in and comes out.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace zk {

/// Of nothing: where each begins.
inline constexpr std::uint32_t kCrc32Start = 0;
inline constexpr std::uint32_t kAdler32Start = 1;

/// CRC-32 of IEEE 802.3, as java.util.zip.CRC32: digests of znodes.
std::uint32_t crc32(std::uint32_t crc, ByteView bytes);
/// Adler-32 of RFC 1950, as java.util.zip.Adler32: txn records and snapshots.
std::uint32_t adler32(std::uint32_t adler, ByteView bytes);

}  // namespace zk
