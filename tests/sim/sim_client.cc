#include "sim/sim_client.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "sim/judge.h"
#include "sim/world.h"

namespace zk::sim {
namespace {
constexpr std::int32_t kFrameMax = limits::kJuteMaxBuffer * 4;
constexpr Duration kPatienceMin = milliseconds(2500);  ///< for an answer
}  // namespace

SimClient::SimClient(World& world, const WorkloadOptions& options, int number)
    : world_(world),
      options_(options),
      number_(number),
      workload_(options, world.random(), number),
      decoder_(kFrameMax),
      timeout_ms_(2000 + options.timeout_step_ms * (number % 4)) {}

void SimClient::start() { connect_later(); }

void SimClient::complain(const std::string& what) {
    world_.fail("client " + std::to_string(number_) + ": " + what);
}

// ---- connection and session

void SimClient::connect_after(Duration delay) {
    state_ = State::away;
    connection_ = 0;
    closing_ = false;
    looked_ = false;
    rest_.clear();
    in_flight_.clear();
    const std::uint64_t life = ++life_;
    world_.later(delay, [this, life] {
        if (life != life_) return;
        state_ = State::connecting;
        world_.connect(*this);
    });
}

void SimClient::connect_later() {
    Random& random = world_.random();
    if (!finishing_ && random.chance(options_.abandon_percent)) lose_session();
    const bool away = !finishing_ && random.chance(options_.away_percent);
    connect_after(milliseconds(away ? random.between(500, 7000) : random.between(10, 200)));
}

std::string SimClient::describe() const {
    std::string text = "client " + std::to_string(number_);
    if (!connected()) return text + " has no session";
    text += " on connection " + std::to_string(connection_) + " waits";
    if (!in_flight_.empty()) {
        const auto& [xid, asked] = in_flight_.front();
        text += " for the answers to " + std::to_string(in_flight_.size()) +
                " requests, first xid " + to_string(xid) + " op " +
                std::string(to_string(asked.op));
    }
    return text;
}

void SimClient::finish() {
    finishing_ = true;
    if (state_ == State::away) return connect_after(milliseconds(10));
    if (state_ == State::serving) send_more();
}

void SimClient::lose_session() {
    session_ = SessionId();
    password_.clear();
    data_.clear();
    exist_.clear();
    child_.clear();
}

void SimClient::drop() {
    world_.client_closes(*this, connection_);
    world_.judge().closed(connection_);
    connect_later();
}

void SimClient::on_closed(std::uint64_t connection) {
    if (connection != connection_ && state_ != State::connecting) return;
    world_.judge().closed(connection);
    connect_later();
}

void SimClient::on_connected(std::uint64_t connection) {
    connection_ = connection;
    state_ = State::handshake;
    decoder_ = jute::FrameDecoder(kFrameMax);
    world_.judge().connecting(
        number_, connection, session_, workload_.identity(), world_.applied_behind(connection));
    Bytes payload = jute::encode(
        jute::ConnectRequest{.protocol_version = 0,
                             .last_zxid_seen = last_zxid_,
                             .timeout_ms = timeout_ms_,
                             .session = session_,
                             .password = password_.empty() ? Bytes(16, '\0') : password_});
    payload.push_back('\0');
    Bytes frame;
    jute::append_frame(frame, payload);
    world_.client_sends(*this, connection_, frame);
    sent_ = heard_ = world_.now();
    look_after(life_);
}

// Pings while it has nothing else to say; a server that does not answer is given up.
void SimClient::look_after(std::uint64_t life) {
    world_.later(milliseconds(timeout_ms_ / 8), [this, life] {
        if (life != life_) return;
        if (stuck()) return look_after(life);
        const bool waits = state_ == State::handshake || !in_flight_.empty();
        const Duration patience =
            std::max<Duration>(milliseconds(timeout_ms_) * 2 / 3, kPatienceMin);
        if (waits && world_.now() - heard_ > patience) return drop();
        if (state_ == State::serving && !closing_ &&
            world_.now() - sent_ >= milliseconds(timeout_ms_ / 5)) {
            ask({OpCode::ping, {}});
        }
        look_after(life);
    });
}

void SimClient::on_bytes(std::uint64_t connection, ByteView bytes) {
    if (connection != connection_) return;
    heard_ = world_.now();
    decoder_.feed(bytes);
    const std::uint64_t life = life_;
    while (life == life_) {
        const auto next = decoder_.next();
        if (!next) break;
        const Bytes frame(*next);
        if (state_ == State::handshake) {
            on_connect_response(frame);
        } else {
            on_frame(frame);
        }
    }
}

void SimClient::on_connect_response(ByteView frame) {
    const auto response = jute::decode<jute::ConnectResponse>(frame);
    if (!response) return complain("bad ConnectResponse");
    world_.judge().connected(connection_, *response, world_.now());
    if (response->session == SessionId()) {
        lose_session();
        return drop();
    }
    session_ = response->session;
    password_ = response->password.value_or("");
    state_ = State::serving;
    const std::string credentials = workload_.credentials();
    if (!credentials.empty()) {
        send_frame(Xid(xids::kAuth),
                   OpCode::auth,
                   jute::encode(jute::AuthRequest{0, "digest", credentials}));
    }
    set_watches_again();
    send_more();
}

void SimClient::set_watches_again() {
    if (data_.empty() && exist_.empty() && child_.empty()) return;
    jute::SetWatchesRequest request{
        .relative_zxid = last_zxid_, .data = {}, .exist = {}, .child = {}};
    request.data.assign(data_.begin(), data_.end());
    request.exist.assign(exist_.begin(), exist_.end());
    request.child.assign(child_.begin(), child_.end());
    ask({OpCode::set_watches, jute::encode(request)});
}

// ---- answers

void SimClient::on_frame(ByteView frame) {
    jute::InputArchive archive(frame);
    const auto header = archive.get<jute::ReplyHeader>();
    if (!archive.ok()) return complain("reply without header");
    if (header.xid == Xid(xids::kNotification)) return on_event(header.zxid, archive.rest());
    if (header.xid == Xid(xids::kAuth)) {
        if (header.error != ErrorCode::ok)
            complain("auth answered " + std::string(to_string(header.error)));
        return;
    }
    // A session that ended meanwhile: the next connection will be told so.
    if (header.error == ErrorCode::session_expired) return drop();
    world_.judge().answered(connection_, header, archive.rest(), world_.now());
    if (in_flight_.empty()) return;
    const Asked asked = std::move(in_flight_.front().second);
    in_flight_.pop_front();
    if (header.zxid > last_zxid_) last_zxid_ = header.zxid;
    learn(asked, header.error, archive.rest());
    if (asked.op == OpCode::close_session) {
        lose_session();
        return drop();
    }
    if (asked.op == OpCode::ping && !finishing_) return;
    const std::uint64_t life = life_;
    world_.later(milliseconds(world_.random().between(0, options_.pause_ms_max)), [this, life] {
        if (life == life_ && state_ == State::serving) send_when_awake(life);
    });
}

void SimClient::learn(const Asked& asked, ErrorCode error, ByteView body) {
    workload_.learn(asked, error, body);
    const bool exists = asked.op == OpCode::exists;
    const bool children = asked.op == OpCode::get_children || asked.op == OpCode::get_children2;
    if (!exists && !children && asked.op != OpCode::get_data) return;
    const auto read = jute::decode<jute::PathWatchRequest>(asked.body);
    if (!read || !read->watch) return;
    if (exists && error == ErrorCode::no_node) {
        exist_.insert(read->path);
    } else if (error == ErrorCode::ok) {
        (children ? child_ : data_).insert(read->path);
    }
}

void SimClient::on_event(Zxid zxid, ByteView body) {
    const auto event = jute::decode<jute::WatcherEvent>(body);
    if (!event) return complain("bad watch event");
    world_.judge().event(connection_, *event, zxid);
    const bool deleted = event->type == EventType::node_deleted;
    if (deleted || event->type == EventType::node_children_changed) child_.erase(event->path);
    if (deleted || event->type != EventType::node_children_changed) {
        data_.erase(event->path);
        exist_.erase(event->path);
    }
}

// ---- requests

void SimClient::stand_still(Instant until) {
    stuck_until_ = until;
    if (state_ != State::serving || closing_ || finishing_ || !rest_.empty()) return;
    if (!world_.random().chance(50)) return;
    halves_ = true;
    ask(workload_.large_write());
    halves_ = false;
    world_.later(until - world_.now(), [this, life = life_] {
        if (life == life_) wake();
    });
}

void SimClient::wake() {
    stuck_until_ = std::min(stuck_until_, world_.now());
    if (rest_.empty() || state_ != State::serving) return;
    world_.client_sends(*this, connection_, std::exchange(rest_, {}));
}

bool SimClient::stuck() const { return world_.now() < stuck_until_; }

void SimClient::send_when_awake(std::uint64_t life) {
    if (!stuck()) return send_more();
    world_.later(stuck_until_ - world_.now(), [this, life] {
        if (life == life_ && state_ == State::serving) send_when_awake(life);
    });
}

void SimClient::send_more() {
    Random& random = world_.random();
    if (closing_) return;
    if (finishing_) {
        if (looked_ || !in_flight_.empty()) return;
        for (const Asked& asked : workload_.last()) ask(asked);
        looked_ = true;
        return;
    }
    if (!prepared_) {
        prepared_ = true;
        for (const Asked& asked : workload_.setup()) ask(asked);
        return;
    }
    const auto wanted = 1 + random.below(static_cast<std::uint64_t>(options_.in_flight_max));
    while (in_flight_.size() < wanted) {
        const auto dice = static_cast<int>(random.below(1000));
        if (dice < options_.drop_per_mille) return drop();
        if (dice < options_.drop_per_mille + options_.close_per_mille) {
            closing_ = true;
            return ask({OpCode::close_session, {}});
        }
        for (const Asked& asked : workload_.next()) ask(asked);
    }
}

void SimClient::ask(const Asked& asked) {
    const Xid xid = asked.op == OpCode::ping          ? Xid(xids::kPing)
                    : asked.op == OpCode::set_watches ? Xid(xids::kSetWatches)
                                                      : Xid(next_xid_++);
    in_flight_.emplace_back(xid, asked);
    world_.judge().sent(connection_, xid, asked.op, asked.body, world_.now());
    send_frame(xid, asked.op, asked.body);
}

void SimClient::send_frame(Xid xid, OpCode op, const Bytes& body) {
    Bytes frame;
    jute::append_frame(frame, jute::encode(jute::RequestHeader{xid, op}) + body);
    if (!rest_.empty()) wake();
    if (halves_) {
        const std::size_t half = 1 + world_.random().below(frame.size() - 1);
        rest_ = frame.substr(half);
        frame.resize(half);
    }
    sent_ = world_.now();
    world_.client_sends(*this, connection_, frame, rest_.empty());
}

}  // namespace zk::sim
