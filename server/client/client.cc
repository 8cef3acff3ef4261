#include "client/client.h"

#include <utility>

#include "client/connection.h"
#include "client/reply.h"

namespace zk::client {
namespace {

namespace asio = boost::asio;

Bytes path_watch_body(std::string path) {
    jute::PathWatchRequest request;
    request.path = std::move(path);
    return jute::encode(request);
}

}  // namespace

jute::AclList open_acl() {
    jute::Acl anyone;
    anyone.perms = perms::kAll;
    anyone.id.scheme = "world";
    anyone.id.id = "anyone";
    return {anyone};
}

Client::Client(asio::any_io_executor executor, ClientOptions options)
    : connection_(std::make_shared<Connection>(executor, std::move(options))) {}
Client::~Client() {
    if (connection_) disconnect();
}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&& other) noexcept {
    if (this != &other) {
        if (connection_) disconnect();
        connection_ = std::move(other.connection_);
    }
    return *this;
}

asio::awaitable<Result<>> Client::connect() {
    const auto connection = connection_;
    co_return co_await connection->connect();
}

asio::awaitable<Result<Reply<std::string>>> Client::create(std::string path,
                                                           jute::Buffer data,
                                                           CreateMode mode) {
    const auto connection = connection_;
    jute::CreateRequest request;
    request.path = std::move(path);
    request.data = std::move(data);
    request.acl = open_acl();
    request.flags = mode;
    auto raw = co_await connection->request(OpCode::create, jute::encode(request));
    co_return reply_of<std::string>(raw);
}

asio::awaitable<Result<Reply<Nothing>>> Client::remove(std::string path, std::int32_t version) {
    const auto connection = connection_;
    jute::DeleteRequest request;
    request.path = std::move(path);
    request.version = version;
    auto raw = co_await connection->request(OpCode::remove, jute::encode(request));
    co_return empty_reply_of(raw);
}

asio::awaitable<Result<Reply<jute::Stat>>> Client::exists(std::string path) {
    const auto connection = connection_;
    auto raw = co_await connection->request(OpCode::exists, path_watch_body(std::move(path)));
    co_return reply_of<jute::Stat>(raw);
}

asio::awaitable<Result<Reply<NodeData>>> Client::get_data(std::string path) {
    const auto connection = connection_;
    auto raw = co_await connection->request(OpCode::get_data, path_watch_body(std::move(path)));
    const auto read = [](jute::InputArchive& archive, NodeData& value) {
        archive.read(value.data);
        archive.read(value.stat);
    };
    co_return reply_of<NodeData>(raw, read);
}

asio::awaitable<Result<Reply<jute::Stat>>> Client::set_data(std::string path,
                                                            jute::Buffer data,
                                                            std::int32_t version) {
    const auto connection = connection_;
    jute::SetDataRequest request;
    request.path = std::move(path);
    request.data = std::move(data);
    request.version = version;
    auto raw = co_await connection->request(OpCode::set_data, jute::encode(request));
    co_return reply_of<jute::Stat>(raw);
}

asio::awaitable<Result<Reply<std::vector<std::string>>>> Client::get_children(std::string path) {
    const auto connection = connection_;
    auto raw = co_await connection->request(OpCode::get_children, path_watch_body(std::move(path)));
    co_return reply_of<std::vector<std::string>>(raw);
}

asio::awaitable<Result<Reply<Nothing>>> Client::sync(std::string path) {
    const auto connection = connection_;
    jute::SyncRequest request;
    request.path = std::move(path);
    auto raw = co_await connection->request(OpCode::sync, jute::encode(request));
    co_return empty_reply_of(raw);
}

asio::awaitable<Result<Reply<Nothing>>> Client::ping() {
    const auto connection = connection_;
    auto raw = co_await connection->request(OpCode::ping, Bytes());
    co_return empty_reply_of(raw);
}

asio::awaitable<Result<>> Client::close() {
    const auto connection = connection_;
    auto raw = co_await connection->request(OpCode::close_session, Bytes());
    connection->shut(Error(Errc::closed, "closed by its owner"));
    if (!raw.has_value()) co_return raw.error();
    co_return ok();
}

void Client::disconnect() { connection_->shut(Error(Errc::closed, "closed by its owner")); }

SessionId Client::session() const { return connection_->session.session; }
const Bytes& Client::password() const {
    static const Bytes kNone;
    return connection_->session.password ? *connection_->session.password : kNone;
}
std::chrono::milliseconds Client::negotiated_timeout() const {
    return std::chrono::milliseconds(connection_->session.timeout_ms);
}
Zxid Client::last_zxid() const { return connection_->last_zxid; }
bool Client::connected() const { return connection_->open; }

}  // namespace zk::client
