#include "tree/digest.h"

#include <zlib.h>

namespace zk::tree {
namespace {
std::uint32_t add_to_crc(std::uint32_t crc, ByteView bytes) {
    return static_cast<std::uint32_t>(
        ::crc32_z(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}
}  // namespace

std::uint32_t path_data_crc(std::string_view path, std::optional<ByteView> data) {
    // crc32_z takes a null pointer as a request for the start value, so empty views must not reach
    // it.
    std::uint32_t crc = 0;
    if (!path.empty() && path != "/") crc = add_to_crc(crc, path);
    if (data && !data->empty()) crc = add_to_crc(crc, *data);
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
    return add_to_crc(path_data_crc, ByteView(bytes, sizeof bytes));
}

}  // namespace zk::tree
