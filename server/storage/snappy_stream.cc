#include "storage/snappy_stream.h"

#include <algorithm>
#include <cstdint>
#include <snappy-c.h>
#include <string_view>

#include "base/check.h"

namespace zk::storage {
namespace {
using namespace std::string_view_literals;
constexpr std::string_view kSnappyMagic = "\x82SNAPPY\0"sv;
constexpr std::int32_t kSnappyVersion = 1;
constexpr std::size_t kSnappyHeadBytes = 16;  // magic, version, oldest version that can read it
constexpr std::size_t kSnappyChunkBytes = std::size_t{32} << 10;
static_assert(kSnappyMagic.size() == 8);

Error damaged_snappy(const std::string& what) {
    return {Errc::corrupt, "damaged snappy stream: " + what};
}
}  // namespace

Result<> SnappyReader::feed(ByteView bytes, const std::function<Result<>(ByteView)>& sink) {
    waiting_.append(bytes);
    ByteView rest = waiting_;
    for (;;) {
        ZK_TRY(const bool more, step(rest, sink));
        if (!more) break;
    }
    waiting_.erase(0, waiting_.size() - rest.size());
    return ok();
}

// Takes the head or a chunk off `rest`; false when it is not all there.
Result<bool> SnappyReader::step(ByteView& rest, const std::function<Result<>(ByteView)>& sink) {
    if (!head_read_) {
        if (rest.size() < kSnappyHeadBytes) return false;
        if (!rest.starts_with(kSnappyMagic)) return damaged_snappy("it does not begin as one");
        head_read_ = true;
        rest.remove_prefix(kSnappyHeadBytes);
        return true;
    }
    if (rest.size() < 4) return false;
    const auto length = load_be<std::int32_t>(rest.data());
    if (length <= 0 || static_cast<std::size_t>(length) > kChunkMax)
        return damaged_snappy("a chunk of " + std::to_string(length) + " bytes");
    const auto size = static_cast<std::size_t>(length);
    if (rest.size() < 4 + size) return false;
    const char* const block = rest.data() + 4;
    std::size_t plain_size = 0;
    if (snappy_uncompressed_length(block, size, &plain_size) != SNAPPY_OK || plain_size > kChunkMax)
        return damaged_snappy("a chunk without a sensible length");
    plain_.resize(plain_size);
    if (snappy_uncompress(block, size, plain_.data(), &plain_size) != SNAPPY_OK)
        return damaged_snappy("a chunk that cannot be decompressed");
    rest.remove_prefix(4 + size);
    ZK_CHECK(sink(ByteView(plain_).substr(0, plain_size)));
    return true;
}

void SnappyWriter::feed(ByteView bytes, Bytes& out) {
    if (!head_written_) {
        out.append(kSnappyMagic);
        append_be(out, kSnappyVersion);
        append_be(out, kSnappyVersion);
        head_written_ = true;
    }
    while (waiting_.size() + bytes.size() >= kSnappyChunkBytes) {
        const std::size_t part = kSnappyChunkBytes - waiting_.size();
        waiting_.append(bytes.substr(0, part));
        bytes.remove_prefix(part);
        write_chunk(waiting_, out);
        waiting_.clear();
    }
    waiting_.append(bytes);
}

void SnappyWriter::finish(Bytes& out) {
    feed({}, out);
    if (!waiting_.empty()) write_chunk(waiting_, out);
    waiting_.clear();
}

void SnappyWriter::write_chunk(ByteView plain, Bytes& out) {
    std::size_t size = snappy_max_compressed_length(plain.size());
    const std::size_t head = out.size();
    out.resize(head + 4 + size);
    const snappy_status status =
        snappy_compress(plain.data(), plain.size(), out.data() + head + 4, &size);
    ZK_ASSERT(status == SNAPPY_OK);
    store_be(out.data() + head, static_cast<std::int32_t>(size));
    out.resize(head + 4 + size);
}

}  // namespace zk::storage
