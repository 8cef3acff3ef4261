// Release tarballs of Apache's server. The bytes are those of the tar: they are put into a gzip of stored blocks, whose
// checksum would otherwise keep nearly every mutation from the reader of entries.
#include <array>
#include <cstdint>
#include <string>

#include <zlib.h>

#include "base/check.h"
#include "tarball/tarball.h"
#include "targets.h"

namespace zk::fuzz {
namespace {

Bytes gzip_stored(ByteView bytes) {
    z_stream stream{};
    ZK_ASSERT(deflateInit2(&stream, Z_NO_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) ==
              Z_OK);
    Bytes packed(deflateBound(&stream, bytes.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    ZK_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

/// What is taken names a release that can be installed; what is not says why.
void run_tarball(ByteView bytes) {
    tarball::Limits limits;
    limits.unpacked_bytes = 4U << 20;
    for (const Bytes& packed : {gzip_stored(bytes), Bytes(bytes)}) {
        const auto contents = tarball::check(packed, limits);
        if (!contents.has_value()) {
            ZK_ASSERT(!contents.error().words.empty());
            ZK_ASSERT(contents.error().words.find('\n') == std::string::npos);
            continue;
        }
        ZK_ASSERT(!contents->top.empty() && contents->top.find('/') == std::string::npos);
        ZK_ASSERT(!contents->version.empty() && contents->version.find('/') == std::string::npos);
        ZK_ASSERT(contents->unpacked_bytes <= limits.unpacked_bytes);
    }
}

/// One entry in the format of ustar.
Bytes ustar(const std::string& path, char type, const std::string& content) {
    Bytes header(512, '\0');
    const auto put = [&](std::size_t at, const std::string& text) {
        header.replace(at, text.size(), text);
    };
    const auto octal = [](std::uint64_t number, std::size_t digits) {
        std::string text(digits, '0');
        for (std::size_t i = digits; i > 0 && number > 0; --i, number /= 8) {
            text[i - 1] = static_cast<char>('0' + number % 8);
        }
        return text;
    };
    put(0, path);
    put(100, "0000755");
    put(108, "0000000");
    put(116, "0000000");
    put(124, octal(content.size(), 11));
    put(136, octal(0, 11));
    put(148, "        ");
    header[156] = type;
    put(257,
        std::string("ustar\0"
                    "00",
                    8));
    std::uint64_t sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    put(148, octal(sum, 6) + std::string("\0 ", 2));
    Bytes padded = content;
    padded.resize((content.size() + 511) / 512 * 512, '\0');
    return header + padded;
}

std::vector<Bytes> tarball_samples() {
    const std::string top = "apache-zookeeper-3.8.4-bin/";
    return {ustar(top, '5', "") + ustar(top + "bin/zkServer.sh", '0', "#!/bin/sh\n") +
            ustar(top + "conf/zoo.cfg", '0', "tickTime=2000\n") +
            ustar(top + "lib/zookeeper-3.8.4.jar", '0', "jar") + Bytes(1024, '\0')};
}

}  // namespace

std::vector<Target> tarball_targets() {
    return {{"tarball", "a release tarball of Apache's server", run_tarball, tarball_samples}};
}

}  // namespace zk::fuzz
