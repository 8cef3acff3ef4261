#include "jute/txn.h"

namespace zk::jute {
namespace {
template <class Record>
Result<TxnBody> read_body(InputArchive& archive) {
    Record record;
    archive.read(record);
    if (!archive.ok())
        return Error(Errc::corrupt, "txn body is cut short or has an unreasonable length");
    return TxnBody(std::move(record));
}
/// Behind the header of a closeSession without its list: as a list it would be two empty paths, which nobody has.
bool is_digest_alone(ByteView rest) {
    constexpr std::size_t kDigestBytes = 4 + 8;
    return rest.size() == kDigestBytes && load_be<std::int32_t>(rest.data()) == 2;
}

}  // namespace

Result<TxnBody> decode_txn_body(OpCode type, InputArchive& archive) {
    switch (type) {
        case OpCode::error:
            return read_body<ErrorTxn>(archive);
        case OpCode::create:
        case OpCode::create2:
            return read_body<CreateTxn>(archive);
        case OpCode::create_container:
            return read_body<CreateContainerTxn>(archive);
        case OpCode::create_ttl:
            return read_body<CreateTtlTxn>(archive);
        case OpCode::remove:
        case OpCode::delete_container:
            return read_body<DeleteTxn>(archive);
        case OpCode::set_data:
        case OpCode::reconfig:
            return read_body<SetDataTxn>(archive);
        case OpCode::set_acl:
            return read_body<SetAclTxn>(archive);
        case OpCode::check:
            return read_body<CheckVersionTxn>(archive);
        case OpCode::multi:
            return read_body<MultiTxn>(archive);
        case OpCode::create_session:
            return read_body<CreateSessionTxn>(archive);
        case OpCode::close_session:
            if (is_digest_alone(archive.rest())) return TxnBody(CloseSessionTxn{});
            return read_body<CloseSessionTxn>(archive);
        default:
            return Error(Errc::unsupported,
                         "txn of unknown type " + std::to_string(static_cast<std::int32_t>(type)));
    }
}

Result<Txn> decode_txn(ByteView bytes) {
    InputArchive archive(bytes);
    Txn txn;
    archive.read(txn.header);
    if (!archive.ok()) return Error(Errc::corrupt, "txn header is cut short");
    ZK_TRY(txn.body, decode_txn_body(txn.header.type, archive));
    if (!archive.at_end()) {
        TxnDigest digest;
        archive.read(digest);
        if (archive.ok()) txn.digest = digest;
    }
    return txn;
}

Result<TxnHeader> decode_txn_header(ByteView bytes) {
    InputArchive archive(bytes);
    TxnHeader header;
    archive.read(header);
    if (!archive.ok()) return Error(Errc::corrupt, "txn header is cut short");
    return header;
}

Bytes encode_txn(const Txn& txn, std::size_t body_bytes) {
    constexpr std::size_t kHeaderBytes = 8 + 4 + 8 + 8 + 4;
    constexpr std::size_t kDigestBytes = 4 + 8;
    Bytes out;
    out.reserve(kHeaderBytes + body_bytes + kDigestBytes);
    OutputArchive archive(out);
    archive.write(txn.header);
    std::visit([&archive](const auto& body) { archive.write(body); }, txn.body);
    if (txn.digest) archive.write(*txn.digest);
    // Kept for long, and counted by its size: a large request may have become a short error.
    if (out.capacity() > 2 * out.size()) out.shrink_to_fit();
    return out;
}

}  // namespace zk::jute
