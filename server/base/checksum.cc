// The only place that knows libdeflate: it has both checksums with vector instructions, chosen when it runs.
#include "base/checksum.h"

#include <libdeflate.h>

namespace zk {

std::uint32_t crc32(std::uint32_t crc, ByteView bytes) {
    if (bytes.empty()) return crc;  // without bytes it would give the start value
    return libdeflate_crc32(crc, bytes.data(), bytes.size());
}

std::uint32_t adler32(std::uint32_t adler, ByteView bytes) {
    if (bytes.empty()) return adler;
    return libdeflate_adler32(adler, bytes.data(), bytes.size());
}

}  // namespace zk
