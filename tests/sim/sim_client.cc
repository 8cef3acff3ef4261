#include "sim/sim_client.h"

#include "jute/protocol.h"
#include "sim/world.h"

namespace zk::sim {
namespace {
constexpr std::size_t kInFlightMax = 3;
const jute::AclList kOpen = {{.perms = perms::kAll, .id = {"world", "anyone"}}};
}  // namespace

SimClient::SimClient(World& world, int number)
    : world_(world), number_(number), decoder_(limits::kJuteMaxBuffer * 4) {}

void SimClient::start() { connect_later(); }

void SimClient::connect_later() {
    state_ = State::disconnected;
    const std::uint64_t life = ++life_;
    world_.later(milliseconds(world_.random().between(20, 200)), [this, life] {
        if (life != life_) return;
        state_ = State::connecting;
        world_.connect(*this);
    });
}

void SimClient::on_connected(std::uint64_t connection) {
    connection_ = connection;
    state_ = State::handshake;
    decoder_ = jute::FrameDecoder(limits::kJuteMaxBuffer * 4);
    in_flight_.clear();
    Bytes frame;
    Bytes payload = jute::encode(jute::ConnectRequest{
        .protocol_version = 0,
        .last_zxid_seen = last_zxid_,
        .timeout_ms = 6000,
        .session = session_,
        .password = password_.empty() ? Bytes(16, '\0') : password_});
    payload.push_back('\0');
    jute::append_frame(frame, payload);
    world_.client_sends(*this, connection_, frame);
    // A server that never answers is given up.
    const std::uint64_t life = life_;
    world_.later(milliseconds(4000), [this, life] {
        if (life == life_ && state_ == State::handshake) drop();
    });
}

void SimClient::drop() {
    world_.client_closes(*this, connection_);
    in_flight_.clear();
    connection_ = 0;
    connect_later();
}

void SimClient::on_closed(std::uint64_t connection) {
    if (connection != connection_ && state_ != State::connecting) return;
    in_flight_.clear();
    connection_ = 0;
    connect_later();
}

void SimClient::on_bytes(std::uint64_t connection, ByteView bytes) {
    if (connection != connection_) return;
    decoder_.feed(bytes);
    const std::uint64_t life = life_;
    while (life == life_) {
        const auto frame = decoder_.next();
        if (!frame) break;
        if (state_ == State::handshake) {
            on_connect_response(Bytes(*frame));
        } else {
            on_reply(Bytes(*frame));
        }
    }
}

void SimClient::on_connect_response(ByteView frame) {
    const auto response = jute::decode<jute::ConnectResponse>(frame);
    if (!response) return world_.fail("client " + std::to_string(number_) + ": bad ConnectResponse");
    if (response->session == SessionId(0)) {
        session_ = SessionId(0);
        password_.clear();
        return drop();
    }
    session_ = response->session;
    password_ = response->password.value_or("");
    state_ = State::serving;
    send_more();
    // Silence on a connection for longer than the session lives: try another server.
    const std::uint64_t life = life_;
    world_.later(milliseconds(7000), [this, life] {
        if (life == life_ && state_ == State::serving && !in_flight_.empty()) drop();
    });
}

void SimClient::on_reply(ByteView frame) {
    const auto header = jute::decode<jute::ReplyHeader>(frame);
    if (!header) return world_.fail("client: reply without header");
    if (header->xid == Xid(xids::kNotification)) return;
    if (in_flight_.empty() || in_flight_.front().xid != header->xid) {
        return world_.fail("client " + std::to_string(number_) + ": reply out of order, xid " +
                           to_string(header->xid));
    }
    const Request request = in_flight_.front();
    in_flight_.pop_front();
    if (header->zxid > Zxid(0)) {
        if (header->zxid < last_zxid_) {
            world_.fail("client " + std::to_string(number_) + ": zxid went back from " +
                        to_string(last_zxid_) + " to " + to_string(header->zxid));
        }
        last_zxid_ = header->zxid;
    }
    check_reply(request, header->error);
    // A pause now and then, so that runs are not all load.
    const std::uint64_t life = life_;
    world_.later(milliseconds(world_.random().between(0, 60)), [this, life] {
        if (life == life_ && state_ == State::serving) send_more();
    });
}

void SimClient::check_reply(const Request& request, ErrorCode error) {
    const auto complain = [&] {
        world_.fail("client " + std::to_string(number_) + ": " + std::string(to_string(request.op)) +
                    " " + request.path + " answered " + std::string(to_string(error)));
    };
    switch (request.op) {
        case OpCode::create:
            // A retry may find what an unanswered attempt has made.
            if (error == ErrorCode::ok || error == ErrorCode::node_exists) {
                created_.insert(request.path);
                world_.count_acknowledged();
            } else if (error != ErrorCode::session_expired) {
                complain();
            }
            break;
        case OpCode::exists:
            if (error != ErrorCode::ok) complain();
            break;
        case OpCode::set_data:
            if (error != ErrorCode::ok && error != ErrorCode::no_node &&
                error != ErrorCode::session_expired) {
                complain();
            }
            break;
        default:
            if (error != ErrorCode::ok) complain();
            break;
    }
}

void SimClient::send_more() {
    if (finishing_ && !in_flight_.empty()) return;
    while (state_ == State::serving && in_flight_.size() < kInFlightMax) {
        const int dice = static_cast<int>(world_.random().below(100));
        if (!created_.empty() && (dice < 25 || finishing_)) {
            auto pick = created_.begin();
            std::advance(pick, static_cast<std::ptrdiff_t>(world_.random().below(created_.size())));
            send(OpCode::exists, *pick, jute::encode(jute::PathWatchRequest{*pick, dice < 5}));
        } else if (dice < 40) {
            send(OpCode::set_data,
                 "/shared",
                 jute::encode(jute::SetDataRequest{
                     "/shared", Bytes(world_.random().below(60), 'd'), -1}));
        } else if (dice < 45) {
            send(OpCode::sync, "/", jute::encode(jute::SyncRequest{"/"}));
        } else if (dice < 50) {
            send(OpCode::ping, "", "");
        } else {
            // Some names are reused after a lost connection, because next_node_ moves on acknowledged ones only.
            const std::string path =
                "/c" + std::to_string(number_) + "-" +
                std::to_string(static_cast<int>(created_.size()) + static_cast<int>(in_flight_.size()));
            const bool shared = created_.empty() && number_ == 0 && in_flight_.empty();
            send(OpCode::create,
                 shared ? "/shared" : path,
                 jute::encode(jute::CreateRequest{
                     shared ? "/shared" : path, Bytes("x"), kOpen, CreateMode::persistent}));
        }
        if (finishing_) return;
    }
}

void SimClient::send(OpCode op, const std::string& path, const Bytes& body) {
    const Xid xid = op == OpCode::ping ? Xid(xids::kPing) : Xid(next_xid_++);
    in_flight_.push_back({xid, op, path});
    Bytes frame;
    jute::append_frame(frame, jute::encode(jute::RequestHeader{xid, op}) + body);
    world_.client_sends(*this, connection_, frame);
}

}  // namespace zk::sim
