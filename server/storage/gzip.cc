#include "storage/gzip.h"

#include <zlib.h>

#include "base/check.h"

namespace zk::storage {
namespace {
constexpr int kGzipOnly = 16 + MAX_WBITS;  // zlib's way to ask for the gzip format
constexpr std::size_t kPieceBytes = 256 << 10;
}  // namespace

struct GzipReader::Stream {
    z_stream z{};
    bool done = false;
    Bytes piece = Bytes(kPieceBytes, '\0');
};

GzipReader::GzipReader() : stream_(std::make_unique<Stream>()) {
    ZK_ASSERT(inflateInit2(&stream_->z, kGzipOnly) == Z_OK);
}
GzipReader::~GzipReader() { inflateEnd(&stream_->z); }

bool GzipReader::done() const { return stream_->done; }

Result<> GzipReader::feed(ByteView bytes, const std::function<Result<>(ByteView)>& sink) {
    z_stream& z = stream_->z;
    // zlib does not write through next_in; its type only predates const.
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    z.avail_in = static_cast<uInt>(bytes.size());
    for (bool more = true; more;) {
        if (stream_->done) {
            if (z.avail_in != 0) return Error(Errc::corrupt, "bytes follow the gzip stream");
            return ok();
        }
        z.next_out = reinterpret_cast<Bytef*>(stream_->piece.data());
        z.avail_out = static_cast<uInt>(stream_->piece.size());
        const int status = inflate(&z, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
            return Error(Errc::corrupt, "damaged gzip stream");
        }
        stream_->done = status == Z_STREAM_END;
        more = z.avail_out == 0 || z.avail_in != 0;
        ZK_CHECK(sink(ByteView(stream_->piece).substr(0, stream_->piece.size() - z.avail_out)));
    }
    return ok();
}

struct GzipWriter::Stream {
    z_stream z{};
    Bytes piece = Bytes(kPieceBytes, '\0');
};

GzipWriter::GzipWriter() : stream_(std::make_unique<Stream>()) {
    constexpr int kMemoryLevel = 8;  // zlib's own
    ZK_ASSERT(deflateInit2(&stream_->z,
                           Z_DEFAULT_COMPRESSION,
                           Z_DEFLATED,
                           kGzipOnly,
                           kMemoryLevel,
                           Z_DEFAULT_STRATEGY) == Z_OK);
}
GzipWriter::~GzipWriter() { deflateEnd(&stream_->z); }

void GzipWriter::feed(ByteView bytes, Bytes& out) { run(bytes, Z_NO_FLUSH, out); }
void GzipWriter::finish(Bytes& out) { run({}, Z_FINISH, out); }

void GzipWriter::run(ByteView bytes, int flush, Bytes& out) {
    z_stream& z = stream_->z;
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    z.avail_in = static_cast<uInt>(bytes.size());
    do {
        z.next_out = reinterpret_cast<Bytef*>(stream_->piece.data());
        z.avail_out = static_cast<uInt>(stream_->piece.size());
        const int status = deflate(&z, flush);
        ZK_ASSERT(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR);
        out.append(stream_->piece.data(), stream_->piece.size() - z.avail_out);
    } while (z.avail_out == 0);
    ZK_ASSERT(z.avail_in == 0);
}

}  // namespace zk::storage
