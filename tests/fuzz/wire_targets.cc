// What clients and servers say to each other on the client port.
#include <optional>
#include <utility>

#include "base/check.h"
#include "frontend/frontend.h"
#include "jute/archive.h"
#include "jute/client_protocol.h"
#include "jute/frame.h"
#include "jute/protocol.h"
#include "jute/txn.h"
#include "targets.h"
#include "tree/data_tree.h"

namespace zk::fuzz {
namespace {

constexpr std::int32_t kFrameMax = 1 << 16;

Bytes frame_of(ByteView payload) {
    Bytes frame;
    jute::append_frame(frame, payload);
    return frame;
}

void run_frames(ByteView bytes) {
    const auto frames = [&bytes](bool whole) {
        jute::FrameDecoder decoder(kFrameMax, 1);
        std::vector<Bytes> found;
        const auto feed = [&](ByteView piece) {
            decoder.feed(piece);
            while (const auto frame = decoder.next()) found.emplace_back(*frame);
            return !decoder.broken();
        };
        if (whole) {
            (void)feed(bytes);
        } else {
            in_pieces(bytes, feed);
        }
        return found;
    };
    const std::vector<Bytes> found = frames(true);
    ZK_ASSERT(found == frames(false));
    for (const Bytes& frame : found) ZK_ASSERT(!frame.empty() && frame.size() <= kFrameMax);
}

/// What is read can be written, and reads back the same.
template <class Record>
void read_as(ByteView bytes) {
    const std::optional<Record> record = jute::decode<Record>(bytes);
    if (!record) return;
    const Bytes again = jute::encode(*record);
    const std::optional<Record> copy = jute::decode<Record>(again);
    ZK_ASSERT(copy && jute::encode(*copy) == again);
}

template <class... Records>
void read_as_one_of(std::size_t which, ByteView bytes) {
    std::size_t index = 0;
    ((index++ == which ? read_as<Records>(bytes) : void()), ...);
}

void run_records(ByteView bytes) {
    Steering steering(bytes);
    read_as_one_of<jute::RequestHeader,
                   jute::ReplyHeader,
                   jute::ConnectRequest,
                   jute::ConnectResponse,
                   jute::CreateRequest,
                   jute::CreateTtlRequest,
                   jute::DeleteRequest,
                   jute::PathWatchRequest,
                   jute::PathRequest,
                   jute::SyncRequest,
                   jute::SetDataRequest,
                   jute::SetAclRequest,
                   jute::CheckVersionRequest,
                   jute::MultiHeader,
                   jute::AuthRequest,
                   jute::SetWatchesRequest,
                   jute::SetWatches2Request,
                   jute::AddWatchRequest,
                   jute::WatchesRequest,
                   jute::ReconfigRequest,
                   jute::WatcherEvent>(steering.below(21), bytes);
}

void run_txn(ByteView bytes) {
    (void)jute::decode_txn_header(bytes).has_value();
    const auto txn = jute::decode_txn(bytes);
    if (!txn.has_value()) return;
    const auto again = jute::decode_txn(jute::encode_txn(*txn));
    ZK_ASSERT(again.has_value() && again->header.zxid == txn->header.zxid);
    ZK_ASSERT(again->body.index() == txn->body.index());
    // Whatever it says, a tree takes it or leaves it.
    tree::DataTree tree;
    (void)tree.apply(*txn);
    (void)tree.apply(*txn);
}

/// One connection that says anything: a frontend with a tree, and a core that opens sessions and answers nothing else.
void run_client_port(ByteView bytes) {
    tree::DataTree tree;
    frontend::Settings settings;
    frontend::Frontend frontend(std::move(settings), tree, Log());
    frontend::Out out;
    Instant now{};
    std::int64_t sessions = 0;
    const auto tell = [&](request::ToFrontend message) {
        std::vector<request::ToFrontend> messages;
        messages.push_back(std::move(message));
        frontend.on_core(messages, now, out);
    };
    tell(request::Serving{true});
    const frontend::ConnectionId id = 1;
    frontend.on_open(id, frontend::Peer{"10.0.0.1", 4000}, now);
    in_pieces(bytes, [&](ByteView piece) {
        frontend.on_bytes(id, piece, now, out);
        const std::vector<request::ToCore> asked = std::exchange(out.to_core, {});
        for (const request::ToCore& message : asked) {
            if (const auto* open = std::get_if<request::OpenSession>(&message)) {
                tell(request::SessionOpened{
                    open->origin, SessionId(++sessions), 4000, Bytes(16, 'p')});
            }
        }
        for (const frontend::FourLetterAsked& word : std::exchange(out.four_letter, {}))
            frontend.answer_four_letter(word.connection, "answer", out);
        out.clear();
        Bytes sent;
        const frontend::Orders orders = frontend.take(id, sent);
        frontend.on_written(id, now, out);
        return orders.close == frontend::Close::no;
    });
    now += std::chrono::seconds(1);
    frontend.on_tick(now, out);
    frontend.on_closed(id, out);
}

std::vector<Bytes> frame_samples() {
    return {frame_of("abc") + frame_of(Bytes(200, 'x')), frame_of("")};
}

std::vector<Bytes> record_samples() {
    const auto sample = [](char which, const auto& record) {
        return Bytes(1, which) + jute::encode(record);
    };
    jute::ConnectRequest connect;
    connect.timeout_ms = 10000;
    connect.password = Bytes(16, '\0');
    return {
        sample(0, jute::RequestHeader{Xid(1), OpCode::create}),
        sample(2, connect),
        sample(4,
               jute::CreateRequest{
                   "/a", "data", tree::open_acl_list(), CreateMode::ephemeral_sequential}),
        sample(7, jute::PathWatchRequest{"/a", true}),
        sample(10, jute::SetDataRequest{"/a", "data", -1}),
        sample(11, jute::SetAclRequest{"/a", tree::open_acl_list(), 2}),
        sample(13, jute::MultiHeader{OpCode::check, false, {}}),
        sample(14, jute::AuthRequest{0, "digest", "a:b"}),
        sample(16, jute::SetWatches2Request{{Zxid(1), {"/a"}, {}, {"/"}}, {"/a", "/b"}, {"/"}})};
}

jute::Txn txn_of(OpCode type, jute::TxnBody body) {
    jute::Txn txn;
    txn.header = {SessionId(0x77), Xid(7), Zxid(0x100000001), WallMs(1700000000000), type};
    txn.body = std::move(body);
    txn.digest = jute::TxnDigest{2, 0x1234};
    return txn;
}

std::vector<Bytes> txn_samples() {
    const jute::AclList acl = tree::open_acl_list();
    std::vector<Bytes> samples;
    const auto add = [&samples](OpCode type, jute::TxnBody body) {
        samples.push_back(jute::encode_txn(txn_of(type, std::move(body))));
    };
    add(OpCode::create, jute::CreateTxn{"/a", "data", acl, false, 1});
    add(OpCode::create_container, jute::CreateContainerTxn{"/c", std::nullopt, acl, 1});
    add(OpCode::create_ttl, jute::CreateTtlTxn{"/t", "", acl, 1, 500});
    add(OpCode::remove, jute::DeleteTxn{"/a"});
    add(OpCode::set_data, jute::SetDataTxn{"/zookeeper", "x", 3});
    add(OpCode::set_acl, jute::SetAclTxn{"/", {{1, {"ip", "10.0.0.1"}}}, 2});
    add(OpCode::create_session, jute::CreateSessionTxn{30000});
    add(OpCode::close_session, jute::CloseSessionTxn{{{"/e", "/f"}}});
    add(OpCode::error, jute::ErrorTxn{ErrorCode::no_node});
    jute::MultiTxn multi;
    multi.parts.push_back({OpCode::remove, jute::encode(jute::DeleteTxn{"/m"})});
    multi.parts.push_back({OpCode::check, jute::encode(jute::CheckVersionTxn{"/", -1})});
    add(OpCode::multi, multi);
    return samples;
}

std::vector<Bytes> client_port_samples() {
    jute::ConnectRequest connect;
    connect.timeout_ms = 10000;
    connect.password = Bytes(16, '\0');
    const Bytes hello = frame_of(jute::encode(connect) + Bytes(1, '\0'));
    const auto request = [](OpCode op, const auto& record) {
        return frame_of(jute::encode(jute::RequestHeader{Xid(1), op}) + jute::encode(record));
    };
    const Bytes multi_read =
        frame_of(jute::encode(jute::RequestHeader{Xid(1), OpCode::multi_read}) +
                 jute::encode(jute::MultiHeader{OpCode::get_data, false, {}}) +
                 jute::encode(jute::PathWatchRequest{"/", false}) +
                 jute::encode(jute::MultiHeader{OpCode::error, true, {}}));
    return {
        hello + request(OpCode::get_data, jute::PathWatchRequest{"/", true}) +
            request(OpCode::create,
                    jute::CreateRequest{"/a", "x", tree::open_acl_list(), CreateMode::persistent}),
        hello + multi_read + request(OpCode::auth, jute::AuthRequest{0, "digest", "a:b"}),
        hello +
            request(OpCode::set_watches, jute::SetWatchesRequest{Zxid(1), {"/a"}, {"/b"}, {"/"}}) +
            request(OpCode::add_watch, jute::AddWatchRequest{"/", AddWatchMode(1)}),
        "srvr",
        "mntr",
        "xyzw"};
}

}  // namespace

std::vector<Target> wire_targets() {
    return {{"frames", "frames of a byte stream", run_frames, frame_samples},
            {"records", "each record of the client protocol", run_records, record_samples},
            {"txn", "a transaction, and a tree that is given it", run_txn, txn_samples},
            {"client_port",
             "a connection: four-letter words, handshake, requests",
             run_client_port,
             client_port_samples}};
}

}  // namespace zk::fuzz
