#include "client/connection.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/write.hpp>

#include "asio_impl/await.h"
#include "base/limits.h"

namespace zk::client {
namespace {

namespace asio = boost::asio;
using asio_impl::kAwait;

// Answers may be larger than requests: a list of children has no bound of its own.
constexpr std::int32_t kAnswerBytesMax = limits::kJuteRecordMost;

std::string place_of(const ClientOptions& options) {
    return options.host + ":" + std::to_string(options.port);
}
Error closed_error(const ClientOptions& options, const std::string& words) {
    return {Errc::closed, place_of(options) + ": " + words};
}

Bytes connect_frame(const ClientOptions& options) {
    jute::ConnectRequest request;
    request.last_zxid_seen = options.last_zxid_seen;
    request.timeout_ms = static_cast<std::int32_t>(options.session_timeout.count());
    request.session = options.session;
    request.password = options.password.empty() ? Bytes(16, '\0') : options.password;
    Bytes payload = jute::encode(request);
    payload.push_back(options.read_only ? '\1' : '\0');
    Bytes frame;
    jute::append_frame(frame, payload);
    return frame;
}

}  // namespace

Connection::Connection(const asio::any_io_executor& executor, ClientOptions client_options)
    : options(std::move(client_options)),
      executor_(executor),
      socket_(executor),
      idle_timer_(executor),
      decoder_(kAnswerBytesMax) {}

asio::awaitable<Result<>> Connection::connect() {
    const auto self = shared_from_this();
    const auto deadline = std::make_shared<asio::steady_timer>(executor_, options.connect_timeout);
    auto expire = [self, deadline](const boost::system::error_code& code) {
        // The handshake may have ended in the same turn of the loop.
        if (code || self->open) return;
        self->shut(Error(Errc::timeout,
                         place_of(self->options) + ": no session within " +
                             std::to_string(self->options.connect_timeout.count()) + " ms"));
    };
    deadline->async_wait(std::move(expire));
    auto dialled = co_await dial();
    if (dialled.has_value()) dialled = co_await handshake();
    deadline->cancel();
    if (ended_) co_return *ended_;
    if (!dialled.has_value()) {
        shut(dialled.error());
        co_return dialled.error();
    }
    open = true;
    auto reader = [self]() -> asio::awaitable<void> { co_await self->read_loop(); };
    asio::co_spawn(executor_, std::move(reader), asio::detached);
    auto pinger = [self]() -> asio::awaitable<void> { co_await self->ping_loop(); };
    asio::co_spawn(executor_, std::move(pinger), asio::detached);
    co_return ok();
}

asio::awaitable<Result<>> Connection::dial() {
    boost::system::error_code code;
    const auto address = asio::ip::make_address(options.host, code);
    std::vector<asio::ip::tcp::endpoint> endpoints;
    if (!code) {
        endpoints.emplace_back(address, options.port);
    } else {
        asio::ip::tcp::resolver resolver(executor_);
        auto [failed, found] =
            co_await resolver.async_resolve(options.host, std::to_string(options.port), kAwait);
        if (failed) co_return Error(failed, "cannot resolve " + options.host);
        for (const auto& entry : found) endpoints.push_back(entry.endpoint());
    }
    boost::system::error_code last = asio::error::host_not_found;
    for (const auto& endpoint : endpoints) {
        if (ended_) co_return *ended_;
        boost::system::error_code ignored;
        socket_.close(ignored);
        auto [failed] = co_await socket_.async_connect(endpoint, kAwait);
        last = failed;
        if (!failed) break;
    }
    if (last) co_return Error(last, "connect to " + place_of(options));
    socket_.set_option(asio::ip::tcp::no_delay(true), code);
    co_return ok();
}

asio::awaitable<Result<>> Connection::handshake() {
    const Bytes frame = connect_frame(options);
    auto [failed, sent] = co_await asio::async_write(socket_, asio::buffer(frame), kAwait);
    if (failed) co_return Error(failed, "handshake with " + place_of(options));
    ZK_CO_TRY(const Bytes answer, co_await read_first_frame());
    const auto response = jute::decode<jute::ConnectResponse>(answer);
    if (!response) {
        co_return Error(Errc::corrupt, place_of(options) + ": not a ZooKeeper server's handshake");
    }
    if (response->timeout_ms <= 0) {
        co_return Error(Errc::refused, place_of(options) + ": the session has expired");
    }
    session = *response;
    // One byte behind the record, since 3.4: this server is cut off and serves reads only.
    read_only = answer.size() > jute::encode(*response).size() && answer.back() != '\0';
    co_return ok();
}

asio::awaitable<Result<Bytes>> Connection::read_first_frame() {
    std::array<char, 4096> buffer{};
    for (;;) {
        if (const auto frame = decoder_.next()) co_return Bytes(*frame);
        if (decoder_.broken()) co_return closed_error(options, "a frame of impossible length");
        auto [failed, size] = co_await socket_.async_read_some(asio::buffer(buffer), kAwait);
        if (failed) {
            co_return closed_error(options, "the server ended the handshake; it may not serve now");
        }
        decoder_.feed(ByteView(buffer.data(), size));
    }
}

asio::awaitable<void> Connection::read_loop() {
    const auto self = shared_from_this();
    std::array<char, 16384> buffer{};
    while (!ended_) {
        while (const auto frame = decoder_.next()) take_frame(*frame);
        if (decoder_.broken()) {
            shut(closed_error(options, "a frame of impossible length"));
            break;
        }
        auto [failed, size] = co_await socket_.async_read_some(asio::buffer(buffer), kAwait);
        if (failed) {
            shut(closed_error(options, "the connection ended: " + failed.message()));
            break;
        }
        decoder_.feed(ByteView(buffer.data(), size));
    }
}

void Connection::take_frame(ByteView frame) {
    jute::InputArchive archive(frame);
    RawReply reply;
    archive.read(reply.header);
    if (!archive.ok()) return shut(closed_error(options, "a reply without header"));
    if (reply.header.xid == Xid(xids::kNotification)) {
        if (!on_event) return;
        const auto event = archive.get<jute::WatcherEvent>();
        if (!archive.ok()) return shut(closed_error(options, "a watch event that is too short"));
        const auto tell = on_event;  // shut() takes it away, and whoever hears may end us
        return tell(event);
    }
    if (reply.header.zxid > last_zxid) last_zxid = reply.header.zxid;
    const auto first = take_pending(reply.header.xid);
    if (!first) return shut(closed_error(options, "a reply that nobody waits for"));
    reply.body.assign(archive.rest());
    if (first->heard) first->heard(reply.header);
    first->answer.emplace(std::move(reply));
    first->timer.cancel();
}

/// Answers come in the order of the requests, but Apache's servers answer an auth at once.
std::shared_ptr<Connection::Pending> Connection::take_pending(Xid xid) {
    const auto is_it = [xid](const auto& pending) { return pending->xid == xid; };
    auto found = pending_.begin();
    if (xid == Xid(xids::kAuth)) found = std::find_if(found, pending_.end(), is_it);
    if (found == pending_.end() || !is_it(*found)) return nullptr;
    const auto first = *found;
    pending_.erase(found);
    return first;
}

asio::awaitable<void> Connection::ping_loop() {
    const auto self = shared_from_this();
    const auto interval = std::chrono::milliseconds(std::max(session.timeout_ms / 3, 10));
    while (!ended_) {
        idle_timer_.expires_after(interval);
        auto [failed] = co_await idle_timer_.async_wait(kAwait);
        if (failed || ended_) co_return;
        // A ping that gets no answer ends the connection by its own timeout.
        const auto patience = options.leaves_silent_server ? interval : options.request_timeout;
        auto answer = co_await ask(OpCode::ping, Bytes(), {}, patience);
        if (!answer.has_value() && !ended_) shut(answer.error());
    }
}

Xid Connection::xid_for(OpCode op) {
    switch (op) {
        case OpCode::ping:
            return Xid(xids::kPing);
        case OpCode::auth:
            return Xid(xids::kAuth);
        case OpCode::set_watches:
        case OpCode::set_watches2:
            return Xid(xids::kSetWatches);
        default:
            break;
    }
    const Xid xid(next_xid_);
    next_xid_ = next_xid_ == std::numeric_limits<std::int32_t>::max() ? 1 : next_xid_ + 1;
    return xid;
}

asio::awaitable<Result<RawReply>> Connection::request(OpCode op, Bytes body, OnAnswer heard) {
    const auto self = shared_from_this();
    co_return co_await ask(op, std::move(body), std::move(heard), options.request_timeout);
}

asio::awaitable<Result<RawReply>> Connection::ask(OpCode op,
                                                  Bytes body,
                                                  OnAnswer heard,
                                                  std::chrono::milliseconds timeout) {
    const auto self = shared_from_this();
    if (ended_) co_return *ended_;
    if (!open) co_return Error(Errc::closed, place_of(options) + ": not connected");
    const Xid xid = xid_for(op);
    jute::RequestHeader header;
    header.xid = xid;
    header.op = op;
    Bytes frame;
    jute::append_frame(frame, jute::encode(header) + body);
    const auto mine = std::make_shared<Pending>(executor_, xid);
    mine->heard = std::move(heard);
    pending_.push_back(mine);
    send(std::move(frame));
    mine->timer.expires_after(timeout);
    if (!mine->answer) co_await mine->timer.async_wait(kAwait);
    if (mine->answer) co_return *std::move(mine->answer);
    // The entry stays in the queue: its answer may still come and has to be matched.
    co_return Error(
        Errc::timeout,
        place_of(options) + ": no answer within " + std::to_string(timeout.count()) + " ms");
}

void Connection::send(Bytes frame) {
    outbox_ += frame;
    if (!writing_) write_on();
}

void Connection::write_on() {
    writing_ = true;
    in_flight_ = std::exchange(outbox_, Bytes());
    auto done = [self = shared_from_this()](const boost::system::error_code& code, std::size_t) {
        self->writing_ = false;
        if (code) {
            return self->shut(closed_error(self->options, "write: " + code.message()));
        }
        if (!self->outbox_.empty()) self->write_on();
    };
    asio::async_write(socket_, asio::buffer(in_flight_), std::move(done));
}

void Connection::shut(Error why) {
    if (ended_) return;
    ended_ = std::move(why);
    const bool was_open = std::exchange(open, false);
    boost::system::error_code ignored;
    socket_.close(ignored);
    idle_timer_.cancel();
    for (const auto& waiting : std::exchange(pending_, {})) {
        waiting->answer.emplace(*ended_);
        waiting->timer.cancel();
    }
    // What the owner gave may hold the owner, who holds us.
    on_event = {};
    if (const auto tell = std::exchange(on_end, {}); tell && was_open) tell();
}

}  // namespace zk::client
