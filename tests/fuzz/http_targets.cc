// HTTP: what visitors ask the listener of the agents' page and of the admin server, and what another agent or an engine
// answers. Both come through a socket, as they always do: one of the loopback, and a pair of this process.
#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include "asio_impl/await.h"
#include "base/check.h"
#include "http/http_listener.h"
#include "http/read_page.h"
#include "targets.h"

namespace zk::fuzz {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio_impl::kAwait;

// Less than what the listener still reads of a visitor whom it has refused, and than a pair of sockets takes unread.
constexpr std::size_t kInputBytesMax = 32768;
// Of the loop, for one visit: no such input takes it long, and a fuzzer that waits for ever tells nobody.
constexpr auto kPatience = std::chrono::seconds(60);

/// What one visit led to.
struct Seen {
    Bytes answers;                   ///< all that was sent back
    std::vector<std::string> asked;  ///< targets that reached the answering side
    std::vector<Bytes> bodies;       ///< of POSTs that came whole
};

class Body : public http::Upload {
  public:
    explicit Body(Seen& seen) : seen_(seen) {}
    bool take(std::string_view piece) override {
        ZK_ASSERT(!ended_ && !piece.empty());
        bytes_ += piece;
        return true;
    }
    void end(http::Reply reply) override {
        ZK_ASSERT(!std::exchange(ended_, true));
        seen_.bodies.push_back(bytes_);
        reply({.status = 200, .content_type = "text/plain", .body = "taken\n"});
    }

  private:
    Seen& seen_;
    Bytes bytes_;
    bool ended_ = false;
};

asio::awaitable<void> visit(tcp::socket& socket, std::vector<Bytes> pieces, Seen& seen) {
    for (const Bytes& piece : pieces) {
        const auto [failed, size] = co_await asio::async_write(socket, asio::buffer(piece), kAwait);
        if (failed) break;  // it has heard enough, and has said so
    }
    boost::system::error_code ignored;
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    std::array<char, 4096> room{};
    for (;;) {
        const auto [failed, size] = co_await socket.async_read_some(asio::buffer(room), kAwait);
        seen.answers.append(room.data(), size);
        if (failed) break;
    }
    socket.close(ignored);
}

Seen visited(std::vector<Bytes> pieces, bool takes_posts) {
    Seen seen;
    asio::io_context loop;
    http::Settings settings;
    settings.address = "127.0.0.1";
    settings.names = {"zk1.lan"};
    if (takes_posts) {
        settings.receive = [&seen](const http::Request& request,
                                   const std::function<void(http::Reception)>& done) {
            if (request.target == "/no")
                return done(
                    {nullptr, {.status = 403, .content_type = "text/plain", .body = "no\n"}});
            done({std::make_shared<Body>(seen), {}});
        };
    }
    const auto answer = [&seen](const http::Request& request) {
        ZK_ASSERT(request.target.starts_with('/') && request.target.size() <= 2048);
        ZK_ASSERT(request.remote == "127.0.0.1");
        seen.asked.push_back(request.target);
        return http::Response{.status = 200, .content_type = "text/plain", .body = "fine\n"};
    };
    http::HttpListener listener(loop.get_executor(), settings, http::Answer(answer), Log());
    ZK_ASSERT(listener.start().has_value());
    tcp::socket socket(loop);
    boost::system::error_code code;
    socket.connect({asio::ip::address_v4::loopback(), listener.port()}, code);
    ZK_ASSERT(!code);
    socket.set_option(tcp::no_delay(true), code);
    asio::co_spawn(loop, visit(socket, std::move(pieces), seen), asio::detached);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (socket.is_open() && std::chrono::steady_clock::now() < deadline)
        loop.run_one_for(std::chrono::seconds(1));
    ZK_ASSERT(!socket.is_open());
    listener.stop();
    loop.run_for(kPatience);  // until nobody waits for anything
    ZK_ASSERT(loop.stopped() && listener.connections() == 0);
    return seen;
}

/// The listener writes whole answers and nothing else: each status is one of its own, each body as long as was told.
std::size_t count_answers(ByteView answers) {
    static const std::set<std::string_view> kOurs = {
        "100", "200", "400", "403", "405", "413", "421", "431"};
    std::size_t count = 0;
    for (; !answers.empty(); ++count) {
        ZK_ASSERT(answers.starts_with("HTTP/1.1 ") && kOurs.contains(answers.substr(9, 3)));
        const bool goes_on = answers.substr(9, 3) == "100";
        const std::size_t end = answers.find("\r\n\r\n");
        ZK_ASSERT(end != ByteView::npos);
        const ByteView head = answers.substr(0, end);
        answers.remove_prefix(end + 4);
        if (goes_on) continue;
        constexpr std::string_view kLength = "\r\nContent-Length: ";
        const std::size_t told = head.find(kLength);
        ZK_ASSERT(told != ByteView::npos);
        const std::size_t length =
            std::strtoull(std::string(head.substr(told + kLength.size(), 10)).c_str(), nullptr, 10);
        // A HEAD is told of a body that does not come.
        if (answers.size() >= length && !answers.starts_with("HTTP/1.1 "))
            answers.remove_prefix(length);
    }
    return count;
}

/// In pieces, a header is looked at again only when its end is there. So where the end never comes, what cannot become a
/// header may be refused in the one case, and the visitor be gone before that in the other; nothing else may differ.
void expect_alike(const Seen& one, const Seen& other) {
    ZK_ASSERT(one.asked == other.asked && one.bodies == other.bodies);
    if (one.answers.size() < other.answers.size()) return expect_alike(other, one);
    ZK_ASSERT(one.answers.starts_with(other.answers));
    const ByteView more = ByteView(one.answers).substr(other.answers.size());
    if (!more.empty()) ZK_ASSERT(more.starts_with("HTTP/1.1 4") && count_answers(more) == 1);
}

/// In which pieces a request comes makes no difference; nobody is asked more than was sent, and all who ask are answered.
void run_http_request(ByteView bytes) {
    Steering steering(bytes);
    const bool takes_posts = steering.below(2) == 1;
    bytes = bytes.substr(0, kInputBytesMax);
    const Seen whole = visited({Bytes(bytes)}, takes_posts);
    ZK_ASSERT(count_answers(whole.answers) >= std::max(whole.asked.size(), whole.bodies.size()));
    for (const std::string& target : whole.asked) ZK_ASSERT(bytes.find(target) != ByteView::npos);
    std::size_t taken = 0;
    for (const Bytes& body : whole.bodies) taken += body.size();
    ZK_ASSERT(taken <= bytes.size());
    std::vector<Bytes> pieces;
    in_pieces(bytes, [&pieces](ByteView piece) {
        pieces.emplace_back(piece);
        return true;
    });
    expect_alike(whole, visited(std::move(pieces), takes_posts));
}

enum class Length { bounded, cut };

std::optional<http::Page> answered(ByteView bytes, std::size_t bytes_max, Length length) {
    using Local = asio::local::stream_protocol;
    asio::io_context loop;
    Local::socket theirs(loop);
    Local::socket ours(loop);
    asio::local::connect_pair(theirs, ours);
    std::optional<Result<http::Page>> read;
    const auto begin = [&]() -> asio::awaitable<void> {
        if (length == Length::bounded) {
            read = co_await http::read_page(ours, bytes_max);
        } else {
            read = co_await http::read_cut_page(ours, bytes_max);
        }
    };
    asio::write(theirs, asio::buffer(bytes));
    theirs.shutdown(Local::socket::shutdown_send);
    asio::co_spawn(loop, begin, asio::detached);
    loop.run_for(kPatience);
    ZK_ASSERT(read.has_value());
    if (!read->has_value()) {
        ZK_ASSERT(!read->error().words.empty());
        return std::nullopt;
    }
    return **read;
}

/// No body is longer than it may be, however it is announced; and what is read whole is read alike both ways.
void run_http_answer(ByteView bytes) {
    Steering steering(bytes);
    const std::size_t bytes_max = 1 + steering.below(250) * 16;
    bytes = bytes.substr(0, kInputBytesMax);
    const auto bounded = answered(bytes, bytes_max, Length::bounded);
    const auto cut = answered(bytes, bytes_max, Length::cut);
    if (cut) ZK_ASSERT(cut->body.size() <= bytes.size() && cut->status < 1000);
    if (!bounded) return;
    ZK_ASSERT(bounded->body.size() <= bytes_max && !bounded->cut);
    ZK_ASSERT(cut && cut->status == bounded->status);
    ZK_ASSERT(cut->cut ? bounded->body.starts_with(cut->body) : cut->body == bounded->body);
}

std::vector<Bytes> request_samples() {
    const std::string host = "Host: 127.0.0.1:9180\r\n";
    return {
        std::string(1, '\0') + "GET /metrics HTTP/1.1\r\n" + host +
            "Accept: text/html\r\n\r\nHEAD /a?b=c HTTP/1.1\r\n" + host +
            "\r\nGET / HTTP/1.0\r\n\r\n",
        std::string(1, '\0') +
            "GET /events HTTP/1.1\r\nHost: zk1.lan\r\nLast-Event-ID: 7\r\nAuthorization: digest "
            "a:b\r\n"
            "Connection: close\r\n\r\n",
        std::string(1, '\1') + "POST /commands/restore HTTP/1.1\r\n" + host +
            "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhelloPOST /no HTTP/1.1\r\n" + host +
            "Content-Length: 1\r\n\r\nx",
        std::string(1, '\1') + "POST /x HTTP/1.1\r\n" + host +
            "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n1;a=b\r\n!\r\n0\r\nTrailer: t\r\n\r\n"};
}
std::vector<Bytes> answer_samples() {
    return {
        "\x40HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
        "15\r\n\r\n{\"node\": \"zk1\"}",
        "\x20HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n "
        "world\r\n0\r\n\r\n",
        "\x01HTTP/1.0 404 Not Found\r\n\r\nthe body ends with the connection",
        "\x02HTTP/1.1 204 No Content\r\n\r\n"};
}

}  // namespace

std::vector<Target> http_targets() {
    return {{"http_request", "what visitors of a page ask", run_http_request, request_samples},
            {"http_answer",
             "what another agent or an engine answers",
             run_http_answer,
             answer_samples}};
}

}  // namespace zk::fuzz
