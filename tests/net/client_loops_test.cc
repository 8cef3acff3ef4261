// A server alone with several client loops, each on its thread, and clients that talk to it over the loopback address: what
// sessions are shown, and what is one for all loops. Run by TSan, too.
#include "net/client_loops.h"

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "../disk/temp_dir.h"
#include "base/check.h"
#include "disk/posix_disk.h"
#include "jute/archive.h"
#include "jute/frame.h"
#include "jute/protocol.h"
#include "net/core_loop.h"
#include "storage/recovery.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using disk::value_of;

constexpr int kPatience_s = 20;
constexpr std::int32_t kTimeoutMs = 20'000;

/// One connection; a call waits for the server, but not for ever.
class Caller {
  public:
    explicit Caller(std::uint16_t port) : socket_(io_) {
        socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
        const timeval patience{.tv_sec = kPatience_s, .tv_usec = 0};
        ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    /// False: the server has closed the connection.
    bool joins(SessionId session = {}, const Bytes& password = Bytes(16, '\0')) {
        jute::ConnectRequest request;
        request.timeout_ms = kTimeoutMs;
        request.session = session;
        request.password = password;
        send(jute::encode(request));
        const auto frame = next_frame();
        if (!frame) return false;
        const auto response = jute::decode<jute::ConnectResponse>(*frame);
        session_ = response->session;
        password_ = response->password.value_or(Bytes());
        return session_ != SessionId();
    }
    template <class Record>
    void asks(OpCode op, const Record& record) {
        waiting_ +=
            framed(jute::encode(jute::RequestHeader{Xid(++xid_), op}) + jute::encode(record));
    }
    void flush() {
        boost::system::error_code gone;
        asio::write(socket_, asio::buffer(std::exchange(waiting_, {})), gone);
    }
    void send(const Bytes& payload) {
        waiting_ += framed(payload);
        flush();
    }
    void send_raw(const std::string& text) { asio::write(socket_, asio::buffer(text)); }

    struct Frame {
        jute::ReplyHeader header;
        Bytes body;
        [[nodiscard]] bool is_event() const { return header.xid == Xid(-1); }
        /// Of the Stat that ends the answer to a getData or a setData.
        [[nodiscard]] std::int32_t version() const {
            constexpr std::size_t kStatBytes = 68, kVersionAt = 32;
            return body.size() < kStatBytes
                       ? -1
                       : load_be<std::int32_t>(body.data() + body.size() - kStatBytes + kVersionAt);
        }
    };
    /// Nothing: the end.
    std::optional<Frame> next() {
        const auto frame = next_frame();
        if (!frame) return std::nullopt;
        jute::InputArchive archive(*frame);
        Frame taken;
        taken.header = archive.get<jute::ReplyHeader>();
        taken.body = Bytes(ByteView(*frame).substr(16));
        return taken;
    }
    /// The answer to one request; events in front of it are passed over.
    template <class Record>
    std::optional<Frame> call(OpCode op, const Record& record) {
        asks(op, record);
        flush();
        auto frame = next();
        while (frame && frame->is_event()) frame = next();
        return frame;
    }
    ErrorCode create(const std::string& path, CreateMode mode = CreateMode::persistent) {
        const auto answer =
            call(OpCode::create,
                 jute::CreateRequest{path, "d", {{perms::kAll, {"world", "anyone"}}}, mode});
        return answer ? answer->header.error : ErrorCode::session_expired;
    }
    std::string rest() {
        std::string text;
        while (read_some(text)) {
        }
        return text;
    }
    bool is_over() {
        std::string ignored;
        return !read_some(ignored);
    }
    [[nodiscard]] SessionId session() const { return session_; }
    [[nodiscard]] const Bytes& password() const { return password_; }

  private:
    static Bytes framed(const Bytes& payload) {
        Bytes frame;
        jute::append_frame(frame, payload);
        return frame;
    }
    bool read_some(std::string& to) {
        std::array<char, 65536> buffer{};
        const auto count = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
        if (count > 0) to.append(buffer.data(), static_cast<std::size_t>(count));
        return count > 0;
    }
    std::optional<Bytes> next_frame() {
        while (true) {
            if (const auto frame = decoder_.next()) return Bytes(*frame);
            std::string bytes;
            if (!read_some(bytes)) return std::nullopt;
            decoder_.feed(bytes);
        }
    }

    asio::io_context io_;
    tcp::socket socket_;
    jute::FrameDecoder decoder_{1 << 20};
    Bytes waiting_;
    std::int32_t xid_ = 0;
    SessionId session_;
    Bytes password_;
};

class ClientLoopsTest : public testing::TestWithParam<std::uint32_t>,
                        public WordPort,
                        public ServerPort {
  protected:
    ClientLoopsTest() {
        settings_.door.port = 0;
        settings_.door.address = "127.0.0.1";
        settings_.door.admission.per_address_max = 0;
        settings_.loops = GetParam();
    }
    void start() {
        core::Settings core;
        core.my_id = ServerId(0);
        core.standalone = true;
        turn_.emplace(core, value_of(storage::recover(disk_, paths_, {.standalone = true})), Log());
        loop_.emplace(io_, *turn_, Log());
        clients_.emplace(io_, settings_, turn_->core().tree(), *loop_, *this, Log());
        port_ = value_of(clients_->open());
        log_.emplace(disk_, paths_, disk::LogThreadOptions{}, *loop_);
        snapshots_.emplace(disk_, paths_, *loop_);
        loop_->start({.notifications = nullptr,
                      .quorum = nullptr,
                      .log = *log_,
                      .snapshots = *snapshots_,
                      .clients = *clients_,
                      .server = *this});
        core_thread_ = std::thread([this] { io_.run(); });
    }
    template <class Call>
    auto on_core(Call call) {
        std::packaged_task<decltype(call())()> task(std::move(call));
        auto result = task.get_future();
        asio::post(io_, [&task] { task(); });
        return result.get();
    }
    void TearDown() override {
        if (!core_thread_.joinable()) return;
        on_core([this] {
            loop_->stop();
            clients_->stop();
            io_.stop();
        });
        core_thread_.join();
        log_->stop();
        snapshots_->stop();
    }
    /// Nobody waits for the server to notice that a client has gone.
    template <class Condition>
    bool comes(const Condition& condition) {
        for (int i = 0; i < 2000; ++i) {
            if (condition()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    }
    [[nodiscard]] std::vector<std::size_t> by_loop() {
        return on_core([this] { return clients_->connections_by_loop(); });
    }

    void four_letter(std::string word, Bytes, std::function<void(std::string)> answer) override {
        asio::dispatch(io_, [this, word, answer] {
            answer(word + " " + std::to_string(clients_->statistics().connections));
        });
    }
    void cannot_go_on(const std::string& why) override { ADD_FAILURE() << why; }
    void peer_port_failed(const Error& error) override { ADD_FAILURE() << error.message(); }

    disk::TempDir dir_;
    const storage::Paths paths_{dir_.path(), dir_.path()};
    disk::PosixDisk disk_;
    asio::io_context io_{1};
    ClientSettings settings_;
    std::optional<core::Turn> turn_;
    std::optional<CoreLoop> loop_;
    std::optional<ClientLoops> clients_;
    std::optional<disk::LogThread> log_;
    std::optional<disk::SnapshotThread> snapshots_;
    std::thread core_thread_;
    std::uint16_t port_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Loops, ClientLoopsTest, testing::Values(1U, 2U, 3U));

/// Reads one znode again and again, with a watch each time; tells what must not be.
class Reader {
  public:
    explicit Reader(std::uint16_t port) : caller_(port) {}
    void run(const std::string& path, int rounds) {
        ASSERT_TRUE(caller_.joins());
        for (int round = 0; round < rounds; ++round) {
            for (int i = 0; i < kDepth; ++i)
                caller_.asks(OpCode::get_data, jute::PathWatchRequest{path, true});
            caller_.flush();
            for (int answers = 0; answers < kDepth;) {
                const auto frame = caller_.next();
                ASSERT_TRUE(frame);
                if (!frame->is_event()) ++answers;
                take(*frame);
            }
        }
    }
    /// Behind the last write: is the watch there for what was read last?
    void ends(const std::string& path, std::int32_t last) {
        caller_.asks(OpCode::sync, jute::PathRequest{path});
        caller_.flush();
        ASSERT_TRUE(behind_events());
        caller_.asks(OpCode::get_data, jute::PathWatchRequest{path, true});
        caller_.flush();
        const auto frame = behind_events();
        ASSERT_TRUE(frame);
        take(*frame);
        EXPECT_EQ(frame->version(), last);
    }
    int events = 0, changes_before_their_event = 0, went_back = 0;

  private:
    static constexpr int kDepth = 8;
    std::optional<Caller::Frame> behind_events() {
        auto frame = caller_.next();
        for (; frame && frame->is_event(); frame = caller_.next()) take(*frame);
        return frame;
    }
    void take(const Caller::Frame& frame) {
        if (frame.is_event()) {
            ++events;
            watched_.reset();
            return;
        }
        const std::int32_t version = frame.version();
        if (watched_ && version != *watched_) ++changes_before_their_event;
        if (version < seen_) ++went_back;
        watched_ = seen_ = version;
    }
    Caller caller_;
    std::optional<std::int32_t> watched_;  ///< the version that the watch was set at
    std::int32_t seen_ = 0;
};

// Also: no change falls between a read and its watch, or its event would never come and the next read would show it.
TEST_P(ClientLoopsTest, NoSessionSeesAChangeBeforeItsEvent) {
    start();
    Caller writer(port_);
    ASSERT_TRUE(writer.joins());
    ASSERT_EQ(writer.create("/hot"), ErrorCode::ok);
    std::vector<std::unique_ptr<Reader>> readers;
    std::vector<std::thread> threads;
    std::atomic<int> running = 0;
    for (int i = 0; i < 6; ++i) {
        Reader& reader = *readers.emplace_back(std::make_unique<Reader>(port_));
        ++running;
        threads.emplace_back([&] {
            reader.run("/hot", 300);
            --running;
        });
    }
    std::int32_t version = 0;
    for (; running > 0 && version < 200'000; ++version) {
        const auto answer = writer.call(OpCode::set_data, jute::SetDataRequest{"/hot", "d", -1});
        ASSERT_TRUE(answer && answer->header.error == ErrorCode::ok);
    }
    for (std::thread& thread : threads) thread.join();
    int events = 0;
    for (const auto& reader : readers) {
        reader->ends("/hot", version);
        EXPECT_EQ(reader->changes_before_their_event, 0);
        EXPECT_EQ(reader->went_back, 0);
        events += reader->events;
    }
    EXPECT_GT(events, 0);
}

// A read between two writes of its session, sent at once: it shows the first, and not the second.
TEST_P(ClientLoopsTest, AReadStandsBetweenTheWritesAroundIt) {
    start();
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0, right = 0;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, path = "/own" + std::to_string(i)] {
            Caller caller(port_);
            ASSERT_TRUE(caller.joins());
            ASSERT_EQ(caller.create(path), ErrorCode::ok);
            std::int32_t version = 0;
            for (int round = 0; round < 100; ++round) {
                for (int pair = 0; pair < 5; ++pair) {
                    caller.asks(OpCode::set_data, jute::SetDataRequest{path, "d", -1});
                    caller.asks(OpCode::get_data, jute::PathWatchRequest{path, false});
                }
                caller.flush();
                for (int pair = 0; pair < 5; ++pair) {
                    const auto written = caller.next(), read = caller.next();
                    ASSERT_TRUE(written && read);
                    ++version;
                    ++(written->version() == version && read->version() == version ? right : wrong);
                }
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(right, 4 * 100 * 5);
}

TEST_P(ClientLoopsTest, ASessionGoesFromLoopToLoop) {
    start();
    auto here = std::make_unique<Caller>(port_);
    ASSERT_TRUE(here->joins());
    ASSERT_EQ(here->create("/mine", CreateMode::ephemeral), ErrorCode::ok);
    for (int i = 0; i < 20; ++i) {
        auto there = std::make_unique<Caller>(port_);
        ASSERT_TRUE(there->joins(here->session(), here->password())) << i;
        EXPECT_EQ(there->session(), here->session());
        EXPECT_TRUE(here->is_over()) << "the old connection is closed, whatever its loop";
        const auto written = there->call(OpCode::set_data, jute::SetDataRequest{"/mine", "d", -1});
        ASSERT_TRUE(written);
        EXPECT_EQ(written->version(), i + 1);
        here = std::move(there);
    }
    EXPECT_TRUE(
        comes([&] { return on_core([this] { return clients_->statistics().connections == 1; }); }));
    Caller other(port_);
    ASSERT_TRUE(other.joins());
    const auto ended = here->call(OpCode::close_session, jute::MultiHeader{});
    EXPECT_TRUE(ended && ended->header.error == ErrorCode::ok);
    const auto gone = other.call(OpCode::exists, jute::PathWatchRequest{"/mine", false});
    EXPECT_TRUE(gone && gone->header.error == ErrorCode::no_node);
}

TEST_P(ClientLoopsTest, TheDoorGivesAConnectionToTheLoopWithTheFewest) {
    start();
    const std::size_t loops = GetParam();
    std::vector<std::unique_ptr<Caller>> callers;
    const auto come = [&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            callers.push_back(std::make_unique<Caller>(port_));
            ASSERT_TRUE(callers.back()->joins());
        }
    };
    come(2 * loops);
    EXPECT_EQ(by_loop(), std::vector<std::size_t>(loops, 2));
    // Two of one loop go, and their places are filled again.
    callers.erase(callers.begin() + static_cast<std::ptrdiff_t>(loops));
    callers.erase(callers.begin());
    ASSERT_TRUE(comes([&] { return by_loop().front() == 0; }));
    come(2);
    EXPECT_EQ(by_loop(), std::vector<std::size_t>(loops, 2));
}

TEST_P(ClientLoopsTest, LimitsOnConnectionsAreThoseOfTheServer) {
    settings_.door.admission.per_address_max = 4;
    start();
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 0; i < 4; ++i) {
        callers.push_back(std::make_unique<Caller>(port_));
        EXPECT_TRUE(callers.back()->joins());
    }
    EXPECT_TRUE(Caller(port_).is_over()) << "one more than maxClientCnxns, for all loops together";
    EXPECT_EQ(on_core([this] { return clients_->refused(); }), 1);
    callers.pop_back();
    EXPECT_TRUE(comes([&] {
        Caller again(port_);
        return again.joins();
    }));
}

TEST_P(ClientLoopsTest, TheThrottleOfConnectionsIsThatOfTheServer) {
    settings_.frontend.connection_throttle.tokens = 2;
    settings_.frontend.connection_throttle.fill_time = std::chrono::hours(1);
    start();
    std::vector<std::unique_ptr<Caller>> callers;
    int joined = 0;
    for (int i = 0; i < 6; ++i) {
        callers.push_back(std::make_unique<Caller>(port_));
        if (callers.back()->joins()) ++joined;
    }
    EXPECT_EQ(joined, 2);
}

TEST_P(ClientLoopsTest, WordsAreAnsweredByEachLoopAndCountAll) {
    start();
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 0; i < 6; ++i) {
        callers.push_back(std::make_unique<Caller>(port_));
        ASSERT_TRUE(callers.back()->joins());
        ASSERT_TRUE(callers.back()->call(OpCode::get_data, jute::PathWatchRequest{"/", true}));
    }
    for (int i = 0; i < 6; ++i) {
        {
            Caller asks(port_);
            asks.send_raw("ruok");
            EXPECT_EQ(asks.rest(), "ruok 7");
        }
        ASSERT_TRUE(comes(
            [&] { return on_core([this] { return clients_->statistics().connections == 6; }); }));
    }
    const auto statistics = on_core([this] { return clients_->statistics(); });
    EXPECT_EQ(statistics.watches, 6);
    EXPECT_EQ(statistics.packets_received, 18) << "a handshake and a read of each, and the words";
    const auto all = on_core([this] { return clients_->connections(); });
    ASSERT_EQ(all.size(), 6U);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(all[i].session, callers[i]->session());
    const auto watched = on_core([this] { return clients_->watched_paths(); });
    ASSERT_EQ(watched.size(), 1U);
    EXPECT_EQ(watched[0].path, "/");
    EXPECT_EQ(watched[0].sessions.size(), 6U);
    on_core([this] { clients_->reset_statistics(); });
    EXPECT_EQ(on_core([this] { return clients_->statistics().packets_received; }), 0);
}

TEST_P(ClientLoopsTest, ARollCallEndsWhenEachLoopHasComeToATurn) {
    start();
    std::vector<std::unique_ptr<Caller>> callers;
    for (std::uint32_t i = 0; i < GetParam(); ++i) {
        callers.push_back(std::make_unique<Caller>(port_));
        ASSERT_TRUE(callers.back()->joins());
    }
    std::atomic<int> ends = 0;
    const auto roll_call = [&] { clients_->roll_call([&ends] { ++ends; }); };
    if (GetParam() == 1) {
        on_core([&] {
            roll_call();
            return 0;
        });
        EXPECT_EQ(ends, 1) << "there is none but the core's";
        return;
    }
    on_core([&] {
        roll_call();
        return 0;
    });
    ASSERT_TRUE(comes([&] { return ends == 1; }));
    // One stands still, and holds nothing that the core would wait for.
    std::promise<void> goes_on;
    std::atomic<bool> stands = false;
    on_core([&] {
        asio::post(clients_->io_of(1), [&, still = goes_on.get_future().share()] {
            stands = true;
            still.wait();
        });
        return 0;
    });
    ASSERT_TRUE(comes([&] { return stands.load(); }));
    on_core([&] {
        roll_call();
        return 0;
    });
    // The others have answered, and the core has heard it.
    for (std::uint32_t number = 0; number < GetParam(); ++number) {
        if (number == 1) continue;
        std::promise<void> turned;
        asio::post(clients_->io_of(number), [&turned] { turned.set_value(); });
        turned.get_future().wait();
    }
    on_core([] { return 0; });
    EXPECT_EQ(ends, 1);
    goes_on.set_value();
    EXPECT_TRUE(comes([&] { return ends == 2; }));
}

TEST_P(ClientLoopsTest, AServerStopsWhileItsClientsAsk) {
    start();
    std::vector<std::thread> threads;
    std::atomic<int> asking = 0;
    for (int i = 0; i < 6; ++i) {
        threads.emplace_back([&, path = "/n" + std::to_string(i)] {
            Caller caller(port_);
            ASSERT_TRUE(caller.joins());
            for (int round = 0; round < 1'000'000; ++round) {
                if (caller.create(path + "-" + std::to_string(round)) != ErrorCode::ok) break;
                if (round == 3) ++asking;
            }
        });
    }
    EXPECT_TRUE(comes([&] { return asking == 6; }));
    TearDown();
    for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace zk::net
