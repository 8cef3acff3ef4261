// A frontend with a tree and a core that only does what the test says.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "frontend/frontend.h"
#include "jute/archive.h"
#include "jute/frame.h"
#include "jute/protocol.h"
#include "jute/txn.h"
#include "tree/data_tree.h"

namespace zk::frontend {

inline Bytes from_hex(std::string_view text) {
    Bytes bytes;
    int high = -1;
    for (const char c : text) {
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) continue;
        if (high < 0) {
            high = digit;
        } else {
            bytes.push_back(static_cast<char>(high * 16 + digit));
            high = -1;
        }
    }
    return bytes;
}
inline std::string hex(ByteView bytes) {
    std::string text;
    for (const char c : bytes) {
        text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
        text += "0123456789abcdef"[c & 15];
    }
    return text;
}

/// A reply or event frame, taken apart.
struct Frame {
    jute::ReplyHeader header;
    Bytes body;
    [[nodiscard]] bool is_event() const { return header.xid == Xid(-1); }
    [[nodiscard]] jute::WatcherEvent event() const {
        return jute::decode<jute::WatcherEvent>(body).value();
    }
};

class Harness : public ::testing::Test {
  protected:
    static Settings settings() {
        Settings settings;
        settings.loop = 3;
        settings.super_digest = "super:" + tree::digest_id("super:secret").substr(6);
        return settings;
    }
    explicit Harness(Settings own = settings()) : frontend(std::move(own), tree, Log()) {
        say(request::Serving{true});
    }

    /// Time passes, a tick each second.
    void pass(std::chrono::seconds time) {
        for (std::int64_t i = 0; i < time.count(); ++i) {
            now += std::chrono::seconds(1);
            frontend.on_tick(now, out);
            collect();
        }
    }

    static Bytes framed(ByteView payload) {
        Bytes frame;
        jute::append_frame(frame, payload);
        return frame;
    }
    template <class Record>
    static Bytes request_frame(std::int32_t xid, OpCode op, const Record& record) {
        return framed(jute::encode(jute::RequestHeader{Xid(xid), op}) + jute::encode(record));
    }
    static Bytes request_frame(std::int32_t xid, OpCode op) {
        return framed(jute::encode(jute::RequestHeader{Xid(xid), op}));
    }
    static Bytes connect_frame(SessionId session = {},
                               Zxid seen = {},
                               std::int32_t timeout_ms = 10000,
                               bool read_only_byte = true,
                               Bytes password = Bytes(16, '\0')) {
        jute::ConnectRequest request;
        request.last_zxid_seen = seen;
        request.timeout_ms = timeout_ms;
        request.session = session;
        request.password = std::move(password);
        Bytes record = jute::encode(request);
        if (read_only_byte) record.push_back('\0');
        return framed(record);
    }

    void open(ConnectionId id, std::string address = "10.0.0.1") {
        frontend.on_open(id, Peer{std::move(address), 4000}, now);
    }
    void feed(ConnectionId id, ByteView bytes) {
        frontend.on_bytes(id, bytes, now, out);
        collect();
    }
    template <class... Messages>
    void say(Messages... messages) {
        std::vector<request::ToFrontend> all = {request::ToFrontend(std::move(messages))...};
        frontend.on_core(all, now, out);
        collect();
    }
    void collect() {
        for (auto& message : out.to_core) to_core.push_back(std::move(message));
        for (auto& word : out.four_letter) words.push_back(word);
        const std::vector<ConnectionId> changed = out.changed;
        out.clear();
        if (hold_output) return;
        for (const ConnectionId id : changed) take(id);
    }
    void take(ConnectionId id) {
        Bytes bytes;
        orders[id] = frontend.take(id, bytes);
        sent[id] += bytes;
    }

    /// Connects as session `session`, and forgets the handshake's traces.
    void join(ConnectionId id, std::int64_t session, std::string address = "10.0.0.1") {
        open(id, std::move(address));
        feed(id, connect_frame());
        say(request::SessionOpened{{3, id}, SessionId(session), 10000, Bytes(16, 'p')});
        sent[id].clear();
        to_core.clear();
    }

    /// All frames sent to `id` since the last call; a tail that is no whole frame fails the test.
    std::vector<Frame> frames(ConnectionId id) {
        jute::FrameDecoder decoder(1 << 30);
        decoder.feed(sent[id]);
        sent[id].clear();
        std::vector<Frame> all;
        while (const auto payload = decoder.next()) {
            jute::InputArchive archive(*payload);
            Frame frame;
            archive.read(frame.header);
            EXPECT_TRUE(archive.ok());
            frame.body = archive.rest();
            all.push_back(frame);
        }
        EXPECT_EQ(decoder.buffered(), 0U);
        return all;
    }
    /// "xid:err" of each frame, "E<type>:<path>" for events.
    std::vector<std::string> story(ConnectionId id) {
        std::vector<std::string> lines;
        for (const Frame& frame : frames(id)) {
            if (frame.is_event()) {
                const jute::WatcherEvent event = frame.event();
                lines.push_back("E" + std::to_string(static_cast<int>(event.type)) + ":" +
                                event.path);
            } else {
                lines.push_back(std::to_string(frame.header.xid.value()) + ":" +
                                std::to_string(static_cast<int>(frame.header.error)));
            }
        }
        return lines;
    }

    /// Applies a txn as the core would; gives what the frontend must be told.
    template <class Body>
    request::Changed apply(OpCode type, const Body& body, std::int64_t session = 0) {
        jute::Txn txn;
        txn.header = {SessionId(session), Xid(0), Zxid(++zxid), WallMs(1000 + zxid), type};
        txn.body = body;
        tree::ApplyResult result = tree.apply(txn);
        return request::Changed{
            Zxid(zxid),
            std::make_shared<const std::vector<tree::Change>>(std::move(result.changes))};
    }
    request::Changed create(const std::string& path,
                            jute::AclList acl = tree::open_acl_list(),
                            jute::Buffer data = "x") {
        return apply(OpCode::create,
                     jute::CreateTxn{path, std::move(data), std::move(acl), false, -1});
    }
    request::Changed create_ephemeral(const std::string& path, std::int64_t session) {
        return apply(
            OpCode::create, jute::CreateTxn{path, "x", tree::open_acl_list(), true, -1}, session);
    }
    request::Changed remove(const std::string& path) {
        return apply(OpCode::remove, jute::DeleteTxn{path});
    }
    request::Changed set_data(const std::string& path, const std::string& data) {
        const std::int32_t version = tree.stat_of(*tree.find(path)).version;
        return apply(OpCode::set_data, jute::SetDataTxn{path, data, version + 1});
    }
    request::Reply reply(ConnectionId id,
                         std::int64_t session,
                         std::int32_t xid,
                         OpCode op,
                         ErrorCode error = ErrorCode::ok,
                         Bytes body = {}) const {
        return {{3, id}, SessionId(session), Xid(xid), op, Zxid(zxid), error, std::move(body)};
    }
    template <class Message>
    std::vector<Message> told_core() {
        std::vector<Message> found;
        for (const auto& message : to_core) {
            if (const auto* one = std::get_if<Message>(&message)) found.push_back(*one);
        }
        return found;
    }
    static jute::PathWatchRequest watch(const std::string& path) { return {path, true}; }
    static jute::PathWatchRequest plain(const std::string& path) { return {path, false}; }
    static jute::Acl acl(std::int32_t perms, const std::string& scheme, const std::string& id) {
        return {perms, {scheme, id}};
    }

    tree::DataTree tree;
    std::int64_t zxid = 0;
    Instant now{};
    Frontend frontend;
    Out out;
    std::vector<request::ToCore> to_core;
    std::vector<FourLetterAsked> words;
    std::map<ConnectionId, Bytes> sent;
    std::map<ConnectionId, Orders> orders;
    bool hold_output = false;
};

}  // namespace zk::frontend
