// Real sockets on the loopback address, ports picked by the kernel; the loop is run by the test
// itself.
#include "net/client_loop.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "jute/archive.h"
#include "jute/frame.h"
#include "jute/protocol.h"
#include "jute/txn.h"
#include "net/client_loops.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kPatience{10};

/// A client that runs the loop while it waits.
class Client {
  public:
    Client(asio::io_context& loop, std::uint16_t port) : loop_(loop), socket_(own_) {
        socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
        socket_.non_blocking(true);
    }
    void send(const Bytes& bytes) {
        std::size_t sent = 0;
        while (sent < bytes.size()) {
            error_code code;
            sent +=
                socket_.write_some(asio::buffer(bytes.data() + sent, bytes.size() - sent), code);
            if (code && code != asio::error::would_block) return;
            loop_.poll();
        }
    }
    /// Writes until the server has not taken anything for a while; gives what is left.
    Bytes send_what_fits(Bytes bytes) {
        for (int idle = 0; idle < 100 && !bytes.empty(); ++idle) {
            error_code code;
            const std::size_t count = socket_.write_some(asio::buffer(bytes), code);
            bytes.erase(0, count);
            if (count > 0) idle = 0;
            loop_.run_for(milliseconds(1));
            loop_.restart();
        }
        return bytes;
    }
    /// Reads until `done` says so, the server closes, or nothing came for ten seconds.
    template <class Done>
    bool read_until(Done done) {
        auto deadline = std::chrono::steady_clock::now() + kPatience;
        std::vector<char> buffer(1 << 16);
        while (!done() && !closed) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            loop_.run_for(milliseconds(1));
            loop_.restart();
            error_code code;
            const std::size_t count = socket_.read_some(asio::buffer(buffer), code);
            received.append(buffer.data(), count);
            if (count > 0) deadline = std::chrono::steady_clock::now() + kPatience;
            if (code && code != asio::error::would_block) {
                closed = true;
                reset = code != asio::error::eof;
            }
        }
        return done();
    }
    bool read_bytes(std::size_t count) {
        return read_until([&] { return received.size() >= count; });
    }
    bool read_to_end() {
        return read_until([&] { return closed; });
    }
    void close() { socket_.close(); }

    Bytes received;
    bool closed = false;
    bool reset = false;

  private:
    asio::io_context& loop_;
    asio::io_context own_;
    tcp::socket socket_;
};

class ClientLoopTest : public ::testing::Test, public RequestPort, public WordPort {
  protected:
    ClientLoopTest() {
        settings.door.port = 0;
        settings.door.address = "127.0.0.1";
    }
    void start() {
        loop.emplace(io, settings, tree, *this, *this, Log());
        const auto opened = loop->open();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        port = *opened;
        deliver({request::Serving{true}});
    }
    void deliver(std::vector<request::ToFrontend> messages) {
        loop->publish(nullptr, messages);
        loop->let_in();
        loop->flush();
    }
    /// A core that opens sessions, echoes writes, and remembers the rest.
    void ask(std::vector<request::ToCore>& requests) override {
        for (const request::ToCore& message : std::exchange(requests, {})) take(message);
    }
    void take(const request::ToCore& message) {
        if (const auto* open = std::get_if<request::OpenSession>(&message)) {
            answers.push_back(
                request::SessionOpened{open->origin, SessionId(++sessions), 4000, Bytes(16, 'p')});
        } else if (const auto* asked = std::get_if<request::ClientRequest>(&message)) {
            auto& to = holds_large && asked->body.size() > 100'000 ? large_answers : answers;
            to.push_back(request::Reply{
                asked->origin, asked->session, asked->xid, asked->op, Zxid(1), ErrorCode::ok, {}});
        } else if (std::get_if<request::ConnectionClosed>(&message) != nullptr) {
            ++connections_closed;
        }
        asio::post(io, [this] {
            auto batch = std::exchange(answers, {});
            if (!batch.empty()) deliver(std::move(batch));
        });
    }
    void four_letter(std::string word, Bytes, std::function<void(std::string)> answer) override {
        answer("answer to " + word);
    }
    static Bytes connect_frame() {
        jute::ConnectRequest request;
        request.timeout_ms = 4000;
        request.password = Bytes(16, '\0');
        Bytes frame;
        jute::append_frame(frame, jute::encode(request));
        return frame;
    }
    template <class Record>
    static Bytes request_frame(std::int32_t xid, OpCode op, const Record& record) {
        Bytes frame;
        jute::append_frame(frame,
                           jute::encode(jute::RequestHeader{Xid(xid), op}) + jute::encode(record));
        return frame;
    }
    static Bytes ping() {
        Bytes frame;
        jute::append_frame(frame, jute::encode(jute::RequestHeader{Xid(-2), OpCode::ping}));
        return frame;
    }
    void create(const std::string& path, std::size_t bytes) {
        jute::Txn txn;
        txn.header = {SessionId(0), Xid(0), Zxid(1), WallMs(1), OpCode::create};
        txn.body = jute::CreateTxn{path, Bytes(bytes, 'd'), tree::open_acl_list(), false, -1};
        tree.apply(txn);
    }
    void run(milliseconds time) {
        io.run_for(time);
        io.restart();
    }

    asio::io_context io{1};
    tree::DataTree tree;
    ClientSettings settings;
    std::optional<ClientLoops> loop;
    std::uint16_t port = 0;
    std::vector<request::ToFrontend> answers;
    /// Large writes are answered when the test says so: into `large_answers`.
    bool holds_large = false;
    std::vector<request::ToFrontend> large_answers;
    std::int64_t sessions = 0;
    int connections_closed = 0;
};

TEST_F(ClientLoopTest, ServesAHandshakeAndPipelinedRequests) {
    start();
    Client client(io, port);
    Bytes all = connect_frame();
    for (int i = 0; i < 100; ++i) all += ping();
    client.send(all + request_frame(1, OpCode::set_data, jute::SetDataRequest{"/a", "d", -1}) +
                ping());
    ASSERT_TRUE(client.read_bytes(40 + 102 * 20));
    EXPECT_EQ(client.received.size(), 40U + 102U * 20U);
    EXPECT_EQ(loop->statistics().packets_received, 103);
    EXPECT_FALSE(client.closed);
}

TEST_F(ClientLoopTest, AnswersWordsAndCloses) {
    start();
    Client client(io, port);
    client.send("ruok\nand more that nobody reads");
    ASSERT_TRUE(client.read_to_end());
    EXPECT_EQ(client.received, "answer to ruok");
    EXPECT_FALSE(client.reset) << "the unread bytes must not reset the connection";
    client.close();
    run(milliseconds(20));
    EXPECT_EQ(loop->statistics().connections, 0);
}

TEST_F(ClientLoopTest, CloseSessionFlushesItsReply) {
    start();
    Client client(io, port);
    client.send(connect_frame() + request_frame(7, OpCode::close_session, jute::MultiHeader{}) +
                ping() + ping());
    ASSERT_TRUE(client.read_to_end());
    EXPECT_EQ(client.received.size(), 40U + 20U);
    EXPECT_FALSE(client.reset);
    EXPECT_EQ(connections_closed, 1);
}

TEST_F(ClientLoopTest, ShutConnectionsDoNotStay) {
    start();
    Client client(io, port);
    client.send("ruok");
    ASSERT_TRUE(client.read_to_end());
    run(milliseconds(3500));  // the client never closes its side
    EXPECT_EQ(loop->statistics().connections, 0);
}

TEST_F(ClientLoopTest, BadLengthClosesAtOnce) {
    start();
    Client client(io, port);
    client.send(Bytes("\xff\xff\xff\xff", 4));
    ASSERT_TRUE(client.read_to_end());
    EXPECT_TRUE(client.received.empty());
}

TEST_F(ClientLoopTest, SlowReaderGetsEverything) {
    start();
    create("/big", 900'000);
    Client client(io, port);
    Bytes all = connect_frame();
    constexpr int kReads = 20;
    for (int i = 1; i <= kReads; ++i)
        all += request_frame(i, OpCode::get_data, jute::PathWatchRequest{"/big", false});
    client.send(all);
    run(milliseconds(50));  // the server fills the socket and must wait
    const std::size_t reply = 4 + 16 + 4 + 900'000 + 68;
    ASSERT_TRUE(client.read_bytes(40 + kReads * reply));
    EXPECT_EQ(client.received.size(), 40 + kReads * reply);
    for (int i = 0; i < kReads; ++i) {
        const char* header = client.received.data() + 40 + static_cast<std::size_t>(i) * reply + 4;
        ASSERT_EQ(load_be<std::int32_t>(header), i + 1);
    }
    client.send(ping());
    ASSERT_TRUE(client.read_bytes(40 + kReads * reply + 20)) << "and reading goes on";
}

TEST_F(ClientLoopTest, WriterThatNeverReadsIsHeldBack) {
    start();
    create("/big", 900'000);
    Client client(io, port);
    Bytes all = connect_frame();
    for (int i = 1; i <= 200; ++i)
        all += request_frame(i, OpCode::get_data, jute::PathWatchRequest{"/big", false});
    client.send(all);
    run(milliseconds(100));
    EXPECT_LT(loop->statistics().packets_sent, 50) << "replies are not made for nobody";
    client.close();
    run(milliseconds(50));
    EXPECT_EQ(loop->statistics().connections, 0);
    EXPECT_EQ(connections_closed, 1);
}

TEST_F(ClientLoopTest, WriterThatNeverReadsIsNotReadForEver) {
    start();
    create("/big", 900'000);
    Client client(io, port);
    Bytes all = connect_frame();
    for (int i = 1; i <= 20; ++i)
        all += request_frame(i, OpCode::get_data, jute::PathWatchRequest{"/big", false});
    while (all.size() < (std::size_t{32} << 20)) all += ping();
    EXPECT_FALSE(client.send_what_fits(all).empty());
    const auto heard = loop->statistics().bytes_received;
    EXPECT_LT(heard, 1 << 20) << "requests are not collected for somebody who takes no answers";
    EXPECT_TRUE(client.read_until([&] {
        return loop->statistics().bytes_received > heard + (128 << 10);
    })) << "when the answers are taken, reading goes on";
    EXPECT_FALSE(client.closed);
}

TEST_F(ClientLoopTest, FloodOfLargeWritesWaitsAndSmallClientsDoNot) {
    settings.frontend.loop_bytes_max = std::size_t{4} << 20;
    holds_large = true;
    start();
    std::vector<std::unique_ptr<Client>> floods;
    std::vector<Bytes> rest;
    constexpr int kWrites = 8;
    for (int i = 0; i < 3; ++i) {
        Bytes all = connect_frame();
        for (int xid = 1; xid <= kWrites; ++xid) {
            all += request_frame(
                xid, OpCode::set_data, jute::SetDataRequest{"/a", Bytes(900'000, 'd'), -1});
        }
        floods.push_back(std::make_unique<Client>(io, port));
        rest.push_back(floods.back()->send_what_fits(all));
    }
    EXPECT_LE(loop->held_bytes(), settings.frontend.loop_bytes_max);
    EXPECT_EQ(large_answers.size(), 4U) << "four fit";
    Client small(io, port);
    small.send(connect_frame() + ping() +
               request_frame(1, OpCode::set_data, jute::SetDataRequest{"/a", "d", -1}) + ping());
    ASSERT_TRUE(small.read_bytes(40 + 3 * 20)) << "the loop is full, and still hears others";
    holds_large = false;
    deliver(std::exchange(large_answers, {}));
    for (int i = 0; i < 3; ++i) {
        Client& flood = *floods[static_cast<std::size_t>(i)];
        Bytes left = rest[static_cast<std::size_t>(i)];
        while (!left.empty()) left = flood.send_what_fits(std::move(left));
        EXPECT_TRUE(flood.read_bytes(40 + kWrites * 20)) << i;
    }
    EXPECT_EQ(loop->held_bytes(), 0U);
}

TEST_F(ClientLoopTest, EndOfAllServiceReachesASlowReaderToo) {
    start();
    create("/big", 900'000);
    Client client(io, port);
    Bytes all = connect_frame();
    for (int i = 1; i <= 50; ++i)
        all += request_frame(i, OpCode::get_data, jute::PathWatchRequest{"/big", false});
    client.send(all);
    run(milliseconds(50));
    deliver({request::Serving{false}});
    ASSERT_TRUE(client.read_to_end());
    EXPECT_FALSE(client.reset);
    EXPECT_LT(client.received.size(), 50U * 900'000U);
}

TEST_F(ClientLoopTest, LimitsConnectionsPerAddress) {
    settings.door.admission.per_address_max = 2;
    start();
    Client one(io, port);
    Client two(io, port);
    one.send(connect_frame());
    two.send(connect_frame());
    ASSERT_TRUE(one.read_bytes(40));
    ASSERT_TRUE(two.read_bytes(40));
    Client three(io, port);
    ASSERT_TRUE(three.read_to_end());
    EXPECT_TRUE(three.received.empty());
    one.close();
    run(milliseconds(20));
    Client four(io, port);
    four.send(connect_frame());
    EXPECT_TRUE(four.read_bytes(40)) << "there is room again";
}

TEST_F(ClientLoopTest, LimitsConnectionsInTotal) {
    settings.door.admission.connections_max = 1;
    start();
    Client one(io, port);
    one.send(connect_frame());
    ASSERT_TRUE(one.read_bytes(40));
    Client two(io, port);
    EXPECT_TRUE(two.read_to_end());
}

TEST_F(ClientLoopTest, LeavesDescriptorsToOthers) {
    settings.door.admission.descriptors_max = 1;
    start();
    Client one(io, port);
    one.send(connect_frame());
    ASSERT_TRUE(one.read_bytes(40));
    Client two(io, port);
    EXPECT_TRUE(two.read_to_end());
}

TEST_F(ClientLoopTest, WildcardAddressesOfEitherKindMeanAll) {
    for (const char* address : {"0.0.0.0", "::", "localhost"}) {
        settings.door.address = address;
        start();
        Client client(io, port);
        client.send(connect_frame());
        EXPECT_TRUE(client.read_bytes(40)) << address;
        loop->stop();
        run(milliseconds(20));
    }
}

TEST_F(ClientLoopTest, TakenPortIsAClearError) {
    start();
    ClientSettings second = settings;
    second.door.port = port;
    ClientLoops other(io, second, tree, *this, *this, Log());
    const auto opened = other.open();
    ASSERT_FALSE(opened.has_value());
    const std::string words = opened.error().message();
    EXPECT_NE(words.find("port 127.0.0.1:" + std::to_string(port)), std::string::npos) << words;
    EXPECT_NE(words.find("clientPort"), std::string::npos) << words;
}

TEST_F(ClientLoopTest, ForeignAddressIsAClearError) {
    settings.door.address = "192.0.2.1";
    ClientLoops other(io, settings, tree, *this, *this, Log());
    const auto opened = other.open();
    ASSERT_FALSE(opened.has_value());
    EXPECT_NE(opened.error().message().find("clientPortAddress"), std::string::npos)
        << opened.error().message();
}

TEST_F(ClientLoopTest, AllAddressesIncludeIPv4) {
    settings.door.address = "";
    start();
    Client client(io, port);
    client.send(connect_frame());
    EXPECT_TRUE(client.read_bytes(40));
    EXPECT_EQ(loop->connections().at(0).address.substr(0, 10), "127.0.0.1:");
}

TEST_F(ClientLoopTest, StopClosesEverything) {
    start();
    Client client(io, port);
    client.send(connect_frame());
    ASSERT_TRUE(client.read_bytes(40));
    loop->stop();
    EXPECT_TRUE(client.read_to_end());
    EXPECT_EQ(connections_closed, 0) << "nobody is told any more";
}

}  // namespace
}  // namespace zk::net
