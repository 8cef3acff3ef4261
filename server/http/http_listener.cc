#include "http/http_listener.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <list>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include "asio_impl/await.h"
#include "http/own_names.h"

namespace zk::http {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using asio::ip::tcp;
using asio_impl::kAwait;
using boost::system::error_code;
using std::chrono::milliseconds;
using RequestParser = beast_http::request_parser<beast_http::empty_body>;
using RequestMessage = beast_http::request<beast_http::empty_body>;

constexpr std::size_t kTargetBytesMax = 2048;
constexpr auto kLingerTime = milliseconds(1000);
constexpr std::size_t kLingerBytesMax = 65536;
constexpr auto kAcceptPause = milliseconds(100);
constexpr std::size_t kPieceBytes = 65536;
constexpr std::string_view kBeat = ":\n\n";  // a comment

/// One visitor. Whoever waits for it holds it; close() ends all waits.
struct Connection : std::enable_shared_from_this<Connection> {
    explicit Connection(tcp::socket accepted)
        : socket(std::move(accepted)),
          deadline(socket.get_executor()),
          wake(socket.get_executor()) {}

    /// From now on it has so much time; the time given before does not count any more.
    void give(milliseconds time) {
        deadline.expires_after(time);
        deadline.async_wait([self = shared_from_this()](const error_code& code) {
            if (code || self->deadline.expiry() > std::chrono::steady_clock::now()) return;
            self->close();
        });
    }
    void close() {
        if (std::exchange(closed, true)) return;
        error_code ignored;
        socket.close(ignored);
        deadline.cancel();
        wake.cancel();
    }

    tcp::socket socket;
    asio::steady_timer deadline;
    asio::steady_timer wake;  ///< a stream's: there is something to send
    std::string pending;      ///< a stream's: not yet sent
    bool idle = true;         ///< between two requests
    bool streams = false;
    bool closed = false;
};
using Visitor = std::shared_ptr<Connection>;

void keep_from_children(int socket) { ::fcntl(socket, F_SETFD, FD_CLOEXEC); }

Response plain(unsigned status, std::string words) {
    Response response;
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.body = std::move(words) + "\n";
    return response;
}

/// What is said when there is no whole request; nothing when nobody listens any more.
Response refusal(const error_code& code) {
    if (code == beast_http::error::header_limit || code == beast_http::error::buffer_overflow) {
        return plain(431, "the request's header is too large");
    }
    if (code == beast_http::error::body_limit) return plain(413, "a request has no body here");
    return plain(400, "this is not an HTTP request");
}

bool is_malformed(const error_code& code) {
    return code.category() ==
               beast_http::make_error_code(beast_http::error::bad_method).category() &&
           code != beast_http::error::end_of_stream && code != beast_http::error::partial_message;
}

std::string text_of(const RequestMessage& request, beast_http::field field) {
    const auto value = request[field];
    return {value.data(), value.size()};
}

std::string remote_of(const Visitor& visitor) {
    error_code code;
    const auto endpoint = visitor->socket.remote_endpoint(code);
    return code ? std::string() : endpoint.address().to_string();
}

Request request_of(const Visitor& visitor, const RequestMessage& message) {
    Request asked;
    asked.target.assign(message.target().data(), message.target().size());
    asked.accept = text_of(message, beast_http::field::accept);
    asked.authorization = text_of(message, beast_http::field::authorization);
    const auto last = message["Last-Event-ID"];
    asked.last_event_id.assign(last.data(), last.size());
    asked.remote = remote_of(visitor);
    return asked;
}

/// What `begin` is answered, or nothing when that takes longer than `time`.
template <class T>
asio::awaitable<std::optional<T>> answer_within(milliseconds time,
                                                Visitor visitor,
                                                std::function<void(std::function<void(T)>)> begin) {
    auto answered = std::make_shared<std::optional<T>>();
    visitor->give(time);
    visitor->wake.expires_at(asio::steady_timer::time_point::max());
    begin([answered, visitor](T answer) {
        if (*answered) return;
        *answered = std::move(answer);
        visitor->wake.cancel();
    });
    while (!*answered && !visitor->closed) co_await visitor->wake.async_wait(kAwait);
    if (visitor->closed) co_return std::nullopt;
    co_return *std::move(*answered);
}

enum class Keep { no, yes };

std::string head_of(const Response& response, Keep keep) {
    const auto reason =
        beast_http::obsolete_reason(static_cast<beast_http::status>(response.status));
    std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
    head.append(reason.data(), reason.size()).append("\r\n");
    const auto line = [&](std::string_view name, std::string_view value) {
        head.append(name).append(": ").append(value).append("\r\n");
    };
    if (!response.content_type.empty()) line("Content-Type", response.content_type);
    if (response.source) {
        line("Content-Length", std::to_string(response.source_bytes));
    } else if (!response.stream) {
        line("Content-Length", std::to_string(response.body.size()));
    }
    for (const auto& [name, value] : response.header) line(name, value);
    if (response.status == 405) line("Allow", "GET, HEAD");
    line("Cache-Control", "no-store");
    line("X-Content-Type-Options", "nosniff");
    line("Referrer-Policy", "no-referrer");
    line("Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
         "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    line("Connection", keep == Keep::yes ? "keep-alive" : "close");
    head += "\r\n";
    return head;
}

}  // namespace

struct HttpListener::Shared {
    Shared(asio::any_io_executor loop, Settings wanted, AnswerLater on_request, Log to)
        : executor(std::move(loop)),
          settings(std::move(wanted)),
          answer(std::move(on_request)),
          log(std::move(to)) {}

    // Coroutines that hold what they use: the listener may be gone before they end.
    static asio::awaitable<void> accept_loop(std::shared_ptr<Shared> shared,
                                             std::shared_ptr<tcp::acceptor> from);
    static asio::awaitable<void> serve(std::shared_ptr<Shared> shared, Visitor visitor);
    static asio::awaitable<void> talk(std::shared_ptr<Shared> shared, Visitor visitor);
    /// One request and its answer; false when it was the last one.
    static asio::awaitable<bool> exchange(std::shared_ptr<Shared> shared,
                                          Visitor visitor,
                                          boost::beast::flat_buffer& buffer);
    static asio::awaitable<bool> send(std::shared_ptr<Shared> shared,
                                      Visitor visitor,
                                      std::string bytes);
    static asio::awaitable<void> stream(std::shared_ptr<Shared> shared, Visitor visitor);
    static asio::awaitable<void> await_end(Visitor visitor);
    static asio::awaitable<void> linger(Visitor visitor);

    bool make_room();
    /// The answer to a POST, or nothing when it did not come in time.
    static asio::awaitable<std::optional<Response>> take_body(std::shared_ptr<Shared> shared,
                                                              Visitor visitor,
                                                              boost::beast::flat_buffer& buffer,
                                                              RequestParser& head);
    static asio::awaitable<bool> send_source(std::shared_ptr<Shared> shared,
                                             Visitor visitor,
                                             const Response& response);
    /// The answer, or nothing when it did not come in time.
    static asio::awaitable<std::optional<Response>> respond(std::shared_ptr<Shared> shared,
                                                            Visitor visitor,
                                                            const RequestMessage& message);
    [[nodiscard]] std::optional<Response> refuse(const RequestMessage& request) const;
    [[nodiscard]] std::size_t streams() const;

    asio::any_io_executor executor;
    Settings settings;
    AnswerLater answer;  ///< empty once stopped
    Log log;
    std::shared_ptr<tcp::acceptor> acceptor;
    std::list<Visitor> visitors;  ///< oldest first
};

HttpListener::HttpListener(asio::any_io_executor executor,
                           Settings settings,
                           Answer answer,
                           Log log)
    : HttpListener(
          std::move(executor),
          std::move(settings),
          AnswerLater([answer = std::move(answer)](const Request& request, const Reply& reply) {
              reply(answer(request));
          }),
          std::move(log)) {}

HttpListener::HttpListener(asio::any_io_executor executor,
                           Settings settings,
                           AnswerLater answer,
                           Log log)
    : shared_(std::make_shared<Shared>(
          std::move(executor), std::move(settings), std::move(answer), std::move(log))) {}
HttpListener::~HttpListener() { stop(); }

Result<> HttpListener::start() {
    const Settings& settings = shared_->settings;
    const std::string place = settings.address + " port " + std::to_string(settings.port);
    error_code code;
    const auto ip = asio::ip::make_address(settings.address, code);
    if (code) return Error(code, "listen for HTTP at " + place);
    auto acceptor = std::make_shared<tcp::acceptor>(shared_->executor);
    const tcp::endpoint endpoint(ip, settings.port);
    acceptor->open(endpoint.protocol(), code);
    if (!code) keep_from_children(acceptor->native_handle());
    if (!code) acceptor->set_option(tcp::acceptor::reuse_address(true), code);
    if (!code) acceptor->bind(endpoint, code);
    if (!code) acceptor->listen(static_cast<int>(settings.limits.connections_max), code);
    if (code) return Error(code, "listen for HTTP at " + place);
    shared_->acceptor = acceptor;
    asio::co_spawn(
        shared_->executor, Shared::accept_loop(shared_, std::move(acceptor)), asio::detached);
    shared_->log.info("http.listens address={} port={}", settings.address, port());
    return ok();
}

void HttpListener::stop() {
    shared_->answer = nullptr;
    error_code ignored;
    if (shared_->acceptor) shared_->acceptor->close(ignored);
    for (const Visitor& visitor : std::exchange(shared_->visitors, {})) visitor->close();
}

void HttpListener::publish(std::string_view events) {
    const std::size_t behind_max = shared_->settings.limits.stream_bytes_max;
    for (const Visitor& visitor : shared_->visitors) {
        if (!visitor->streams || visitor->closed) continue;
        if (visitor->pending.size() + events.size() > behind_max) {
            shared_->log.debug("http.reader_dropped behind_bytes={}", visitor->pending.size());
            visitor->close();
            continue;
        }
        visitor->pending += events;
        visitor->wake.cancel();
    }
}

std::uint16_t HttpListener::port() const {
    error_code code;
    if (!shared_->acceptor || !shared_->acceptor->is_open()) return 0;
    const auto endpoint = shared_->acceptor->local_endpoint(code);
    return code ? std::uint16_t{0} : endpoint.port();
}

std::size_t HttpListener::connections() const { return shared_->visitors.size(); }

asio::awaitable<void> HttpListener::Shared::accept_loop(std::shared_ptr<Shared> shared,
                                                        std::shared_ptr<tcp::acceptor> from) {
    while (from->is_open()) {
        tcp::socket socket(shared->executor);
        auto [failed] = co_await from->async_accept(socket, kAwait);
        if (!from->is_open()) co_return;
        if (failed) {
            // No descriptor is free, for example: what is open ends in seconds.
            asio::steady_timer pause(shared->executor, kAcceptPause);
            co_await pause.async_wait(kAwait);
            continue;
        }
        keep_from_children(socket.native_handle());
        if (!shared->make_room()) continue;
        auto visitor = std::make_shared<Connection>(std::move(socket));
        shared->visitors.push_back(visitor);
        asio::co_spawn(shared->executor, serve(shared, std::move(visitor)), asio::detached);
    }
}

/// Who says nothing makes way for who may have a question.
bool HttpListener::Shared::make_room() {
    if (visitors.size() < settings.limits.connections_max) return true;
    const auto idle = std::find_if(
        visitors.begin(), visitors.end(), [](const Visitor& visitor) { return visitor->idle; });
    if (idle == visitors.end()) return false;
    (*idle)->close();
    visitors.erase(idle);
    return true;
}

std::size_t HttpListener::Shared::streams() const {
    return static_cast<std::size_t>(std::count_if(
        visitors.begin(), visitors.end(), [](const Visitor& visitor) { return visitor->streams; }));
}

asio::awaitable<void> HttpListener::Shared::serve(std::shared_ptr<Shared> shared, Visitor visitor) {
    co_await talk(shared, visitor);
    visitor->close();
    std::erase(shared->visitors, visitor);
}

asio::awaitable<void> HttpListener::Shared::talk(std::shared_ptr<Shared> shared, Visitor visitor) {
    const Limits limits = shared->settings.limits;
    boost::beast::flat_buffer buffer(limits.header_bytes_max);
    bool first = true;
    for (;;) {
        if (buffer.size() == 0) {
            visitor->idle = true;
            visitor->give(std::exchange(first, false) ? limits.request_time : limits.idle_time);
            const auto space = buffer.prepare(std::min<std::size_t>(1024, limits.header_bytes_max));
            auto [failed, size] = co_await visitor->socket.async_read_some(space, kAwait);
            if (failed || visitor->closed) co_return;
            buffer.commit(size);
            visitor->idle = false;
        }
        if (!co_await exchange(shared, visitor, buffer)) co_return;
    }
}

asio::awaitable<bool> HttpListener::Shared::exchange(std::shared_ptr<Shared> shared,
                                                     Visitor visitor,
                                                     boost::beast::flat_buffer& buffer) {
    const Limits limits = shared->settings.limits;
    RequestParser parser;
    parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
    if (shared->settings.receive) {
        parser.body_limit(boost::none);
    } else {
        parser.body_limit(0);
    }
    visitor->give(limits.request_time);
    auto [failed, size] =
        co_await beast_http::async_read_header(visitor->socket, buffer, parser, kAwait);
    if (visitor->closed || !shared->answer) co_return false;
    if (failed && !is_malformed(failed)) co_return false;
    Response response;
    Keep keep = Keep::no;
    bool head_only = false;
    if (failed) {
        response = refusal(failed);
    } else if (shared->settings.receive && parser.get().method() == beast_http::verb::post) {
        std::optional<Response> answered = co_await take_body(shared, visitor, buffer, parser);
        if (!answered) co_return false;
        response = *std::move(answered);
    } else if (!parser.is_done()) {
        response = refusal(beast_http::error::body_limit);
    } else {
        std::optional<Response> answered = co_await respond(shared, visitor, parser.get());
        if (!answered) co_return false;
        response = *std::move(answered);
        head_only = parser.get().method() == beast_http::verb::head;
        if (parser.get().keep_alive() && !response.stream) keep = Keep::yes;
    }
    if (response.stream && !head_only && shared->streams() >= limits.streams_max) {
        response = plain(503, "there are as many readers of events as there may be");
    }
    std::string bytes = head_of(response, keep);
    if (!head_only) bytes += response.body;
    const bool streams = response.stream && !head_only;
    visitor->streams = streams;  // what is published from now on is for it, too
    if (!co_await send(shared, visitor, std::move(bytes))) co_return false;
    if (response.source && !head_only && !co_await send_source(shared, visitor, response))
        co_return false;
    if (streams) {
        asio::co_spawn(shared->executor, await_end(visitor), asio::detached);
        co_await stream(shared, visitor);
        co_return false;
    }
    if (keep == Keep::no) co_await linger(visitor);
    co_return keep == Keep::yes;
}

std::optional<Response> HttpListener::Shared::refuse(const RequestMessage& request) const {
    const beast_http::verb method = request.method();
    const bool reads = method == beast_http::verb::get || method == beast_http::verb::head;
    if (!reads && !(method == beast_http::verb::post && settings.receive)) {
        return plain(405, "this listener is read-only: GET and HEAD");
    }
    const std::string host = text_of(request, beast_http::field::host);
    const auto hosts = request.count(beast_http::field::host);
    if (hosts > 1 || (hosts == 0 && request.version() >= 11)) {
        return plain(400, "a request names one Host");
    }
    if (hosts == 1 && !settings.any_name && !is_own_name(host, settings.names)) {
        return plain(421, "this node has another name; ask it by its address");
    }
    const auto target = request.target();
    if (!target.starts_with('/') || target.size() > kTargetBytesMax) {
        return plain(400, "a target begins with / and has at most 2048 bytes");
    }
    return std::nullopt;
}

asio::awaitable<std::optional<Response>> HttpListener::Shared::respond(
    std::shared_ptr<Shared> shared, Visitor visitor, const RequestMessage& message) {
    if (auto refused = shared->refuse(message)) co_return refused;
    const Request asked = request_of(visitor, message);
    std::function<void(Reply)> begin = [shared, asked](Reply reply) {
        shared->answer(asked, std::move(reply));
    };
    co_return co_await answer_within<Response>(
        shared->settings.limits.answer_time, visitor, std::move(begin));
}

asio::awaitable<std::optional<Response>> HttpListener::Shared::take_body(
    std::shared_ptr<Shared> shared,
    Visitor visitor,
    boost::beast::flat_buffer& buffer,
    RequestParser& head) {
    const Limits limits = shared->settings.limits;
    if (auto refused = shared->refuse(head.get())) co_return refused;
    const Request asked = request_of(visitor, head.get());
    const bool waits = text_of(head.get(), beast_http::field::expect) == "100-continue";
    std::function<void(std::function<void(Reception)>)> ask =
        [shared, asked](std::function<void(Reception)> done) {
            shared->settings.receive(asked, std::move(done));
        };
    std::optional<Reception> reception =
        co_await answer_within<Reception>(limits.answer_time, visitor, std::move(ask));
    if (!reception) co_return std::nullopt;
    const std::shared_ptr<Upload> upload = reception->upload;
    if (!upload) co_return std::move(reception->refusal);
    if (waits && !co_await send(shared, visitor, "HTTP/1.1 100 Continue\r\n\r\n"))
        co_return std::nullopt;
    beast_http::request_parser<beast_http::buffer_body> parser(std::move(head));
    std::string piece(kPieceBytes, '\0');
    bool wanted = true;
    while (wanted && !parser.is_done()) {
        parser.get().body().data = piece.data();
        parser.get().body().size = piece.size();
        visitor->give(limits.write_time);
        auto [failed, size] =
            co_await beast_http::async_read_some(visitor->socket, buffer, parser, kAwait);
        const bool broken = failed && failed != beast_http::error::need_buffer;
        if (broken || visitor->closed || !shared->answer) co_return std::nullopt;
        const std::size_t got = piece.size() - parser.get().body().size;
        if (got > 0) wanted = upload->take(std::string_view(piece).substr(0, got));
    }
    std::function<void(Reply)> end = [upload](Reply reply) { upload->end(std::move(reply)); };
    co_return co_await answer_within<Response>(limits.answer_time, visitor, std::move(end));
}

asio::awaitable<bool> HttpListener::Shared::send_source(std::shared_ptr<Shared> shared,
                                                        Visitor visitor,
                                                        const Response& response) {
    std::uint64_t left = response.source_bytes;
    while (left > 0) {
        std::string piece = response.source(std::min<std::uint64_t>(left, kPieceBytes));
        if (piece.empty() || piece.size() > left) co_return false;
        left -= piece.size();
        if (!co_await send(shared, visitor, std::move(piece))) co_return false;
    }
    co_return true;
}

asio::awaitable<bool> HttpListener::Shared::send(std::shared_ptr<Shared> shared,
                                                 Visitor visitor,
                                                 std::string bytes) {
    visitor->give(shared->settings.limits.write_time);
    auto [failed, size] = co_await asio::async_write(visitor->socket, asio::buffer(bytes), kAwait);
    co_return !failed && !visitor->closed;
}

asio::awaitable<void> HttpListener::Shared::stream(std::shared_ptr<Shared> shared,
                                                   Visitor visitor) {
    while (!visitor->closed) {
        if (visitor->pending.empty()) {
            visitor->deadline.cancel();
            visitor->wake.expires_after(shared->settings.limits.beat_time);
            co_await visitor->wake.async_wait(kAwait);
            if (visitor->closed) co_return;
            if (visitor->pending.empty()) visitor->pending = kBeat;
        }
        std::string bytes = std::exchange(visitor->pending, {});
        if (!co_await send(shared, visitor, std::move(bytes))) co_return;
    }
}

/// Who reads a stream has nothing more to say, and its going away is seen at once.
asio::awaitable<void> HttpListener::Shared::await_end(Visitor visitor) {
    std::array<char, 64> dropped{};
    co_await visitor->socket.async_read_some(asio::buffer(dropped), kAwait);
    visitor->close();
}

/// What was sent and not read would make the kernel reset the connection, and the answer would be lost.
asio::awaitable<void> HttpListener::Shared::linger(Visitor visitor) {
    error_code ignored;
    visitor->socket.shutdown(tcp::socket::shutdown_send, ignored);
    visitor->give(kLingerTime);
    std::array<char, 1024> dropped{};
    std::size_t total = 0;
    while (total < kLingerBytesMax) {
        auto [failed, size] =
            co_await visitor->socket.async_read_some(asio::buffer(dropped), kAwait);
        if (failed || visitor->closed) co_return;
        total += size;
    }
}

}  // namespace zk::http
