#include "cloud_init/gzip.h"

#include <algorithm>
#include <array>
#include <limits>

#include <zlib.h>

#include "base/check.h"

namespace zk::cloud_init {

Bytes gzip(ByteView bytes) {
    constexpr int kWindowAsGzip = 15 + 16;
    z_stream stream{};
    // Only memory that is missing can go wrong here, and below nothing.
    ZK_ASSERT(deflateInit2(
                  &stream, Z_BEST_COMPRESSION, Z_DEFLATED, kWindowAsGzip, 9, Z_DEFAULT_STRATEGY) ==
              Z_OK);
    Bytes packed;
    std::array<char, 65536> piece{};
    int state = Z_OK;
    while (state != Z_STREAM_END) {
        if (stream.avail_in == 0) {
            const std::size_t size =
                std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max());
            // zlib's type is older than const; it does not write there.
            stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // NOLINT
            stream.avail_in = static_cast<uInt>(size);
            bytes.remove_prefix(size);
        }
        stream.next_out = reinterpret_cast<Bytef*>(piece.data());
        stream.avail_out = static_cast<uInt>(piece.size());
        state = deflate(&stream, bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
        packed.append(piece.data(), piece.size() - stream.avail_out);
    }
    deflateEnd(&stream);
    return packed;
}

}  // namespace zk::cloud_init
