#include "tree/digest.h"

#include "base/checksum.h"

namespace zk::tree {

std::uint32_t path_data_crc(std::string_view path, std::optional<ByteView> data) {
    std::uint32_t crc = kCrc32Start;
    if (path != "/") crc = crc32(crc, path);
    if (data) crc = crc32(crc, *data);
    return crc;
}

std::uint32_t node_digest(std::uint32_t path_data_crc, const StatPersisted& stat) {
    char bytes[60];
    char* to = bytes;
    const auto put = [&to](auto value) {
        store_be(to, value);
        to += sizeof value;
    };
    put(stat.czxid.value());
    put(stat.mzxid.value());
    put(stat.pzxid.value());
    put(stat.ctime.value());
    put(stat.mtime.value());
    put(stat.version);
    put(stat.cversion);
    put(stat.aversion);
    put(stat.ephemeral_owner);
    return crc32(path_data_crc, ByteView(bytes, sizeof bytes));
}

}  // namespace zk::tree
