// Both checksums against zlib's, at every length and alignment that vector code treats in its own way.
#include "base/checksum.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace zk {
namespace {

TEST(Checksum, IsZlibs) {
    Bytes bytes;
    std::uint32_t state = 1;
    for (int i = 0; i < 9000; ++i)
        bytes.push_back(static_cast<char>((state = state * 1664525 + 1013904223) >> 24));
    for (std::size_t begin = 0; begin < 33; ++begin) {
        for (std::size_t size = 0; size + begin <= bytes.size();
             size = size < 300 ? size + 1 : size * 5 / 3) {
            const ByteView part = ByteView(bytes).substr(begin, size);
            const auto* data = reinterpret_cast<const Bytef*>(part.data());
            ASSERT_EQ(crc32(kCrc32Start, part), ::crc32_z(0, data, size)) << begin << " " << size;
            ASSERT_EQ(adler32(kAdler32Start, part), ::adler32_z(1, data, size))
                << begin << " " << size;
        }
    }
}

TEST(Checksum, GoesOnWhereItWas) {
    const Bytes bytes(5000, '\xff');
    std::uint32_t crc = kCrc32Start, adler = kAdler32Start;
    for (std::size_t at = 0; at < bytes.size(); at += 7) {
        crc = crc32(crc, ByteView(bytes).substr(at, 7));
        adler = adler32(adler, ByteView(bytes).substr(at, 7));
    }
    EXPECT_EQ(crc, crc32(kCrc32Start, bytes));
    EXPECT_EQ(adler, adler32(kAdler32Start, bytes));
    EXPECT_EQ(crc32(crc, ByteView()), crc);
    EXPECT_EQ(adler32(adler, ByteView()), adler);
}

}  // namespace
}  // namespace zk
