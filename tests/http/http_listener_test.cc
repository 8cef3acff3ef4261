// The HTTP listener over real sockets of the loopback: what it answers, and what it does with visitors who are slow, large,
// many, or say what is no HTTP.
#include "http/http_listener.h"

#include <atomic>
#include <future>
#include <optional>
#include <poll.h>
#include <random>
#include <thread>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "http/http_get.h"
#include "http/own_names.h"

namespace zk::http {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int kPatienceMs = 20000;

/// A client that knows nothing of HTTP.
class Visit {
  public:
    explicit Visit(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    ~Visit() { ::close(socket_); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    bool send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    void end_sending() const { ::shutdown(socket_, SHUT_WR); }
    /// Until `enough` is in what was received; false when the connection ends or nothing comes.
    bool receive(std::string_view enough) {
        while (received.find(enough) == std::string::npos) {
            if (!receive_some()) return false;
        }
        return true;
    }
    /// All until the other side closes.
    std::string rest() {
        while (receive_some()) {
        }
        return received;
    }
    /// Whether the other side has closed, or closes within the patience.
    [[nodiscard]] bool ended() {
        rest();
        return closed;
    }

    bool connected = false;
    bool closed = false;
    std::string received;

  private:
    bool receive_some() {
        pollfd wait{socket_, POLLIN, 0};
        if (::poll(&wait, 1, kPatienceMs) != 1) return false;
        char buffer[4096];
        const auto size = ::recv(socket_, buffer, sizeof buffer, 0);
        closed = size <= 0;
        if (size > 0) received.append(buffer, static_cast<std::size_t>(size));
        return !closed;
    }
    int socket_;
};

std::string get(std::string_view target, std::string_view more = "") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) +
           "\r\n";
}
const std::string kLast = "Connection: close\r\n";

class Listener : public testing::Test {
  protected:
    ~Listener() override { end(); }
    void begin(Limits limits = {}, std::string address = "127.0.0.1") {
        Settings settings;
        settings.address = std::move(address);
        settings.names = {"zk1.example"};
        settings.limits = limits;
        settings.receive = receive_;
        auto answer = [this](const Request& request) { return answer_to(request); };
        listener_.emplace(loop_.get_executor(), settings, answer, Log());
        const auto started = listener_->start();
        ASSERT_TRUE(started.has_value()) << started.error().message();
        port_ = listener_->port();
        thread_ = std::thread([this] { loop_.run(); });
    }
    void end() {
        if (!thread_.joinable()) return;
        asio::post(loop_, [this] {
            listener_.reset();
            work_.reset();
        });
        thread_.join();
    }
    Response answer_to(const Request& request) {
        ++asked_;
        Response response;
        response.content_type = "text/plain";
        response.body = "you asked for " + request.target + "\n";
        if (request.target == "/large") response.body.assign(8UL << 20, 'x');
        if (request.target == "/none") response.status = 404;
        if (request.target.starts_with("/source")) {
            response.body.clear();
            response.source_bytes = 1'000'000;
            response.source = [left = request.target == "/source" ? 1'000'000UL : 500'000UL](
                                  std::size_t most) mutable {
                const std::size_t piece = std::min(most, left);
                left -= piece;
                return std::string(piece, 's');
            };
        }
        if (request.target == "/events") {
            response.stream = true;
            response.content_type = "text/event-stream";
            response.body = "data: after " + request.last_event_id + "\n\n";
        }
        return response;
    }
    std::string one(const std::string& request) {
        Visit visit(port_);
        visit.send(request);
        return visit.rest();
    }
    template <class Call>
    auto on_loop(Call call) {
        std::promise<decltype(call())> promise;
        asio::post(loop_, [&] { promise.set_value(call()); });
        return promise.get_future().get();
    }
    /// Whether one more could listen at the same port.
    Result<> start_another() {
        return on_loop([this] {
            Settings settings;
            settings.address = "127.0.0.1";
            settings.port = port_;
            HttpListener another(
                loop_.get_executor(), settings, [](const Request&) { return Response(); }, Log());
            return another.start();
        });
    }
    std::size_t connections() {
        return on_loop([this] { return listener_->connections(); });
    }
    bool await_connections(std::size_t count) {
        for (int tries = 0; tries < 2000; ++tries) {
            if (connections() == count) return true;
            std::this_thread::sleep_for(milliseconds(5));
        }
        return false;
    }

    asio::io_context loop_{1};
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_{
        asio::make_work_guard(loop_)};
    Receive receive_;
    std::optional<HttpListener> listener_;
    std::thread thread_;
    std::uint16_t port_ = 0;
    std::atomic<int> asked_ = 0;
};

TEST_F(Listener, AnswersGetAndHead) {
    begin();
    const std::string answer = one(get("/a?b=c", kLast));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 21\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nCache-Control: no-store\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Security-Policy: default-src 'none'"));
    EXPECT_TRUE(answer.ends_with("\r\n\r\nyou asked for /a?b=c\n")) << answer;
    const std::string head = one("HEAD /a HTTP/1.1\r\nHost: 127.0.0.1:9180\r\n" + kLast + "\r\n");
    EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
    EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 17\r\n"));
    EXPECT_THAT(one(get("/none", kLast)), StartsWith("HTTP/1.1 404 Not Found\r\n"));
    EXPECT_THAT(one("GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(Listener, IsReadOnly) {
    begin();
    for (const char* const method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"}) {
        const std::string answer =
            one(std::string(method) + " / HTTP/1.1\r\nHost: localhost\r\n" + kLast + "\r\n");
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method;
        EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
    }
    EXPECT_THAT(one(get("/", "Content-Length: 5\r\n") + "hello"), StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(one(get("/", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n"),
                StartsWith("HTTP/1.1 413 "));
    EXPECT_EQ(asked_, 0);
}

TEST_F(Listener, WhatIsNoHttpIsRefused) {
    begin();
    for (const char* const request :
         {"hello\r\n\r\n",
          "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
          "GET / HTTP/1.1\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: localhost\r\nHost: a\r\n\r\n",
          "GET x HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"}) {
        Visit visit(port_);
        visit.send(request);
        visit.end_sending();
        EXPECT_THAT(visit.rest(), StartsWith("HTTP/1.1 400 ")) << request;
    }
    EXPECT_EQ(asked_, 0);
    EXPECT_THAT(one(get("/" + std::string(3000, 'a'), kLast)), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(one(get("/", "X: " + std::string(9000, 'a') + "\r\n")),
                StartsWith("HTTP/1.1 431 "));
}

TEST_F(Listener, AnswersOnlyUnderItsOwnNames) {
    begin();
    EXPECT_THAT(one("GET / HTTP/1.1\r\nHost: evil.example\r\n" + kLast + "\r\n"),
                StartsWith("HTTP/1.1 421 "));
    EXPECT_EQ(asked_, 0);
    EXPECT_THAT(one("GET / HTTP/1.1\r\nHost: ZK1.example:9180\r\n" + kLast + "\r\n"),
                StartsWith("HTTP/1.1 200 "));
}

TEST(OwnNames, AddressesLocalhostAndTheNodesName) {
    const std::vector<std::string> names = {"zk1.lan"};
    for (const char* const own : {"127.0.0.1",
                                  "127.0.0.1:80",
                                  "[::1]",
                                  "[fd00::1]:9180",
                                  "localhost",
                                  "LocalHost:9180",
                                  "zk1.lan",
                                  "zk1.lan.:9180",
                                  "192.168.6.137"}) {
        EXPECT_TRUE(is_own_name(own, names)) << own;
    }
    for (const char* const other : {"",
                                    "zk1.lan.evil.example",
                                    "evil.example:9180",
                                    "127.0.0.1.evil.example",
                                    "localhost.evil",
                                    "[::1",
                                    "[::1]x",
                                    "zk1.lan:x",
                                    "zk1.lan:9180:1",
                                    "[evil]"}) {
        EXPECT_FALSE(is_own_name(other, names)) << other;
    }
}

TEST_F(Listener, ManyRequestsOnOneConnection) {
    begin();
    Visit visit(port_);
    std::string all;
    for (int i = 0; i < 500; ++i) all += get("/" + std::to_string(i));
    ASSERT_TRUE(visit.send(all + get("/end", kLast)));
    const std::string answers = visit.rest();
    std::size_t at = 0;
    for (int i = 0; i < 500; ++i) {
        at = answers.find("you asked for /" + std::to_string(i) + "\n", at);
        ASSERT_NE(at, std::string::npos) << i;
    }
    EXPECT_TRUE(answers.ends_with("you asked for /end\n"));
}

TEST_F(Listener, HalfClosedConnectionIsAnswered) {
    begin();
    Visit visit(port_);
    visit.send(get("/half"));
    visit.end_sending();
    EXPECT_TRUE(visit.rest().ends_with("you asked for /half\n"));
    EXPECT_TRUE(visit.closed);
}

TEST_F(Listener, RequestByteByByteIsTakenInTime) {
    begin();
    Visit visit(port_);
    for (const char c : get("/slow", kLast)) ASSERT_TRUE(visit.send(std::string_view(&c, 1)));
    EXPECT_TRUE(visit.rest().ends_with("you asked for /slow\n"));
}

TEST_F(Listener, WhoNeverEndsItsRequestIsDropped) {
    Limits limits;
    limits.request_time = milliseconds(150);
    begin(limits);
    Visit silent(port_);
    EXPECT_TRUE(silent.ended());
    Visit slow(port_);
    // Each byte comes in time for itself, the request does not.
    for (int i = 0; i < 2000 && slow.send("G"); ++i) std::this_thread::sleep_for(milliseconds(10));
    EXPECT_FALSE(slow.send("G"));
    EXPECT_EQ(asked_, 0);
    EXPECT_TRUE(await_connections(0));
}

TEST_F(Listener, WhoStaysIdleOrDoesNotReadIsDropped) {
    Limits limits;
    limits.idle_time = milliseconds(100);
    limits.write_time = milliseconds(150);
    begin(limits);
    Visit idle(port_);
    idle.send(get("/"));
    EXPECT_TRUE(idle.ended());
    Visit deaf(port_);
    deaf.send(get("/large"));
    EXPECT_TRUE(await_connections(0));
}

TEST_F(Listener, ThousandsOneAfterTheOther) {
    begin();
    for (int i = 0; i < 3000; ++i) {
        Visit visit(port_);
        ASSERT_TRUE(visit.connected);
        if (i % 3 == 0) continue;  // says nothing
        visit.send(i % 3 == 1 ? get("/", kLast) : "GET");
        if (i % 3 == 1) {
            ASSERT_THAT(visit.rest(), StartsWith("HTTP/1.1 200 ")) << i;
        }
    }
    EXPECT_TRUE(await_connections(0));
    EXPECT_THAT(one(get("/", kLast)), StartsWith("HTTP/1.1 200 "));
}

TEST_F(Listener, HundredsAtOnceAreBounded) {
    begin();
    std::vector<std::unique_ptr<Visit>> visits;
    for (int i = 0; i < 400; ++i) {
        visits.push_back(std::make_unique<Visit>(port_));
        EXPECT_LE(connections(), 64U);
    }
    // The idle made way: a new visitor is answered, and the first ones are gone.
    EXPECT_THAT(one(get("/", kLast)), StartsWith("HTTP/1.1 200 "));
    EXPECT_TRUE(visits.front()->ended());
}

TEST_F(Listener, EventsReachEveryReaderAndEndWithThem) {
    begin();
    Visit first(port_);
    Visit second(port_);
    first.send(get("/events", "Last-Event-ID: 41\r\n"));
    second.send(get("/events"));
    ASSERT_TRUE(first.receive("data: after 41\n\n"));
    ASSERT_TRUE(second.receive("data: after \n\n"));
    EXPECT_THAT(first.received, Not(HasSubstr("Content-Length")));
    on_loop([this] {
        listener_->publish("data: news\n\n");
        return 0;
    });
    EXPECT_TRUE(first.receive("data: news\n\n"));
    EXPECT_TRUE(second.receive("data: news\n\n"));
    first.end_sending();
    EXPECT_TRUE(first.ended());
    EXPECT_TRUE(await_connections(1));
}

TEST_F(Listener, StreamsAreBoundedAndSayThatTheyAreThere) {
    Limits limits;
    limits.streams_max = 2;
    limits.beat_time = milliseconds(20);
    begin(limits);
    Visit one_of(port_);
    Visit other(port_);
    one_of.send(get("/events"));
    other.send(get("/events"));
    ASSERT_TRUE(one_of.receive(":\n\n:\n\n"));
    ASSERT_TRUE(other.receive(":\n\n"));
    EXPECT_THAT(one(get("/events", kLast)), StartsWith("HTTP/1.1 503 "));
}

TEST_F(Listener, ReaderWhoIsTooFarBehindIsDropped) {
    Limits limits;
    limits.write_time = milliseconds(60000);
    begin(limits);
    Visit deaf(port_);
    deaf.send(get("/events"));
    ASSERT_TRUE(deaf.receive("data: after"));
    const std::string event = "data: " + std::string(30000, 'x') + "\n\n";
    for (int i = 0; i < 5000 && connections() != 0; ++i) {
        on_loop([&] {
            listener_->publish(event);
            return 0;
        });
    }
    EXPECT_TRUE(await_connections(0));
}

TEST_F(Listener, StopEndsEveryConnectionAndFreesThePort) {
    begin();
    Visit idle(port_);
    Visit stream(port_);
    stream.send(get("/events"));
    ASSERT_TRUE(stream.receive("data: after"));
    on_loop([this] {
        listener_->stop();
        return 0;
    });
    EXPECT_TRUE(idle.ended());
    EXPECT_TRUE(stream.ended());
    EXPECT_FALSE(Visit(port_).connected);
    const auto again = start_another();
    EXPECT_TRUE(again.has_value());
}

TEST_F(Listener, TakenPortIsAnErrorThatNamesIt) {
    begin();
    const auto second = start_another();
    ASSERT_FALSE(second.has_value());
    EXPECT_THAT(second.error().message(), HasSubstr("127.0.0.1 port " + std::to_string(port_)));
}

TEST_F(Listener, SmallClientGetsPagesOverBothFamilies) {
    for (const char* const address : {"127.0.0.1", "::1"}) {
        begin({}, address);
        if (HasFatalFailure()) return;
        const auto fetch = [&](const char* target, milliseconds timeout, std::size_t bytes) {
            return asio::co_spawn(
                       loop_,
                       async_get(loop_.get_executor(), address, port_, target, timeout, bytes),
                       asio::use_future)
                .get();
        };
        const auto page = fetch("/x", milliseconds(kPatienceMs), 1000);
        ASSERT_TRUE(page.has_value()) << page.error().message();
        EXPECT_EQ(page->status, 200U);
        EXPECT_EQ(page->body, "you asked for /x\n");
        EXPECT_EQ(fetch("/none", milliseconds(kPatienceMs), 1000)->status, 404U);
        EXPECT_FALSE(fetch("/large", milliseconds(kPatienceMs), 1000).has_value());
        const auto stream = fetch("/events", milliseconds(100), 1000);
        ASSERT_FALSE(stream.has_value());
        EXPECT_EQ(stream.error().code, make_error_code(Errc::timeout));
        end();
        loop_.restart();
        work_.emplace(asio::make_work_guard(loop_));
    }
}

/// One of the requests with a few bytes changed, left out, doubled or put in.
std::string mutated(std::mt19937& random) {
    static const std::vector<std::string> seeds = {
        get("/metrics"),
        get("/events", "Last-Event-ID: 7\r\nAccept: text/event-stream\r\n"),
        "HEAD / HTTP/1.1\r\nHost: [::1]:80\r\nConnection: keep-alive\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "POST /up HTTP/1.1\r\nHost: localhost\r\nAuthorization: me\r\nTransfer-Encoding: "
        "chunked\r\n\r\n5\r\nhello\r\n"
        "0\r\n\r\n",
        "POST /up HTTP/1.1\r\nHost: localhost\r\nAuthorization: me\r\nContent-Length: "
        "5\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"};
    const auto below = [&](std::size_t limit) { return random() % limit; };
    std::string text = seeds[below(seeds.size())];
    for (std::size_t changes = 1 + below(6); changes > 0 && !text.empty(); --changes) {
        const std::size_t at = below(text.size());
        const std::size_t kind = below(4);
        if (kind == 0) text[at] = static_cast<char>(below(256));
        if (kind == 1) text.erase(at, 1 + below(8));
        if (kind == 2) text.insert(at, text.substr(at, below(40)));
        if (kind == 3) text.insert(at, 1, "\r\n\0: \xff"[below(6)]);
    }
    return text;
}

TEST_F(Listener, ABodyOfManyPiecesIsSentWholeOrTheConnectionEnds) {
    begin();
    const std::string whole = one(get("/source", kLast));
    EXPECT_THAT(whole, HasSubstr("Content-Length: 1000000\r\n"));
    EXPECT_EQ(whole.size() - whole.find("\r\n\r\n") - 4, 1'000'000U);
    Visit visit(port_);
    visit.send(get("/source-that-fails"));
    EXPECT_TRUE(visit.ended()) << "though it might have been kept";
    EXPECT_LT(visit.received.size(), 1'000'000U);
    EXPECT_THAT(one("HEAD /source HTTP/1.1\r\nHost: localhost\r\n" + kLast + "\r\n"),
                testing::EndsWith("\r\n\r\n"));
}

class Uploads : public Listener {
  protected:
    struct Taken : Upload {
        explicit Taken(Uploads& test) : uploads(test) { ++uploads.open; }
        ~Taken() override { --uploads.open; }
        bool take(std::string_view piece) override {
            bytes.append(piece);
            return bytes.size() < uploads.enough;
        }
        void end(Reply reply) override {
            ++uploads.ends;
            Response response;
            response.body = std::to_string(bytes.size()) + " taken of " + bytes.substr(0, 5);
            reply(std::move(response));
        }
        Uploads& uploads;
        std::string bytes;
    };
    Uploads() {
        receive_ = [this](const Request& request, const std::function<void(Reception)>& done) {
            Reception reception;
            if (request.target == "/up" && request.authorization == "me") {
                EXPECT_EQ(request.remote, "127.0.0.1");
                reception.upload = std::make_shared<Taken>(*this);
            } else {
                reception.refusal.status = 403;
                reception.refusal.body = "not you";
            }
            done(std::move(reception));
        };
    }
    static std::string post(const std::string& more, const std::string& target = "/up") {
        return "POST " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: me\r\n" + kLast +
               more + "\r\n";
    }
    bool await_none_open() {
        for (int tries = 0; tries < 2000 && open > 0; ++tries)
            std::this_thread::sleep_for(milliseconds(5));
        return open == 0;
    }
    std::atomic<int> open = 0;
    std::atomic<int> ends = 0;
    std::size_t enough = std::size_t{1} << 30;
};

TEST_F(Uploads, AreTakenWhole) {
    begin();
    EXPECT_THAT(one(post("Content-Length: 0\r\n")), HasSubstr("0 taken of "));
    EXPECT_THAT(one(post("Content-Length: 7\r\n") + "letters"), HasSubstr("7 taken of lette"));
    const std::string much(3'000'000, 'm');
    EXPECT_THAT(one(post("Content-Length: 3000000\r\n") + much),
                HasSubstr("3000000 taken of mmmmm"));
    EXPECT_THAT(one(post("Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
                HasSubstr("7 taken of abcde"));
    EXPECT_EQ(ends, 4);
    EXPECT_TRUE(await_none_open());
    EXPECT_EQ(asked_, 0) << "they are no questions";
}

TEST_F(Uploads, WhoWaitsForLeaveIsGivenIt) {
    begin();
    Visit visit(port_);
    visit.send(post("Content-Length: 3\r\nExpect: 100-continue\r\n"));
    ASSERT_TRUE(visit.receive("HTTP/1.1 100 Continue\r\n\r\n"));
    visit.send("abc");
    EXPECT_THAT(visit.rest(), HasSubstr("3 taken of abc"));
}

TEST_F(Uploads, AreRefusedBeforeTheirFirstByte) {
    begin();
    Visit visit(port_);
    visit.send(post("Content-Length: 3\r\nExpect: 100-continue\r\n", "/other"));
    EXPECT_THAT(visit.rest(), StartsWith("HTTP/1.1 403 "));
    EXPECT_THAT(one("POST /up HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"),
                HasSubstr("not you"));
    EXPECT_THAT(
        one("PUT /up HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" + kLast + "\r\n"),
        StartsWith("HTTP/1.1 405 "));
    EXPECT_EQ(ends, 0);
}

TEST_F(Uploads, MayBeEnough) {
    enough = 10;
    begin();
    Visit visit(port_);
    visit.send(post("Content-Length: 3000000\r\n") + std::string(100'000, 'x'));
    EXPECT_THAT(visit.rest(), HasSubstr(" taken of xxxxx"));
    EXPECT_EQ(ends, 1);
}

TEST_F(Uploads, WhoBreaksOffOrIsSlowIsForgotten) {
    Limits limits;
    limits.write_time = milliseconds(200);
    begin(limits);
    {
        Visit visit(port_);
        visit.send(post("Content-Length: 3000000\r\n") + "only this");
    }
    EXPECT_TRUE(await_none_open());
    Visit slow(port_);
    slow.send(post("Content-Length: 3000000\r\n") + "only this");
    EXPECT_TRUE(slow.ended());
    EXPECT_TRUE(await_none_open());
    EXPECT_EQ(ends, 0);
}

TEST_F(Uploads, RandomChangesOfRequestsDoNoHarm) {
    begin();
    for (unsigned seed = 1; seed <= 1500; ++seed) {
        std::mt19937 random(seed);
        Visit visit(port_);
        visit.send(mutated(random));
        visit.end_sending();
        const std::string answer = visit.rest();
        EXPECT_TRUE(visit.closed) << "seed " << seed;
        if (!answer.empty()) {
            EXPECT_THAT(answer, StartsWith("HTTP/1.1 ")) << "seed " << seed;
        }
    }
    EXPECT_THAT(one(get("/", kLast)), StartsWith("HTTP/1.1 200 "));
    EXPECT_TRUE(await_connections(0));
    EXPECT_TRUE(await_none_open());
    EXPECT_GT(ends, 10) << "some were still right";
}

}  // namespace
}  // namespace zk::http
