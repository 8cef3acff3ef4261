#include "client/session.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "asio_impl/await.h"
#include "base/check.h"
#include "client/connection.h"
#include "client/reply.h"
#include "client/watches.h"

namespace zk::client {

namespace asio = boost::asio;
using asio_impl::kAwait;
using jute::EventKind;
using jute::KeeperState;

struct Session::Core : std::enable_shared_from_this<Session::Core> {
    Core(asio::any_io_executor on, SessionOptions session_options, OnEvent hear)
        : executor(std::move(on)),
          options(std::move(session_options)),
          on_event(std::move(hear)),
          changed(executor) {
        ZK_ASSERT(!options.where.servers.empty());
        changed.expires_at(asio::steady_timer::time_point::max());
    }

    asio::awaitable<void> run();
    asio::awaitable<Result<>> attach();
    asio::awaitable<Result<>> introduce(std::shared_ptr<Connection> to);
    asio::awaitable<Result<RawReply>> request(OpCode op,
                                              Bytes body,
                                              Connection::OnAnswer heard = nullptr);
    asio::awaitable<Result<>> wait_ready();
    asio::awaitable<void> wait_change() { co_await changed.async_wait(kAwait); }
    ClientOptions for_server(const ServerAddress& server) const;
    void hear_event(const jute::WatcherEvent& event);
    void become(SessionState next, KeeperState told);
    void end(SessionState last, KeeperState told, Error why);
    void tell(EventKind kind, KeeperState with, std::string path = {}) const;
    /// Wakes all who wait for a change.
    void wake() { changed.cancel(); }
    [[nodiscard]] bool over() const {
        return state == SessionState::closed || state == SessionState::auth_failed;
    }
    [[nodiscard]] bool is_connected() const {
        return state == SessionState::connected || state == SessionState::connected_read_only;
    }
    [[nodiscard]] KeeperState told_state() const {
        return state == SessionState::connected_read_only ? KeeperState::connected_read_only
                                                          : KeeperState::sync_connected;
    }
    [[nodiscard]] std::string absolute(const std::string& path) const {
        if (options.where.chroot.empty()) return path;
        return path == "/" ? options.where.chroot : options.where.chroot + path;
    }
    [[nodiscard]] std::string relative(const std::string& path) const {
        const std::string& chroot = options.where.chroot;
        if (chroot.empty() || path.compare(0, chroot.size(), chroot) != 0) return path;
        return path.size() == chroot.size() ? "/" : path.substr(chroot.size());
    }

    asio::any_io_executor executor;
    SessionOptions options;
    OnEvent on_event;
    asio::steady_timer changed;  ///< never expires: cancelled when something has changed
    SessionState state = SessionState::connecting;
    std::shared_ptr<Connection> connection;
    std::size_t server = 0;    ///< index of the one that is used or tried
    std::uint64_t rounds = 0;  ///< how often all servers were tried in vain
    std::optional<Error> last_failure;
    std::optional<Error> ended;
    SessionId session;
    Bytes password;
    Zxid last_zxid;
    std::vector<std::pair<std::string, Bytes>> identities;
    Watches watches;
};

ClientOptions Session::Core::for_server(const ServerAddress& address) const {
    ClientOptions client;
    client.host = address.host;
    client.port = address.port;
    client.session_timeout = options.session_timeout;
    client.connect_timeout = options.connect_timeout;
    client.request_timeout = options.request_timeout;
    client.session = session;
    client.password = password;
    client.last_zxid_seen = last_zxid;
    client.read_only = options.read_only;
    client.leaves_silent_server = true;
    return client;
}

void Session::Core::tell(EventKind kind, KeeperState with, std::string path) const {
    Event event;
    event.kind = kind;
    event.state = with;
    event.path = std::move(path);
    if (on_event) on_event(event);
}

void Session::Core::become(SessionState next, KeeperState told) {
    state = next;
    tell(EventKind::none, told);
    wake();
}

void Session::Core::end(SessionState last, KeeperState told, Error why) {
    if (over()) return;
    ended = why;
    state = last;
    watches.clear();
    if (connection) connection->shut(std::move(why));
    tell(EventKind::none, told);
    wake();
}

void Session::Core::hear_event(const jute::WatcherEvent& event) {
    if (!watches.take(event.type, event.path)) return;
    tell(static_cast<EventKind>(event.type), told_state(), relative(event.path));
}

asio::awaitable<void> Session::Core::run() {
    const auto self = shared_from_this();
    std::size_t failures = 0;
    while (!over()) {
        auto attached = co_await attach();
        if (over()) break;
        if (attached.has_value()) {
            failures = 0;
            while (connection->open && !over()) co_await wait_change();
            if (over()) break;
            last_failure = connection->ended();
            become(SessionState::connecting, KeeperState::disconnected);
        } else if (attached.error().code == make_error_code(Errc::refused)) {
            end(SessionState::closed, KeeperState::expired, attached.error());
            break;
        } else {
            last_failure = attached.error();
            ++failures;
        }
        server = (server + 1) % options.where.servers.size();
        if (failures == 0 || failures % options.where.servers.size() != 0) continue;
        ++rounds;
        wake();
        asio::steady_timer pause(executor, options.pause);
        co_await pause.async_wait(kAwait);
    }
}

/// One try with the server whose turn it is.
asio::awaitable<Result<>> Session::Core::attach() {
    const auto self = shared_from_this();
    const auto tried =
        std::make_shared<Connection>(executor, for_server(options.where.servers[server]));
    const std::weak_ptr<Core> weak = self;
    tried->on_event = [weak](const jute::WatcherEvent& event) {
        if (const auto core = weak.lock()) core->hear_event(event);
    };
    tried->on_end = [weak] {
        if (const auto core = weak.lock()) core->wake();
    };
    connection = tried;
    ZK_CO_CHECK(co_await tried->connect());
    session = tried->session.session;
    password = tried->session.password.value_or(Bytes());
    ZK_CO_CHECK(co_await introduce(tried));
    if (over()) co_return *ended;
    if (tried->read_only) {
        become(SessionState::connected_read_only, KeeperState::connected_read_only);
    } else {
        become(SessionState::connected, KeeperState::sync_connected);
    }
    co_return ok();
}

/// Who we are and what we wait for, before anybody else's requests: a watch sees what those do.
asio::awaitable<Result<>> Session::Core::introduce(std::shared_ptr<Connection> to) {
    const auto self = shared_from_this();
    const auto known = identities;  // others may come meanwhile
    for (const auto& [scheme, auth] : known) {
        jute::AuthRequest request;
        request.scheme = scheme;
        request.auth = auth;
        ZK_CO_TRY(const auto answer, co_await to->request(OpCode::auth, jute::encode(request)));
        if (answer.header.error != ErrorCode::ok) {
            Error why(Errc::refused, "the server refuses the " + scheme + " identity");
            end(SessionState::auth_failed, KeeperState::auth_failed, why);
            co_return why;
        }
    }
    for (const auto& again : watches.again(last_zxid)) {
        ZK_CO_TRY(const auto answer, co_await to->request(again.op, again.body));
        if (answer.header.error != ErrorCode::ok) {
            co_return Error(Errc::failed, "the server does not take the session's watches");
        }
    }
    co_return ok();
}

asio::awaitable<Result<>> Session::Core::wait_ready() {
    const auto self = shared_from_this();
    const std::uint64_t before = rounds;
    while (!is_connected() && !over() && rounds == before) co_await wait_change();
    if (over()) co_return *ended;
    if (!is_connected()) co_return Error(Errc::closed, last_failure->message());
    co_return ok();
}

asio::awaitable<Result<RawReply>> Session::Core::request(OpCode op,
                                                         Bytes body,
                                                         Connection::OnAnswer heard) {
    const auto self = shared_from_this();
    ZK_CO_CHECK(co_await wait_ready());
    const auto through = connection;
    auto note = [self, heard = std::move(heard)](const jute::ReplyHeader& header) {
        if (header.zxid > self->last_zxid) self->last_zxid = header.zxid;
        if (heard) heard(header);
    };
    co_return co_await through->request(op, std::move(body), std::move(note));
}

namespace {

Result<Reply<NodeData>> node_reply(const Result<RawReply>& raw) {
    return reply_of<NodeData>(raw, [](jute::InputArchive& archive, NodeData& value) {
        archive.read(value.data);
        archive.read(value.stat);
    });
}
Bytes watch_body(const std::string& path, Watch watch) {
    jute::PathWatchRequest request;
    request.path = path;
    request.watch = watch == Watch::yes;
    return jute::encode(request);
}
Bytes path_body(const std::string& path) {
    jute::PathRequest request;
    request.path = path;
    return jute::encode(request);
}
OpCode create_op(CreateMode mode) {
    switch (mode) {
        case CreateMode::container:
            return OpCode::create_container;
        case CreateMode::persistent_with_ttl:
        case CreateMode::persistent_sequential_with_ttl:
            return OpCode::create_ttl;
        default:
            return OpCode::create;
    }
}

}  // namespace

Session::Session(asio::any_io_executor executor, SessionOptions options, OnEvent on_event)
    : core_(std::make_shared<Core>(std::move(executor), std::move(options), std::move(on_event))) {
    if (!core_->options.in_order) {
        auto& servers = core_->options.where.servers;
        std::shuffle(servers.begin(), servers.end(), std::mt19937(std::random_device{}()));
    }
}
Session::~Session() {
    core_->on_event = {};
    core_->end(
        SessionState::closed, KeeperState::closed, Error(Errc::closed, "closed by its owner"));
}

void Session::start() {
    auto work = [core = core_]() -> asio::awaitable<void> { co_await core->run(); };
    asio::co_spawn(core_->executor, std::move(work), asio::detached);
}
asio::awaitable<Result<>> Session::ready() {
    const auto core = core_;
    co_return co_await core->wait_ready();
}
asio::awaitable<Result<>> Session::ready_within(std::chrono::milliseconds timeout) {
    const auto core = core_;
    const auto late = std::make_shared<bool>(false);
    asio::steady_timer deadline(core->executor, timeout);
    auto expire = [core, late](const boost::system::error_code& code) {
        if (code) return;
        *late = true;
        core->wake();
    };
    deadline.async_wait(std::move(expire));
    while (!core->is_connected() && !core->over() && !*late) co_await core->wait_change();
    if (core->over()) co_return *core->ended;
    if (core->is_connected()) co_return ok();
    const std::string words = core->last_failure ? ": " + core->last_failure->message() : "";
    co_return Error(Errc::timeout,
                    "no server within " + std::to_string(timeout.count()) + " ms" + words);
}
asio::awaitable<void> Session::close() {
    const auto core = core_;
    if (core->over()) co_return;
    if (core->is_connected()) {
        const auto through = core->connection;
        auto ignored = co_await through->request(OpCode::close_session, Bytes());
    }
    core->end(
        SessionState::closed, KeeperState::closed, Error(Errc::closed, "closed by its owner"));
}

SessionState Session::state() const { return core_->state; }
SessionId Session::id() const { return core_->session; }
const ServerAddress& Session::server() const { return core_->options.where.servers[core_->server]; }

Session::Answer<std::string> Session::create(NewNode node) {
    const auto core = core_;
    const OpCode op = create_op(node.mode);
    jute::CreateTtlRequest request;
    request.create.path = core->absolute(node.path);
    request.create.data = std::move(node.data);
    request.create.acl = std::move(node.acl);
    request.create.flags = node.mode;
    request.ttl_ms = node.ttl_ms;
    Bytes body = op == OpCode::create_ttl ? jute::encode(request) : jute::encode(request.create);
    auto raw = co_await core->request(op, std::move(body));
    auto reply = reply_of<std::string>(raw);
    if (reply.has_value()) reply->value = core->relative(reply->value);
    co_return reply;
}

Session::Answer<Nothing> Session::remove(std::string path, std::int32_t version) {
    const auto core = core_;
    jute::DeleteRequest request;
    request.path = core->absolute(path);
    request.version = version;
    auto raw = co_await core->request(OpCode::remove, jute::encode(request));
    co_return empty_reply_of(raw);
}

Session::Answer<jute::Stat> Session::exists(std::string path, Watch watch) {
    const auto core = core_;
    const std::string full = core->absolute(path);
    Connection::OnAnswer heard;
    if (watch == Watch::yes) {
        heard = [core, full](const jute::ReplyHeader& header) {
            if (header.error == ErrorCode::ok) core->watches.add_data(full);
            if (header.error == ErrorCode::no_node) core->watches.add_exist(full);
        };
    }
    auto raw = co_await core->request(OpCode::exists, watch_body(full, watch), std::move(heard));
    co_return reply_of<jute::Stat>(raw);
}

// What a path means is the caller's: get_config() has one that no chroot touches.
Session::Answer<NodeData> Session::get_at(std::string full, Watch watch) {
    const auto core = core_;
    Connection::OnAnswer heard;
    if (watch == Watch::yes) {
        heard = [core, full](const jute::ReplyHeader& header) {
            if (header.error == ErrorCode::ok) core->watches.add_data(full);
        };
    }
    auto raw = co_await core->request(OpCode::get_data, watch_body(full, watch), std::move(heard));
    co_return node_reply(raw);
}

Session::Answer<NodeData> Session::get_data(std::string path, Watch watch) {
    return get_at(core_->absolute(path), watch);
}

Session::Answer<NodeData> Session::get_config(Watch watch) {
    return get_at("/zookeeper/config", watch);
}

Session::Answer<jute::Stat> Session::set_data(std::string path,
                                              jute::Buffer data,
                                              std::int32_t version) {
    const auto core = core_;
    jute::SetDataRequest request;
    request.path = core->absolute(path);
    request.data = std::move(data);
    request.version = version;
    auto raw = co_await core->request(OpCode::set_data, jute::encode(request));
    co_return reply_of<jute::Stat>(raw);
}

Session::Answer<AclAndStat> Session::get_acl(std::string path) {
    const auto core = core_;
    auto raw = co_await core->request(OpCode::get_acl, path_body(core->absolute(path)));
    const auto read = [](jute::InputArchive& archive, AclAndStat& value) {
        archive(value.acl, value.stat);
    };
    co_return reply_of<AclAndStat>(raw, read);
}

Session::Answer<jute::Stat> Session::set_acl(std::string path,
                                             jute::AclList acl,
                                             std::int32_t version) {
    const auto core = core_;
    jute::SetAclRequest request;
    request.path = core->absolute(path);
    request.acl = std::move(acl);
    request.version = version;
    auto raw = co_await core->request(OpCode::set_acl, jute::encode(request));
    co_return reply_of<jute::Stat>(raw);
}

Session::Answer<ChildrenAndStat> Session::get_children(std::string path, Watch watch) {
    const auto core = core_;
    const std::string full = core->absolute(path);
    Connection::OnAnswer heard;
    if (watch == Watch::yes) {
        heard = [core, full](const jute::ReplyHeader& header) {
            if (header.error == ErrorCode::ok) core->watches.add_child(full);
        };
    }
    auto raw =
        co_await core->request(OpCode::get_children2, watch_body(full, watch), std::move(heard));
    const auto read = [](jute::InputArchive& archive, ChildrenAndStat& value) {
        archive(value.children, value.stat);
    };
    co_return reply_of<ChildrenAndStat>(raw, read);
}

Session::Answer<Nothing> Session::sync(std::string path) {
    const auto core = core_;
    auto raw = co_await core->request(OpCode::sync, path_body(core->absolute(path)));
    co_return empty_reply_of(raw);
}

Session::Answer<std::vector<std::string>> Session::get_ephemerals(std::string path) {
    const auto core = core_;
    auto raw = co_await core->request(OpCode::get_ephemerals, path_body(core->absolute(path)));
    auto reply = reply_of<std::vector<std::string>>(raw);
    if (reply.has_value()) {
        for (auto& found : reply->value) found = core->relative(found);
    }
    co_return reply;
}

Session::Answer<std::int32_t> Session::get_all_children_number(std::string path) {
    const auto core = core_;
    auto raw =
        co_await core->request(OpCode::get_all_children_number, path_body(core->absolute(path)));
    co_return reply_of<std::int32_t>(raw);
}

Session::Answer<std::vector<jute::ClientInfo>> Session::who_am_i() {
    const auto core = core_;
    auto raw = co_await core->request(OpCode::who_am_i, Bytes());
    co_return reply_of<std::vector<jute::ClientInfo>>(raw);
}

Session::Answer<NodeData> Session::reconfig(Reconfiguration wanted) {
    const auto core = core_;
    jute::ReconfigRequest request;
    request.joining = std::move(wanted.joining);
    request.leaving = std::move(wanted.leaving);
    request.members = std::move(wanted.members);
    request.version = wanted.version;
    auto raw = co_await core->request(OpCode::reconfig, jute::encode(request));
    co_return node_reply(raw);
}

Session::Answer<std::size_t> Session::remove_all(std::vector<std::string> paths) {
    const auto core = core_;
    Bytes body;
    jute::OutputArchive out(body);
    jute::MultiHeader header;
    header.type = OpCode::remove;
    header.error = ErrorCode(-1);
    for (const auto& path : paths) {
        jute::DeleteRequest request;
        request.path = core->absolute(path);
        out(header, request);
    }
    header.type = OpCode::error;
    header.done = true;
    out(header);
    auto raw = co_await core->request(OpCode::multi, std::move(body));
    if (!raw.has_value()) co_return raw.error();
    Reply<std::size_t> reply;
    reply.error = raw->header.error;
    reply.zxid = raw->header.zxid;
    jute::InputArchive archive(raw->body);
    for (std::size_t i = 0; reply.ok() && i < paths.size(); ++i) {
        const auto result = archive.get<jute::MultiHeader>();
        if (!archive.ok()) co_return Error(Errc::corrupt, "an answer that is too short");
        if (result.type != OpCode::error) continue;
        reply.value = i;
        reply.error = static_cast<ErrorCode>(archive.get<std::int32_t>());
    }
    co_return reply;
}

Session::Answer<Nothing> Session::add_auth(std::string scheme, Bytes auth) {
    const auto core = core_;
    core->identities.emplace_back(scheme, auth);
    jute::AuthRequest request;
    request.scheme = scheme;
    request.auth = std::move(auth);
    auto raw = co_await core->request(OpCode::auth, jute::encode(request));
    if (raw.has_value() && raw->header.error != ErrorCode::ok) {
        Error why(Errc::refused, "the server refuses the " + scheme + " identity");
        core->end(SessionState::auth_failed, KeeperState::auth_failed, std::move(why));
    }
    co_return empty_reply_of(raw);
}

Session::Answer<Nothing> Session::add_watch(std::string path, AddWatchMode mode) {
    const auto core = core_;
    jute::AddWatchRequest request;
    request.path = core->absolute(path);
    request.mode = mode;
    const std::string full = request.path;
    Connection::OnAnswer heard = [core, full, mode](const jute::ReplyHeader& header) {
        if (header.error == ErrorCode::ok) core->watches.add(full, mode);
    };
    auto raw = co_await core->request(OpCode::add_watch, jute::encode(request), std::move(heard));
    co_return empty_reply_of(raw);
}

Session::Answer<Nothing> Session::remove_watches(std::string path, WatcherType kind, bool local) {
    const auto core = core_;
    jute::WatchesRequest request;
    request.path = core->absolute(path);
    request.type = kind;
    Reply<Nothing> reply;
    if (!core->watches.has(request.path, kind)) {
        reply.error = ErrorCode::no_watcher;
        co_return reply;
    }
    auto raw = co_await core->request(OpCode::remove_watches, jute::encode(request));
    auto answer = empty_reply_of(raw);
    if (!local && (!answer.has_value() || !answer->ok())) co_return answer;
    for (const auto told : core->watches.remove(request.path, kind)) {
        core->tell(told, core->told_state(), path);
    }
    co_return reply;
}

}  // namespace zk::client
