#include "sim/sim_client.h"

#include "sim/history.h"
#include "sim/world.h"

namespace zk::sim {
namespace {
constexpr std::size_t kInFlightMax = 3;
constexpr std::int32_t kFrameMax = limits::kJuteMaxBuffer * 4;
const jute::AclList kOpen = {{.perms = perms::kAll, .id = {"world", "anyone"}}};

Bytes create_body(const std::string& path, const Bytes& data, CreateMode mode) {
    return jute::encode(jute::CreateRequest{path, data, kOpen, mode});
}
}  // namespace

SimClient::SimClient(World& world, int number)
    : world_(world), number_(number), decoder_(kFrameMax) {
    for (int i = 0; i < world_.client_count(); ++i) registers_to_read_.insert(i);
}

void SimClient::start() { connect_later(); }

void SimClient::complain(const std::string& what) {
    world_.fail("client " + std::to_string(number_) + ": " + what);
}

// ---- connection and session

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
    decoder_ = jute::FrameDecoder(kFrameMax);
    forget_in_flight();
    Bytes frame;
    Bytes payload = jute::encode(
        jute::ConnectRequest{.protocol_version = 0,
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

// What was in flight may have happened or not. The session is kept even if its close was among it:
// only with this session does the server put a late write of the old connection before the next
// ones, or refuse it.
void SimClient::forget_in_flight() {
    for (const Request& request : in_flight_) {
        if (request.kind == Kind::raise_counter) world_.history().counter_unknown();
    }
    in_flight_.clear();
    watched_.clear();
    last_asked_ = false;
}

void SimClient::lose_session() {
    session_ = SessionId(0);
    password_.clear();
    ephemerals_.clear();
}

void SimClient::drop() {
    world_.client_closes(*this, connection_);
    forget_in_flight();
    connection_ = 0;
    connect_later();
}

void SimClient::on_closed(std::uint64_t connection) {
    if (connection != connection_ && state_ != State::connecting) return;
    forget_in_flight();
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
            on_frame(Bytes(*frame));
        }
    }
}

void SimClient::on_connect_response(ByteView frame) {
    const auto response = jute::decode<jute::ConnectResponse>(frame);
    if (!response) return complain("bad ConnectResponse");
    if (response->session == SessionId(0)) {
        lose_session();
        return drop();
    }
    if (session_ != SessionId(0) && response->session != session_) {
        return complain("asked for session " + to_string(session_) + ", got " +
                        to_string(response->session));
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

// ---- answers

void SimClient::on_frame(ByteView frame) {
    jute::InputArchive archive(frame);
    const auto header = archive.get<jute::ReplyHeader>();
    if (!archive.ok()) return complain("reply without header");
    if (header.xid == Xid(xids::kNotification)) return on_event(archive.rest());
    if (in_flight_.empty() || in_flight_.front().xid != header.xid) {
        return complain("reply out of order, xid " + to_string(header.xid));
    }
    const Request request = in_flight_.front();
    in_flight_.pop_front();
    if (header.zxid > Zxid(0)) {
        if (header.zxid < last_zxid_) {
            complain("zxid went back from " + to_string(last_zxid_) + " to " +
                     to_string(header.zxid));
        }
        last_zxid_ = header.zxid;
    }
    if (header.error == ErrorCode::session_expired) {
        if (request.kind == Kind::raise_counter) world_.history().counter_unknown();
        return drop();
    }
    on_reply(request, header.error, archive.rest());
    // A pause now and then, so that runs are not all load.
    const std::uint64_t life = life_;
    world_.later(milliseconds(world_.random().between(0, 60)), [this, life] {
        if (life == life_ && state_ == State::serving) send_more();
    });
}

void SimClient::on_event(ByteView body) {
    const auto event = jute::decode<jute::WatcherEvent>(body);
    if (!event) return complain("bad watch event");
    for (auto watch = watched_.begin(); watch != watched_.end(); ++watch) {
        if (register_path(watch->first) != event->path) continue;
        watched_.erase(watch);
        return;
    }
    complain("event for " + event->path + " without a watch");
}

void SimClient::on_reply(const Request& request, ErrorCode error, ByteView body) {
    History& history = world_.history();
    const auto must_be_ok = [&] {
        if (error == ErrorCode::ok) return true;
        complain(request.path + " answered " + std::string(to_string(error)));
        return false;
    };
    switch (request.kind) {
        case Kind::prepare:
            if (error != ErrorCode::node_exists && !must_be_ok()) return;
            prepared_ = prepared_ || request.path == kCounterPath;
            break;
        case Kind::create:
            if (!must_be_ok()) return;
            created_.push_back(request.path);
            history.created(request.path);
            world_.count_acknowledged();
            break;
        case Kind::pair:
            if (!must_be_ok()) return;
            history.pair_made(request.path);
            world_.count_acknowledged();
            break;
        case Kind::ephemeral:
            if (must_be_ok()) ephemerals_.insert(request.path);
            break;
        case Kind::own_ephemeral:
        case Kind::gone:
        case Kind::created:
            return on_exists(request, error);
        case Kind::set_register:
            if (!must_be_ok()) return;
            history.register_set(number_, request.value);
            seen_[number_] = request.value;
            world_.count_acknowledged();
            break;
        case Kind::read_register:
        case Kind::read_counter: {
            if (error == ErrorCode::no_node) break;  // not made yet
            if (!must_be_ok()) return;
            jute::InputArchive archive(body);
            const Bytes data = archive.get<jute::Buffer>().value_or("");
            const auto stat = archive.get<jute::Stat>();
            if (!archive.ok()) return complain("bad getData answer");
            if (request.kind == Kind::read_register) return on_register(request, data);
            if (finishing_) break;
            const std::int64_t raised = number_in(data) + 1;
            send({.xid = {}, .kind = Kind::raise_counter, .path = kCounterPath},
                 OpCode::set_data,
                 jute::encode(
                     jute::SetDataRequest{kCounterPath, std::to_string(raised), stat.version}));
            break;
        }
        case Kind::raise_counter:
            if (error == ErrorCode::bad_version) break;
            if (must_be_ok()) history.counter_raised();
            break;
        case Kind::sync:
        case Kind::ping:
            must_be_ok();
            break;
        case Kind::close:
            if (!must_be_ok()) return;
            for (const std::string& path : ephemerals_) {
                gone_.push_back(path);
                history.ephemeral_gone(path);
            }
            lose_session();
            drop();
            break;
    }
}

void SimClient::on_register(const Request& request, const Bytes& data) {
    const std::int64_t value = number_in(data);
    const std::string words = request.path + " holds " + std::to_string(value);
    if (value < seen_[request.target]) {
        return complain(words + " after " + std::to_string(seen_[request.target]) + " was seen");
    }
    if (value < request.value) {
        return complain(words + " behind a sync, but " + std::to_string(request.value) +
                        " had been acknowledged");
    }
    const auto watch = watched_.find(request.target);
    if (watch != watched_.end() && watch->second != value) {
        return complain(words + ", which its watch has not told");
    }
    seen_[request.target] = value;
    if (request.watch) watched_.emplace(request.target, value);
    if (finishing_ && request.value == world_.history().acknowledged(request.target)) {
        registers_to_read_.erase(request.target);
    }
}

void SimClient::on_exists(const Request& request, ErrorCode error) {
    if (error != ErrorCode::ok && error != ErrorCode::no_node) {
        return complain(request.path + " answered " + std::string(to_string(error)));
    }
    if ((request.kind == Kind::gone) == (error == ErrorCode::ok)) {
        complain(request.path + (error == ErrorCode::ok
                                     ? " is still there, its session was closed"
                                     : " is not there, its create was acknowledged"));
    }
}

// ---- requests

void SimClient::send_more() {
    while (state_ == State::serving && in_flight_.size() < kInFlightMax) {
        if (!finishing_) {
            send_one();
        } else if (!in_flight_.empty() || registers_to_read_.empty()) {
            return;
        } else {
            send_last();
        }
        if (!in_flight_.empty() && in_flight_.back().kind == Kind::close) return;
    }
}

void SimClient::send_one() {
    if (!prepared_) {
        // Nothing else before these are known to exist.
        if (!in_flight_.empty()) {
            send({.xid = {}, .kind = Kind::ping}, OpCode::ping, "");
            return;
        }
        value_ = std::max<std::int64_t>(value_, 0);
        send_create(Kind::prepare, register_path(number_), "0");
        send_create(Kind::prepare, kCounterPath, "0");
        return;
    }
    const std::uint64_t dice = world_.random().below(100);
    Random& random = world_.random();
    const auto pick = [&random](const auto& items) {
        auto item = items.begin();
        std::advance(item, static_cast<std::ptrdiff_t>(random.below(items.size())));
        return *item;
    };
    if (dice < 15 && !created_.empty()) return send_exists(Kind::created, pick(created_));
    if (dice < 20 && !ephemerals_.empty())
        return send_exists(Kind::own_ephemeral, pick(ephemerals_));
    if (dice < 25 && !gone_.empty()) return send_exists(Kind::gone, pick(gone_));
    if (dice < 40) {
        return send_read(static_cast<int>(random.below(registers_to_read_.size())), false);
    }
    if (dice < 43)
        return send(
            {.xid = {}, .kind = Kind::sync}, OpCode::sync, jute::encode(jute::SyncRequest{"/"}));
    if (dice < 46) return send({.xid = {}, .kind = Kind::ping}, OpCode::ping, "");
    if (dice < 47) return send({.xid = {}, .kind = Kind::close}, OpCode::close_session, "");
    send_write(dice);
}

void SimClient::send_write(std::uint64_t dice) {
    if (dice < 55) {
        return send({.xid = {}, .kind = Kind::read_counter, .path = kCounterPath},
                    OpCode::get_data,
                    jute::encode(jute::PathWatchRequest{kCounterPath, false}));
    }
    if (dice < 60) return send_create(Kind::ephemeral, new_name("e"), "e");
    if (dice < 68) return send_pair();
    if (dice < 84) return send_create(Kind::create, new_name("c"), "x");
    const std::string path = register_path(number_);
    world_.history().register_tried(number_, ++value_);
    send({.xid = {}, .kind = Kind::set_register, .path = path, .target = number_, .value = value_},
         OpCode::set_data,
         jute::encode(jute::SetDataRequest{path, std::to_string(value_), -1}));
}

// With the faults over, a read behind a sync must see all that was ever acknowledged.
void SimClient::send_last() { send_read(*registers_to_read_.begin(), true); }

void SimClient::send_read(int target, bool fresh) {
    if (fresh) {
        send({.xid = {}, .kind = Kind::sync}, OpCode::sync, jute::encode(jute::SyncRequest{"/"}));
    }
    const std::string path = register_path(target);
    const bool watch = world_.random().chance(40);
    send({.xid = {},
          .kind = Kind::read_register,
          .path = path,
          .target = target,
          .value = fresh ? world_.history().acknowledged(target) : 0,
          .watch = watch},
         OpCode::get_data,
         jute::encode(jute::PathWatchRequest{path, watch}));
}

void SimClient::send_exists(Kind kind, const std::string& path) {
    send({.xid = {}, .kind = kind, .path = path},
         OpCode::exists,
         jute::encode(jute::PathWatchRequest{path, false}));
}

void SimClient::send_create(Kind kind, const std::string& path, const Bytes& data) {
    const auto mode = kind == Kind::ephemeral ? CreateMode::ephemeral : CreateMode::persistent;
    send({.xid = {}, .kind = kind, .path = path}, OpCode::create, create_body(path, data, mode));
}

void SimClient::send_pair() {
    const std::string path = new_name("m");
    Bytes body;
    jute::OutputArchive archive(body);
    for (const char* half : {"a", "b"}) {
        archive.write(jute::MultiHeader{
            .type = OpCode::create, .done = false, .error = static_cast<ErrorCode>(-1)});
        archive.write(jute::CreateRequest{path + half, Bytes("m"), kOpen, CreateMode::persistent});
    }
    archive.write(jute::MultiHeader{
        .type = OpCode::error, .done = true, .error = static_cast<ErrorCode>(-1)});
    world_.history().pair_tried(path);
    send({.xid = {}, .kind = Kind::pair, .path = path}, OpCode::multi, body);
}

std::string SimClient::new_name(const char* kind) {
    return std::string("/") + kind + std::to_string(number_) + "-" + std::to_string(next_name_++);
}

void SimClient::send(Request request, OpCode op, const Bytes& body) {
    request.xid = op == OpCode::ping ? Xid(xids::kPing) : Xid(next_xid_++);
    Bytes frame;
    jute::append_frame(frame, jute::encode(jute::RequestHeader{request.xid, op}) + body);
    in_flight_.push_back(std::move(request));
    world_.client_sends(*this, connection_, frame);
}

}  // namespace zk::sim
